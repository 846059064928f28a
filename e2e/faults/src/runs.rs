//! What the machine did about a fault, by its own evidence.

use std::collections::BTreeSet;

use contract::ids::{ControlId, OrderId, RunbookId};
use contract::outcome::Outcome;
use contract::record::{Body, Opponent, Record};
use contract::refusal::Refusal;
use contract::resource::UnitName;

use crate::catalogue::{Ends, Fault};

/// One run.
#[derive(Debug)]
struct Run<'a> {
    order: &'a OrderId,
    runbook: &'a RunbookId,
    control: &'a ControlId,
    ends: Vec<Outcome>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Runs<'a>(Vec<Run<'a>>);

impl<'a> Runs<'a> {
    /// Those that were accepted at `first` or later in the log.
    pub(crate) fn since(first: u64, records: &'a [Record]) -> Self {
        let mut runs: Vec<Run<'a>> = Vec::new();
        for record in records.iter().filter(|record| record.seq >= first) {
            match &record.body {
                Body::Accepted(accepted) => runs.push(Run {
                    order: &accepted.order,
                    runbook: &accepted.runbook,
                    control: &accepted.control,
                    ends: Vec::new(),
                }),
                Body::Ended(outcome, ended) => {
                    if let Some(run) = runs.iter_mut().find(|run| *run.order == ended.order) {
                        run.ends.push(*outcome);
                    }
                }
                _ => {}
            }
        }
        Self(runs)
    }

    /// Runbooks that had no business there, or were used on something else; anything that acted where it has to wait; and what ended more than once.
    pub(crate) fn wrong(&self, fault: &Fault) -> Vec<String> {
        let may = |run: &&Run<'_>| fault.ends != Ends::Deferred && is_right(run, fault);
        let stray =
            self.0.iter().filter(|run| !may(run)).map(|run| format!("{} for {}", run.runbook, run.control));
        let twice =
            self.0.iter().filter(|run| run.ends.len() > 1).map(|run| format!("{} ended twice", run.order));
        stray.chain(twice).collect()
    }

    /// The orders by which a right runbook healed what the fault broke.
    pub(crate) fn healed(&self, fault: &Fault) -> BTreeSet<OrderId> {
        let healed = |run: &&Run<'_>| run.ends == [Outcome::Healed] && is_right(run, fault);
        self.0.iter().filter(healed).map(|run| run.order.clone()).collect()
    }
}

/// Whether the machine refused to repair what comes back again and again, and named this unit as what sets it back.
pub(crate) fn names(culprit: &UnitName, first: u64, records: &[Record]) -> bool {
    records.iter().filter(|record| record.seq >= first).any(|record| {
        let Body::Refused(_, refused) = &record.body else { return false };
        matches!(&refused.refusal, Refusal::Flapping { opponent: Opponent::Unit(unit), .. } if unit == culprit)
    })
}

fn is_right(run: &Run<'_>, fault: &Fault) -> bool {
    let is_of = |names: &BTreeSet<String>| names.contains(run.control.as_str());
    fault.runbooks.contains(run.runbook) && (is_of(&fault.seen_by) || is_of(&fault.with))
}
