//! What the evidence says about orders: counters, cooldowns, answers, waiting and unfinished runs, grants, flapping. Pure: records go in, one after
//! the other.
//!
//! There is no other state, but for what the clock and the hub's receipts said since the start (`floor`): a counter that could be older than the log
//! does not exist. Nothing lowers a counter but a shorter log, and that is
//! refused as far as the hub's receipt goes (`receipt`). From time to time the state itself is written down as a `standing` record (`standing`), so
//! that a start need not read everything.

mod flap;
mod floor;
mod standing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use contract::digest::Digest;
use contract::finding::{Finding, Verdict};
use contract::ids::{ControlId, OrderId, RunbookId};
use contract::outcome::Outcome;
use contract::paper::PaperKind;
use contract::record::{
    Accepted, Body, BreakGlass, Confined, GenerationHealthy, GlassState, Intent, PaperTaken, PolicyState,
    Record, RunState, StandingHeld, Waiting,
};
use contract::refusal::Refusal;
use contract::resource::Resource;
use contract::socket::OrderAnswer;
use contract::time::{MonoNs, UtcTime};

use crate::guard::Moment;

pub use flap::Flap;
use flap::Turns;
use floor::Floor;

/// How many answers are kept for orders that are handed out again.
const ANSWERS_MAX: usize = 1024;
/// How many generations that were healthy are remembered.
const HEALTHY_MAX: usize = 16;

/// The state that the log amounts to.
#[derive(Debug, Default)]
pub struct Ledger {
    highest_counter: u64,
    unfinished: BTreeMap<OrderId, Unfinished>,
    waiting: BTreeMap<OrderId, Waits>,
    last_run: BTreeMap<(RunbookId, Resource), LastRun>,
    answers: VecDeque<OrderAnswer>,
    failing: BTreeSet<ControlId>,
    turns: Turns,
    standing_order: Option<StandingHeld>,
    break_glass: Option<BreakGlass>,
    policy: Option<Digest>,
    policy_announced: Option<Digest>,
    papers: BTreeMap<PaperKind, PaperTaken>,
    confined: Option<Confined>,
    floor: Floor,
    healthy: VecDeque<GenerationHealthy>,
}

/// A run that was accepted and has not ended.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// Its acceptance.
    pub accepted: Accepted,
    /// The steps that were about to act.
    pub intents: Vec<Intent>,
    /// The last state that it went over to, where it went over to one.
    pub state: Option<RunState>,
    /// Whether all its steps ended well: it went over to verification, and nothing was begun anew since.
    pub steps_ended: bool,
}

/// An order that waits, and the record that says so.
#[derive(Debug, Clone)]
pub struct Waits {
    /// What it waits for.
    pub waiting: Waiting,
    /// The record's index.
    pub seq: u64,
}

/// When a runbook last ran on a target: by the wall clock, which survives a restart, and by the monotonic one, which cannot be set.
#[derive(Debug, Clone, Copy)]
struct LastRun {
    ended: UtcTime,
    mono: Option<MonoNs>,
}

impl Ledger {
    /// Takes one more record in. `mono` is the moment of writing, where the record is being written now and not read again.
    pub fn apply(&mut self, record: &Record, mono: Option<MonoNs>) {
        self.floor.saw(record.seq, record.time, mono);
        match &record.body {
            Body::Accepted(accepted) => {
                self.highest_counter = self.highest_counter.max(accepted.counter);
                self.waiting.remove(&accepted.order);
                if let (Some(grant), Some(glass)) = (&accepted.break_glass, &mut self.break_glass)
                    && glass.grant == *grant
                {
                    glass.uses += 1;
                }
                // The executor measured the failure itself: it counts, whether or not the agent ever said so.
                if self.failing.insert(accepted.control.clone()) {
                    self.turns.turned(&accepted.control, record.time);
                }
                let accepted = (**accepted).clone();
                let run = Unfinished { accepted, intents: Vec::new(), state: None, steps_ended: false };
                self.unfinished.insert(run.accepted.order.clone(), run);
            }
            Body::Waiting(waiting) => {
                self.highest_counter = self.highest_counter.max(waiting.counter);
                let waits = Waits { waiting: (**waiting).clone(), seq: record.seq };
                self.waiting.insert(waiting.order.clone(), waits);
            }
            Body::Refused(outcome, refused) => {
                self.highest_counter = self.highest_counter.max(refused.counter.unwrap_or(0));
                // Only an order that was refused for good has its answer: one that was a mere copy must not overwrite the original's.
                if refused.counter.is_some() {
                    if let Some(order) = &refused.order {
                        self.waiting.remove(order);
                    }
                    self.answered(refused.order.clone(), *outcome, Some(refused.refusal.clone()), record.seq);
                }
            }
            Body::Intent(intent) => {
                if let Some(run) = self.unfinished.get_mut(&intent.order) {
                    run.intents.push(intent.clone());
                    run.steps_ended = false;
                }
            }
            Body::Moved(moved) => {
                if let Some(run) = self.unfinished.get_mut(&moved.order) {
                    // What began to be undone is undone, whatever is said of it afterwards.
                    if run.state != Some(RunState::Reverting) {
                        run.state = Some(moved.to);
                    }
                    run.steps_ended |= matches!(moved.to, RunState::Verifying | RunState::Holding);
                }
            }
            Body::Ended(outcome, ended) => {
                if let Some(run) = self.unfinished.remove(&ended.order) {
                    let last = LastRun { ended: record.time, mono };
                    // A run that was cancelled for another, and undone, has not had its turn.
                    let had_its_turn = *outcome != Outcome::Deferred;
                    for target in run.accepted.targets.into_iter().filter(|_| had_its_turn) {
                        self.last_run.insert((run.accepted.runbook.clone(), target), last);
                    }
                }
                if *outcome == Outcome::Healed {
                    self.found_passing(&ended.control, record.time);
                }
                self.answered(Some(ended.order.clone()), *outcome, None, record.seq);
            }
            Body::Findings(taken) => {
                taken.findings.iter().for_each(|finding| self.found(finding, record.time));
            }
            Body::Standing(standing) => self.stand(standing, record.seq, mono.is_some()),
            Body::StandingTaken(taken) => {
                let envelope = Digest::of(&taken.envelope.0);
                self.standing_order = Some(StandingHeld { counter: taken.counter, envelope });
            }
            Body::BreakGlass(glass) => self.break_glass = Some(glass.clone()),
            Body::PolicyTaken(taken) => match taken.state {
                PolicyState::Announced => self.policy_announced = Some(taken.policy),
                PolicyState::InForce => self.policy = Some(taken.policy),
            },
            Body::PaperTaken(taken) => {
                self.papers.insert(taken.paper, taken.clone());
            }
            Body::Confined(confined) => self.confined = Some(confined.clone()),
            Body::GenerationHealthy(healthy) => self.found_healthy(healthy.clone()),
            Body::Opened(_)
            | Body::Signals(_)
            | Body::Resumed(_)
            | Body::Recovered(_)
            | Body::Gap(_)
            | Body::Restored(_)
            | Body::KeyNamed(_)
            | Body::KeyTaken(_)
            | Body::Acted(_)
            | Body::LoggedIn(_)
            | Body::Device(_)
            | Body::Packet(_)
            | Body::Escalated(_)
            | Body::Connection(_)
            | Body::Intruded(_)
            | Body::DeadManFired(_) => {}
        }
    }

    /// The paper of this kind that came last.
    pub fn paper(&self, kind: PaperKind) -> Option<&PaperTaken> {
        self.papers.get(&kind)
    }

    fn found_healthy(&mut self, healthy: GenerationHealthy) {
        // A number that was given again is another generation's by now.
        self.healthy.retain(|known| known.number != healthy.number);
        if self.healthy.len() == HEALTHY_MAX {
            self.healthy.pop_front();
        }
        self.healthy.push_back(healthy);
    }

    fn found(&mut self, finding: &Finding, time: UtcTime) {
        match finding.verdict {
            Verdict::Fail(_) => {
                if self.failing.insert(finding.control.clone()) {
                    self.turns.turned(&finding.control, time);
                }
            }
            Verdict::Pass(_) => self.found_passing(&finding.control, time),
            // Nothing seen changes nothing; an exception does not make a control pass.
            Verdict::Excepted(_) | Verdict::NotAssessed(_) => {}
        }
    }

    fn found_passing(&mut self, control: &ControlId, time: UtcTime) {
        if self.failing.remove(control) {
            self.turns.turned(control, time);
        }
    }

    fn answered(&mut self, order: Option<OrderId>, outcome: Outcome, refusal: Option<Refusal>, seq: u64) {
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

    /// One of them.
    pub fn unfinished_run(&self, order: &OrderId) -> Option<&Unfinished> {
        self.unfinished.get(order)
    }

    /// Orders that wait, oldest first.
    pub fn waiting(&self) -> Vec<&Waits> {
        let mut waiting: Vec<_> = self.waiting.values().collect();
        waiting.sort_by_key(|w| w.seq);
        waiting
    }

    /// One of them.
    pub fn waits(&self, order: &OrderId) -> Option<&Waits> {
        self.waiting.get(order)
    }

    /// Whether the last that the log says of this control is that it fails.
    pub fn fails(&self, control: &ControlId) -> bool {
        self.failing.contains(control)
    }

    /// Whether this control goes back and forth too often to be repaired without a person.
    pub fn flapping(&self, control: &ControlId, now: UtcTime) -> Option<Flap> {
        self.turns.flapping(control, now)
    }

    /// The counter of the last standing order that was taken; 0 where none was.
    pub fn standing_counter(&self) -> u64 {
        self.standing_order.as_ref().map_or(0, |held| held.counter)
    }

    /// The digest of the envelope of the standing order in force.
    pub fn standing_envelope(&self) -> Option<Digest> {
        self.standing_order.as_ref().map(|held| held.envelope)
    }

    /// The break-glass grant in force at `now`.
    pub fn break_glass(&self, now: UtcTime) -> Option<&BreakGlass> {
        self.break_glass.as_ref().filter(|glass| match glass.state {
            GlassState::Broken => now <= glass.until,
            GlassState::Ended => false,
        })
    }

    /// The last break-glass grant, in force or not.
    pub const fn last_break_glass(&self) -> Option<&BreakGlass> {
        self.break_glass.as_ref()
    }

    /// The digest of the policy in force.
    pub const fn policy(&self) -> Option<Digest> {
        self.policy
    }

    /// The digest of the policy that was last announced.
    pub const fn policy_announced(&self) -> Option<Digest> {
        self.policy_announced
    }

    /// What the kernel offered to confine programs with, when it was last written down.
    pub const fn confined(&self) -> Option<&Confined> {
        self.confined.as_ref()
    }

    /// The clock said `now`, and the next record has the index `before`.
    pub fn saw(&mut self, before: u64, now: UtcTime, mono: MonoNs) {
        self.floor.saw(before, now, Some(mono));
    }

    /// The hub's receipt says that it held `size` records at `at`; the process learnt of it at `mono`.
    pub fn acknowledged(&mut self, size: u64, at: UtcTime, mono: MonoNs) {
        self.floor.heard(size, at, mono);
    }

    /// A time that has been, where the clock is behind it. Nothing that ends by the clock may be judged then.
    pub fn clock_behind(&self, moment: &Moment) -> Option<Refusal> {
        self.floor.above(moment).map(|at| Refusal::ClockBehind { at })
    }

    /// The NixOS generations on which every check passed, the newest word last.
    pub fn healthy(&self) -> impl Iterator<Item = &GenerationHealthy> {
        self.healthy.iter()
    }

    /// How an order ended, where it has: the same answer however often it is handed out.
    pub fn answer(&self, order: &OrderId) -> Option<&OrderAnswer> {
        self.answers.iter().rev().find(|a| a.order.as_ref() == Some(order))
    }

    /// How an order of the site's own was decided for good. One that was put off has touched nothing, or is undone: it may be made again.
    pub fn decided(&self, order: &OrderId) -> Option<&OrderAnswer> {
        self.answer(order).filter(|answer| answer.outcome != Outcome::Deferred)
    }

    /// Milliseconds since this runbook last ended on this target; none where it never ran. A wall clock that was set back counts as no
    /// time at all.
    pub fn ms_since_run(&self, runbook: &RunbookId, target: &Resource, moment: &Moment) -> Option<u64> {
        let last = self.last_run.get(&(runbook.clone(), target.clone()))?;
        Some(match last.mono {
            Some(mono) => moment.mono.ms_since(mono),
            None => moment.now.ms_since(last.ended),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
