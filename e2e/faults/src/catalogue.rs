//! The catalogue: what is done to a machine, and what has to come of it. Data, in `faults/*.yaml`.

use std::collections::BTreeSet;
use std::path::Path;

use contract::ids::RunbookId;
use contract::resource::UnitName;
use contract::yaml;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::peers::Peer;

/// One way in which a machine goes wrong.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its name.
    pub id: String,
    /// What goes wrong, in a few words.
    pub says: String,
    /// Done before, while all is well.
    #[serde(default)]
    pub prepare: Option<String>,
    /// What does it: lines of shell. Time runs from its beginning, or from where it says `mark`.
    pub inject: String,
    /// Who may notice: controls and detectors, any of them.
    pub seen_by: BTreeSet<String>,
    /// What goes wrong with it: each of these has to come to the same end.
    #[serde(default)]
    pub with: BTreeSet<String>,
    /// The injection cuts the machine's power at some moment of the repair; it is booted again.
    #[serde(default)]
    pub cuts_power: bool,
    /// The runbooks that are right. Any other that acts is a wrong action; where it has to wait, any that acts.
    #[serde(default)]
    pub runbooks: BTreeSet<RunbookId>,
    /// What a planner rightly picks who knows the incident alone, where the machine has to refuse it.
    #[serde(default)]
    pub refused: Option<RunbookId>,
    /// The unit that has to be named as what sets the repair back.
    #[serde(default)]
    pub culprit: Option<UnitName>,
    /// What has to come of it.
    pub ends: Ends,
    /// What a deferred repair waits for, brought about: then it has to be healed.
    #[serde(default)]
    pub later: Option<String>,
    /// What shows, without Suture, that it is whole again.
    #[serde(default)]
    pub proof: Option<String>,
    /// The same repair by a script that knows what to do.
    #[serde(default)]
    pub bare: Option<String>,
    /// It is done in the soak too.
    #[serde(default)]
    pub soaks: bool,
    /// Which other programs can express it, as they are configured here.
    #[serde(default)]
    pub beside: BTreeSet<Peer>,
    /// What must be as it was: paths with all below them, and `unit:NAME` for its main process.
    #[serde(default)]
    pub untouched: Vec<String>,
}

impl Fault {
    /// Whether it can be done again and again to a machine that goes on: it heals, needs nothing first, and shows that it has healed.
    pub fn soaks(&self) -> bool {
        self.soaks
            && self.ends == Ends::Healed
            && self.prepare.is_none()
            && self.proof.is_some()
            && !self.cuts_power
    }
}

/// What has to come of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// It is repaired, and the check that failed passes.
    Healed,
    /// Nothing may be done by itself: a person is called.
    Escalated,
    /// It waits for the maintenance window.
    Deferred,
    /// The repair did not hold, and was undone; a person is called.
    Reverted,
}

impl Ends {
    /// As it stands in a table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healed => "healed",
            Self::Escalated => "escalated",
            Self::Deferred => "deferred",
            Self::Reverted => "reverted",
        }
    }
}

/// The faults of one area.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    faults: Vec<Fault>,
}

/// All faults of a directory, by area, which is the file's name. An id that comes twice, or a healable fault without a proof, is an error.
pub fn read(directory: &Path) -> Result<Vec<(String, Fault)>> {
    let failed = |e: std::io::Error| format!("{}: {e}", directory.display());
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .map_err(failed)?
        .map(|entry| Ok(entry.map_err(failed)?.path()))
        .collect::<Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    let (mut all, mut ids) = (Vec::new(), BTreeSet::new());
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let area: Area = yaml::parse(&path.display().to_string(), &text).map_err(|e| e.to_string())?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for fault in area.faults {
            if !ids.insert(fault.id.clone()) {
                return Err(format!("{}: {} is there twice", path.display(), fault.id));
            }
            if fault.ends == Ends::Deferred && fault.runbooks.is_empty() {
                return Err(format!(
                    "{}: {} has to wait, and nothing says what waits",
                    path.display(),
                    fault.id
                ));
            }
            if fault.later.is_some() && (fault.ends != Ends::Deferred || fault.proof.is_none()) {
                return Err(format!(
                    "{}: {} goes on later, and does not wait, or nothing shows that it is whole then",
                    path.display(),
                    fault.id
                ));
            }
            if fault.ends == Ends::Healed && (fault.proof.is_none() || fault.runbooks.is_empty()) {
                return Err(format!(
                    "{}: {} is to be healed, and nothing says by what or shows it",
                    path.display(),
                    fault.id
                ));
            }
            all.push((name.clone(), fault));
        }
    }
    Ok(all)
}
