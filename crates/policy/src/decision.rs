//! Answers, with all their reasons; and the gate that gives none out before its record is durable.

use std::fmt;

use contract::digest::Digest;
use contract::time::MonoNs;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::builtin::BuiltIn;
use crate::extension::{ExtensionFault, Verdict};
use crate::path::PathFault;
use crate::request::Request;
use crate::rule::Rule;
use crate::token::Spend;
use crate::word::{Code, RuleId};

/// How many reasons a record holds: it has to fit into one entry of the log.
const REASONS_RECORDED_MAX: usize = 32;

/// What the evaluation comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It may be done.
    Allow,
    /// A person has to look first.
    Review,
    /// It may not be done.
    Deny,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Allow => "allow",
            Self::Review => "review",
            Self::Deny => "deny",
        })
    }
}

/// One reason of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground<'p> {
    /// A built-in rule.
    BuiltIn(BuiltIn),
    /// A capability token.
    Token,
    /// A rule of the policy.
    Rule(&'p Rule),
    /// The extension's word.
    Extension(Verdict),
    /// The extension did not answer.
    ExtensionFailed(ExtensionFault),
    /// Nothing matched.
    NothingMatched,
    /// Nobody knows the verb.
    UnknownVerb,
    /// The path has no one spelling.
    Unplaced(PathFault),
}

/// The same, as it is written down. A rule's own words stay in the policy, which the record names by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A built-in rule.
    BuiltIn(BuiltIn),
    /// A capability token.
    Token,
    /// A rule of the policy.
    Rule(RuleId),
    /// The extension, with its code.
    Extension(Code),
    /// The extension did not answer.
    ExtensionFailed(ExtensionFault),
    /// Nothing matched.
    NothingMatched,
    /// Nobody knows the verb.
    UnknownVerb,
    /// The path has no one spelling.
    Unplaced(PathFault),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(rule) => write!(f, "built in: {rule}"),
            Self::Token => f.write_str("a valid capability token"),
            Self::Rule(id) => write!(f, "rule {id}"),
            Self::Extension(code) => write!(f, "the extension: {code}"),
            Self::ExtensionFailed(fault) => write!(f, "the extension: {fault}"),
            Self::NothingMatched => f.write_str("no rule matched"),
            Self::UnknownVerb => f.write_str("nobody knows the verb"),
            Self::Unplaced(fault) => write!(f, "the path cannot be placed: {fault}"),
        }
    }
}

impl Ground<'_> {
    /// As it is written down; `None` for an abstention, which is no reason.
    fn written(&self) -> Option<Reason> {
        Some(match self {
            Self::BuiltIn(rule) => Reason::BuiltIn(*rule),
            Self::Token => Reason::Token,
            Self::Rule(rule) => Reason::Rule(rule.id().clone()),
            Self::Extension(verdict) => Reason::Extension(verdict.code()?.clone()),
            Self::ExtensionFailed(fault) => Reason::ExtensionFailed(*fault),
            Self::NothingMatched => Reason::NothingMatched,
            Self::UnknownVerb => Reason::UnknownVerb,
            Self::Unplaced(fault) => Reason::Unplaced(*fault),
        })
    }
}

/// What the evaluation came to, with every reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged<'p> {
    pub(crate) answer: Answer,
    /// Never empty.
    pub(crate) grounds: Vec<Ground<'p>>,
}

impl<'p> Judged<'p> {
    pub(crate) fn deny(ground: Ground<'p>) -> Self {
        Self { answer: Answer::Deny, grounds: vec![ground] }
    }

    pub(crate) fn reasons(&self) -> Vec<Reason> {
        self.grounds.iter().filter_map(Ground::written).collect()
    }
}

/// One decision, as the evidence log holds it. From it the question can be asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionRecord {
    /// What was asked.
    pub request: Request,
    /// What was answered.
    pub answer: Answer,
    /// Why: all reasons, up to 32 of them.
    pub reasons: Vec<Reason>,
    /// How many more reasons there were.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_reasons: u64,
    /// The digest of the policy's bytes.
    pub policy: Digest,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Proof that something was written down durably. The executor implements it for what its log hands out after the sync.
pub trait Recorded {
    /// True where exactly this decision is in what was written.
    fn holds(&self, decision: &DecisionRecord) -> bool;
}

/// Why no answer was given.
#[derive(Debug, Error)]
pub enum NotOpened<E> {
    /// The record could not be written.
    #[error("the decision could not be recorded, so there is none")]
    NotRecorded(#[source] E),
    /// Something else was written.
    #[error("what was recorded is another decision, so there is none")]
    OtherRecord,
}

/// A decision that nobody has seen yet. It opens once its record is durable; until then no operation of a token is spent either.
#[derive(Debug)]
#[must_use = "a decision that is not recorded is none"]
pub struct Pending<'p, 't> {
    pub(crate) request: &'p Request,
    pub(crate) policy: Digest,
    pub(crate) judged: Judged<'p>,
    pub(crate) spend: Option<Spend<'t>>,
    pub(crate) at: MonoNs,
}

impl<'p> Pending<'p, '_> {
    /// Hands the record to `write`, and gives the answer out if exactly that record was written.
    pub fn open<P: Recorded, E>(
        self,
        write: impl FnOnce(&DecisionRecord) -> Result<P, E>,
    ) -> Result<Decision<'p>, NotOpened<E>> {
        let Self { request, policy, judged, spend, at } = self;
        let mut reasons = judged.reasons();
        let more_reasons = reasons.len().saturating_sub(REASONS_RECORDED_MAX) as u64;
        reasons.truncate(REASONS_RECORDED_MAX);
        let (request_again, answer) = (request.clone(), judged.answer);
        let record = DecisionRecord { request: request_again, answer, reasons, more_reasons, policy };
        let written = write(&record).map_err(NotOpened::NotRecorded)?;
        if !written.holds(&record) {
            return Err(NotOpened::OtherRecord);
        }
        let Judged { answer, mut grounds } = judged;
        Ok(match answer {
            Answer::Allow => {
                let by_token = spend.is_some();
                if let Some(spend) = spend {
                    spend.one();
                }
                Decision::Allow(Allowed { request, grounds, by_token, at })
            }
            Answer::Review => Decision::Review(grounds),
            // A denial ends the evaluation with its one ground.
            Answer::Deny => Decision::Deny(grounds.swap_remove(0)),
        })
    }
}

/// A recorded decision.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// It may be done, by whoever holds this.
    Allow(Allowed<'a>),
    /// A person has to look first: all reasons.
    Review(Vec<Ground<'a>>),
    /// It may not be done: what denied it.
    Deny(Ground<'a>),
}

impl Decision<'_> {
    /// The answer alone.
    pub const fn answer(&self) -> Answer {
        match self {
            Self::Allow(_) => Answer::Allow,
            Self::Review(_) => Answer::Review,
            Self::Deny(_) => Answer::Deny,
        }
    }
}

/// Proof that the policy allows one access, and that this is on record. There is no other way to one.
#[derive(Debug, PartialEq, Eq)]
pub struct Allowed<'a> {
    request: &'a Request,
    grounds: Vec<Ground<'a>>,
    by_token: bool,
    at: MonoNs,
}

impl<'a> Allowed<'a> {
    /// What is allowed.
    pub const fn request(&self) -> &'a Request {
        self.request
    }

    /// All reasons.
    pub fn grounds(&self) -> &[Ground<'a>] {
        &self.grounds
    }

    /// True where a token skipped the rules.
    pub const fn by_token(&self) -> bool {
        self.by_token
    }

    /// When it was asked.
    pub const fn at(&self) -> MonoNs {
        self.at
    }
}
