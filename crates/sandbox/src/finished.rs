//! How a step's program ended, what it cost, and what held it.

use std::fmt;
use std::time::Duration;

use crate::confinement::Profile;
use crate::features::{Absence, Feature};
use crate::proxy::Connection;

/// How it ended. Each death that we or the kernel dealt has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal, from itself or from its own.
    Signal(i32),
    /// Its time was up.
    WallClock,
    /// Its tree wanted more memory than it may have. Only a cgroup tells; under a limit of each process a program fails by itself.
    Memory,
    /// It wrote more than it may.
    OutputCap,
    /// It tried a system call that its profile does not have.
    BadSyscall,
    /// [`Running::kill`](crate::Running::kill) was called.
    Cancelled,
    /// Somebody else killed the tree, launcher and all.
    Lost,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with code {code}"),
            Self::Signal(signal) => write!(f, "ended by signal {signal}"),
            Self::WallClock => f.write_str("killed: its time was up"),
            Self::Memory => f.write_str("killed: it wanted more memory than it may have"),
            Self::OutputCap => f.write_str("killed: it wrote more than it may"),
            Self::BadSyscall => f.write_str("killed: it tried a forbidden system call"),
            Self::Cancelled => f.write_str("killed: it was cancelled"),
            Self::Lost => f.write_str("killed by somebody else"),
        }
    }
}

/// What holds a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A cgroup of ours.
    Cgroup,
    /// A transient unit of systemd.
    Unit,
    /// The process tree: its first process, and its `pid_max`.
    Tree,
    /// A limit on each process, not on their sum.
    EachProcess,
}

/// One thing that confined the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Mounts, processes, network and IPC of its own; `no_new_privs`; capabilities dropped.
    Namespaces,
    /// Filters of system calls.
    Seccomp(Profile),
    /// Landlock, of this ABI.
    Landlock(u32),
    /// The limit on memory.
    Memory(Means),
    /// The limit on processor time.
    Cpu(Means),
    /// The limit on processes.
    Pids(Means),
    /// What ends the whole tree.
    Kill(Means),
    /// A network that leads to our proxy alone.
    Proxy,
    /// A container of podman, with its own mounts and its own filter.
    #[cfg(feature = "podman")]
    Container,
}

/// What it cost, measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// From our call to the namespaces being made.
    pub ready: Duration,
    /// From our call to its end.
    pub wall: Duration,
    /// Processor time of the program and of what it waited for.
    pub user: Duration,
    /// The same, in the kernel.
    pub system: Duration,
    /// The largest resident size of one of its processes.
    pub peak_bytes: u64,
}

/// All of it.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote, up to the limit.
    pub stdout: Vec<u8>,
    /// The same, to its other output.
    pub stderr: Vec<u8>,
    /// What it cost.
    pub cost: Cost,
    /// What held it.
    pub confined_by: Vec<Layer>,
    /// What this machine lacks to hold it better.
    pub missing: Vec<(Feature, Absence)>,
    /// Every connection that it asked for, in the order of their ends.
    pub connections: Vec<Connection>,
}
