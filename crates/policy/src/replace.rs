//! Replacing the policy: the new one is read in memory, the last decisions are replayed under it, and what would change is shown before anything does.

use std::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::builtin::Protected;
use crate::decision::{Answer, DecisionRecord, Reason};
use crate::engine::judge;
use crate::file::{Policy, PolicyError};
use crate::request::Request;

/// How many of the last decisions are replayed.
pub const REPLAYED_MAX: usize = 100;

/// Up to so many breaking changes nobody has to type anything.
pub const BREAKING_WITHOUT_PHRASE: usize = 5;

/// In which direction an answer changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// From allow to deny: a repair that was done would not be done any more.
    Breaking,
    /// Less is allowed, and a person may still allow it; or what a person could allow is denied.
    Stricter,
    /// More is allowed.
    Milder,
}

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Breaking => "breaking",
            Self::Stricter => "stricter",
            Self::Milder => "milder",
        })
    }
}

/// One decision that would be another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What was asked.
    pub request: Request,
    /// What the policy says that is in force.
    pub was: Answer,
    /// What the new one would say.
    pub now: Answer,
    /// Why.
    pub reasons: Vec<Reason>,
    /// In which direction that is.
    pub shift: Shift,
}

/// What is to be typed before a change that breaks much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase(String);

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The phrase was not typed, or another one was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{breaking} decisions would turn from allow to deny; to go on, type: {phrase}")]
pub struct PhraseMissing {
    /// How many changes are breaking.
    pub breaking: usize,
    /// What is to be typed.
    pub phrase: Phrase,
}

/// A new policy that was read and replayed, and is nowhere yet.
#[derive(Debug)]
pub struct Replacement {
    policy: Policy,
    text: String,
    replayed: usize,
    changes: Vec<Change>,
}

/// A new policy that may be put in place: its file is to hold exactly these bytes.
#[derive(Debug)]
pub struct Confirmed {
    policy: Policy,
    text: String,
}

impl Replacement {
    /// Reads `text` as `old` was read, and replays the newest 100 of `decisions` (the oldest first) under both.
    ///
    /// What is compared is what the two policies say by themselves. A token or an extension may have answered then; neither is replayed, so that the
    /// difference is the policy's alone.
    pub fn prepare(
        old: &Policy,
        file: &str,
        text: &str,
        protected: &Protected,
        decisions: &[DecisionRecord],
    ) -> Result<Self, PolicyError> {
        let policy = Policy::parse(file, text, &old.verbs)?;
        let newest = &decisions[decisions.len().saturating_sub(REPLAYED_MAX)..];
        let changes = newest.iter().filter_map(|decision| {
            let request = &decision.request;
            let (was, now) = (judge(old, protected, request), judge(&policy, protected, request));
            let shift = shift(was.answer, now.answer)?;
            let (reasons, request) = (now.reasons(), request.clone());
            Some(Change { request, was: was.answer, now: now.answer, reasons, shift })
        });
        let changes = changes.collect();
        Ok(Self { policy, text: text.to_owned(), replayed: newest.len(), changes })
    }

    /// The new policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How many decisions were replayed.
    pub const fn replayed(&self) -> usize {
        self.replayed
    }

    /// Those that would be others, the oldest first.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// How many of them are breaking.
    pub fn breaking(&self) -> usize {
        self.changes.iter().filter(|change| change.shift == Shift::Breaking).count()
    }

    /// What is to be typed, where more breaks than may break in passing.
    pub fn phrase(&self) -> Option<Phrase> {
        let breaking = self.breaking();
        (breaking > BREAKING_WITHOUT_PHRASE)
            .then(|| Phrase(format!("deny {breaking} of {}", self.policy.name())))
    }

    /// Takes the typed phrase, where one is needed.
    pub fn confirm(self, typed: Option<&str>) -> Result<Confirmed, PhraseMissing> {
        match self.phrase() {
            Some(phrase) if typed != Some(phrase.0.as_str()) => {
                Err(PhraseMissing { breaking: self.breaking(), phrase })
            }
            Some(_) | None => Ok(Confirmed { policy: self.policy, text: self.text }),
        }
    }
}

impl Confirmed {
    /// The bytes that the file is to hold, written durably and renamed into place in one step.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The policy, for [`crate::InForce::of`] once the log says that it holds.
    pub fn into_policy(self) -> Policy {
        self.policy
    }
}

fn shift(was: Answer, now: Answer) -> Option<Shift> {
    match (was, now) {
        (Answer::Allow, Answer::Deny) => Some(Shift::Breaking),
        (Answer::Allow, Answer::Review) | (Answer::Review, Answer::Deny) => Some(Shift::Stricter),
        (Answer::Deny, Answer::Allow | Answer::Review) | (Answer::Review, Answer::Allow) => {
            Some(Shift::Milder)
        }
        (Answer::Allow, Answer::Allow) | (Answer::Review, Answer::Review) | (Answer::Deny, Answer::Deny) => {
            None
        }
    }
}
