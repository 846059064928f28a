//! What a step may do, said before it starts. Everything that is not named here is absent from the step's world.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::features::Feature;

/// Which system calls there are for the program. The rules and their reasons stand in `profiles/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Profile {
    /// One program that reads, computes and writes: no other program, no process of its own, no socket.
    Strict,
    /// Programs that start programs; sockets of the machine only.
    Standard,
    /// The same, and TCP to what the proxy lets through.
    StandardNet,
    /// As standard, and the kernel's packet filter: for nft.
    Netfilter,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strict => "strict",
            Self::Standard => "standard",
            Self::StandardNet => "standard-net",
            Self::Netfilter => "netfilter",
        })
    }
}

/// Capabilities that a verb can declare. What would undo the confinement (`CAP_SYS_ADMIN`, `CAP_MKNOD`, `CAP_SYS_PTRACE` …) has no name here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they are the kernel's own names")]
pub enum Capability {
    Chown,
    DacOverride,
    DacReadSearch,
    Fowner,
    Fsetid,
    Kill,
    Setgid,
    Setuid,
    LinuxImmutable,
    NetAdmin,
    NetBindService,
    SysNice,
    SysTime,
}

/// Ends that no program passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory of the whole tree, where a cgroup counts it; else of each process.
    pub memory_bytes: u64,
    /// Processor time, in hundredths of one core. Only a cgroup can hold to it.
    pub cpu_percent: u32,
    /// Processes and threads at one time.
    pub pids: u32,
    /// What it may write to its two outputs together.
    pub output_bytes: u64,
    /// From its start to its end, by the monotonic clock. Time in which it is frozen does not count.
    pub wall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 512 << 20,
            cpu_percent: 100,
            pids: 64,
            output_bytes: 1 << 20,
            wall: Duration::from_secs(60),
        }
    }
}

/// A host and a port that a step may be connected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// A name, compared without regard to case, or an address, which is then the only way to reach one that is not public.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The step's network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Network {
    /// None: a network of its own, with nothing in it.
    #[default]
    None,
    /// The machine's own, for what has to act on it. Needs [`Profile::Netfilter`], which has no socket that leaves the machine.
    Host,
    /// A proxy of ours that connects it to these and to nothing else. Needs [`Profile::StandardNet`].
    Proxy(Vec<Destination>),
}

/// Whom the program becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// System calls.
    pub profile: Profile,
    /// Capabilities that stay.
    pub capabilities: Vec<Capability>,
    /// Files and trees that can be read, beside the system's programs (`/usr`, `/etc`, `/nix/store` …).
    pub read_only: Vec<PathBuf>,
    /// Files and trees that can be written; nothing in them can be started as a program.
    pub writable: Vec<PathBuf>,
    /// Files and trees that are not there, whatever lies above them: the evidence, the keys.
    pub hidden: Vec<PathBuf>,
    /// Ends.
    pub limits: Limits,
    /// Network.
    pub network: Network,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    /// Whom the program becomes; nobody else if `None`.
    pub identity: Option<Identity>,
    /// Where it starts.
    pub directory: PathBuf,
    /// What it reads on its standard input.
    #[serde(skip)]
    pub stdin: Vec<u8>,
    /// What this kernel must have, or nothing starts.
    pub demands: Vec<Feature>,
}

impl Confinement {
    /// Nothing but the system's programs, read-only.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            capabilities: Vec::new(),
            read_only: Vec::new(),
            writable: Vec::new(),
            hidden: Vec::new(),
            limits: Limits::default(),
            network: Network::None,
            environment: vec![("PATH".to_owned(), "/run/current-system/sw/bin:/usr/bin:/bin".to_owned())],
            identity: None,
            directory: PathBuf::from("/"),
            stdin: Vec::new(),
            demands: Vec::new(),
        }
    }

    /// Whether it makes sense.
    pub(crate) fn check(&self) -> Result<(), Misuse> {
        for path in self.read_only.iter().chain(&self.writable) {
            canonical(path)?;
        }
        let shown = || SYSTEM.iter().map(Path::new).chain(self.shown());
        for hidden in &self.hidden {
            match canonical(hidden) {
                // What no shown tree holds cannot appear in one.
                Err(Misuse::Missing { .. }) if !shown().any(|tree| hidden.starts_with(tree)) => {}
                other => other?,
            }
            if let Some(path) = self.shown().find(|path| path.starts_with(hidden)) {
                return Err(Misuse::ShownAndHidden { path: path.to_owned(), hidden: hidden.clone() });
            }
        }
        if let Some(path) = self.read_only.iter().find(|p| self.writable.contains(p)) {
            return Err(Misuse::ReadOnlyAndWritable { path: path.clone() });
        }
        if !self.directory.is_absolute() {
            return Err(Misuse::NotCanonical { path: self.directory.clone(), really: PathBuf::from("/") });
        }
        if matches!(&self.network, Network::Proxy(_)) && self.profile != Profile::StandardNet {
            return Err(Misuse::ProxyWithoutSockets { profile: self.profile });
        }
        if self.network == Network::Host && self.profile != Profile::Netfilter {
            return Err(Misuse::HostNetwork { profile: self.profile });
        }
        let limits = self.limits;
        if limits.memory_bytes == 0 || limits.cpu_percent == 0 || limits.pids == 0 || limits.wall.is_zero() {
            return Err(Misuse::NothingAllowed);
        }
        let odd = |text: &str| text.contains('\0');
        match self
            .environment
            .iter()
            .find(|(name, value)| name.is_empty() || name.contains('=') || odd(name) || odd(value))
        {
            Some((name, _)) => Err(Misuse::Environment { name: name.clone() }),
            None => Ok(()),
        }
    }

    fn shown(&self) -> impl Iterator<Item = &Path> {
        self.read_only.iter().chain(&self.writable).map(PathBuf::as_path)
    }
}

/// Trees of the system that every program needs in order to start. Where one is a link, the link is made.
pub(crate) const SYSTEM: [&str; 9] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/nix/store", "/run/current-system"];

/// A way through a link could lead anywhere by the time it is used.
fn canonical(path: &Path) -> Result<(), Misuse> {
    let really = path
        .canonicalize()
        .map_err(|source| Misuse::Missing { path: path.to_owned(), why: source.kind() })?;
    if really == path { Ok(()) } else { Err(Misuse::NotCanonical { path: path.to_owned(), really }) }
}

/// A confinement that makes no sense. Whoever wrote it is to blame, not the machine.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// There is no such path.
    #[error("{} cannot be looked at: {why}", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        why: std::io::ErrorKind,
    },
    /// The path goes through a link, or is relative.
    #[error("{} is not where it is: name {}", path.display(), really.display())]
    NotCanonical {
        /// The path.
        path: PathBuf,
        /// What to name instead.
        really: PathBuf,
    },
    /// The same path is to be there and not to be there.
    #[error("{} is shown, but {} is hidden", path.display(), hidden.display())]
    ShownAndHidden {
        /// The shown path.
        path: PathBuf,
        /// The hidden one.
        hidden: PathBuf,
    },
    /// The same path twice.
    #[error("{} is both read-only and writable", path.display())]
    ReadOnlyAndWritable {
        /// The path.
        path: PathBuf,
    },
    /// A network was declared under a profile that has no sockets.
    #[error("profile {profile} has no network, and one is declared")]
    ProxyWithoutSockets {
        /// The profile.
        profile: Profile,
    },
    /// The machine's own network is for what acts on the packet filter alone.
    #[error("the machine's own network goes with the profile netfilter, not with {profile}")]
    HostNetwork {
        /// The profile.
        profile: Profile,
    },
    /// A container is asked for something that it cannot hold to.
    #[error("a container cannot {what}")]
    ContainerCannot {
        /// What.
        what: &'static str,
    },
    /// A limit of zero.
    #[error("a limit is zero, so that nothing could run")]
    NothingAllowed,
    /// A name or value that no environment can hold.
    #[error("the environment cannot hold {name:?}")]
    Environment {
        /// The name.
        name: String,
    },
}

#[cfg(test)]
mod tests;
