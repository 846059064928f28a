//! Programs that a verb starts. How they are confined is behind [`Programs`]: in the product the sandbox, and nothing else.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use contract::digest::Digest;
use contract::resource::Endpoint;
use contract::runbook::SandboxProfile;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use sha2::{Digest as _, Sha256};

use crate::error::HandError;
use crate::place::Interrupt;

/// Where the system's programs lie: fixed, so that nobody's `PATH` can put another in their place.
const DIRECTORIES: [&str; 5] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/run/current-system/sw/bin"];

/// A program to be started: absolute, with fixed arguments and an environment of its own.
#[derive(Clone)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes must have this digest; none for the system's own programs.
    pub digest: Option<Digest>,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// How tightly it is held.
    pub profile: SandboxProfile,
    /// What it may read, beside what every program may.
    pub reads: Vec<PathBuf>,
    /// What it may write, beside its scratch directory.
    pub writes: Vec<PathBuf>,
    /// Capabilities that it keeps, by their kernel names: `CAP_NET_ADMIN`.
    pub capabilities: Vec<&'static str>,
    /// True where it works on the machine's own network stack, as nft does: it then shares the host's network namespace.
    pub host_network: bool,
    /// Whom it may reach through the proxy.
    pub reaches: Vec<Endpoint>,
    /// What it reads on standard input.
    pub input: Vec<u8>,
    /// The most memory that it and its children may have, in MiB.
    pub memory_mb: u32,
    /// How long it may take.
    pub time_limit_ms: u64,
    /// How much it may print, in MiB. One that prints more is ended.
    pub output_mb: u32,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of the environment and the input nothing is shown: passwords lie there.
        f.debug_struct("Program")
            .field("path", &self.path)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

impl Program {
    /// One of the system's programs, held by [`SandboxProfile::Standard`], that writes nothing and reaches nobody.
    pub fn of_the_system(path: &str, arguments: &[&str]) -> Self {
        Self {
            path: PathBuf::from(path),
            digest: None,
            arguments: arguments.iter().map(|&a| a.to_owned()).collect(),
            environment: vec![
                ("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into()),
                ("LC_ALL".into(), "C".into()),
            ],
            profile: SandboxProfile::Standard,
            reads: Vec::new(),
            writes: Vec::new(),
            capabilities: Vec::new(),
            host_network: false,
            reaches: Vec::new(),
            input: Vec::new(),
            memory_mb: 256,
            time_limit_ms: 30_000,
            output_mb: 1,
        }
    }

    /// Where the system's program `name` really lies, after all links.
    pub(crate) fn find(name: &str) -> Result<PathBuf, HandError> {
        let found = DIRECTORIES.iter().find_map(|d| Path::new(d).join(name).canonicalize().ok());
        let missing =
            || HandError::Program { program: PathBuf::from(name), why: "it is not here".to_owned() };
        let found = found.filter(|path| path.is_file()).ok_or_else(missing)?;
        // On NixOS a script may stand before it, which sets a search path that our environment does not have; no sandbox starts scripts.
        let wrapped = found.with_file_name(format!(".{name}-wrapped"));
        Ok(if wrapped.is_file() { wrapped } else { found })
    }

    /// The system's program `name`, wherever it lies.
    pub(crate) fn named(name: &str, arguments: &[&str]) -> Result<Self, HandError> {
        Ok(Self { path: Self::find(name)?, ..Self::of_the_system("", arguments) })
    }
}

/// What a program came to. Its output stays on the machine.
#[derive(Debug, Default)]
pub struct Ran {
    /// Its exit status; none where a signal ended it.
    pub status: Option<i32>,
    /// Its standard output, up to its limit.
    pub output: Vec<u8>,
    /// The first 64 KiB of its standard error.
    pub complaint: Vec<u8>,
    /// The connections that it made through the proxy.
    pub connections: Vec<Connected>,
}

/// One connection through the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// Whither, where it is on the list.
    pub to: Option<Endpoint>,
    /// Whether it was let through.
    pub allowed: bool,
    /// Bytes that went out.
    pub sent: u64,
    /// Bytes that came in.
    pub received: u64,
}

/// Starts programs and waits for them.
pub trait Programs: std::fmt::Debug + Send + Sync {
    /// Runs one to its end. An error means that it could not be started or confined, or was ended by its limits.
    fn run(&self, program: &Program) -> Result<Ran, HandError>;

    /// The same, frozen while `interrupt` asks for a pause, and ended when it asks to stop. Whoever cannot do that runs it to its end.
    fn run_under(&self, program: &Program, interrupt: &Interrupt) -> Result<Ran, HandError> {
        let _ = interrupt;
        self.run(program)
    }

    /// Runs one that must end with status 0.
    fn succeed(&self, program: &Program) -> Result<Ran, HandError> {
        let ran = self.run(program)?;
        match ran.status {
            Some(0) => Ok(ran),
            Some(status) => {
                let said =
                    String::from_utf8_lossy(&ran.complaint).trim().chars().take(300).collect::<String>();
                Err(HandError::Program {
                    program: program.path.clone(),
                    why: format!("status {status}: {said}"),
                })
            }
            None => {
                Err(HandError::Program { program: program.path.clone(), why: "ended by a signal".to_owned() })
            }
        }
    }
}

/// Programs of a step that somebody may pause or stop.
#[derive(Debug)]
pub struct Interruptible<'a> {
    /// Who starts them.
    pub programs: &'a dyn Programs,
    /// Who may interrupt them.
    pub interrupt: &'a Interrupt,
}

impl Programs for Interruptible<'_> {
    fn run(&self, program: &Program) -> Result<Ran, HandError> {
        self.programs.run_under(program, self.interrupt)
    }
}

/// Refuses a program whose bytes are not those that are pinned.
pub(crate) fn pinned(path: &Path, digest: &Digest) -> Result<(), HandError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = openat2(CWD, path, flags, Mode::empty(), resolve).map_err(HandError::file(path, "open it"))?;
    if hashed(path, file)? == *digest {
        Ok(())
    } else {
        let why = "its bytes are not those that the runbook names".to_owned();
        Err(HandError::Program { program: path.to_owned(), why })
    }
}

/// The digest of an open file, from where it stands.
pub(crate) fn hashed(path: &Path, file: impl Into<File>) -> Result<Digest, HandError> {
    let mut file = file.into();
    if !file.metadata().map_err(HandError::file(path, "look at it"))?.is_file() {
        return Err(HandError::unfit(path, "read it", "it is no regular file"));
    }
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(HandError::file(path, "read it"))? {
            0 => return Ok(Digest::from_bytes(hash.finalize().into())),
            length => hash.update(&buffer[..length]),
        }
    }
}
