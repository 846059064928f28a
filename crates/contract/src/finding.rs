//! Findings: one control on one host is `pass`, `fail`, or `not_assessed` with a reason.

use serde::{Deserialize, Serialize};

use crate::fact::{Absence, FactId, FactValue};
use crate::ids::ControlId;

/// What one control came to. A pass and a fail each carry the value that was seen, so neither can be made from nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// The value meets the expectation.
    Pass(FactValue),
    /// The value does not meet the expectation.
    Fail(FactValue),
    /// The value does not meet the expectation, and a person accepted that until a date.
    Excepted(FactValue),
    /// There was no value to judge.
    NotAssessed(Absence),
}

/// One control on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The control.
    pub control: ControlId,
    /// What was looked at.
    pub fact: FactId,
    /// What it came to.
    pub verdict: Verdict,
}

/// A scan's numbers. The score never stands without its coverage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Controls that passed.
    pub pass: u32,
    /// Controls that failed.
    pub fail: u32,
    /// Controls that failed under an exception in force.
    pub excepted: u32,
    /// Controls that could not be assessed.
    pub not_assessed: u32,
}

impl Tally {
    /// Counts `findings`.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut tally = Self::default();
        for finding in findings {
            match finding.verdict {
                Verdict::Pass(_) => tally.pass += 1,
                Verdict::Fail(_) => tally.fail += 1,
                Verdict::Excepted(_) => tally.excepted += 1,
                Verdict::NotAssessed(_) => tally.not_assessed += 1,
            }
        }
        tally
    }

    /// Controls that were assessed: the score's denominator. An excepted control counts here, and not as a pass.
    pub const fn assessed(self) -> u32 {
        self.pass + self.fail + self.excepted
    }

    /// All controls: the coverage's denominator.
    pub const fn total(self) -> u32 {
        self.assessed() + self.not_assessed
    }
}
