//! Runbooks: pre-approved repairs made of typed verbs with a declared inverse, never of shell.

mod action;
mod catalogue;
mod lint;
mod parameter;
mod step;
mod terms;
mod verb;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use action::{
    Action, CertRenew, CommandRun, FileRestore, FileTarget, FilesPrune, ProcessLimit, RestoreTest,
    SandboxProfile, Validator,
};
pub use catalogue::{Approved, Catalogue, CatalogueError, CatalogueFile};
pub use lint::{BoundsFault, RunbookFault};
pub use parameter::{Binding, OwnDirectory, Parameter, ParameterFault, ParameterType, ParameterValue};
pub use step::{Field, FileRestoreStep, Given, Step, UnitStep, Unresolved, Values};
pub use terms::{
    Approval, Confinement, EvidenceField, Precondition, Priority, Rollback, TargetOs, Verification,
    VerifiedBy, WhenUrgent,
};
pub use verb::{Inverse, Verb};

use crate::ids::{ControlId, ParameterName, RunbookId};

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
    /// How urgent it is.
    pub priority: Priority,
    /// What an urgent run may do to it.
    pub when_urgent: WhenUrgent,
    /// Runbooks that, where they run or wait on this machine, are to end well before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<RunbookId>,
    /// What the kernel must offer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confinement: Vec<Confinement>,
    /// The verbs that it may use. A step with another verb is refused when the catalogue is read.
    pub permissions: Vec<Verb>,
    /// What it is told, with types and bindings.
    #[serde(default)]
    pub parameters: BTreeMap<ParameterName, Parameter>,
    /// What must hold before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preconditions: Vec<Precondition>,
    /// What it does, in order. Never empty.
    pub steps: Vec<Step>,
    /// What proves the repair. A runbook without it is refused.
    pub verification: Option<Verification>,
    /// What happens to a repair that did not hold. None is refused where the runbook is disruptive.
    pub rollback: Option<Rollback>,
    /// What the end says beside the outcome. Never empty.
    pub evidence: Vec<EvidenceField>,
    /// How long the check must go on passing before the run counts as healed.
    pub hold_down_ms: u64,
    /// The longest that the steps together may take.
    pub time_limit_ms: u64,
    /// A person is told where the run has not ended so long after it was accepted.
    pub escalate_after_ms: u64,
}

impl Runbook {
    /// Every control that it names, beside those that trigger it: a name that no baseline has would only be found when a run needs it.
    pub fn named_controls(&self) -> Vec<&ControlId> {
        let asked = self.preconditions.iter().filter_map(|precondition| match precondition {
            Precondition::Passes(control) => Some(control),
            Precondition::Exists(_)
            | Precondition::UnitKnown(_)
            | Precondition::FreeMb { .. }
            | Precondition::Fuller { .. } => None,
        });
        let proven = self.verification.iter().flat_map(|verification| &verification.also);
        let looked_at = self.steps.iter().filter_map(Step::looks_at);
        asked.chain(proven).chain(looked_at).collect()
    }

    /// Every step with its fields known.
    pub fn actions(&self, values: &Values) -> Result<Vec<Action>, Unresolved> {
        self.steps.iter().map(|step| step.resolve(values)).collect()
    }
}
