//! Programs in the sandbox: how the product starts them.
//!
//! A program sees the system's programs, what its verb names, and nothing else; Suture's own directories are covered wherever a tree that is shown
//! would show them. Each death that the sandbox deals is an error in plain words; a status, or a signal of the program's own making, is for the verb to
//! judge.
//!
//! A program that uses this calls [`become_launcher`] first in its `main`.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract::resource::Endpoint;
use contract::runbook::{Confinement as Demanded, SandboxProfile};
use facts::OwnDirectories;
use sandbox::{
    Capability, Confinement, Connection, Destination, Exit, Feature, Finished, Handle, Launcher, Limits,
    Network, Profile, Verdict,
};

use crate::error::HandError;
use crate::place::Interrupt;
use crate::program::{Connected, Program, Programs, Ran};

/// Processes and threads of one program: restic alone has dozens.
const PIDS: u32 = 256;
/// The most of a complaint that is kept.
const COMPLAINT_BYTES: usize = 64 << 10;

/// Starts programs under `sandbox`.
pub struct Confined {
    launcher: Launcher,
    hidden: Vec<PathBuf>,
}

impl fmt::Debug for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confined").field("hidden", &self.hidden).finish_non_exhaustive()
    }
}

/// Becomes what starts a confined program, and does not return, if this process was started for that.
pub fn become_launcher() {
    sandbox::launcher_main();
}

impl Confined {
    /// With this very program as the launcher. No program sees Suture's own directories, nor what else is `hidden`: snapshots, sockets.
    pub fn new(own: &OwnDirectories, mut hidden: Vec<PathBuf>) -> Result<Self, HandError> {
        let launcher = Launcher::this_program().map_err(|e| refused(Path::new("the launcher"), &e))?;
        let OwnDirectories { evidence, executor_keys, agent_keys } = own;
        hidden.extend([evidence, executor_keys, agent_keys].map(Clone::clone));
        Ok(Self { launcher, hidden })
    }

    /// What this machine has to confine a program with, one line each: for the trace, at start.
    pub fn means(&self) -> impl Iterator<Item = String> {
        self.launcher.features().lines()
    }

    /// The same, as runbooks demand it.
    pub fn offers(&self) -> BTreeSet<Demanded> {
        let has = |features: &[Feature]| features.iter().all(|f| self.launcher.features().level(*f).is_ok());
        let met = |demanded: &Demanded| match demanded {
            Demanded::Landlock => has(&[Feature::Landlock]),
            Demanded::Seccomp => has(&[Feature::Seccomp]),
            Demanded::Cgroup => {
                has(&[Feature::Cgroup, Feature::MemoryLimit, Feature::CpuLimit, Feature::PidsLimit])
            }
            Demanded::Namespaces => has(&[Feature::Namespaces]),
        };
        Demanded::ALL.into_iter().filter(met).collect()
    }

    fn confinement(&self, program: &Program) -> Result<Confinement, HandError> {
        if program.time_limit_ms == 0 {
            return Err(HandError::TooLate);
        }
        let mut confinement = Confinement::new(profile(program));
        confinement.writable = really(&program.writes)?;
        confinement.read_only = really(&program.reads)?;
        confinement.read_only.retain(|path| !confinement.writable.contains(path));
        // One that is not there yet stays as it is written: where a shown tree would show it, the sandbox refuses.
        confinement.hidden =
            self.hidden.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect();
        for name in &program.capabilities {
            let capability = capability(name).ok_or_else(|| HandError::Program {
                program: program.path.clone(),
                why: format!("no program may have {name}"),
            })?;
            confinement.capabilities.push(capability);
        }
        confinement.limits = Limits {
            memory_bytes: u64::from(program.memory_mb) << 20,
            pids: PIDS,
            output_bytes: (u64::from(program.output_mb) << 20) + COMPLAINT_BYTES as u64,
            wall: Duration::from_millis(program.time_limit_ms),
            ..Limits::default()
        };
        confinement.network = if program.host_network {
            Network::Host
        } else if program.reaches.is_empty() {
            Network::None
        } else {
            Network::Proxy(program.reaches.iter().filter_map(destination).collect())
        };
        confinement.environment.clone_from(&program.environment);
        confinement.stdin.clone_from(&program.input);
        Ok(confinement)
    }
}

/// How often a running program's interrupt is looked at.
const LOOK: Duration = Duration::from_millis(20);

impl Programs for Confined {
    fn run(&self, program: &Program) -> Result<Ran, HandError> {
        let (opened, confinement) = (open(program)?, self.confinement(program)?);
        let finished = self.launcher.run(&opened, &confinement).map_err(|e| refused(&program.path, &e))?;
        ran(program, finished)
    }

    fn run_under(&self, program: &Program, interrupt: &Interrupt) -> Result<Ran, HandError> {
        let (opened, confinement) = (open(program)?, self.confinement(program)?);
        let running = self.launcher.start(&opened, &confinement).map_err(|e| refused(&program.path, &e))?;
        let (handle, over) = (running.handle(), AtomicBool::new(false));
        let finished = std::thread::scope(|scope| {
            scope.spawn(|| heed(&handle, interrupt, &over));
            let finished = running.wait();
            over.store(true, Ordering::SeqCst);
            finished
        });
        ran(program, finished.map_err(|e| refused(&program.path, &e))?)
    }
}

/// Freezes and thaws a running tree as it is asked, and ends it when it is asked to stop. Where it cannot be frozen it goes on, and that is told.
fn heed(handle: &Handle, interrupt: &Interrupt, over: &AtomicBool) {
    let (mut frozen, mut freezable) = (false, true);
    while !over.load(Ordering::SeqCst) {
        if interrupt.is_asked() {
            handle.kill();
            return;
        }
        if freezable && interrupt.is_paused() != frozen {
            let done = if frozen { handle.thaw() } else { handle.freeze() };
            match done {
                Ok(()) => frozen = !frozen,
                Err(e) => {
                    tracing::warn!("a program cannot be frozen, and goes on: {e}");
                    freezable = false;
                }
            }
        }
        std::thread::sleep(LOOK);
    }
}

fn open(program: &Program) -> Result<sandbox::Program, HandError> {
    let opened = match &program.digest {
        Some(digest) => sandbox::Program::open(&program.path, program.arguments.clone(), digest.as_bytes()),
        // The system's own programs change with its updates: what pins them is who may write to them.
        None => {
            let really = program.path.canonicalize().map_err(HandError::file(&program.path, "find it"))?;
            sandbox::Program::unpinned(&really, program.arguments.clone())
        }
    };
    opened.map_err(|e| refused(&program.path, &e))
}

fn ran(program: &Program, finished: Finished) -> Result<Ran, HandError> {
    let status = match finished.exit {
        Exit::Code(code) => Some(code),
        Exit::Signal(_) => None,
        death @ (Exit::WallClock
        | Exit::Memory
        | Exit::OutputCap
        | Exit::BadSyscall
        | Exit::Cancelled
        | Exit::Lost) => {
            return Err(HandError::Program { program: program.path.clone(), why: death.to_string() });
        }
    };
    let mut complaint = finished.stderr;
    complaint.truncate(COMPLAINT_BYTES);
    let connections = finished.connections.iter().map(|c| connected(c, &program.reaches)).collect();
    Ok(Ran { status, output: finished.stdout, complaint, connections })
}

fn profile(program: &Program) -> Profile {
    match program.profile {
        SandboxProfile::Strict => Profile::Strict,
        // What works on the machine's network stack talks to it over netlink.
        SandboxProfile::Standard if program.host_network => Profile::Netfilter,
        SandboxProfile::Standard => Profile::Standard,
        SandboxProfile::StandardNet => Profile::StandardNet,
    }
}

fn capability(name: &str) -> Option<Capability> {
    Some(match name {
        "CAP_CHOWN" => Capability::Chown,
        "CAP_DAC_OVERRIDE" => Capability::DacOverride,
        "CAP_DAC_READ_SEARCH" => Capability::DacReadSearch,
        "CAP_FOWNER" => Capability::Fowner,
        "CAP_FSETID" => Capability::Fsetid,
        "CAP_KILL" => Capability::Kill,
        "CAP_SETGID" => Capability::Setgid,
        "CAP_SETUID" => Capability::Setuid,
        "CAP_LINUX_IMMUTABLE" => Capability::LinuxImmutable,
        "CAP_NET_ADMIN" => Capability::NetAdmin,
        "CAP_NET_BIND_SERVICE" => Capability::NetBindService,
        "CAP_SYS_NICE" => Capability::SysNice,
        "CAP_SYS_TIME" => Capability::SysTime,
        _ => return None,
    })
}

/// Where paths really lie: the sandbox shows nothing over a link.
fn really(paths: &[PathBuf]) -> Result<Vec<PathBuf>, HandError> {
    let mut found = Vec::with_capacity(paths.len());
    for path in paths {
        let really = path.canonicalize().map_err(HandError::file(path, "show it to a program"))?;
        if !found.contains(&really) {
            found.push(really);
        }
    }
    Ok(found)
}

/// An endpoint has a port, or it would not have been parsed.
fn destination(endpoint: &Endpoint) -> Option<Destination> {
    let (host, port) = endpoint.as_str().rsplit_once(':')?;
    Some(Destination { host: host.to_owned(), port: port.parse().ok()? })
}

/// Of a place that is not on the list nothing is told: a program can make up any name.
fn connected(connection: &Connection, reaches: &[Endpoint]) -> Connected {
    let to = connection.to.as_ref().and_then(|to| {
        let named = |e: &&Endpoint| {
            destination(e).is_some_and(|d| d.port == to.port && d.host.eq_ignore_ascii_case(&to.host))
        };
        reaches.iter().find(named).cloned()
    });
    match connection.verdict {
        Verdict::Opened { sent, received, .. } => Connected { to, allowed: true, sent, received },
        Verdict::Refused(_) => Connected { to, allowed: false, sent: 0, received: 0 },
    }
}

/// Why it was not started, with all that lies behind it.
fn refused(program: &Path, error: &dyn Error) -> HandError {
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(e) = source {
        why = format!("{why}: {e}");
        source = e.source();
    }
    HandError::Program { program: program.to_owned(), why }
}

#[cfg(test)]
mod tests;
