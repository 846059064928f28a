//! The catalogue: what is done to a machine, and what has to come of it. Data, in `faults/*.yaml`.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use contract::digest::Digest;
use contract::ids::RunbookId;
use contract::resource::UnitName;
use contract::runbook::TargetOs;
use contract::yaml;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::peers::Peer;
use crate::runs::Stage;

/// Most faults come to their end within it, on a slow machine as well.
const PATIENCE: Duration = Duration::from_secs(75);

/// One way in which a machine goes wrong.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its name.
    pub id: String,
    /// What goes wrong, in a few words.
    #[serde(skip_serializing)]
    pub says: String,
    /// Done before, while all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepare: Option<String>,
    /// What does it: lines of shell. Time runs from its beginning, or from where it says `mark`.
    pub inject: String,
    /// Who may notice: controls and detectors, any of them.
    pub seen_by: BTreeSet<String>,
    /// What goes wrong with it: each of these has to come to the same end.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub with: BTreeSet<String>,
    /// The injection cuts the machine's power in one of these stages of the repair, and it is booted again; none where it does not.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub power_cut: BTreeSet<Stage>,
    /// The power is cut afterwards, and a disk comes back torn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torn: Option<Torn>,
    /// The executor has to say that it cut a record off its log that was half written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub torn_record: bool,
    /// The runbooks that are right. Any other that acts is a wrong action; where it has to wait, any that acts.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub runbooks: BTreeSet<RunbookId>,
    /// What a planner rightly picks who knows the incident alone, where the machine has to refuse it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RunbookId>,
    /// The unit that has to be named as what sets the repair back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit: Option<UnitName>,
    /// What has to come of it.
    pub ends: Ends,
    /// What a deferred repair waits for.
    #[serde(default, skip_serializing)]
    pub waits_for: WaitsFor,
    /// The system that the machine passes for.
    #[serde(default = "debian", skip_serializing)]
    pub os: TargetOs,
    /// What a deferred repair waits for, brought about: then it has to be healed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later: Option<String>,
    /// How long it may take to come to its end, where that is longer than for others.
    #[serde(default, skip_serializing)]
    pub patience_s: Option<u64>,
    /// What shows, without Suture, that it is whole again; or, where it has to come to another end, that it has come to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// The same repair by a script that knows what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bare: Option<String>,
    /// It is done in the soak too.
    #[serde(default, skip_serializing)]
    pub soaks: bool,
    /// It needs no kernel, disk or clock of the machine's own, and is done to a container too, where no instruction is translated.
    #[serde(default, skip_serializing)]
    pub contained: bool,
    /// Which other programs can express it, as they are configured here.
    #[serde(default, skip_serializing)]
    pub beside: BTreeSet<Peer>,
    /// What must be as it was: paths with all below them, and `unit:NAME` for its main process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untouched: Vec<String>,
}

impl Fault {
    /// How long it may take to come to its end: a hold-down and a slow machine are in it.
    pub fn patience(&self) -> Duration {
        self.patience_s.map_or(PATIENCE, Duration::from_secs)
    }

    /// Of all by which it is done and judged: a result of another one is none of this one. What is only said of it, or how long it may take, is not in it.
    pub fn digest(&self) -> Result<Digest> {
        serde_json::to_vec(self).map(|bytes| Digest::of(&bytes)).map_err(|e| e.to_string())
    }

    /// Whether the machine loses its power, and its clock begins anew.
    pub fn cuts_power(&self) -> bool {
        !self.power_cut.is_empty() || self.torn.is_some()
    }

    /// Whether it can be done again and again to a machine that goes on: it heals, needs nothing first, and shows that it has healed.
    pub fn soaks(&self) -> bool {
        self.soaks
            && self.ends == Ends::Healed
            && self.prepare.is_none()
            && self.proof.is_some()
            && !self.cuts_power()
    }
}

const fn debian() -> TargetOs {
    TargetOs::Debian
}

/// What a deferred repair waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// The maintenance window.
    #[default]
    Window,
    /// A clock that can be trusted.
    Clock,
}

/// Where a disk is torn.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Torn {
    /// Which, by its name in the lab: `data`.
    pub disk: String,
    /// From this byte on,
    pub from: u64,
    /// so many.
    pub bytes: u64,
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
