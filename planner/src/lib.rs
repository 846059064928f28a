//! The planner's core: from an incident to a runbook's ID, and nothing else.
//!
//! [`plan()`] is a pure function of what was found, the rule table, the baseline and the catalogue. It reads no clock, file or randomness, so every decision can
//! be made again from the log: the provenance names the digest of the table's bytes and the rule that matched. The planner never writes a parameter,
//! a command or a path; those are bound from the failing control by the runbook itself. Where the rules are silent, or speak with two voices, a
//! person decides.
#![forbid(unsafe_code)]

mod decide;
mod fit;
mod rules;

pub use decide::{decide, plan};
pub use fit::{Misfit, MisfitError};
pub use rules::{Answer, Condition, NonEmpty, Rule, RuleId, Rules, RulesError, RulesFault};

/// The rule table that is shipped, and the name under which messages speak of it.
pub const SHIPPED: (&str, &str) = ("planner/rules/controls.yaml", include_str!("../rules/controls.yaml"));
