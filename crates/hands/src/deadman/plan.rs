//! What is written down before the act: all that another process, after a power cut, needs to put the old state back.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use contract::record::Before;
use contract::resource::{Resource, UnitName};
use contract::runbook::Verb;
use contract::time::MonoNs;
use edge::file::{self, FileError};
use facts::OwnDirectories;
use serde::{Deserialize, Serialize};

use super::{DeadManError, State};

const NAME: &str = "dead-man.json";
const BYTES_MAX: u64 = 64 << 10;

/// How one step is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndoPlan {
    /// What the step does.
    pub verb: Verb,
    /// To what.
    pub target: Resource,
    /// How things stood.
    pub before: Before,
    /// Its snapshot's directory. The timer's own files lie there too.
    pub snapshot: PathBuf,
    /// Suture's own directories.
    pub own: OwnPlaces,
    /// Units that are restarted afterwards: who reads a file when it starts goes on with what was in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restart: Vec<UnitName>,
}

/// Suture's own directories, as a plan has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnPlaces {
    /// The evidence log.
    pub evidence: PathBuf,
    /// The executor's keys.
    pub executor_keys: PathBuf,
    /// The agent's keys.
    pub agent_keys: PathBuf,
}

impl From<&OwnDirectories> for OwnPlaces {
    fn from(own: &OwnDirectories) -> Self {
        let OwnDirectories { evidence, executor_keys, agent_keys } = own.clone();
        Self { evidence, executor_keys, agent_keys }
    }
}

impl OwnPlaces {
    /// As a place has them.
    pub(super) fn directories(&self) -> OwnDirectories {
        let Self { evidence, executor_keys, agent_keys } = self.clone();
        OwnDirectories { evidence, executor_keys, agent_keys }
    }
}

/// A plan and when it is due.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Timed {
    pub(super) plan: UndoPlan,
    pub(super) due: MonoNs,
}

/// Where the plan of a step lies.
pub(super) fn path_in(directory: &Path) -> PathBuf {
    directory.join(NAME)
}

impl Timed {
    /// Writes it into its snapshot, durably.
    pub(super) fn write(&self) -> Result<(), DeadManError> {
        let path = path_in(&self.plan.snapshot);
        let bytes =
            serde_json::to_vec(self).map_err(|source| DeadManError::Plan { path: path.clone(), source })?;
        file::private_directory(&self.plan.snapshot)?;
        Ok(file::write_durably(&path, &bytes)?)
    }

    /// Reads one. A plan is believed only about the directory that it lies in.
    pub(super) fn read(path: &Path) -> Result<Self, DeadManError> {
        let bytes = file::read(path, BYTES_MAX)?;
        let wrong = |source| DeadManError::Plan { path: path.to_owned(), source };
        let timed: Self = serde_json::from_slice(&bytes).map_err(wrong)?;
        if path.parent() == Some(&timed.plan.snapshot) {
            Ok(timed)
        } else {
            Err(wrong(serde::de::Error::custom("it is about another directory")))
        }
    }
}

/// Timers that were neither confirmed nor have fired.
#[derive(Debug, Default)]
pub struct Pending {
    /// Their plans: to be fired at once, before anything else is done.
    pub plans: Vec<UndoPlan>,
    /// Plans that cannot be read: a person has to look.
    pub unreadable: Vec<PathBuf>,
}

/// Finds them below the directory of all snapshots.
pub fn pending(snapshots: &Path) -> Result<Pending, DeadManError> {
    let mut pending = Pending::default();
    for step in
        directories(snapshots)?.iter().map(|run| directories(run)).collect::<Result<Vec<_>, _>>()?.concat()
    {
        if matches!(State::of(&step), State::Armed | State::Firing) {
            let path = path_in(&step);
            match Timed::read(&path) {
                Ok(timed) => pending.plans.push(timed.plan),
                Err(_) => pending.unreadable.push(path),
            }
        }
    }
    Ok(pending)
}

/// The plans of later steps of the same run that are pending, the last step first.
pub(super) fn later(step: &Path) -> Result<Vec<UndoPlan>, DeadManError> {
    let number = |step: &Path| step.file_name()?.to_str()?.parse::<u32>().ok();
    let (Some(own), Some(run)) = (number(step), step.parent()) else { return Ok(Vec::new()) };
    let mut later: Vec<_> = directories(run)?
        .into_iter()
        .filter_map(|step| Some((number(&step).filter(|other| *other > own)?, step)))
        .filter(|(_, step)| matches!(State::of(step), State::Armed | State::Firing))
        .collect();
    later.sort();
    later.iter().rev().map(|(_, step)| Timed::read(&path_in(step)).map(|timed| timed.plan)).collect()
}

fn directories(at: &Path) -> Result<Vec<PathBuf>, FileError> {
    let failed = |source| FileError { path: at.to_owned(), action: "list it", source };
    let entries = match fs::read_dir(at) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
