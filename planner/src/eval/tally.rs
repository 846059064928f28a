//! How often what came out: counts, and shares that are never without their denominator.

use std::fmt;

use serde::Serialize;

/// What became of one labelled incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The right runbook was chosen.
    Right,
    /// Another was chosen that does no harm.
    Acceptable,
    /// A runbook was chosen that is neither, or any where a person must look.
    WrongAction,
    /// It went to a person, and a runbook was right.
    Missed,
    /// It went to a person, and that was right.
    RightlyEscalated,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The numerator.
    pub part: u32,
    /// The denominator.
    pub of: u32,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, of } = self;
        f.pad(&if *of == 0 {
            "0 of 0".to_owned()
        } else {
            format!("{part} of {of} ({:.1} %)", 100.0 * f64::from(*part) / f64::from(*of))
        })
    }
}

/// How many of each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// [`Outcome::Right`].
    pub right: u32,
    /// [`Outcome::Acceptable`].
    pub acceptable: u32,
    /// [`Outcome::WrongAction`].
    pub wrong_action: u32,
    /// [`Outcome::Missed`].
    pub missed: u32,
    /// [`Outcome::RightlyEscalated`].
    pub rightly_escalated: u32,
}

impl Tally {
    pub(super) fn count(&mut self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Right => &mut self.right,
            Outcome::Acceptable => &mut self.acceptable,
            Outcome::WrongAction => &mut self.wrong_action,
            Outcome::Missed => &mut self.missed,
            Outcome::RightlyEscalated => &mut self.rightly_escalated,
        };
        *counter += 1;
    }

    /// All of them.
    pub const fn all(&self) -> u32 {
        self.right + self.acceptable + self.wrong_action + self.missed + self.rightly_escalated
    }

    /// How many were answered with what is labelled right, runbook or person.
    pub const fn accuracy(&self) -> Share {
        Share { part: self.right + self.rightly_escalated, of: self.all() }
    }

    /// How many were answered with a runbook that is neither right nor acceptable: the figure that matters.
    pub const fn wrong_actions(&self) -> Share {
        Share { part: self.wrong_action, of: self.all() }
    }

    /// How many went to a person, rightly or not.
    pub const fn escalated(&self) -> Share {
        Share { part: self.missed + self.rightly_escalated, of: self.all() }
    }

    /// How many of those that went to a person could have been repaired.
    pub const fn escalated_needlessly(&self) -> Share {
        Share { part: self.missed, of: self.missed + self.rightly_escalated }
    }
}
