//! The Nix store's own verification: the contents of every path in it, held against the hashes that were noted when it came in.
//!
//! It reads the whole store, which takes minutes to hours, so it is made in the background and its end is kept; a fact is what the last one came to.
//! `nix store verify` and not `nix-store --verify`, which mends the database while it looks. Signatures are left out: a system that was built or copied
//! by its own administrators has none, and altered contents show without them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use contract::fact::{Absence, FactValue, Observation};
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::program::{self, Printed};
use crate::root::Root;

/// What speaks of an older state than this says nothing of today's.
const STALE_DAYS: i64 = 14;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// A clock may have been put right by a moment since.
const SLACK_MS: i64 = 60 * 1000;
/// The command is of Nix's newer interface, which has to be asked for.
const NIX: [&str; 2] = ["--extra-experimental-features", "nix-command"];
/// Without `--quiet`, every path is named as its turn comes.
const VERIFY: [&str; 5] = ["store", "verify", "--all", "--no-trust", "--quiet"];

/// A verification that has ended, in whatever way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreVerification {
    /// When.
    pub ended: UtcTime,
    /// What it came to.
    pub came_to: Verified,
}

/// What a verification came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verified {
    /// So many paths are not what they were when they came in.
    Altered(i64),
    /// It was not brought to its end.
    NotVerified(Absence),
}

/// Verifies the whole store, on nobody's time: within `limit`, and killed with all it has started when that is over. Blocks for as long.
pub fn verify_store(root: &Root, limit: Duration) -> Verified {
    let verified = known(root, limit)
        .and_then(|()| program::run_idly(root, "nix", &[&NIX[..], &VERIFY].concat(), limit));
    match verified.map(|printed| judge(&printed)) {
        Ok(verified) => verified,
        Err(absence) => Verified::NotVerified(absence),
    }
}

/// That the store's database knows the system that runs. One that is empty has nothing to verify, and would have nothing to complain about.
fn known(root: &Root, limit: Duration) -> Result<(), Absence> {
    let system = fs::canonicalize(root.path("/run/current-system")).map_err(|e| root.absence(&e))?;
    let system = Path::new("/").join(system.strip_prefix(root.path("/")).unwrap_or(&system));
    let asked = ["path-info", system.to_str().ok_or(Absence::Malformed)?];
    let printed = program::run_idly(root, "nix", &[&NIX[..], &asked].concat(), limit)?;
    if printed.status.success() { Ok(()) } else { Err(Absence::Unreadable) }
}

/// Its status is 0 where every path is what it was. It is odd where one is altered (nix3-store-verify(1)), and 1 where Nix did not even begin, so what is
/// altered is what it names as altered: that is seen, whatever else could not be verified.
fn judge(printed: &Printed) -> Verified {
    let altered = printed.err.lines().filter(|line| line.contains("' was modified! ")).count();
    match i64::try_from(altered) {
        Ok(0) if printed.status.success() => Verified::Altered(0),
        Ok(0) | Err(_) => Verified::NotVerified(Absence::Unreadable),
        Ok(altered) => Verified::Altered(altered),
    }
}

/// What the last verification came to, as a fact.
pub(crate) fn altered(config: &Config) -> Observation {
    // Whoever does not keep one has the executor asked, which does, and which runs as root.
    let path = config.store_verification.as_ref().ok_or(Absence::NeedsRoot)?;
    let last = StoreVerification::kept(path)?.ok_or(Absence::NotRunning)?;
    let age_ms = (config.clock)().unix_ms().saturating_sub(last.ended.unix_ms());
    if age_ms < -SLACK_MS {
        return Err(Absence::Malformed);
    }
    if age_ms > STALE_DAYS * DAY_MS {
        return Err(Absence::TimedOut);
    }
    match last.came_to {
        Verified::Altered(paths) => Ok(FactValue::Number(paths)),
        Verified::NotVerified(absence) => Err(absence),
    }
}

impl StoreVerification {
    /// The last one, as it is kept at `path`; none where none has ended yet.
    pub fn kept(path: &Path) -> Result<Option<Self>, Absence> {
        const BYTES_MAX: u64 = 4096;
        match edge::file::read(path, BYTES_MAX) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| Absence::Malformed),
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => {
                Err(Absence::NeedsRoot)
            }
            Err(_) => Err(Absence::Unreadable),
        }
    }
}
