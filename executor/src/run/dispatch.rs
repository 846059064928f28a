//! Who goes next. Makes the schedule's moves: begins runs on threads of their own, pauses and cancels them, and tells a person of those that take too long.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use contract::ids::{GrantId, OrderId};
use contract::outcome::Outcome;
use contract::record::{Body, Escalated, Moved, RunState, Trouble};
use contract::refusal::Refusal;
use contract::runbook::Precondition;
use hands::Interrupt;

use super::transaction::{Ready, Run};
use super::{Begun, OrderError, Queued, Runner, precondition};
use crate::guard::{self, Arrival, Denied, SignedOrder, VerifiedOrder};
use crate::ledger::Waits;
use crate::measure::Measured;
use crate::schedule::Move;
use crate::verbs::Touched;

/// Of so many runs the snapshots stay.
const SNAPSHOTS_KEPT: usize = 64;
/// How often waiting orders, long runs and grants are looked at.
const LOOK: Duration = Duration::from_secs(1);

impl Runner {
    /// Looks after the line until it is closed. On a thread of its own.
    pub fn look_after(self: &Arc<Self>) {
        let runner = Arc::clone(self);
        std::thread::spawn(move || {
            loop {
                let line = runner.lock();
                let (line, _) = runner.moved.wait_timeout(line, LOOK).unwrap_or_else(PoisonError::into_inner);
                if line.closed {
                    return;
                }
                drop(line);
                runner.tick();
            }
        });
    }

    /// One look: at what waits, at what takes too long, at grants that ended.
    pub fn tick(self: &Arc<Self>) {
        let looked =
            self.look_at_waiting().and_then(|()| self.look_at_grants()).and_then(|()| self.look_at_begun());
        let looked = looked.and_then(|()| self.look_at_turned_away());
        match looked {
            Ok(()) | Err(OrderError::GivenUp(_)) => self.dispatch(),
            Err(OrderError::Append(e)) => (self.fatal)(e),
        }
    }

    /// Makes every move that there is to make.
    pub(super) fn dispatch(self: &Arc<Self>) {
        loop {
            let mut line = self.lock();
            if line.closed {
                return;
            }
            let Some(next) = line.schedule.next(self.now()) else { break };
            line.schedule.made(&next);
            let queued = match &next {
                Move::Start(order) | Move::Fail(order, _) => line.envelopes.remove(order),
                Move::Pause(_) | Move::Cancel(_) | Move::GoOn(_) => None,
            };
            // Made when the run is started, so that nothing is asked of it in vain while it is still measured.
            let interrupt = match &next {
                Move::Start(order) | Move::Pause(order) | Move::Cancel(order) | Move::GoOn(order) => {
                    Arc::clone(line.interrupts.entry(order.clone()).or_default())
                }
                Move::Fail(..) => Arc::default(),
            };
            drop(line);
            if let Err(e) = self.make(next, queued, &interrupt) {
                match e {
                    OrderError::Append(e) => (self.fatal)(e),
                    OrderError::GivenUp(_) => return,
                }
            }
        }
        // What could not begin at once must outlive a restart.
        let queued: Vec<(OrderId, Queued)> =
            self.lock().envelopes.iter().map(|(order, queued)| (order.clone(), queued.clone())).collect();
        for (order, queued) in queued {
            if let Err(OrderError::Append(e)) = self.note_turn(&order, &queued) {
                (self.fatal)(e);
            }
        }
    }

    fn make(
        self: &Arc<Self>,
        next: Move,
        queued: Option<Queued>,
        interrupt: &Arc<Interrupt>,
    ) -> Result<(), OrderError> {
        match next {
            Move::Start(order) => {
                let Some(queued) = queued else { return Ok(()) };
                let (runner, interrupt) = (Arc::clone(self), Arc::clone(interrupt));
                std::thread::spawn(move || runner.begin(&order, &queued, interrupt));
                Ok(())
            }
            Move::Pause(order) => {
                interrupt.pause();
                self.note_state(&order, RunState::Paused)
            }
            Move::GoOn(order) => {
                self.note_state(&order, RunState::GoingOn)?;
                interrupt.go_on();
                Ok(())
            }
            Move::Cancel(_) => {
                interrupt.ask();
                Ok(())
            }
            Move::Fail(_, runbook) => {
                let Some(queued) = queued else { return Ok(()) };
                self.moved.notify_all();
                let refusal = Refusal::DependencyFailed(runbook);
                let denied = if queued.standing {
                    Denied::of_our_own(&queued.envelope, refusal)
                } else {
                    let verified = SignedOrder(&queued.envelope).verify(&self.site(), self.moment().now);
                    verified.map_or_else(|denied| denied, |verified| verified.refused(refusal))
                };
                self.refuse(&queued.envelope, denied).map(drop)
            }
        }
    }

    /// A run, from its turn to its end. Whatever happens, the line hears of it.
    fn begin(self: &Arc<Self>, order: &OrderId, queued: &Queued, interrupt: Arc<Interrupt>) {
        let ended = self.carry_out(order, queued, interrupt);
        // Only a run that failed takes along what comes after it: one that had nothing to do, waits or was refused has spoilt nothing.
        let failed = match &ended {
            Ok(Some(outcome)) => !matches!(outcome, Outcome::Healed | Outcome::Observed | Outcome::Deferred),
            Ok(None) | Err(_) => false,
        };
        let mut line = self.lock();
        line.begun.remove(order);
        line.interrupts.remove(order);
        line.schedule.leave(order, !failed);
        drop(line);
        self.moved.notify_all();
        match ended {
            Ok(_) | Err(OrderError::GivenUp(_)) => self.dispatch(),
            Err(OrderError::Append(e)) => (self.fatal)(e),
        }
    }

    fn carry_out(
        &self,
        order: &OrderId,
        queued: &Queued,
        interrupt: Arc<Interrupt>,
    ) -> Result<Option<Outcome>, OrderError> {
        let envelope = &queued.envelope;
        // Guardrails are asked again, now that it is its turn, and nobody else is admitted until the acceptance is durable.
        let admission = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        let over = self.machine.with_ledger(|l| {
            let answered = if queued.standing { l.decided(order) } else { l.answer(order) };
            answered.is_some() || l.unfinished_run(order).is_some()
        })?;
        if over {
            return Ok(None);
        }
        let waits = self.machine.with_ledger(|l| l.waits(order).cloned())?;
        if let Some(Waits { waiting, .. }) = &waits
            && self.moment().now > waiting.until
        {
            return self
                .give_up_waiting(waiting, &Refusal::WaitedTooLong { at: waiting.until })
                .map(|()| None);
        }
        let arrival = if waits.is_some() { Arrival::Waited } else { Arrival::InLine };
        let verified = match self.verify(queued, arrival) {
            Ok(verified) => verified,
            Err(denied) => return self.refuse(envelope, denied).map(|_| None),
        };
        let site = self.site();
        let around = self.surroundings(Some(verified.control()), &verified.foreseen(&site));
        let permit =
            self.machine.with_ledger(|ledger| guard::permit(&site, ledger, &around, verified, arrival))?;
        let permit = match permit {
            Ok(permit) => permit,
            Err(denied) if queued.standing => return self.refuse(envelope, denied).map(|_| None),
            Err(denied) => return self.wait_or_refuse(envelope, denied, around.moment.now).map(|_| None),
        };
        let failing = match self.measure(&permit) {
            Ok(failing) => failing,
            Err(refusal) => return self.refuse(envelope, permit.denied(refusal)).map(|_| None),
        };
        let begun = Begun {
            since: self.now(),
            digest: permit.digest(),
            escalate_after_ms: permit.runbook().escalate_after_ms,
            incident: permit.order().incident.clone(),
            control: permit.order().control.clone(),
            told: false,
        };
        self.lock().begun.insert(order.clone(), begun);
        let run = Run {
            machine: &self.machine,
            site: &site,
            permit: &permit,
            interrupt,
            resumed: false,
            intents: Vec::new(),
            counts: Vec::new(),
            touched: Touched::default(),
            trouble: Trouble::NotHealed,
        };
        let accepted = Ready { run, failing }.accept(envelope)?;
        drop(admission);
        Ok(Some(accepted.act()?.settle()?.outcome))
    }

    fn verify(&self, queued: &Queued, arrival: Arrival) -> Result<VerifiedOrder, Denied> {
        if queued.standing {
            self.verify_our_own(&queued.envelope, None, arrival)
        } else {
            SignedOrder(&queued.envelope).verify(&self.site(), self.moment().now)
        }
    }

    /// An order that the site made for itself: by the grant in force, which is the one named where one is.
    pub(super) fn verify_our_own(
        &self,
        bytes: &[u8],
        named: Option<&GrantId>,
        arrival: Arrival,
    ) -> Result<VerifiedOrder, Denied> {
        let now = self.moment().now;
        // A log that was given up says nothing of the hub's silence: then it counts as heard.
        let silent_ms = self.machine.with_log(|recorder| recorder.silent_ms(self.now())).unwrap_or(0);
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let granting = standing.as_ref().filter(|s| named.is_none_or(|grant| s.order().grant == *grant));
        let again = granting.ok_or(Refusal::NoStandingOrder);
        again
            .and_then(|s| s.again(&self.site(), bytes, now, silent_ms, arrival))
            .map_err(|refusal| Denied::of_our_own(bytes, refusal))
    }

    /// The executor's own measurement, and what else must hold before the run.
    fn measure(&self, permit: &guard::Permit<'_>) -> Result<crate::measure::FailingCheck, Refusal> {
        let failing = match self.machine.meter.measure(permit.control()) {
            Measured::Fails(failing) => failing,
            Measured::Passes(_) => return Err(Refusal::NoFailingCheck),
            Measured::NotMeasured(absence) => return Err(Refusal::CheckNotMeasured(absence)),
        };
        let unmet = (1u32..).zip(&permit.runbook().preconditions).find(|(_, p)| !self.holds(p));
        match unmet {
            Some((number, _)) => Err(Refusal::Precondition { number }),
            None => Ok(failing),
        }
    }

    fn holds(&self, precondition: &Precondition) -> bool {
        precondition::holds(precondition, |id| {
            let site = self.site();
            let control = site.baseline.control(id);
            control.is_some_and(|c| matches!(self.machine.meter.measure(c), Measured::Passes(_)))
        })
    }

    fn note_state(&self, order: &OrderId, to: RunState) -> Result<(), OrderError> {
        let begun = self.lock().begun.get(order).map(|begun| (begun.control.clone(), begun.digest));
        let Some((control, digest)) = begun else { return Ok(()) };
        let body = Body::Moved(Moved { order: order.clone(), to });
        self.machine.about(&control, digest, None, vec![body])?;
        Ok(())
    }

    /// Forgets snapshots of runs that ended long ago: a person may undo the newest by hand, nobody the others.
    pub fn prune_snapshots(&self) {
        let begun: Vec<String> = self.lock().begun.keys().map(ToString::to_string).collect();
        let unfinished = self.machine.with_ledger(|l| {
            l.unfinished().map(|run| run.accepted.order.to_string()).collect::<Vec<String>>()
        });
        let Ok(unfinished) = unfinished else { return };
        let needed = |name: &str| {
            begun.iter().chain(&unfinished).any(|order| order == name)
                || crate::verbs::is_watched(&self.machine, name)
        };
        match self.machine.snapshots.prune(SNAPSHOTS_KEPT, needed) {
            Ok(_) => {}
            Err(e) => tracing::warn!("old snapshots are still here: {}", crate::serve::chain(&e)),
        }
    }

    /// Tells of runs that have not ended within their time, each once.
    fn look_at_begun(&self) -> Result<(), OrderError> {
        let now = self.now();
        let mut stuck = Vec::new();
        for (order, begun) in &mut self.lock().begun {
            if !begun.told && now.ms_since(begun.since) > begun.escalate_after_ms {
                begun.told = true;
                stuck.push((order.clone(), begun.incident.clone(), begun.control.clone(), begun.digest));
            }
        }
        for (order, incident, control, digest) in stuck {
            tracing::error!(%order, "a run has not ended within its time");
            let bodies = vec![
                Body::Moved(Moved { order: order.clone(), to: RunState::Stuck }),
                Body::Escalated(Escalated { order, incident, trouble: Trouble::Stuck }),
            ];
            self.machine.about(&control, digest, None, bodies)?;
        }
        Ok(())
    }
}
