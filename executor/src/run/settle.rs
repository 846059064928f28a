//! Settling what an interruption left: every accepted run without an end is taken up again, or undone. The world is looked at, and nothing is assumed:
//! a step is repeated only where its verb may be, and the check still fails or nobody knows how the step ended ([`crate::ground`]).

use std::sync::Arc;

use contract::digest::Digest;
use contract::fact::Absence;
use contract::outcome::Outcome;
use contract::record::{
    Accepted as AcceptedBody, Authority, Body, DeadManFired, Ended, Escalated, Intent, Moved, Recovered,
    Refused, Resolution, Resumed, RunState, Trouble,
};
use evidence::AppendError;
use hands::Interrupt;

use super::transaction::{Accepted, Acted, Run, undo};
use super::{OrderError, Runner};
use crate::ground::{self, Ground, Unended};
use crate::guard::{self, Arrival, Denied, Permit, SignedOrder, VerifiedOrder};
use crate::ledger::Unfinished;
use crate::measure::Measured;
use crate::verbs::{self, Touched};

impl Runner {
    /// Declares what was cut and what was interrupted, and settles every interrupted run. Returns how many there were. Called before anybody can ask.
    pub fn recover(self: &Arc<Self>, torn_bytes: u64) -> Result<u32, OrderError> {
        // What the clock says now bounds what it may say from now on.
        self.moment();
        let unfinished: Vec<Unfinished> = self.machine.with_ledger(|l| l.unfinished().cloned().collect())?;
        if torn_bytes > 0 || !unfinished.is_empty() {
            let orders = unfinished.iter().map(|run| run.accepted.order.clone()).collect();
            let recovered = Body::Recovered(Recovered { torn_bytes, unfinished: orders });
            self.machine.about_the_log(vec![recovered])?;
        }
        // Whoever was locked out gets in again before anything else is looked at.
        if let Err(e) = verbs::fire_pending(&self.machine) {
            tracing::error!("dead-man timers cannot be looked for: {}", crate::serve::chain(&e));
        }
        for run in &unfinished {
            self.resume(run)?;
        }
        Ok(u32::try_from(unfinished.len()).unwrap_or(u32::MAX))
    }

    fn resume(&self, run: &Unfinished) -> Result<(), OrderError> {
        let arrival = if run.intents.is_empty() { Arrival::Resumed } else { Arrival::Settled };
        let verified = match self.verify_again(&run.accepted, arrival) {
            Ok(verified) => verified,
            Err(denied) => return Ok(self.abandon(run, denied)?),
        };
        let site = self.site();
        let around = self.surroundings(Some(verified.control()), &verified.foreseen(&site));
        let permit =
            self.machine.with_ledger(|ledger| guard::permit(&site, ledger, &around, verified, arrival))?;
        match permit {
            Ok(permit) => self.take_up(&permit, run),
            Err(denied) => Ok(self.abandon(run, denied)?),
        }
    }

    fn verify_again(&self, accepted: &AcceptedBody, arrival: Arrival) -> Result<VerifiedOrder, Denied> {
        let envelope = &accepted.envelope.0;
        match &accepted.authority {
            Authority::Hub => SignedOrder(envelope).verify(&self.site(), self.moment().now),
            Authority::StandingOrder(grant) => self.verify_our_own(envelope, Some(grant), arrival),
        }
    }

    /// Goes on with a run that is still permitted, from what is measured now.
    fn take_up(&self, permit: &Permit<'_>, interrupted: &Unfinished) -> Result<(), OrderError> {
        let order = permit.order();
        // What was asked anew is durable before anything stands on the answer.
        let resumed = Resumed { order: order.order.clone(), policy: permit.policy().clone() };
        let bodies = vec![Body::Resumed(resumed)];
        self.machine.about(&order.control, permit.digest(), Some(permit.runbook_digest()), bodies)?;
        let moment = self.moment();
        let behind = self.machine.with_ledger(|l| l.clock_behind(&moment).is_some())?;
        let in_time = !behind && moment.now <= order.expires;
        let site = self.site();
        let run = Run {
            machine: &self.machine,
            site: &site,
            permit,
            interrupt: Arc::new(Interrupt::default()),
            resumed: true,
            intents: interrupted.intents.clone(),
            counts: Vec::new(),
            touched: Touched::before(&self.machine, permit, &interrupted.intents),
            trouble: Trouble::NotHealed,
        };
        let fired = verbs::dead_man_fired(&self.machine, &interrupted.intents);
        if let Some(intent) = &fired {
            let body = fired_record(intent);
            self.machine.about(
                &permit.order().control,
                permit.digest(),
                Some(permit.runbook_digest()),
                vec![body],
            )?;
        }
        let reverting = fired.is_some() || interrupted.state == Some(RunState::Reverting);
        let acted = |run, complete| {
            let mono = edge::clock::mono();
            Acted { run, began: mono, done: mono, complete }
        };
        let acted = match self.machine.meter.measure(permit.control()) {
            // What was being undone is undone, whatever the check says by now.
            _ if reverting => acted(run, false),
            Measured::Fails(failing) if in_time && ground::may_repeat(interrupted) => {
                Accepted::again(run, Ground::Failing(failing)).act()?
            }
            // Nothing was done, and nothing needs to be.
            Measured::Passes(seen) if interrupted.intents.is_empty() => {
                return Ok(self.end_untouched(permit, seen)?);
            }
            // All steps ended well: verification decides. Whether somebody else repaired meanwhile nobody can tell: the end is marked as resumed.
            Measured::Passes(_) | Measured::NotMeasured(_) if interrupted.steps_ended => acted(run, true),
            // A part of the steps is no repair, whatever the check says, and neither is a step that may not have acted, or not well.
            Measured::Passes(_) => match Unended::of(permit.actions(), interrupted) {
                Some(unended) if in_time => Accepted::again(run, Ground::Unended(unended)).act()?,
                Some(_) | None => acted(run, false),
            },
            // Too old to act anew, or with a step that must not be done twice, or nothing to go by: what was begun is undone.
            Measured::Fails(_) | Measured::NotMeasured(_) => acted(run, false),
        };
        acted.settle()?;
        Ok(())
    }

    fn end_untouched(&self, permit: &Permit<'_>, seen: contract::fact::FactValue) -> Result<(), AppendError> {
        let order = permit.order();
        let ended = Ended {
            order: order.order.clone(),
            incident: order.incident.clone(),
            control: order.control.clone(),
            resolution: Resolution::Passes(seen),
            resumed: true,
            acted_ms: 0,
            verified_ms: 0,
            counts: Vec::new(),
        };
        let bodies = vec![Body::Ended(Outcome::Observed, ended)];
        self.machine.about(&order.control, permit.digest(), Some(permit.runbook_digest()), bodies).map(drop)
    }

    /// Undoes a run that may not go on, and says so. A run that never got to an intent ends as its order is refused now.
    fn abandon(&self, run: &Unfinished, denied: Denied) -> Result<(), AppendError> {
        let Denied { refusal, policy, .. } = denied;
        let AcceptedBody { order, incident, control, runbook, envelope, .. } = &run.accepted;
        let outcome = if run.intents.is_empty() {
            refusal.outcome()
        } else {
            let mut bodies = vec![Body::Moved(Moved { order: order.clone(), to: RunState::Reverting })];
            bodies.extend(verbs::dead_man_fired(&self.machine, &run.intents).as_ref().map(fired_record));
            self.machine.about(control, Digest::of(&envelope.0), None, bodies)?;
            undo(&self.machine, &run.intents)
        };
        let refused = Refused {
            order: Some(order.clone()),
            incident: Some(incident.clone()),
            runbook: Some(runbook.clone()),
            // Spent already, by its acceptance.
            counter: None,
            envelope: Digest::of(&envelope.0),
            refusal: refusal.clone(),
            policy: policy.map(|decided| *decided),
        };
        let resolution = match self.site().baseline.control(control).map(|c| self.machine.meter.measure(c)) {
            Some(Measured::Passes(seen)) => Resolution::Passes(seen),
            Some(Measured::Fails(failing)) => Resolution::Fails(failing.seen().clone()),
            Some(Measured::NotMeasured(absence)) => Resolution::NotMeasured(absence),
            // The baseline was exchanged meanwhile and does not know the control any more.
            None => Resolution::NotMeasured(Absence::Unsupported),
        };
        let ended = Ended {
            order: order.clone(),
            incident: incident.clone(),
            control: control.clone(),
            resolution,
            resumed: true,
            acted_ms: 0,
            verified_ms: 0,
            counts: Vec::new(),
        };
        let mut bodies = vec![Body::Refused(refusal.outcome(), refused), Body::Ended(outcome, ended)];
        // What is put off, and has touched nothing, is nobody's trouble.
        if outcome != Outcome::Deferred {
            let (order, incident) = (order.clone(), incident.clone());
            bodies.push(Body::Escalated(Escalated { order, incident, trouble: Trouble::NotHealed }));
        }
        self.machine.about(control, Digest::of(&envelope.0), None, bodies).map(drop)
    }
}

/// A dead-man timer put the old state back.
fn fired_record(intent: &Intent) -> Body {
    Body::DeadManFired(DeadManFired { order: intent.order.clone(), target: intent.target.clone() })
}
