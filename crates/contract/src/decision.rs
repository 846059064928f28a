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
    /// What is found here comes back again and again: something undoes the repair, and a further one would only feed that.
    Flapping,
    /// No rule speaks of it, and no approved runbook could be made to fit it: there was nothing that a model could have been asked.
    NothingFits,
    /// A model was asked and named a person itself.
    ModelDeclined,
    /// A model was asked and was less sure than the tenant asks for.
    ModelUnsure,
    /// A model was asked, and what came back is not an answer to that question.
    ModelAstray,
    /// A model was to be asked and did not answer in time, or could not be reached.
    ModelSilent,
    /// A model was to be asked, and what the tenant may spend on that is spent.
    ModelBudget,
    /// An order waited for people, and one of them said no.
    Declined(Because),
}

impl Escalation {
    /// The same for people, after "a person: ".
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoRule => "no rule speaks of it",
            Self::ByRule => "a rule has it so",
            Self::RunbookMissing => "a rule names a runbook that the catalogue does not hold",
            Self::RulesDisagree => "rules disagree",
            Self::Flapping => "it comes back again and again after it was repaired",
            Self::NothingFits => "no rule speaks of it, and no approved runbook fits it",
            Self::ModelDeclined => "a model was asked and chose a person",
            Self::ModelUnsure => "a model was asked and was not sure enough",
            Self::ModelAstray => "a model was asked and answered something else",
            Self::ModelSilent => "a model was to be asked and did not answer",
            Self::ModelBudget => "a model was to be asked, and its budget is spent",
            Self::Declined(_) => "the order was declined",
        }
    }
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
    /// A model, which was shown typed fields and the names of what it could choose from. Question and answer are kept by their digests.
    Model(Asked),
    /// A named person.
    Person(crate::ids::OperatorId),
}

/// A question to a model and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The rule table that did not speak of it.
    pub table: Digest,
    /// Which model, as the hub's configuration calls it.
    pub model: crate::ids::ModelId,
    /// The digest of the question's bytes.
    pub prompt: Digest,
    /// The digest of the answer's bytes; none where nothing came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Digest>,
    /// How sure it said it was, of a hundred; none where it said nothing that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
}
