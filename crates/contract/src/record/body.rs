//! What a record says happened, by kind; the details of what happens to machines. Those about the log itself are in `log`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::blob::Blob;
use crate::decision::Provenance;
use crate::digest::Digest;
use crate::fact::{Absence, FactValue, FileMode};
use crate::finding::{Finding, Tally};
use crate::ids::{ControlId, IncidentId, OrderId, RunbookId};
use crate::outcome::Outcome;
use crate::refusal::{Guardrail, Refusal};
use crate::runbook::{ParameterValue, Verb};

use super::log::{Gap, KeyNamed, KeyTaken, Opened, Recovered, Restored, Standing};

/// The kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The log was opened.
    Opened,
    /// Findings were taken over from the agent.
    Findings,
    /// An order passed all guardrails.
    Accepted,
    /// An order was not carried out.
    Refused,
    /// A step is about to act.
    Intent,
    /// A run ended.
    Ended,
    /// The executor came back after it was interrupted.
    Recovered,
    /// Where the executor stands: replay may begin here.
    Standing,
    /// Something was not observed or not kept.
    Gap,
    /// Entries were fetched back from the mirror.
    Restored,
    /// The key in force names the next one.
    KeyNamed,
    /// The next key takes over.
    KeyTaken,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// [`Kind::Opened`].
    Opened(Opened),
    /// [`Kind::Findings`].
    Findings(FindingsTaken),
    /// [`Kind::Accepted`].
    Accepted(Box<Accepted>),
    /// [`Kind::Refused`], with its outcome.
    Refused(Outcome, Refused),
    /// [`Kind::Intent`].
    Intent(Intent),
    /// [`Kind::Ended`], with its outcome.
    Ended(Outcome, Ended),
    /// [`Kind::Recovered`].
    Recovered(Recovered),
    /// [`Kind::Standing`].
    Standing(Standing),
    /// [`Kind::Gap`].
    Gap(Gap),
    /// [`Kind::Restored`].
    Restored(Restored),
    /// [`Kind::KeyNamed`].
    KeyNamed(KeyNamed),
    /// [`Kind::KeyTaken`].
    KeyTaken(KeyTaken),
}

/// Why findings were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The whole baseline was looked at.
    FullScan,
    /// Something changed, and what depends on it was looked at again.
    Change,
}

/// Findings as the agent reports them: the record attributes them to the agent, not to the executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingsTaken {
    /// Why they were taken.
    pub trigger: Trigger,
    /// Which part of a long list this record is, from 1.
    pub part: u32,
    /// Of how many.
    pub parts: u32,
    /// The numbers of the whole list.
    pub tally: Tally,
    /// This part of the list.
    pub findings: Vec<Finding>,
}

/// An order that passed all guardrails. It holds the signed bytes, so that anyone with the hub's key can check the authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The order.
    pub order: OrderId,
    /// What it answers.
    pub incident: IncidentId,
    /// The failing control.
    pub control: ControlId,
    /// The runbook.
    pub runbook: RunbookId,
    /// The target, as bound.
    pub target: Vec<ParameterValue>,
    /// The order's counter: no lower one is ever accepted again.
    pub counter: u64,
    /// Who or what chose the runbook.
    pub provenance: Provenance,
    /// The guardrails that were asked and passed, in order.
    pub guardrails: Vec<Guardrail>,
    /// What the executor itself saw before it acted.
    pub measured: FactValue,
    /// The DSSE envelope, as it came.
    pub envelope: Blob,
}

/// An order that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The order, where the bytes were worth reading: nothing unsigned is quoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// What it would have answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The runbook that would have run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook: Option<RunbookId>,
    /// Its counter, where guardrail 2 accepted it: spent all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counter: Option<u64>,
    /// The digest of the envelope as it came.
    pub envelope: Digest,
    /// Why.
    pub refusal: Refusal,
}

/// What a step is about to do, written before it does it, with what it needs to undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The run's order.
    pub order: OrderId,
    /// Which step, from 0.
    pub step: u32,
    /// What it does.
    pub verb: Verb,
    /// To what.
    pub target: ParameterValue,
    /// How things stood.
    pub before: Before,
}

/// How things stood before a step, so that they can stand like that again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Before {
    /// The mode of one particular file or directory.
    FileMode {
        /// Its mode.
        mode: FileMode,
        /// Its device number. Undo touches this very inode or nothing.
        device: u64,
        /// Its inode number.
        inode: u64,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The run's order.
    pub order: OrderId,
    /// What it answers.
    pub incident: IncidentId,
    /// The control that was measured.
    pub control: ControlId,
    /// What the last measurement saw: for `healed`, the observation that closes the incident.
    pub resolution: Resolution,
    /// True where the run was taken up again after an interruption.
    pub resumed: bool,
    /// From the accepted order to the end of the steps, in milliseconds.
    pub acted_ms: u64,
    /// From the end of the steps to the end of the hold-down, in milliseconds.
    pub verified_ms: u64,
}

/// What the last measurement of a run saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Resolution {
    /// The check passed.
    Passes(FactValue),
    /// The check failed.
    Fails(FactValue),
    /// The check could not be measured.
    NotMeasured(Absence),
}

impl Body {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Opened(_) => Kind::Opened,
            Self::Findings(_) => Kind::Findings,
            Self::Accepted(_) => Kind::Accepted,
            Self::Refused(..) => Kind::Refused,
            Self::Intent(_) => Kind::Intent,
            Self::Ended(..) => Kind::Ended,
            Self::Recovered(_) => Kind::Recovered,
            Self::Standing(_) => Kind::Standing,
            Self::Gap(_) => Kind::Gap,
            Self::Restored(_) => Kind::Restored,
            Self::KeyNamed(_) => Kind::KeyNamed,
            Self::KeyTaken(_) => Kind::KeyTaken,
        }
    }

    pub(super) fn to_parts(&self) -> Result<(Kind, Option<Outcome>, Value), serde_json::Error> {
        let (outcome, details) = match self {
            Self::Opened(d) => (None, serde_json::to_value(d)?),
            Self::Findings(d) => (None, serde_json::to_value(d)?),
            Self::Accepted(d) => (None, serde_json::to_value(d)?),
            Self::Refused(o, d) => (Some(*o), serde_json::to_value(d)?),
            Self::Intent(d) => (None, serde_json::to_value(d)?),
            Self::Ended(o, d) => (Some(*o), serde_json::to_value(d)?),
            Self::Recovered(d) => (None, serde_json::to_value(d)?),
            Self::Standing(d) => (None, serde_json::to_value(d)?),
            Self::Gap(d) => (None, serde_json::to_value(d)?),
            Self::Restored(d) => (None, serde_json::to_value(d)?),
            Self::KeyNamed(d) => (None, serde_json::to_value(d)?),
            Self::KeyTaken(d) => (None, serde_json::to_value(d)?),
        };
        Ok((self.kind(), outcome, details))
    }

    pub(super) fn from_parts(kind: Kind, outcome: Option<Outcome>, details: Value) -> Result<Self, String> {
        fn read<T: serde::de::DeserializeOwned>(details: Value) -> Result<T, String> {
            serde_json::from_value(details).map_err(|e| e.to_string())
        }
        match (kind, outcome) {
            (Kind::Opened, None) => read(details).map(Self::Opened),
            (Kind::Findings, None) => read(details).map(Self::Findings),
            (Kind::Accepted, None) => read(details).map(|d| Self::Accepted(Box::new(d))),
            (Kind::Refused, Some(o)) => read(details).map(|d| Self::Refused(o, d)),
            (Kind::Intent, None) => read(details).map(Self::Intent),
            (Kind::Ended, Some(o)) => read(details).map(|d| Self::Ended(o, d)),
            (Kind::Recovered, None) => read(details).map(Self::Recovered),
            (Kind::Standing, None) => read(details).map(Self::Standing),
            (Kind::Gap, None) => read(details).map(Self::Gap),
            (Kind::Restored, None) => read(details).map(Self::Restored),
            (Kind::KeyNamed, None) => read(details).map(Self::KeyNamed),
            (Kind::KeyTaken, None) => read(details).map(Self::KeyTaken),
            (Kind::Refused | Kind::Ended, None) => Err("a record of this kind has an outcome".to_owned()),
            (
                Kind::Opened
                | Kind::Findings
                | Kind::Accepted
                | Kind::Intent
                | Kind::Recovered
                | Kind::Standing
                | Kind::Gap
                | Kind::Restored
                | Kind::KeyNamed
                | Kind::KeyTaken,
                Some(_),
            ) => Err("a record of this kind has no outcome".to_owned()),
        }
    }
}
