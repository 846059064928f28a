//! Whether the processes of a service stand still: nothing announces that, so it is asked for, and cheap enough to be asked often.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::root::Root;

/// Longer than what stands before a process's state, which is its name of at most 64 bytes and its number.
const STAT_BYTES: usize = 128;

/// Where the processes of a control group may be listed. cgroups(7): version 2 alone, or beside version 1.
pub(crate) fn lists(group: &str) -> impl Iterator<Item = String> {
    ["", "/systemd", "/unified"].into_iter().map(move |at| format!("/sys/fs/cgroup{at}{group}/cgroup.procs"))
}

/// Whether each process of a control group, such as `/system.slice/nginx.service`, stands still. False where none is there.
pub fn stands_still(root: &Root, group: &str) -> bool {
    lists(group).find_map(|listed| Standing::of(root, &root.path(listed))) == Some(Standing::Still)
}

/// How the processes of a control group stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Each stands still, by a signal; a debugger's is another state.
    Still,
    /// This one, by its number, moves, or cannot be looked at.
    Moves(String),
    /// There is none.
    Empty,
}

impl Standing {
    /// That of those that `listed` names (a `cgroup.procs`, where it really lies); none where there is no such list. Looks no further than the first that moves.
    pub fn of(root: &Root, listed: &Path) -> Option<Self> {
        let listed = root.bytes_at(listed).ok()?;
        let listed = std::str::from_utf8(&listed).ok()?;
        let mut pids = listed.lines();
        Some(match pids.find(|pid| state(root, pid) != Some(b'T')) {
            Some(pid) => Self::Moves(pid.to_owned()),
            None if listed.is_empty() => Self::Empty,
            None => Self::Still,
        })
    }
}

/// Whether a process is there and does not stand still.
pub fn moves(root: &Root, pid: &str) -> bool {
    state(root, pid).is_some_and(|state| state != b'T')
}

/// `proc_pid_stat(5)`: the state stands behind the name, which may hold anything, a bracket too.
fn state(root: &Root, pid: &str) -> Option<u8> {
    let mut stat = [0; STAT_BYTES];
    let length = File::open(root.path(format!("/proc/{pid}/stat"))).ok()?.read(&mut stat).ok()?;
    let stat = &stat[..length];
    let name_ends = stat.windows(2).rposition(|pair| pair == b") ")?;
    stat.get(name_ends + 2).copied()
}
