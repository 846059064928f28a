//! Decisions: a runbook's ID and nothing else, or `escalate`, with where it came from.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::RunbookId;

/// What the planner answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// What to do.
    pub choice: Choice,
    /// Who or what chose.
    pub provenance: Provenance,
}

/// What to do about an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Choice {
    /// Order this runbook.
    Run(RunbookId),
    /// Hand it to a person.
    Escalate(Escalation),
}

/// Why a person has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Escalation {
    /// No rule speaks of this control or detector.
    NoRule,
    /// A rule hands it to a person.
    ByRule,
    /// A rule names a runbook that the catalogue does not hold.
    RunbookMissing,
    /// More than one rule matched and they disagree.
    RulesDisagree,
    /// An order waited for people, and one of them said no.
    Declined(Because),
}

/// Why a person says no to an order that waits for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// It would come at a bad time.
    NotNow,
    /// It is not the repair for what is wrong.
    NotThis,
    /// Somebody repairs it by hand.
    ByHand,
}

impl Because {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NotNow, Self::NotThis, Self::ByHand];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotNow => "not-now",
            Self::NotThis => "not-this",
            Self::ByHand => "by-hand",
        }
    }

    /// The same for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotNow => "it would come at a bad time",
            Self::NotThis => "it is not the repair for what is wrong",
            Self::ByHand => "somebody repairs it by hand",
        }
    }
}

/// Where a decision came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Provenance {
    /// The rule table.
    Rules {
        /// The digest of the table's bytes.
        table: Digest,
        /// The rule that matched; none where none did.
        rule: Option<String>,
    },
    /// A named person.
    Person(crate::ids::OperatorId),
}
