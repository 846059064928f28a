//! Settling what an interruption left: every accepted run without an end is taken up again, or undone.

use contract::digest::Digest;
use contract::fact::Absence;
use contract::outcome::Outcome;
use contract::record::{Accepted, Body, Ended, Recovered, Refused, Resolution};
use contract::refusal::Refusal;
use contract::time::UtcTime;
use evidence::AppendError;

use super::{Acted, Machine, Runner};
use crate::guard::{self, Arrival, Authentic, Permit, Site};
use crate::ledger::Unfinished;
use crate::measure::Measured;

impl Runner {
    /// Declares what was cut and what was interrupted, and settles every interrupted run. Returns how many there were.
    pub fn recover(&mut self, torn_bytes: u64) -> Result<u32, AppendError> {
        let unfinished: Vec<Unfinished> = self.machine.recorder.ledger().unfinished().cloned().collect();
        if torn_bytes > 0 || !unfinished.is_empty() {
            let orders = unfinished.iter().map(|run| run.accepted.order.clone()).collect();
            let stamp = self.machine.stamp();
            let recovered = Body::Recovered(Recovered { torn_bytes, unfinished: orders });
            self.machine.recorder.about_the_log(stamp, vec![recovered])?;
        }
        for run in &unfinished {
            self.resume(run)?;
        }
        Ok(u32::try_from(unfinished.len()).unwrap_or(u32::MAX))
    }

    fn resume(&mut self, run: &Unfinished) -> Result<(), AppendError> {
        let Self { site, machine } = self;
        let moment = machine.moment();
        let arrival = if run.intents.is_empty() { Arrival::Resumed } else { Arrival::Settled };
        let permit = Authentic::open(site, &run.accepted.envelope.0).and_then(|authentic| {
            guard::permit(site, machine.recorder.ledger(), &moment, authentic, arrival)
        });
        match permit {
            Ok(permit) => machine.take_up(&permit, run, moment.now),
            Err(denied) => machine.abandon(site, run, &denied.refusal),
        }
    }
}

impl Machine {
    /// Goes on with a run that is still permitted, from what is measured now.
    fn take_up(&mut self, permit: &Permit<'_>, run: &Unfinished, now: UtcTime) -> Result<(), AppendError> {
        let begun = |complete| {
            let mono = edge::clock::mono();
            Acted { began: mono, done: mono, intents: run.intents.clone(), complete }
        };
        let acted = match self.meter.measure(permit.control()) {
            Measured::Fails(failing) if now <= permit.order().expires => {
                self.act(permit, &failing, run.intents.clone())?
            }
            // Too old to act anew: what was begun is undone.
            Measured::Fails(_) => begun(false),
            // Nothing was done, and nothing needs to be.
            Measured::Passes(seen) if run.intents.is_empty() => {
                self.end(permit, Outcome::Refused, Resolution::Passes(seen), &begun(false), true)?;
                return Ok(());
            }
            // All steps had begun: verification decides. A part of them is no repair, whatever the check says. Whether the last step acted before
            // the interruption, or somebody else repaired meanwhile, nobody can tell: the end is marked as resumed.
            Measured::Passes(_) | Measured::NotMeasured(_) => {
                begun(run.intents.len() == permit.runbook().steps.len())
            }
        };
        self.settle(permit, &acted, true)?;
        Ok(())
    }

    /// Undoes a run that may not go on, and says so. A run that never got to an intent ends as its order is refused now.
    fn abandon(&mut self, site: &Site, run: &Unfinished, refusal: &Refusal) -> Result<(), AppendError> {
        let outcome = if run.intents.is_empty() { refusal.outcome() } else { self.undo(&run.intents) };
        let Accepted { order, incident, control, runbook, envelope, .. } = &run.accepted;
        let refused = Refused {
            order: Some(order.clone()),
            incident: Some(incident.clone()),
            runbook: Some(runbook.clone()),
            // Spent already, by its acceptance.
            counter: None,
            envelope: Digest::of(&envelope.0),
            refusal: refusal.clone(),
        };
        let resolution = match site.baseline.control(control).map(|c| self.meter.measure(c)) {
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
        };
        let bodies = vec![Body::Refused(refusal.outcome(), refused), Body::Ended(outcome, ended)];
        self.recorder.run(
            self.stamp(),
            &format!("control:{control}"),
            Digest::of(&envelope.0),
            None,
            bodies,
        )?;
        Ok(())
    }
}
