//! The ledger as one record, and back. Everything that decides goes in whole; of the answers, as many as there is room for.

use contract::ids::OrderId;
use contract::record::{Answered, LastRun as LastRunEntry, RECORD_MAX_BYTES, Standing};
use contract::socket::OrderAnswer;
use serde::Serialize;

use super::flap::Turns;
use super::{ANSWERS_MAX, LastRun, Ledger};

/// What the details may take: a record's bytes, less 2 KiB for the frame around them.
const STANDING_MAX_BYTES: usize = RECORD_MAX_BYTES - 2048;

impl Ledger {
    /// What the log amounts to. None while a run is unfinished or an order waits, or where counters, cooldowns and failing controls alone are more than a record
    /// holds: then replay goes on from an earlier record, which costs time and nothing else.
    pub fn standing(&self) -> Option<Standing> {
        if !self.unfinished.is_empty() || !self.waiting.is_empty() {
            return None;
        }
        let last_runs = self.last_run.iter().map(|((runbook, target), last)| LastRunEntry {
            runbook: runbook.clone(),
            target: target.clone(),
            ended: last.ended,
        });
        let mut standing = Standing {
            highest_counter: self.highest_counter,
            last_runs: last_runs.collect(),
            failing: self.failing.iter().cloned().collect(),
            turned: self.turns.kept(),
            standing_order: self.standing_order.clone(),
            break_glass: self.break_glass.clone(),
            policy: self.policy,
            policy_announced: self.policy_announced,
            latest: self.floor.latest(),
            papers: self.papers.values().cloned().collect(),
            confined: self.confined.clone(),
            healthy: self.healthy.iter().cloned().collect(),
            answers: Vec::new(),
        };
        let mut room = STANDING_MAX_BYTES.checked_sub(length(&standing)?)?;
        for answer in self.answers.iter().rev().filter_map(answered) {
            // One more for the comma.
            let Some(left) = room.checked_sub(length(&answer)? + 1) else { break };
            room = left;
            standing.answers.push(answer);
        }
        standing.answers.reverse();
        Some(standing)
    }

    /// Becomes what `standing` says, whatever was known before. Where it is being written now, what the monotonic clock knows of a cooldown
    /// stays: the record itself can hold no more than the wall clock's word. `seq` is the record's index.
    pub(super) fn stand(&mut self, standing: &Standing, seq: u64, written_now: bool) {
        let mut before = std::mem::take(self);
        self.floor = std::mem::take(&mut before.floor);
        if let Some(latest) = standing.latest {
            self.floor.saw(seq, latest, None);
        }
        self.highest_counter = standing.highest_counter;
        self.failing.extend(standing.failing.iter().cloned());
        self.turns = Turns::restored(&standing.turned);
        self.standing_order.clone_from(&standing.standing_order);
        self.break_glass.clone_from(&standing.break_glass);
        self.policy = standing.policy;
        self.policy_announced = standing.policy_announced;
        self.papers.extend(standing.papers.iter().map(|paper| (paper.paper, paper.clone())));
        self.confined.clone_from(&standing.confined);
        self.healthy.extend(standing.healthy.iter().cloned());
        for LastRunEntry { runbook, target, ended } in &standing.last_runs {
            let key = (runbook.clone(), target.clone());
            let known = before.last_run.get(&key).filter(|last| written_now && last.ended == *ended);
            let mono = known.and_then(|last| last.mono);
            self.last_run.insert(key, LastRun { ended: *ended, mono });
        }
        let answers = standing.answers.iter().map(|answered| OrderAnswer {
            order: Some(answered.order.clone()),
            outcome: answered.outcome,
            refusal: answered.refusal.clone(),
            seq: answered.seq,
        });
        self.answers.extend(answers.take(ANSWERS_MAX));
    }
}

/// An answer that can be asked for: one that names its order.
fn answered(answer: &OrderAnswer) -> Option<Answered> {
    let order: OrderId = answer.order.clone()?;
    Some(Answered { order, outcome: answer.outcome, refusal: answer.refusal.clone(), seq: answer.seq })
}

/// The length in canonical JSON, which differs from this writing in the order of the keys only.
fn length(value: &impl Serialize) -> Option<usize> {
    serde_json::to_vec(value).ok().map(|bytes| bytes.len())
}
