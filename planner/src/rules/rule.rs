//! One rule: for which systems, how strong, of what it speaks, what it answers, and the cases that show it.

use contract::ids::RunbookId;
use contract::incident::What;
use contract::runbook::TargetOs;
use serde::{Deserialize, Serialize};

use super::case::RuleCase;
use super::condition::Condition;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name in decisions: lower-case letters, digits and dashes.
    pub id: RuleId,
    /// For which systems it speaks. Always written out: a rule for every Linux says `linux`.
    pub os: TargetOs,
    /// Which rule is heard where several speak.
    pub priority: RulePriority,
    /// What it speaks of.
    pub when: Condition,
    /// The cases that show it, each with its line.
    pub(crate) tests: Vec<(u64, RuleCase)>,
    pub(super) answer: OwnAnswer,
}

/// What a rule answers, as the rule itself keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OwnAnswer {
    Run(RunbookId),
    Person(String),
}

/// What a rule answers: one of the two, never neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Order this runbook.
    Run(&'a RunbookId),
    /// Hand it to a person, for this reason.
    Person(&'a str),
}

impl Rule {
    /// What it answers.
    pub fn answer(&self) -> Answer<'_> {
        match &self.answer {
            OwnAnswer::Run(runbook) => Answer::Run(runbook),
            OwnAnswer::Person(why) => Answer::Person(why),
        }
    }

    /// Whether it speaks of `what` on a host of this system.
    pub fn matches(&self, what: &What, os: TargetOs) -> bool {
        serves(self.os, os) && self.when.matches(what)
    }

    /// Two runbooks, or a runbook and a person. Two reasons for a person are one answer.
    pub(crate) fn disagrees(&self, other: &Self) -> bool {
        match (self.answer(), other.answer()) {
            (Answer::Run(one), Answer::Run(other)) => one != other,
            (Answer::Person(_), Answer::Person(_)) => false,
            (Answer::Run(_), Answer::Person(_)) | (Answer::Person(_), Answer::Run(_)) => true,
        }
    }
}

/// Whether what is written for `written` holds on a host of `host`: what is for any Linux holds everywhere.
pub(crate) fn serves(written: TargetOs, host: TargetOs) -> bool {
    match written {
        TargetOs::Linux => true,
        TargetOs::Debian | TargetOs::Nixos => written == host,
    }
}

/// The word of a system, as files have it.
pub(crate) const fn os_word(os: TargetOs) -> &'static str {
    match os {
        TargetOs::Linux => "linux",
        TargetOs::Debian => "debian",
        TargetOs::Nixos => "nixos",
    }
}

/// Every system.
pub(crate) const SYSTEMS: [TargetOs; 3] = [TargetOs::Linux, TargetOs::Debian, TargetOs::Nixos];

/// Which rule is heard where several speak: 1 to 1000, and the higher wins. The shipped rules have 100, rules that were learnt have 50.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct RulePriority(u16);

impl RulePriority {
    /// What rules that were learnt have: less than any that a person wrote.
    pub const LEARNT: Self = Self(50);
}

impl TryFrom<u16> for RulePriority {
    type Error = &'static str;
    fn try_from(n: u16) -> Result<Self, Self::Error> {
        if (1..=1000).contains(&n) {
            Ok(Self(n))
        } else {
            Err("a rule's priority is a number from 1 to 1000")
        }
    }
}

impl From<RulePriority> for u16 {
    fn from(p: RulePriority) -> u16 {
        p.0
    }
}

impl std::fmt::Display for RulePriority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A rule's name. It has the grammar of a tenant's: short, lower-case, printable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleId(String);

impl RuleId {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RuleId {
    type Error = &'static str;
    fn try_from(s: String) -> Result<Self, Self::Error> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=40).contains(&s.len()) && !s.starts_with('-') && s.bytes().all(plain);
        if fits {
            Ok(Self(s))
        } else {
            Err("a rule's id has 1 to 40 of a-z, 0-9 and -, and does not begin with -")
        }
    }
}

impl From<RuleId> for String {
    fn from(id: RuleId) -> String {
        id.0
    }
}

impl std::fmt::Display for RuleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}
