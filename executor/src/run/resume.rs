//! Settling what an interruption left: every accepted run without an end is taken up again, or undone.

use contract::digest::Digest;
use contract::fact::Absence;
use contract::outcome::Outcome;
use contract::record::{Accepted, Body, Ended, Recovered, Resolution};
use evidence::AppendError;

use super::{Acted, Machine, Runner};
use crate::guard::{self, Arrival, Authentic, Site};
use crate::ledger::Unfinished;
use crate::measure::Measured;

impl Runner {
    /// Declares what was cut and what was interrupted, and settles every interrupted run. Returns how many there were.
    pub fn recover(&mut self, torn_bytes: u64) -> Result<u32, AppendError> {
        let unfinished: Vec<Unfinished> = self.machine.recorder.ledger().unfinished().cloned().collect();
        if torn_bytes > 0 || !unfinished.is_empty() {
            let orders = unfinished.iter().map(|run| run.accepted.order.clone()).collect();
            let stamp = self.machine.stamp();
            self.machine.recorder.recovered(stamp, Recovered { torn_bytes, unfinished: orders })?;
        }
        for run in &unfinished {
            self.resume(run)?;
        }
        Ok(u32::try_from(unfinished.len()).unwrap_or(u32::MAX))
    }

    fn resume(&mut self, run: &Unfinished) -> Result<(), AppendError> {
        let Self { site, machine } = self;
        let moment = machine.moment();
        let permit = Authentic::open(site, &run.accepted.envelope.0).and_then(|authentic| {
            guard::permit(site, machine.recorder.ledger(), &moment, authentic, Arrival::Resumed)
        });
        let permit = match permit {
            Ok(permit) => permit,
            Err(denied) => {
                tracing::warn!(
                    "an interrupted run is not permitted any more and is undone: {}",
                    denied.refusal
                );
                return machine.abandon(site, run, denied.refusal.outcome());
            }
        };
        match machine.meter.measure(permit.control()) {
            Measured::Fails(failing) => machine.act_and_settle(&permit, &failing, true)?,
            // The steps had done their work, or the machine could not be measured: verification decides, and undoes if need be.
            Measured::Passes(_) | Measured::NotMeasured(_) => {
                let now = edge::clock::mono();
                let acted = Acted { began: now, done: now, intents: run.intents.clone(), complete: true };
                machine.settle(&permit, &acted, true)?
            }
        };
        Ok(())
    }
}

impl Machine {
    /// Undoes a run that may not go on, and says so. A run that never got to an intent ends as its order is refused now.
    fn abandon(&mut self, site: &Site, run: &Unfinished, refused: Outcome) -> Result<(), AppendError> {
        let outcome = if run.intents.is_empty() { refused } else { self.undo(&run.intents) };
        let Accepted { order, incident, control, envelope, .. } = &run.accepted;
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
        let body = Body::Ended(outcome, ended);
        self.recorder.run(
            self.stamp(),
            &format!("control:{control}"),
            Digest::of(&envelope.0),
            None,
            vec![body],
        )?;
        Ok(())
    }
}
