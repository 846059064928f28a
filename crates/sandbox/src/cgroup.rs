//! Cgroups, version 2 only: one for each step, below our own.
//!
//! **Absent:** version 1. Where the machine still counts memory by it, the launcher falls back to limits of each process, and says so.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use rustix::fs::{Mode, OFlags};

use crate::confinement::Limits;
use crate::features::Absence;

/// How our groups are named: then comes the process that made it, and a number.
const PREFIX: &str = "suture-step-";
/// How long the kernel may take to freeze a tree, or to let go of a dead one.
const PATIENCE: Duration = Duration::from_secs(2);
/// Init, and in a unit the launcher too, count like the step's processes.
pub(crate) const OWN_PROCESSES: u32 = 2;

/// Where groups can be made, and what they can hold.
pub(crate) struct Found {
    pub(crate) parent: PathBuf,
    pub(crate) freeze: Result<(), Absence>,
    pub(crate) memory: Result<(), Absence>,
    pub(crate) cpu: Result<(), Absence>,
    pub(crate) pids: Result<(), Absence>,
}

/// Makes a group and takes it away again: nothing less shows that we may.
pub(crate) fn probe() -> Result<Found, Absence> {
    let own = own_directory()?;
    let mut refused = Absence::NotDelegated;
    for parent in candidates(&own) {
        // A controller that is already handed down, or that was not handed to us, is no error here: what the child has is read below.
        for controller in ["+memory", "+pids", "+cpu"] {
            let _ = fs::write(parent.join("cgroup.subtree_control"), controller);
        }
        sweep(&parent);
        match Group::create(&parent) {
            Ok(group) => return found(&parent, &group),
            Err(e) if matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
                refused = Absence::NotPermitted;
            }
            Err(_) => {}
        }
    }
    Err(refused)
}

/// Removes what processes of ours left behind when they were killed: their trees died with them, their groups did not.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

fn found(parent: &Path, group: &Group) -> Result<Found, Absence> {
    // `cgroup.kill` is there since Linux 5.14.
    if !group.dir.join("cgroup.kill").exists() {
        return Err(Absence::NotInKernel);
    }
    let has = |file: &str, absence| if group.dir.join(file).exists() { Ok(()) } else { Err(absence) };
    Ok(Found {
        parent: parent.to_owned(),
        freeze: has("cgroup.freeze", Absence::NotInKernel),
        memory: has("memory.max", Absence::NotDelegated),
        cpu: has("cpu.max", Absence::NotDelegated),
        pids: has("pids.max", Absence::NotDelegated),
    })
}

/// Our own cgroup; and the one above it where systemd marked that one as handed to us, which it does with `DelegateSubgroup=`.
fn candidates(own: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(above) = own.parent().filter(|dir| delegated(dir)) {
        found.push(above.to_owned());
    }
    found.push(own.to_owned());
    found
}

fn delegated(dir: &Path) -> bool {
    ["trusted.delegate", "user.delegate"].iter().any(|name| {
        let mut value = [0u8; 8];
        rustix::fs::getxattr(dir, *name, &mut value).is_ok_and(|length| value.get(..length) == Some(b"1"))
    })
}

fn own_directory() -> Result<PathBuf, Absence> {
    let read = |path| fs::read_to_string(path).map_err(|_| Absence::Unreadable);
    let mounts = read("/proc/self/mountinfo")?;
    let (root, point) = mount_of(&mounts).ok_or(Absence::NotMounted)?;
    let groups = read("/proc/self/cgroup")?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::")).ok_or(Absence::NotMounted)?;
    // Beneath a bind mount of a part of the hierarchy, names begin at that part.
    let own = Path::new(own).strip_prefix(root).map_err(|_| Absence::NotMounted)?;
    Ok(Path::new(point).join(own))
}

/// The root and the place of the mounted hierarchy, from the text of `mountinfo`.
fn mount_of(mounts: &str) -> Option<(&str, &str)> {
    mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut fields = place.split(' ').skip(3);
        kind.starts_with("cgroup2 ").then_some((fields.next()?, fields.next()?))
    })
}

/// The cgroup of one step.
#[derive(Debug)]
pub(crate) struct Group {
    dir: PathBuf,
    /// Made by us, and so removed by us; systemd's is systemd's.
    ours: bool,
}

impl Group {
    /// A new one below `parent`.
    pub(crate) fn create(parent: &Path) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        // One of this name is left of an earlier process of our number: nobody is in it, or it cannot be removed.
        if let Err(e) = fs::create_dir(&dir) {
            if e.kind() != ErrorKind::AlreadyExists {
                return Err(e);
            }
            fs::remove_dir(&dir)?;
            fs::create_dir(&dir)?;
        }
        Ok(Self { dir, ours: true })
    }

    /// The cgroup that systemd made for a unit.
    pub(crate) fn of_unit(path: &str) -> Result<Self, Absence> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|_| Absence::Unreadable)?;
        let (_, point) = mount_of(&mounts).ok_or(Absence::NotMounted)?;
        Ok(Self { dir: Path::new(point).join(path.trim_start_matches('/')), ours: false })
    }

    /// Sets the limits that `found` says it can hold.
    pub(crate) fn limit(&self, limits: &Limits, found: &Found) -> io::Result<()> {
        if found.memory.is_ok() {
            self.write("memory.max", &limits.memory_bytes.to_string())?;
            // Without swap accounting the file is not there, and swap is then not the step's.
            let _ = self.write("memory.swap.max", "0");
            self.write("memory.oom.group", "1")?;
        }
        if found.pids.is_ok() {
            self.write("pids.max", &(limits.pids + OWN_PROCESSES).to_string())?;
        }
        if found.cpu.is_ok() {
            self.write("cpu.max", &format!("{} 100000", u64::from(limits.cpu_percent) * 1000))?;
        }
        Ok(())
    }

    /// Itself, for a process to be born in.
    pub(crate) fn open(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&self.dir, flags, Mode::empty())?)
    }

    /// Kills everything in it, however it forked.
    pub(crate) fn kill(&self) -> io::Result<()> {
        self.write("cgroup.kill", "1")
    }

    /// Stops everything in it, or lets it go on; answers when it has.
    pub(crate) fn freeze(&self, frozen: bool) -> io::Result<()> {
        let (value, event) = if frozen { ("1", "frozen 1") } else { ("0", "frozen 0") };
        self.write("cgroup.freeze", value)?;
        self.until(|group| group.has_event(event))
    }

    /// Whether the kernel killed in it for want of memory.
    pub(crate) fn out_of_memory(&self) -> bool {
        let events = fs::read_to_string(self.dir.join("memory.events")).unwrap_or_default();
        let killed = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        killed.is_some_and(|count| count != "0")
    }

    fn has_event(&self, event: &str) -> bool {
        let events = fs::read_to_string(self.dir.join("cgroup.events")).unwrap_or_default();
        events.lines().any(|line| line == event)
    }

    fn until(&self, holds: impl Fn(&Self) -> bool) -> io::Result<()> {
        let began = Instant::now();
        while !holds(self) {
            if began.elapsed() > PATIENCE {
                return Err(io::Error::new(ErrorKind::TimedOut, "the kernel took too long over a cgroup"));
            }
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    fn write(&self, file: &str, value: &str) -> io::Result<()> {
        fs::write(self.dir.join(file), value)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.ours {
            return;
        }
        let _ = self.kill();
        // Emptied a moment after the last process is dead. One that stays is empty and does nothing; the next of its name removes it.
        let _ = self.until(|group| fs::remove_dir(&group.dir).is_ok() || !group.dir.exists());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_dead_processes_are_removed_and_no_others() {
        let parent = tempfile::tempdir().unwrap();
        let us = std::process::id();
        // No process has a number that high (the kernel's PID_MAX_LIMIT is 2^22).
        let names = [format!("{PREFIX}4999999-0"), format!("{PREFIX}{us}-0"), "somebody-elses".to_owned()];
        for name in &names {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        sweep(parent.path());
        let left = names.map(|name| parent.path().join(name).exists());
        assert_eq!(left, [false, true, true]);
    }

    #[test]
    fn the_hierarchy_of_version_2_is_found_beside_those_of_version_1() {
        let mounts = "\
30 25 0:26 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids
31 25 0:27 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw";
        assert_eq!(mount_of(mounts), Some(("/", "/sys/fs/cgroup/unified")));
        assert_eq!(mount_of("30 25 0:26 / /sys/fs/cgroup rw - cgroup cgroup rw,pids"), None);
        assert_eq!(mount_of(""), None);
    }
}
