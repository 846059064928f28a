//! How well something picks runbooks: any planner is asked about labelled incidents, and what it answers is counted.
//!
//! Pure: the set, the baseline and a closure go in, figures come out. Whatever picks fits the closure: the rules ([`crate::plan`]), term similarity
//! ([`crate::similarity`]), a model. The figure that matters is the rate of wrong actions; handing too much to people costs their time, a wrong runbook
//! costs the clinic. **Not here:** what an answer cost and how long it took, which whoever asks a model measures; and the stages around the rules
//! ([`crate::consider()`]), since a labelled incident stands alone.

mod set;
mod tally;

use std::collections::BTreeMap;

use contract::baseline::{Baseline, Severity};
use contract::decision::Choice;
use contract::incident::What;
use contract::runbook::TargetOs;
use serde::Serialize;

use crate::rules::os_word;

pub use set::{Label, Labelled, LabelledSet, Pick, SetError, SetFault};
pub use tally::{Outcome, Share, Tally};

/// What was answered to one labelled incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// Its line in the set.
    pub line: u64,
    /// What it is called there.
    pub id: String,
    /// What the label says.
    pub right: Pick,
    /// What was picked.
    pub picked: Pick,
    /// What that comes to.
    pub outcome: Outcome,
}

/// A cell of the confusion table: so often was `picked` answered where `right` was right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confused {
    /// The area of the right runbook, or [`ESCALATE`], or [`MUST_ESCALATE`].
    pub right: String,
    /// The area of the runbook that was picked, or [`ESCALATE`].
    pub picked: String,
    /// How often.
    pub times: u32,
}

/// The row, or column, of what goes to a person.
pub const ESCALATE: &str = "escalate";
/// The row of what must go to a person.
pub const MUST_ESCALATE: &str = "must-escalate";
/// The severity of a control that the baseline does not have.
pub const UNKNOWN: &str = "unknown";

/// All figures of one planner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evaluation {
    /// Over the whole set.
    pub total: Tally,
    /// By the host's system.
    pub by_os: BTreeMap<&'static str, Tally>,
    /// By the severity of the control or signal; [`UNKNOWN`] where the baseline has no such control.
    pub by_severity: BTreeMap<&'static str, Tally>,
    /// Right against picked, by area; only cells that are not zero, in order.
    pub confusion: Vec<Confused>,
    /// Each answer, in the set's order.
    pub answers: Vec<Answered>,
}

/// Asks `pick` about each incident of `set`, in order, and counts.
pub fn evaluate(
    set: &LabelledSet,
    baseline: &Baseline,
    mut pick: impl FnMut(&What, Option<TargetOs>) -> Choice,
) -> Evaluation {
    let mut total = Tally::default();
    let (mut by_os, mut by_severity) = (BTreeMap::<_, Tally>::new(), BTreeMap::<_, Tally>::new());
    let mut cells = BTreeMap::new();
    let mut answers = Vec::new();
    for (line, one) in set.iter() {
        let picked = match pick(&one.what, Some(one.os)) {
            Choice::Run(runbook) => Pick::Run(runbook),
            Choice::Escalate(_) => Pick::Escalate,
        };
        let outcome = outcome(&one.label, &picked);
        total.count(outcome);
        by_os.entry(os_word(one.os)).or_default().count(outcome);
        let severity = severity(&one.what, baseline).map_or(UNKNOWN, Severity::word);
        by_severity.entry(severity).or_default().count(outcome);
        let row = if one.label.must_escalate { MUST_ESCALATE } else { area(&one.label.right) };
        *cells.entry((row.to_owned(), area(&picked).to_owned())).or_insert(0) += 1;
        let right = one.label.right.clone();
        answers.push(Answered { line: *line, id: one.id.clone(), right, picked, outcome });
    }
    let confusion =
        cells.into_iter().map(|((right, picked), times)| Confused { right, picked, times }).collect();
    Evaluation { total, by_os, by_severity, confusion, answers }
}

/// What an answer comes to under a label. Where a person must look, the label names no runbook (a set in which it does is refused), so any is wrong.
fn outcome(label: &Label, picked: &Pick) -> Outcome {
    match (picked, &label.right) {
        (Pick::Escalate, Pick::Escalate) => Outcome::RightlyEscalated,
        (Pick::Escalate, Pick::Run(_)) => Outcome::Missed,
        (Pick::Run(picked), Pick::Run(right)) if picked == right => Outcome::Right,
        (Pick::Run(picked), Pick::Run(_) | Pick::Escalate) if label.acceptable.contains(picked) => {
            Outcome::Acceptable
        }
        (Pick::Run(_), Pick::Run(_) | Pick::Escalate) => Outcome::WrongAction,
    }
}

fn severity(what: &What, baseline: &Baseline) -> Option<Severity> {
    match what {
        What::Drift { control, fact: _, observed: _ } => baseline.control(control).map(|c| c.severity),
        What::Signal(signal) => Some(signal.severity),
    }
}

/// `DISK` of `RB-DISK-001-space`.
fn area(pick: &Pick) -> &str {
    match pick {
        Pick::Escalate => ESCALATE,
        Pick::Run(runbook) => runbook.as_str().split('-').nth(1).unwrap_or(runbook.as_str()),
    }
}

#[cfg(test)]
mod tests;
