//! Runbooks: pre-approved repairs made of typed verbs with a declared inverse, never of shell.

mod catalogue;
mod parameter;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use catalogue::{Approved, Catalogue, CatalogueError, CatalogueFile};
pub use parameter::{Binding, OwnDirectory, Parameter, ParameterFault, ParameterType, ParameterValue};

use crate::ids::{ControlId, ParameterName, RunbookId};

/// What a step does. Each verb has one inverse, and one room in the executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verb {
    /// Give a path its declared mode; the inverse gives back the mode it had.
    #[serde(rename = "file.restore")]
    FileRestore,
    /// Set a kernel parameter; the inverse sets the value it had.
    #[serde(rename = "sysctl.set")]
    SysctlSet,
    /// Restart a unit; the inverse stops it again if it was stopped.
    #[serde(rename = "unit.restart")]
    UnitRestart,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FileRestore => "file.restore",
            Self::SysctlSet => "sysctl.set",
            Self::UnitRestart => "unit.restart",
        })
    }
}

/// A reference to a parameter, written `$name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ParameterRef(pub ParameterName);

impl TryFrom<String> for ParameterRef {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        let name =
            s.strip_prefix('$').ok_or_else(|| format!("{s:?} must be `$` and the name of a parameter"))?;
        name.parse().map(Self).map_err(|e: crate::ids::BadId| e.to_string())
    }
}

impl From<ParameterRef> for String {
    fn from(r: ParameterRef) -> String {
        format!("${}", r.0)
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Step {
    /// [`Verb::FileRestore`].
    #[serde(rename = "file.restore")]
    FileRestore {
        /// An own directory or a path.
        target: ParameterRef,
        /// The mode it is to have.
        mode: ParameterRef,
    },
    /// [`Verb::SysctlSet`].
    #[serde(rename = "sysctl.set")]
    SysctlSet {
        /// A kernel parameter.
        key: ParameterRef,
        /// A number.
        value: ParameterRef,
    },
    /// [`Verb::UnitRestart`].
    #[serde(rename = "unit.restart")]
    UnitRestart {
        /// A unit.
        unit: ParameterRef,
    },
}

impl Step {
    /// Its verb.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::FileRestore { .. } => Verb::FileRestore,
            Self::SysctlSet { .. } => Verb::SysctlSet,
            Self::UnitRestart { .. } => Verb::UnitRestart,
        }
    }

    /// The parameters it uses.
    pub fn references(&self) -> Vec<&ParameterName> {
        match self {
            Self::FileRestore { target, mode } => vec![&target.0, &mode.0],
            Self::SysctlSet { key, value } => vec![&key.0, &value.0],
            Self::UnitRestart { unit } => vec![&unit.0],
        }
    }
}

/// Whether a person must agree before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Nobody need be asked.
    None,
    /// One person.
    OnePerson,
    /// Two different people.
    TwoPeople,
}

/// Which systems it is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetOs {
    /// Any Linux.
    Linux,
}

/// A runbook. The verification is always the control that failed, and the rollback always the inverse of the steps that ran, last first:
/// neither can be chosen by whoever writes a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runbook {
    /// `RB-<AREA>-<NNN>-<slug>`, the same as its file's name.
    pub id: RunbookId,
    /// Counted up with every change.
    pub version: u32,
    /// In plain words.
    pub title: String,
    /// Paragraphs of 45 CFR.
    pub citations: Vec<String>,
    /// The controls that it may repair. Never empty.
    pub triggers: Vec<ControlId>,
    /// Which systems it is written for.
    pub target_os: TargetOs,
    /// True where somebody at the clinic would notice.
    pub disruptive: bool,
    /// Not again on the same target for so long.
    pub cooldown_ms: u64,
    /// Who must agree.
    pub approval: Approval,
    /// The verbs that it may use. A step with another verb is refused when the catalogue is read.
    pub permissions: Vec<Verb>,
    /// What it is told, with types and bindings.
    pub parameters: BTreeMap<ParameterName, Parameter>,
    /// What it does, in order. Never empty.
    pub steps: Vec<Step>,
    /// How long the check must go on passing before the run counts as healed.
    pub hold_down_ms: u64,
    /// The longest that the steps together may take.
    pub time_limit_ms: u64,
}
