//! What this kernel has to confine a step with. What it lacks is said, with its reason: at start, in evidence, and to a runbook that demands it.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cgroup;
use crate::kernel;

/// One thing that confines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Feature {
    /// Filters of system calls. Without them nothing starts.
    Seccomp,
    /// Rules on files and sockets that bind a process and its children for good.
    Landlock,
    /// Mounts, processes and network of its own. Without them nothing starts.
    Namespaces,
    /// A cgroup of our own making (version 2): kills the whole tree at once.
    Cgroup,
    /// Freezing and thawing a running tree.
    Freeze,
    /// A limit on the memory of the whole tree.
    MemoryLimit,
    /// A limit on processor time.
    CpuLimit,
    /// A limit on processes by cgroup.
    PidsLimit,
    /// A limit on processes by a process tree of its own (Linux 6.14).
    PidMax,
    /// systemd runs, and takes transient units.
    Systemd,
}

impl Feature {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::Seccomp,
        Self::Landlock,
        Self::Namespaces,
        Self::Cgroup,
        Self::Freeze,
        Self::MemoryLimit,
        Self::CpuLimit,
        Self::PidsLimit,
        Self::PidMax,
        Self::Systemd,
    ];
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seccomp => "seccomp",
            Self::Landlock => "landlock",
            Self::Namespaces => "namespaces",
            Self::Cgroup => "cgroup",
            Self::Freeze => "freeze",
            Self::MemoryLimit => "memory limit",
            Self::CpuLimit => "cpu limit",
            Self::PidsLimit => "pids limit",
            Self::PidMax => "pid-max",
            Self::Systemd => "systemd",
        })
    }
}

/// Why something is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Absence {
    /// This kernel was built without it, or is too old.
    NotInKernel,
    /// It is built in and switched off.
    Disabled,
    /// No cgroup of version 2 is mounted.
    NotMounted,
    /// We may not make cgroups, or the controller was not handed to us.
    NotDelegated,
    /// We are not allowed to.
    NotPermitted,
    /// Nothing answers.
    NotRunning,
    /// The machine gave no answer that could be understood.
    Unreadable,
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotInKernel => "not in this kernel",
            Self::Disabled => "disabled",
            Self::NotMounted => "no cgroup v2 is mounted",
            Self::NotDelegated => "not delegated to us",
            Self::NotPermitted => "not permitted",
            Self::NotRunning => "not running",
            Self::Unreadable => "no readable answer",
        })
    }
}

/// What was found, each with its level (Landlock's ABI; otherwise 1) or the reason why it is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features(Vec<(Feature, Result<u32, Absence>)>);

impl Features {
    /// Asks the kernel. Starts nothing and changes nothing but a cgroup that is made and removed.
    pub fn probe() -> Self {
        let cgroup = cgroup::probe();
        let group = |held: fn(&cgroup::Found) -> Result<(), Absence>| match &cgroup {
            Ok(found) => held(found).map(|()| 1),
            Err(absence) => Err(*absence),
        };
        let answer = |feature| match feature {
            Feature::Seccomp => seccomp(),
            Feature::Landlock => landlock(),
            Feature::Namespaces => namespaces(),
            Feature::Cgroup => group(|_| Ok(())),
            Feature::Freeze => group(|found| found.freeze),
            Feature::MemoryLimit => group(|found| found.memory),
            Feature::CpuLimit => group(|found| found.cpu),
            Feature::PidsLimit => group(|found| found.pids),
            Feature::PidMax => pid_max(),
            Feature::Systemd => systemd(),
        };
        Self(Feature::ALL.iter().map(|feature| (*feature, answer(*feature))).collect())
    }

    /// One of them: its level, or why it is not there.
    pub fn level(&self, feature: Feature) -> Result<u32, Absence> {
        let found = self.0.iter().find(|(f, _)| *f == feature);
        found.map_or(Err(Absence::Unreadable), |(_, answer)| *answer)
    }

    /// What is not there.
    pub fn missing(&self) -> impl Iterator<Item = (Feature, Absence)> {
        self.0.iter().filter_map(|(feature, answer)| answer.err().map(|absence| (*feature, absence)))
    }

    /// One line for each, as it is told at start: `confinement: landlock abi 7`, `confinement: memory limit unavailable (not delegated to us)`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(feature, answer)| match answer {
            Ok(abi) if *feature == Feature::Landlock => format!("confinement: {feature} abi {abi}"),
            Ok(_) => format!("confinement: {feature} available"),
            Err(absence) => format!("confinement: {feature} unavailable ({absence})"),
        })
    }
}

fn seccomp() -> Result<u32, Absence> {
    match std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail") {
        Ok(actions) if actions.split_whitespace().any(|action| action == "kill_process") => Ok(1),
        Ok(_) => Err(Absence::NotInKernel),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(Absence::NotInKernel),
        Err(_) => Err(Absence::Unreadable),
    }
}

fn landlock() -> Result<u32, Absence> {
    match kernel::landlock_abi() {
        Ok(0) => Err(Absence::Unreadable),
        Ok(abi) => Ok(abi),
        Err(e) => Err(match e.raw_os_error() {
            Some(libc::ENOSYS) => Absence::NotInKernel,
            Some(libc::EOPNOTSUPP) => Absence::Disabled,
            _ => Absence::Unreadable,
        }),
    }
}

fn namespaces() -> Result<u32, Absence> {
    if ["mnt", "pid", "net", "ipc", "uts"].iter().any(|n| !Path::new("/proc/self/ns").join(n).exists()) {
        return Err(Absence::NotInKernel);
    }
    // Root makes them as it is; anybody else needs a user namespace first.
    if rustix::process::geteuid().is_root() {
        return Ok(1);
    }
    match std::fs::read_to_string("/proc/sys/user/max_user_namespaces").map(|n| n.trim().to_owned()) {
        Ok(none) if none == "0" => Err(Absence::Disabled),
        Ok(_) => Ok(1),
        Err(_) => Err(Absence::NotInKernel),
    }
}

/// Since 6.14 each process tree has a `pid_max` of its own; before, writing it would change the machine's.
fn pid_max() -> Result<u32, Absence> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (6, 14) => Ok(1),
        (Some(Ok(_)), Some(Ok(_))) => Err(Absence::NotInKernel),
        _ => Err(Absence::Unreadable),
    }
}

/// systemd makes this directory where it is the first process, and only there.
fn systemd() -> Result<u32, Absence> {
    if !Path::new("/run/systemd/system").exists() {
        Err(Absence::NotRunning)
    } else if !rustix::process::geteuid().is_root() {
        Err(Absence::NotPermitted)
    } else {
        Ok(1)
    }
}

#[cfg(test)]
mod tests;
