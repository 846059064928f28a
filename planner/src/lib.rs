//! The planner's core: from an incident to a runbook's ID, a cause, or a person, and nothing else.
//!
//! [`consider()`] is a pure function of an incident, of what is around it, and of three files: rule table, baseline, catalogue. It reads no clock, file or
//! randomness, so every decision can be made again from its line ([`replay()`]), and each says why in one line ([`Why`]). Its stages: what follows from
//! something else waits for that ([`coalesce`]); what comes back again and again is not repaired once more ([`flap`]); the rules decide; where they are
//! silent a model may be asked, and where they speak with two voices a person decides. [`plan()`] is the rules' stage alone, by which a site decides while
//! its hub is away. The planner never writes a parameter, a command or a path; those are bound from the failing control by the runbook itself.
#![forbid(unsafe_code)]

pub mod coalesce;
mod consider;
mod decide;
mod fit;
pub mod flap;
pub mod learn;
mod lint;
mod replay;
mod rules;
mod why;

pub use consider::{Case, Considered, Verdict, consider};
pub use decide::{Knowledge, decide, plan};
pub use fit::{Misfit, MisfitError};
pub use lint::{Finding, Flaw, KnownDetector, lint};
pub use replay::{KnowledgeDigests, NoLine, Replayed, line, replay};
pub use rules::{
    Answer, Condition, ConditionFault, Drifts, Hollow, Named, NonEmpty, Rule, RuleCase, RuleId, RulePriority,
    Rules, RulesError, RulesFault, Seen, Short, Signals, Within,
};
pub use why::{About, LINE_MAX, Why};

/// The rule table that is shipped, and the name under which messages speak of it.
pub const SHIPPED: (&str, &str) = ("planner/rules/controls.yaml", include_str!("../rules/controls.yaml"));
