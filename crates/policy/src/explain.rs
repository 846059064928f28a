//! Why the answer is what it is: the phase that ended it, and what each rule did.

use serde::Serialize;

use crate::builtin::Protected;
use crate::decision::{Answer, Ground, Reason};
use crate::engine::{first, judge};
use crate::file::Policy;
use crate::request::Request;
use crate::rule::{Effect, RuleAnswer};
use crate::word::RuleId;

/// Where an evaluation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The question itself: a path that cannot be placed, a verb that nobody knows.
    Question,
    /// The built-ins.
    BuiltIns,
    /// A rule that denies.
    Rules,
    /// After all rules: any review, else any allow, else deny.
    Sum,
}

/// What one rule did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleSaid {
    /// Which.
    pub rule: RuleId,
    /// Where it stands in its file.
    pub line: u64,
    /// What it answers where it does.
    pub answer: RuleAnswer,
    /// What it did here.
    pub effect: Effect,
    /// Why there is such a rule.
    pub why: String,
}

/// An answer, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The answer.
    pub answer: Answer,
    /// Where it ended.
    pub phase: Phase,
    /// Its reasons.
    pub reasons: Vec<Reason>,
    /// All rules, by id; none where they were not asked.
    pub rules: Vec<RuleSaid>,
}

impl Policy {
    /// What this policy says of `request` by itself, without token and extension, and why.
    pub fn explain(&self, protected: &Protected, request: &Request) -> Explanation {
        let judged = judge(self, protected, request);
        let phase = match judged.grounds.first() {
            Some(Ground::UnknownVerb | Ground::Unplaced(_)) => Phase::Question,
            Some(Ground::BuiltIn(rule)) if !rule.allows() => Phase::BuiltIns,
            Some(Ground::Rule(rule)) if rule.answer() == RuleAnswer::Deny => Phase::Rules,
            Some(
                Ground::BuiltIn(_)
                | Ground::Token
                | Ground::Rule(_)
                | Ground::Extension(_)
                | Ground::ExtensionFailed(_)
                | Ground::NothingMatched,
            )
            | None => Phase::Sum,
        };
        let rules = match first(self, protected, request) {
            Err(_) => Vec::new(),
            Ok((verb, _)) => self
                .rules
                .iter()
                .map(|rule| RuleSaid {
                    rule: rule.id().clone(),
                    line: rule.line(),
                    answer: rule.answer(),
                    effect: rule.effect(verb, request),
                    why: rule.why().to_owned(),
                })
                .collect(),
        };
        Explanation { answer: judged.answer, phase, reasons: judged.reasons(), rules }
    }
}
