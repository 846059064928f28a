//! An order comes in: it is answered as before, refused, put in line, or begun.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use contract::blob::Blob;
use contract::digest::Digest;
use contract::ids::OrderId;
use contract::record::{Body, Refused, Waiting, WaitingFor};
use contract::refusal::Refusal;
use contract::socket::OrderAnswer;
use contract::time::UtcTime;

use super::{OrderError, Queued, Reply, Runner};
use crate::guard::{self, Arrival, Denied, Permit, SignedOrder, VerifiedOrder};
use crate::ledger::Waits;
use crate::schedule::Entry;

/// How long whoever brings an order is kept waiting for its end. Most repairs are over by then.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How long an order waits for a window, people or a clock before it is no longer meant.
const HOUR_MS: u64 = 60 * 60 * 1000;
const APPROVAL_WAIT_MS: u64 = 7 * 24 * HOUR_MS;
const WINDOW_WAIT_MS: u64 = 24 * HOUR_MS;
const CLOCK_WAIT_MS: u64 = 24 * HOUR_MS;
const TURN_WAIT_MS: u64 = HOUR_MS;

/// What became of an order at the door.
enum Admitted {
    /// It has its answer.
    Answered(OrderAnswer),
    /// It is in line, or begun.
    InLine(OrderId),
}

impl Runner {
    /// Answers one order. Whatever it comes to is durable before it is told.
    pub fn order(self: &Arc<Self>, envelope: &[u8]) -> Result<Reply, OrderError> {
        let admitted = {
            let _alone = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
            self.admit(envelope)?
        };
        match admitted {
            Admitted::Answered(answer) => Ok(Reply::Answered(answer)),
            Admitted::InLine(order) => {
                self.dispatch();
                self.await_end(order)
            }
        }
    }

    fn admit(&self, envelope: &[u8]) -> Result<Admitted, OrderError> {
        let now = self.moment().now;
        let verified = match SignedOrder(envelope).verify(&self.site(), now) {
            Ok(verified) => verified,
            Err(denied) => return Ok(Admitted::Answered(self.refuse(envelope, denied)?)),
        };
        let id = verified.id().clone();
        // An order that is handed out again gets the answer that it got: whatever became of the first answer, nothing runs twice.
        if let Some(answer) = self.machine.with_ledger(|l| l.answer(&id).cloned())? {
            return Ok(Admitted::Answered(answer));
        }
        if self.lock().schedule.holds(&id) || self.machine.with_ledger(|l| l.unfinished_run(&id).is_some())? {
            return Ok(Admitted::InLine(id));
        }
        match self.machine.with_ledger(|l| l.waits(&id).cloned())? {
            None => self.admit_new(envelope, verified),
            Some(waits) => self.admit_again(envelope, verified, &waits, now),
        }
    }

    /// An order that nobody has seen yet. One whose counter is below what stands in line is too late, though none of that was accepted yet.
    fn admit_new(&self, envelope: &[u8], verified: VerifiedOrder) -> Result<Admitted, OrderError> {
        let (counter, highest) = (verified.counter(), self.lock().highest);
        if counter <= highest && counter > 0 {
            let denied =
                Denied { counter_spent: false, ..verified.refused(Refusal::Replayed { counter, highest }) };
            return Ok(Admitted::Answered(self.refuse(envelope, denied)?));
        }
        self.admit_as(envelope, verified, Arrival::New, false)
    }

    /// An order that waits is handed in again. Only the same bytes with a further person's signature are worth another look: whatever else differs was
    /// signed by nobody.
    fn admit_again(
        &self,
        envelope: &[u8],
        verified: VerifiedOrder,
        waits: &Waits,
        now: UtcTime,
    ) -> Result<Admitted, OrderError> {
        let waiting = &waits.waiting;
        let before = SignedOrder(&waiting.envelope.0).verify(&self.site(), now);
        let (same, further) = match &before {
            Ok(before) => {
                let kept = before.approvals().iter().all(|by| verified.approvals().contains(by));
                let more = verified.approvals().len() > before.approvals().len();
                (before.digest() == verified.digest(), kept && more)
            }
            // Its key has ended while it waited: the next look ends the wait.
            Err(_) => (true, false),
        };
        if !same {
            let refusal = Refusal::Replayed { counter: waiting.counter, highest: waiting.counter };
            let denied = Denied { order: None, counter_spent: false, ..verified.refused(refusal) };
            return Ok(Admitted::Answered(self.refuse(envelope, denied)?));
        }
        if further && now <= waiting.until {
            return self.admit_as(envelope, verified, Arrival::Waited, false);
        }
        Ok(Admitted::Answered(OrderAnswer {
            order: Some(waiting.order.clone()),
            outcome: contract::outcome::Outcome::Deferred,
            refusal: None,
            seq: waits.seq,
        }))
    }

    /// Puts a verified order in line, if all guardrails let it pass; writes down that it waits, or why it does not run.
    fn admit_as(
        &self,
        envelope: &[u8],
        verified: VerifiedOrder,
        arrival: Arrival,
        standing: bool,
    ) -> Result<Admitted, OrderError> {
        let id = verified.id().clone();
        let site = self.site();
        let around = self.surroundings(Some(verified.control()), &verified.foreseen(&site));
        let asked = self.machine.with_ledger(|ledger| {
            let permit = guard::permit(&site, ledger, &around, verified, arrival)?;
            Ok((entry(&permit), permit.denied(Refusal::AnotherRun)))
        })?;
        let (entry, turned_away) = match asked {
            Ok((entry, turned_away)) => (Entry { since: self.now(), ..entry }, turned_away),
            // A site's own order is made anew when it may go: it waits for nothing.
            Err(denied) if standing => return Ok(Admitted::Answered(self.refuse(envelope, denied)?)),
            Err(denied) => {
                return Ok(Admitted::Answered(self.wait_or_refuse(envelope, denied, around.moment.now)?));
            }
        };
        let counter = turned_away.order.as_ref().map_or(0, |order| order.counter);
        let queued = Queued { envelope: envelope.to_vec(), standing };
        let mut line = self.lock();
        if line.closed || !line.schedule.enter(id.clone(), entry) {
            drop(line);
            // Its counter is not spent: the same bytes may come again when there is room.
            let denied = Denied { counter_spent: false, ..turned_away };
            return Ok(Admitted::Answered(self.refuse(envelope, denied)?));
        }
        line.envelopes.insert(id.clone(), queued);
        line.highest = line.highest.max(counter);
        drop(line);
        Ok(Admitted::InLine(id))
    }

    /// Takes an order in that the site made for itself.
    pub(super) fn admit_standing(self: &Arc<Self>, verified: VerifiedOrder) -> Result<Reply, OrderError> {
        let bytes = verified.to_bytes();
        let admitted = {
            let _alone = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
            self.admit_as(&bytes, verified, Arrival::New, true)?
        };
        match admitted {
            Admitted::Answered(answer) => Ok(Reply::Answered(answer)),
            Admitted::InLine(order) => {
                self.dispatch();
                self.await_end(order)
            }
        }
    }

    /// Looks again at what waits: the window may have opened, the clock may be good. Called by the dispatcher.
    pub(super) fn look_at_waiting(self: &Arc<Self>) -> Result<(), OrderError> {
        let moment = self.moment();
        // By a clock that is behind no window opens and no wait ends.
        if self.machine.with_ledger(|l| l.clock_behind(&moment).is_some())? {
            return Ok(());
        }
        let waiting = self.machine.with_ledger(|l| {
            l.waiting().into_iter().map(|waits| waits.waiting.order.clone()).collect::<Vec<_>>()
        })?;
        for order in waiting {
            let _alone = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
            // It may have run, or ended, since the list was made.
            let Some(waits) = self.machine.with_ledger(|l| l.waits(&order).cloned())? else { continue };
            if !self.lock().schedule.holds(&order) {
                self.look_at(&waits.waiting)?;
            }
        }
        Ok(())
    }

    fn look_at(&self, waiting: &Waiting) -> Result<(), OrderError> {
        let now = self.moment().now;
        let envelope = &waiting.envelope.0;
        let verified = match SignedOrder(envelope).verify(&self.site(), now) {
            Ok(verified) => verified,
            // A key that ended, or was taken out, while the order waited.
            Err(denied) => return self.give_up_waiting(waiting, &denied.refusal),
        };
        if now > waiting.until {
            return self.give_up_waiting(waiting, &Refusal::WaitedTooLong { at: waiting.until });
        }
        let around = self.surroundings(Some(verified.control()), &verified.foreseen(&self.site()));
        let asked = self.machine.with_ledger(|ledger| {
            guard::permit(&self.site(), ledger, &around, verified, Arrival::Waited).map(|p| entry(&p))
        })?;
        match asked {
            Ok(entry) => {
                let mut line = self.lock();
                let queued = Queued { envelope: envelope.clone(), standing: false };
                let entry = Entry { since: self.now(), ..entry };
                if !line.closed && line.schedule.enter(waiting.order.clone(), entry) {
                    line.envelopes.insert(waiting.order.clone(), queued);
                }
                Ok(())
            }
            Err(denied) => match waits_for(&denied.refusal) {
                // It waits for the same as before, or for a window that opens at another time by now.
                Some((WaitingFor::Window { .. }, _))
                    if matches!(waiting.waiting_for, WaitingFor::Window { .. }) =>
                {
                    Ok(())
                }
                Some((waiting_for, _)) if waiting_for == waiting.waiting_for => Ok(()),
                // The window is open, and now it is people who have to agree: whoever asks them has to know.
                Some(_) => self.wait_or_refuse(envelope, denied, now).map(drop),
                None => self.give_up_waiting(waiting, &denied.refusal),
            },
        }
    }

    /// Waits for what passes by itself or by people; everything else is refused.
    pub(super) fn wait_or_refuse(
        &self,
        envelope: &[u8],
        denied: Denied,
        now: UtcTime,
    ) -> Result<OrderAnswer, OrderError> {
        let known = match &denied.order {
            Some(order) => {
                self.machine.with_ledger(|l| l.waits(&order.order).map(|waits| waits.waiting.until))?
            }
            None => None,
        };
        let waits_for = match &denied.refusal {
            // Only what waits already came in time: of anything else that cannot be told.
            Refusal::ClockBehind { .. } if known.is_some() => Some((WaitingFor::Clock, CLOCK_WAIT_MS)),
            other => waits_for(other),
        };
        match (waits_for, &denied.order) {
            (Some((waiting_for, for_ms)), Some(order)) => {
                let from = match &waiting_for {
                    WaitingFor::Window { opens } => *opens,
                    WaitingFor::Approval { .. } | WaitingFor::Clock | WaitingFor::Turn => now,
                };
                let waiting = Waiting {
                    order: order.order.clone(),
                    incident: order.incident.clone(),
                    control: order.control.clone(),
                    runbook: order.runbook.clone(),
                    counter: order.counter,
                    waiting_for,
                    // A wait that goes on for another reason ends when it was to end.
                    until: known.unwrap_or_else(|| from.plus_ms(for_ms)),
                    envelope: Blob(envelope.to_vec()),
                };
                let answer = (waiting.order.clone(), denied.refusal.outcome(), denied.refusal.clone());
                let digest = denied.digest.unwrap_or_else(|| Digest::of(envelope));
                let body = Body::Waiting(Box::new(waiting));
                let written =
                    self.machine.about(&order.control, digest, Some(order.runbook_digest), vec![body])?;
                let (order, outcome, refusal) = answer;
                Ok(OrderAnswer { order: Some(order), outcome, refusal: Some(refusal), seq: written.seq() })
            }
            (_, _) => self.refuse(envelope, denied),
        }
    }

    /// Ends a wait in vain. The order was verified when it came: its record says which it is.
    pub(super) fn give_up_waiting(&self, waiting: &Waiting, refusal: &Refusal) -> Result<(), OrderError> {
        let refused = Refused {
            order: Some(waiting.order.clone()),
            incident: Some(waiting.incident.clone()),
            runbook: Some(waiting.runbook.clone()),
            counter: Some(waiting.counter),
            envelope: Digest::of(&waiting.envelope.0),
            refusal: refusal.clone(),
            policy: None,
        };
        let body = Body::Refused(refusal.outcome(), refused);
        self.machine.about(&waiting.control, Digest::of(&waiting.envelope.0), None, vec![body])?;
        Ok(())
    }

    /// Writes down that a run waits for its turn, where its turn is not now: a restart must not forget it.
    pub(super) fn note_turn(&self, order: &OrderId, queued: &Queued) -> Result<(), OrderError> {
        let _alone = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.machine.with_ledger(|l| l.waits(order).is_some())?;
        // It may have begun meanwhile.
        if known || queued.standing || !self.lock().envelopes.contains_key(order) {
            return Ok(());
        }
        let now = self.moment().now;
        let Ok(verified) = SignedOrder(&queued.envelope).verify(&self.site(), now) else { return Ok(()) };
        let digest = verified.digest();
        let (waiting, runbook) =
            verified.waiting(WaitingFor::Turn, now.plus_ms(TURN_WAIT_MS), &queued.envelope);
        let control = waiting.control.clone();
        self.machine.about(&control, digest, Some(runbook), vec![Body::Waiting(Box::new(waiting))])?;
        Ok(())
    }

    /// Waits a moment for the end of an order, so that most are answered at once.
    fn await_end(&self, order: OrderId) -> Result<Reply, OrderError> {
        let until = Instant::now() + ANSWER_WITHIN;
        let mut line = self.lock();
        loop {
            if !line.schedule.holds(&order) {
                drop(line);
                return Ok(match self.machine.with_ledger(|l| l.answer(&order).cloned())? {
                    Some(answer) => Reply::Answered(answer),
                    None => Reply::UnderWay(order),
                });
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Reply::UnderWay(order));
            }
            line = self.moved.wait_timeout(line, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What a refusal waits for, and for how long at most; none where it does not pass by itself.
fn waits_for(refusal: &Refusal) -> Option<(WaitingFor, u64)> {
    match refusal {
        Refusal::OutsideWindow { opens } => Some((WaitingFor::Window { opens: *opens }, WINDOW_WAIT_MS)),
        Refusal::NeedsApproval { have, need } => {
            Some((WaitingFor::Approval { have: *have, need: *need }, APPROVAL_WAIT_MS))
        }
        Refusal::NeedsReview(_) => Some((WaitingFor::Approval { have: 0, need: 1 }, APPROVAL_WAIT_MS)),
        Refusal::ClockUnsynchronised => Some((WaitingFor::Clock, CLOCK_WAIT_MS)),
        _ => None,
    }
}

fn entry(permit: &Permit<'_>) -> Entry {
    let runbook = permit.runbook();
    Entry {
        priority: runbook.priority,
        when_urgent: runbook.when_urgent,
        targets: permit.targets().iter().cloned().collect(),
        runbook: runbook.id.clone(),
        after: runbook.after.clone(),
        since: contract::time::MonoNs(0),
    }
}
