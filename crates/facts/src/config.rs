//! What a reader is told about its machine.

use std::path::PathBuf;
use std::time::Duration;

use contract::allowlist::Allowlist;
use contract::fact::Absence;
use contract::time::UtcTime;

use crate::root::Root;
use edge::clock;

/// How long a source may take before its facts count as timed out.
const LIMIT: Duration = Duration::from_secs(10);

/// Everything a reader is told: where to look, and what was declared by people because no machine could know it.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the system's files lie. `/`, except in tests.
    pub root: Root,
    /// Suture's own directories, as they are (not below `root`).
    pub own: OwnDirectories,
    /// The files that backup jobs touch (below `root`).
    pub stamps: BackupStamps,
    /// Certificates that this machine presents to others: PEM or DER files (below `root`).
    pub certificates: Vec<PathBuf>,
    /// Their private keys (below `root`).
    pub certificate_keys: Vec<PathBuf>,
    /// What this host may have, as the hub signed it; or why that is not known.
    pub allowed: Result<Allowlist, Absence>,
    /// Where the last verification of the Nix store is kept, as it is (not below `root`). None for whoever does not keep one: it asks whoever does.
    pub store_verification: Option<PathBuf>,
    /// How long each source may take.
    pub limit: Duration,
    /// The wall clock, for the ages of files.
    pub clock: fn() -> UtcTime,
}

/// Suture's own directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDirectories {
    /// The evidence log.
    pub evidence: PathBuf,
    /// The executor's keys.
    pub executor_keys: PathBuf,
    /// The agent's keys.
    pub agent_keys: PathBuf,
}

/// Files whose time of change says when something was last done: a backup job touches its stamp as its last step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupStamps {
    /// Touched when a backup has ended well.
    pub backup: Option<PathBuf>,
    /// Touched when a backup was restored and compared.
    pub restore_test: Option<PathBuf>,
}

impl Config {
    /// The real machine, with nothing declared.
    pub fn new(own: OwnDirectories) -> Self {
        Self {
            root: Root::new("/"),
            own,
            stamps: BackupStamps::default(),
            certificates: Vec::new(),
            certificate_keys: Vec::new(),
            allowed: Err(Absence::NotDeclared),
            store_verification: None,
            limit: LIMIT,
            clock: clock::utc,
        }
    }
}
