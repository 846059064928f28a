//! What the evidence says about orders: counters, cooldowns, answers, unfinished runs. Pure: records go in, one after the other.
//!
//! There is no other state. Nothing lowers a counter but a shorter log, and that is refused as far as the hub's receipt goes (`receipt`). From time
//! to time the state itself is written down as a `standing` record (`standing`), so that a start need not read everything.

mod standing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use contract::finding::{Finding, Verdict};
use contract::ids::{ControlId, OrderId, RunbookId};
use contract::outcome::Outcome;
use contract::record::{Accepted, Body, Intent, Record};
use contract::socket::OrderAnswer;
use contract::time::{MonoNs, UtcTime};

use crate::guard::Moment;

/// How many answers are kept for orders that are handed out again.
const ANSWERS_MAX: usize = 1024;

/// The state that the log amounts to.
#[derive(Debug, Default)]
pub struct Ledger {
    highest_counter: u64,
    unfinished: BTreeMap<OrderId, Unfinished>,
    last_run: BTreeMap<(RunbookId, ControlId), LastRun>,
    answers: VecDeque<OrderAnswer>,
    failing: BTreeSet<ControlId>,
}

/// A run that was accepted and has not ended.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// Its acceptance.
    pub accepted: Accepted,
    /// The steps that were about to act.
    pub intents: Vec<Intent>,
}

/// When a runbook last ran on a control: by the wall clock, which survives a restart, and by the monotonic one, which cannot be set.
#[derive(Debug, Clone, Copy)]
struct LastRun {
    ended: UtcTime,
    mono: Option<MonoNs>,
}

impl Ledger {
    /// Takes one more record in. `mono` is the moment of writing, where the record is being written now and not read again.
    pub fn apply(&mut self, record: &Record, mono: Option<MonoNs>) {
        match &record.body {
            Body::Accepted(accepted) => {
                self.highest_counter = self.highest_counter.max(accepted.counter);
                let run = Unfinished { accepted: (**accepted).clone(), intents: Vec::new() };
                self.unfinished.insert(accepted.order.clone(), run);
            }
            Body::Refused(outcome, refused) => {
                self.highest_counter = self.highest_counter.max(refused.counter.unwrap_or(0));
                // Only an order that was refused for good has its answer: one that was a mere copy must not overwrite the original's.
                if refused.counter.is_some() {
                    self.answered(refused.order.clone(), *outcome, Some(refused.refusal.clone()), record.seq);
                }
            }
            Body::Intent(intent) => {
                if let Some(run) = self.unfinished.get_mut(&intent.order) {
                    run.intents.push(intent.clone());
                }
            }
            Body::Ended(outcome, ended) => {
                if let Some(run) = self.unfinished.remove(&ended.order) {
                    let last = LastRun { ended: record.time, mono };
                    self.last_run.insert((run.accepted.runbook, run.accepted.control), last);
                }
                if *outcome == Outcome::Healed {
                    self.failing.remove(&ended.control);
                }
                self.answered(Some(ended.order.clone()), *outcome, None, record.seq);
            }
            Body::Findings(taken) => taken.findings.iter().for_each(|finding| self.found(finding)),
            Body::Standing(standing) => self.stand(standing, mono.is_some()),
            Body::Opened(_)
            | Body::Recovered(_)
            | Body::Gap(_)
            | Body::Restored(_)
            | Body::KeyNamed(_)
            | Body::KeyTaken(_) => {}
        }
    }

    fn found(&mut self, finding: &Finding) {
        match finding.verdict {
            Verdict::Fail(_) => _ = self.failing.insert(finding.control.clone()),
            Verdict::Pass(_) => _ = self.failing.remove(&finding.control),
            // Nothing seen changes nothing; an exception does not make a control pass.
            Verdict::Excepted(_) | Verdict::NotAssessed(_) => {}
        }
    }

    fn answered(
        &mut self,
        order: Option<OrderId>,
        outcome: Outcome,
        refusal: Option<contract::refusal::Refusal>,
        seq: u64,
    ) {
        if self.answers.len() == ANSWERS_MAX {
            self.answers.pop_front();
        }
        self.answers.push_back(OrderAnswer { order, outcome, refusal, seq });
    }

    /// The highest counter ever accepted; 0 where none was.
    pub const fn highest_counter(&self) -> u64 {
        self.highest_counter
    }

    /// Runs that were accepted and have not ended.
    pub fn unfinished(&self) -> impl Iterator<Item = &Unfinished> {
        self.unfinished.values()
    }

    /// Whether the last that the log says of this control is that it fails.
    pub fn fails(&self, control: &ControlId) -> bool {
        self.failing.contains(control)
    }

    /// How an order ended, where it has: the same answer however often it is handed out.
    pub fn answer(&self, order: &OrderId) -> Option<&OrderAnswer> {
        self.answers.iter().rev().find(|a| a.order.as_ref() == Some(order))
    }

    /// Milliseconds since this runbook last ended on this control; none where it never ran. A wall clock that was set back counts as no
    /// time at all.
    pub fn ms_since_run(&self, runbook: &RunbookId, control: &ControlId, moment: &Moment) -> Option<u64> {
        let last = self.last_run.get(&(runbook.clone(), control.clone()))?;
        Some(match last.mono {
            Some(mono) => moment.mono.ms_since(mono),
            None => moment.now.ms_since(last.ended),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
