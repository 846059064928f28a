//! Whether the processes of a service stand still: nothing announces that, so it is asked for, and cheap enough to be asked often.

use std::path::Path;

use crate::root::Root;

/// Where the processes of a control group may be listed. cgroups(7): version 2 alone, or beside version 1.
pub(crate) fn lists(group: &str) -> impl Iterator<Item = String> {
    ["", "/systemd", "/unified"].into_iter().map(move |at| format!("/sys/fs/cgroup{at}{group}/cgroup.procs"))
}

/// Whether each process of a control group, such as `/system.slice/nginx.service`, stands still. False where none is there.
pub fn stands_still(root: &Root, group: &str) -> bool {
    lists(group).find_map(|listed| stand_still(root, &root.path(listed))).unwrap_or(false)
}

/// Whether each process that `listed` names (a `cgroup.procs`, where it really lies) stands still by a signal; a debugger's is another state. False where there
/// is none, and where one cannot be looked at; none where there is no such list. Looks no further than the first that moves.
pub fn stand_still(root: &Root, listed: &Path) -> Option<bool> {
    let listed = root.bytes_at(listed).ok()?;
    let listed = std::str::from_utf8(&listed).ok()?;
    let mut pids = listed.lines().peekable();
    Some(pids.peek().is_some() && pids.all(|pid| is_stopped(root, pid)))
}

/// `proc_pid_stat(5)`: the state stands behind the name, which may hold anything, a bracket too.
fn is_stopped(root: &Root, pid: &str) -> bool {
    let stat = root.text(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
}
