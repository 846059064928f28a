//! `suture-agent scan`: one look at the whole baseline, for a person or a script. It needs neither hub nor executor, and changes nothing.
//!
//! Its exit status says how the look came out: 0 nothing fails, 1 something does, 2 the input is bad, 3 nothing at all could be assessed.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use contract::baseline::{Baseline, BaselineError, Users};
use contract::exception::{ExceptionError, Exceptions};
use contract::fact::{Absence, FactId, FactSet, Source};
use contract::finding::{Finding, Tally};
use edge::file::{self, FileError};
use serde::Serialize;
use thiserror::Error;

use crate::config::{Config, ConfigError};
use crate::in_force;
use crate::look::{Eyes, Looker};
use crate::run::RunError;
use crate::site::{self, SiteError};

/// The longest baseline or file of facts.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What is scanned.
#[derive(Debug)]
pub struct Options {
    /// The baseline and, with a configuration, what this machine was told.
    pub against: Against,
    /// Facts from this file instead of the machine.
    pub facts: Option<PathBuf>,
    /// The facts that were seen go into this file.
    pub record: Option<PathBuf>,
    /// Accepted failures; those of the configuration where this is none.
    pub exceptions: Option<PathBuf>,
}

/// Where the baseline comes from.
#[derive(Debug)]
pub enum Against {
    /// The signed one of an enrolled machine.
    Config(PathBuf),
    /// A file.
    Baseline(PathBuf),
}

/// What a scan came to.
#[derive(Debug)]
pub struct Scan {
    /// What it was held against.
    pub baseline: Baseline,
    /// One for each control, in the baseline's order.
    pub findings: Vec<Finding>,
}

/// A scan as JSON.
#[derive(Debug, Serialize)]
pub struct Printed<'a> {
    baseline: String,
    version: u32,
    digest: contract::digest::Digest,
    tally: Tally,
    findings: &'a [Finding],
}

/// Why nothing was scanned.
#[derive(Debug, Error)]
pub enum ScanError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The configuration was refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The signed baseline, or the recorded facts, were refused.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The baseline was refused.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// The exceptions were refused.
    #[error(transparent)]
    Exceptions(#[from] ExceptionError),
    /// The exceptions could not be read.
    #[error(transparent)]
    ReadExceptions(#[from] RunError),
}

/// Looks once.
pub fn scan(options: &Options) -> Result<Scan, ScanError> {
    let (baseline, facts, declared, users) = match &options.against {
        Against::Config(path) => {
            let config = Config::read(path)?;
            let places = config.places();
            let identity = site::read_identity(&places)?;
            let baseline = site::read_baseline(&places, &identity)?;
            let allowed = site::read_allowlist(&places, &identity);
            let declared = in_force::exceptions(&config, &places, &identity)?;
            // Whoever scans, root for one, is not always who runs the agent.
            let agent = std::fs::metadata(&places.dir).map_or_else(|_| scanner(), |found| found.uid());
            (baseline, facts::Config { allowed, ..config.facts() }, declared, config.users(agent))
        }
        Against::Baseline(path) => {
            let users = Users::one(scanner());
            (read_baseline(path)?, undeclared(), Exceptions::default(), users)
        }
    };
    let exceptions = match &options.exceptions {
        Some(path) => in_force::read_exceptions(path)?,
        None => declared,
    };
    exceptions.check_against(&baseline)?;
    let eyes = match (&options.facts, &options.against) {
        (Some(path), _) => Eyes::Recorded(site::parse_json(path, &file::read(path, FILE_BYTES_MAX)?)?),
        (None, Against::Config(_)) => Eyes::Live(facts::Reader::new(facts)),
        (None, Against::Baseline(_)) => {
            Eyes::Recorded(see_all_but_own(&facts::Reader::new(facts), &baseline.facts()))
        }
    };
    let looker = Looker { baseline, exceptions, users, eyes };
    let look = looker.look(&looker.all(), edge::clock::utc(), |_| ());
    if let Some(path) = &options.record {
        file::write_durably(path, &serde_json::to_vec_pretty(&look.facts).unwrap_or_default())?;
    }
    Ok(Scan { baseline: looker.baseline, findings: look.findings })
}

fn scanner() -> u32 {
    rustix::process::geteuid().as_raw()
}

impl Scan {
    /// For a script.
    pub fn printed(&self) -> Printed<'_> {
        Printed {
            baseline: self.baseline.name().to_string(),
            version: self.baseline.version(),
            digest: self.baseline.digest(),
            tally: Tally::of(&self.findings),
            findings: &self.findings,
        }
    }
}

fn read_baseline(path: &Path) -> Result<Baseline, ScanError> {
    Ok(Baseline::parse(&path.display().to_string(), &file::read_text(path, FILE_BYTES_MAX)?)?)
}

/// The machine alone: nobody has told us where Suture's directories are.
fn undeclared() -> facts::Config {
    let nowhere = PathBuf::new;
    facts::Config::new(facts::OwnDirectories {
        evidence: nowhere(),
        executor_keys: nowhere(),
        agent_keys: nowhere(),
    })
}

/// Without a configuration Suture's own directories are not declared, which is not the same as missing.
fn see_all_but_own(reader: &facts::Reader, wanted: &[FactId]) -> FactSet {
    let (own, others): (Vec<_>, Vec<_>) = wanted.iter().cloned().partition(|id| id.source() == Source::Own);
    let mut seen = reader.read_all(&others, |_, _| ());
    for id in own {
        seen.insert(id, Err(Absence::NotDeclared));
    }
    seen
}
