//! What the machine did about a fault, by its own evidence.

use std::collections::BTreeSet;

use contract::ids::{ControlId, OrderId, RunbookId};
use contract::outcome::Outcome;
use contract::record::{Body, Moved, Opponent, Record, RunState};
use contract::refusal::Refusal;
use contract::resource::UnitName;

use serde::{Deserialize, Serialize};

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

    /// Runbooks that had no business there, or were used on something else; anything that acted where it has to wait to the end; and what ended more than
    /// once.
    pub(crate) fn wrong(&self, fault: &Fault) -> Vec<String> {
        let may_act = fault.ends != Ends::Deferred || fault.later.is_some();
        let may = |run: &&Run<'_>| may_act && is_right(run, fault);
        let stray =
            self.0.iter().filter(|run| !may(run)).map(|run| format!("{} for {}", run.runbook, run.control));
        let twice =
            self.0.iter().filter(|run| run.ends.len() > 1).map(|run| format!("{} ended twice", run.order));
        stray.chain(twice).collect()
    }

    /// The orders by which a right runbook healed what the fault broke; none where a part of it was healed by nobody.
    pub(crate) fn healed(&self, fault: &Fault) -> BTreeSet<OrderId> {
        let healed = || self.0.iter().filter(|run| run.ends == [Outcome::Healed] && is_right(run, fault));
        let is_healed = |control: &String| healed().any(|run| run.control.as_str() == control);
        if !fault.seen_by.iter().any(is_healed) || !fault.with.iter().all(is_healed) {
            return BTreeSet::new();
        }
        healed().map(|run| run.order.clone()).collect()
    }

    /// How many were undone.
    pub(crate) fn rollbacks(&self) -> usize {
        self.0.iter().filter(|run| run.ends.contains(&Outcome::Reverted)).count()
    }
}

/// How far a run had come, by what was durable when its machine lost power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It was accepted, and its steps were not done.
    Acting,
    /// The steps were done, and the check was measured.
    Verifying,
    /// The check passed, and had to go on passing.
    Holding,
    /// It was being undone.
    Reverting,
    /// It had ended.
    Ended,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Acting, Self::Verifying, Self::Holding, Self::Reverting, Self::Ended];

    /// As it stands in a table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Acting => "before its steps were done",
            Self::Verifying => "while it was verified",
            Self::Holding => "in the hold-down",
            Self::Reverting => "while it was undone",
            Self::Ended => "after its end",
        }
    }

    const fn of(body: &Body) -> Option<Self> {
        match body {
            Body::Accepted(_) | Body::Intent(_) => Some(Self::Acting),
            Body::Moved(Moved { to: RunState::Verifying, .. }) => Some(Self::Verifying),
            Body::Moved(Moved { to: RunState::Holding, .. }) => Some(Self::Holding),
            Body::Moved(Moved { to: RunState::Reverting, .. }) => Some(Self::Reverting),
            Body::Ended(..) => Some(Self::Ended),
            _ => None,
        }
    }
}

/// How far the run had come when the power was cut: by the last record before the one in which the executor says that it came back to something unfinished,
/// or, where it says no such thing, by an end. None where nothing ran.
pub(crate) fn cut_in(first: u64, records: &[Record]) -> Option<Stage> {
    let new = || records.iter().filter(|record| record.seq >= first);
    let back = new().find(|record| matches!(record.body, Body::Recovered(_))).map(|record| record.seq);
    let before = new().take_while(|record| back.is_none_or(|back| record.seq < back));
    let last = before.filter_map(|record| Stage::of(&record.body)).last();
    last.filter(|stage| back.is_some() || *stage == Stage::Ended)
}

/// Whether the executor said that it cut off what was half written.
pub(crate) fn cut_a_record_off(first: u64, records: &[Record]) -> bool {
    let is_torn = |body: &Body| matches!(body, Body::Recovered(recovered) if recovered.torn_bytes > 0);
    records.iter().any(|record| record.seq >= first && is_torn(&record.body))
}

/// Whether the machine said that one of these orders waits.
pub(crate) fn waited(orders: &BTreeSet<OrderId>, records: &[Record]) -> bool {
    let of_one = |body: &Body| matches!(body, Body::Waiting(waiting) if orders.contains(&waiting.order));
    records.iter().any(|record| of_one(&record.body))
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
