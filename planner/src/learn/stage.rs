//! How a proposal becomes a rule: proposed, approved by another person, tried on one site, everywhere, and retired by itself where it does worse.
//!
//! Each stage is a type that only the one before it can become. None can be copied, read from a file or made up: whoever keeps a proposal keeps its
//! [`Step`]s, and [`resume`] goes through them again, with every check.

use contract::ids::OperatorId;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Adopt, Figures, Place, Rehearsal, Retire};

/// A rule that is tried, or holds, is judged after so many runs.
pub const JUDGED_RUNS: u32 = 5;
/// It does worse where its share is so many of a hundred below what it rests on,
pub const WORSE_PERCENT: u32 = 10;
/// and with so many failures that is said before enough runs are together.
pub const FAILURES: u32 = 2;

/// Who proposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proposer {
    /// The planner, by the figures.
    Planner,
    /// A person.
    Person(OperatorId),
}

/// What is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proposal {
    /// A new rule.
    Adopt(Adopt),
    /// The end of a rule.
    Retire(Retire),
}

/// Something is proposed. Nothing has changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Proposed {
    proposal: Proposal,
    by: Proposer,
    rehearsal: Rehearsal,
}

/// A person who did not propose it agreed.
#[derive(Debug, PartialEq, Eq)]
pub struct Approved {
    proposal: Proposal,
    by: OperatorId,
}

/// A new rule holds on one site.
#[derive(Debug, PartialEq, Eq)]
pub struct Canary {
    adopted: Adopt,
    place: Place,
}

/// A new rule holds everywhere.
#[derive(Debug, PartialEq, Eq)]
pub struct Everywhere {
    adopted: Adopt,
}

/// A rule holds nowhere any more.
#[derive(Debug, PartialEq, Eq)]
pub struct Retired {
    /// Which rule.
    pub rule: crate::RuleId,
    /// By what.
    pub figures: Figures,
}

/// Why a step is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotTaken {
    /// Nobody approves what they proposed.
    #[error("{0} proposed it: another person has to approve it")]
    SelfApproved(OperatorId),
    /// The step belongs to another stage.
    #[error("this step does not follow from where the proposal stands")]
    OutOfTurn,
}

impl Proposed {
    /// A proposal, with what it would have done.
    pub const fn new(proposal: Proposal, by: Proposer, rehearsal: Rehearsal) -> Self {
        Self { proposal, by, rehearsal }
    }

    /// What is proposed.
    pub const fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// What it would have done with what was.
    pub const fn rehearsal(&self) -> &Rehearsal {
        &self.rehearsal
    }

    /// A named person agrees, who is not the one who proposed it. A refusal ends nothing: its steps still lead here ([`resume`]).
    pub fn approve(self, by: OperatorId) -> Result<Approved, NotTaken> {
        match &self.by {
            Proposer::Person(proposer) if *proposer == by => Err(NotTaken::SelfApproved(by)),
            Proposer::Person(_) | Proposer::Planner => Ok(Approved { proposal: self.proposal, by }),
        }
    }
}

impl Approved {
    /// Who agreed.
    pub const fn by(&self) -> &OperatorId {
        &self.by
    }

    /// A new rule is tried on one site. A rule that is to go does not have to be: without it a person is asked.
    pub fn begin(self, place: Place) -> Stage {
        match self.proposal {
            Proposal::Adopt(adopted) => Stage::Canary(Canary { adopted, place }),
            Proposal::Retire(Retire { rule, figures }) => Stage::Retired(Retired { rule, figures }),
        }
    }
}

/// How `measured` compares with what a rule rests on: none where nothing can be said yet.
fn is_worse(before: &Figures, measured: &Figures) -> Option<bool> {
    // healed/tried < before's share less the allowance, without dividing.
    let (healed, tried) = (u64::from(measured.healed), u64::from(measured.tried));
    let (b_healed, b_tried) = (u64::from(before.healed), u64::from(before.tried));
    let floor = (100 * b_healed).saturating_sub(u64::from(WORSE_PERCENT) * b_tried);
    let below = 100 * healed * b_tried < floor * tried;
    let failures = tried.saturating_sub(healed);
    if below && failures >= u64::from(FAILURES) {
        Some(true)
    } else if tried >= u64::from(JUDGED_RUNS) {
        Some(below)
    } else {
        None
    }
}

impl Canary {
    /// Whether the rule holds there.
    pub fn holds_at(&self, place: &Place) -> bool {
        self.place == *place
    }

    /// What it is about.
    pub const fn adopted(&self) -> &Adopt {
        &self.adopted
    }

    /// Judges it by its runs on the one site.
    pub fn judge(self, measured: Figures) -> Stage {
        match is_worse(&self.adopted.figures, &measured) {
            None => Stage::Canary(self),
            Some(false) => Stage::Everywhere(Everywhere { adopted: self.adopted }),
            Some(true) => Stage::Retired(Retired { rule: self.adopted.rule, figures: measured }),
        }
    }
}

impl Everywhere {
    /// What it is about.
    pub const fn adopted(&self) -> &Adopt {
        &self.adopted
    }

    /// Judges it by its runs since it holds everywhere.
    pub fn judge(self, measured: Figures) -> Stage {
        match is_worse(&self.adopted.figures, &measured) {
            None | Some(false) => Stage::Everywhere(self),
            Some(true) => Stage::Retired(Retired { rule: self.adopted.rule, figures: measured }),
        }
    }
}

/// A step, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// A person agreed.
    Approved {
        /// Who.
        by: OperatorId,
        /// When.
        at: UtcTime,
    },
    /// It began: a new rule on this site.
    Began {
        /// Where.
        place: Place,
        /// When.
        at: UtcTime,
    },
    /// Its runs were judged.
    Measured {
        /// What they came to.
        figures: Figures,
        /// When.
        at: UtcTime,
    },
}

/// Where a proposal stands.
#[derive(Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing has changed.
    Proposed(Proposed),
    /// A person agreed.
    Approved(Approved),
    /// It holds on one site.
    Canary(Canary),
    /// It holds everywhere.
    Everywhere(Everywhere),
    /// It holds nowhere.
    Retired(Retired),
}

impl Stage {
    /// Takes one step.
    pub fn take(self, step: &Step) -> Result<Self, NotTaken> {
        match (self, step) {
            (Self::Proposed(proposed), Step::Approved { by, at: _ }) => {
                proposed.approve(by.clone()).map(Self::Approved)
            }
            (Self::Approved(approved), Step::Began { place, at: _ }) => Ok(approved.begin(place.clone())),
            (Self::Canary(canary), Step::Measured { figures, at: _ }) => Ok(canary.judge(figures.clone())),
            (Self::Everywhere(everywhere), Step::Measured { figures, at: _ }) => {
                Ok(everywhere.judge(figures.clone()))
            }
            (
                Self::Proposed(_)
                | Self::Approved(_)
                | Self::Canary(_)
                | Self::Everywhere(_)
                | Self::Retired(_),
                Step::Approved { .. } | Step::Began { .. } | Step::Measured { .. },
            ) => Err(NotTaken::OutOfTurn),
        }
    }
}

/// Goes through the steps of a proposal again.
pub fn resume(proposed: Proposed, steps: &[Step]) -> Result<Stage, NotTaken> {
    steps.iter().try_fold(Stage::Proposed(proposed), Stage::take)
}
