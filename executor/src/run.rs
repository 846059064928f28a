//! The run, as a transaction: measure → accept → (intent → act) for each step → verify by the same check → hold down → end; or undo.
//!
//! An interrupted run is taken up again by the same path: the signed order stands in its acceptance, passes the guardrails once more, and the
//! check is measured once more. Nothing is assumed of what the interruption left.

mod findings;
mod resume;

use std::sync::Arc;
use std::time::Duration;

use contract::blob::Blob;
use contract::digest::Digest;
use contract::event::Event;
use contract::outcome::Outcome;
use contract::record::{Accepted, Body, Ended, Intent, Refused, Resolution};
use contract::refusal::Refusal;
use contract::socket::OrderAnswer;
use contract::time::MonoNs;
use edge::trace::Tracer;
use evidence::AppendError;
use facts::OwnDirectories;

use crate::guard::{self, Arrival, Authentic, Denied, Moment, Permit, Site};
use crate::measure::{FailingCheck, Measured, Meter};
use crate::recorder::{Recorder, Stamp};
use crate::verbs;

pub use findings::FindingsError;

/// Carries orders out, one at a time.
#[derive(Debug)]
pub struct Runner {
    site: Arc<Site>,
    machine: Machine,
}

/// What a run works with: the log, the measurements, the directories, the trace.
#[derive(Debug)]
pub struct Machine {
    /// The log and its ledger.
    pub recorder: Recorder,
    /// The executor's own eyes.
    pub meter: Meter,
    /// Where Suture's own directories are.
    pub own: OwnDirectories,
    /// Diagnostics.
    pub tracer: Tracer,
}

/// How far a run came before it was verified.
struct Acted {
    began: MonoNs,
    done: MonoNs,
    intents: Vec<Intent>,
    complete: bool,
}

impl Runner {
    /// One for this site, on this machine.
    pub const fn new(site: Arc<Site>, machine: Machine) -> Self {
        Self { site, machine }
    }

    /// The log, given up by this runner.
    pub fn into_recorder(self) -> Recorder {
        self.machine.recorder
    }

    /// The machine, for whatever is not an order.
    pub const fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// Answers one order, from signed bytes to a durable end. An error means that the log cannot be written: then nothing was done, or what
    /// was done is settled at the next start.
    pub fn order(&mut self, envelope: &[u8]) -> Result<OrderAnswer, AppendError> {
        let Self { site, machine } = self;
        let moment = machine.moment();
        let authentic = match Authentic::open(site, envelope) {
            Ok(authentic) => authentic,
            Err(denied) => return machine.refuse(envelope, denied),
        };
        // An order that is handed out again gets the answer that it got: whatever became of the first answer, nothing runs twice.
        if let Some(answer) = machine.recorder.ledger().answer(authentic.order()) {
            return Ok(answer.clone());
        }
        match guard::permit(site, machine.recorder.ledger(), &moment, authentic, Arrival::New) {
            Ok(permit) => machine.carry_out(envelope, &permit),
            Err(denied) => machine.refuse(envelope, denied),
        }
    }
}

impl Machine {
    /// The moment, read once for everything that is decided in it.
    pub fn moment(&self) -> Moment {
        let mono = edge::clock::mono();
        Moment { now: edge::clock::utc(), mono, clock: self.meter.clock(mono) }
    }

    /// The moment, for a record.
    pub fn stamp(&self) -> Stamp {
        let Moment { now, mono, clock } = self.moment();
        Stamp { time: now, clock, mono }
    }

    fn refuse(&mut self, envelope: &[u8], denied: Denied) -> Result<OrderAnswer, AppendError> {
        let Denied { order, digest, counter_spent, refusal } = denied;
        let outcome = refusal.outcome();
        let refused = Refused {
            order: order.as_ref().map(|o| o.order.clone()),
            incident: order.as_ref().map(|o| o.incident.clone()),
            runbook: order.as_ref().map(|o| o.runbook.clone()),
            counter: order.as_ref().filter(|_| counter_spent).map(|o| o.counter),
            envelope: Digest::of(envelope),
            refusal: refusal.clone(),
        };
        let id = refused.order.clone();
        let subject = order.as_ref().map_or_else(|| "order".to_owned(), |o| format!("control:{}", o.control));
        let digest = digest.unwrap_or(refused.envelope);
        let written =
            self.recorder.run(self.stamp(), &subject, digest, None, vec![Body::Refused(outcome, refused)])?;
        self.tracer.emit(Event::Refused { order: id.clone(), refusal: refusal.clone() });
        Ok(OrderAnswer { order: id, outcome, refusal: Some(refusal), seq: written.seq() })
    }

    /// Measures, accepts, runs.
    fn carry_out(&mut self, envelope: &[u8], permit: &Permit<'_>) -> Result<OrderAnswer, AppendError> {
        let failing = match self.meter.measure(permit.control()) {
            Measured::Fails(failing) => failing,
            Measured::Passes(_) => {
                return self.refuse(envelope, permit_denied(permit, Refusal::NoFailingCheck));
            }
            Measured::NotMeasured(absence) => {
                return self.refuse(envelope, permit_denied(permit, Refusal::CheckNotMeasured(absence)));
            }
        };
        let order = permit.order();
        let accepted = Accepted {
            order: order.order.clone(),
            incident: order.incident.clone(),
            control: order.control.clone(),
            runbook: order.runbook.clone(),
            target: order.parameters.values().cloned().collect(),
            counter: order.counter,
            provenance: order.provenance.clone(),
            guardrails: Permit::guardrails(),
            measured: failing.seen().clone(),
            envelope: Blob(envelope.to_vec()),
        };
        self.record(permit, vec![Body::Accepted(Box::new(accepted))])?;
        self.tracer.emit(Event::Permitted { order: order.order.clone() });
        let acted = self.act(permit, &failing, Vec::new())?;
        self.settle(permit, &acted, false)
    }

    /// All steps, each only once its intent is durable, within the runbook's time limit. `earlier` are the intents of the same run from before
    /// an interruption: undoing it undoes them too.
    fn act(
        &mut self,
        permit: &Permit<'_>,
        failing: &FailingCheck,
        earlier: Vec<Intent>,
    ) -> Result<Acted, AppendError> {
        let began = edge::clock::mono();
        let mut intents = earlier;
        let mut complete = true;
        for index in (0..).take(permit.runbook().steps.len()) {
            let late = edge::clock::mono().ms_since(began) > permit.runbook().time_limit_ms;
            let armed = verbs::arm(permit, failing, &self.own, index).inspect_err(|e| tracing::error!("{e}"));
            let (false, Ok(armed)) = (late, armed) else {
                complete = false;
                break;
            };
            let durable = self.record(permit, vec![Body::Intent(armed.intent().clone())])?;
            intents.push(armed.intent().clone());
            if let Err(e) = armed.act(&durable) {
                tracing::error!("{e}");
                complete = false;
                break;
            }
        }
        self.tracer.emit(Event::Acted { order: permit.order().order.clone() });
        Ok(Acted { began, done: edge::clock::mono(), intents, complete })
    }

    /// The same check must pass now, and after the hold-down. Otherwise everything is undone, last step first.
    fn settle(
        &mut self,
        permit: &Permit<'_>,
        acted: &Acted,
        resumed: bool,
    ) -> Result<OrderAnswer, AppendError> {
        let passes_now = acted.complete && self.verify(permit);
        if passes_now {
            std::thread::sleep(Duration::from_millis(permit.runbook().hold_down_ms));
        }
        let last = self.meter.measure(permit.control());
        let outcome = match &last {
            Measured::Passes(_) if passes_now => Outcome::Healed,
            Measured::Passes(_) | Measured::Fails(_) | Measured::NotMeasured(_) => self.undo(&acted.intents),
        };
        let resolution = match last {
            Measured::Passes(seen) => Resolution::Passes(seen),
            Measured::Fails(failing) => Resolution::Fails(failing.seen().clone()),
            Measured::NotMeasured(absence) => Resolution::NotMeasured(absence),
        };
        self.end(permit, outcome, resolution, acted, resumed)
    }

    fn verify(&self, permit: &Permit<'_>) -> bool {
        let passes = matches!(self.meter.measure(permit.control()), Measured::Passes(_));
        self.tracer.emit(Event::Verified { order: permit.order().order.clone(), passes });
        passes
    }

    /// The inverse of each step that may have acted, last first. `reverted` only where all of them worked.
    fn undo(&self, intents: &[Intent]) -> Outcome {
        let undone = intents.iter().rev().map(|intent| verbs::undo(intent, &self.own));
        let mut outcome = if intents.is_empty() { Outcome::Failed } else { Outcome::Reverted };
        for result in undone {
            if let Err(e) = result {
                tracing::error!("cannot undo: {e}");
                outcome = Outcome::Failed;
            }
        }
        outcome
    }

    fn end(
        &mut self,
        permit: &Permit<'_>,
        outcome: Outcome,
        resolution: Resolution,
        acted: &Acted,
        resumed: bool,
    ) -> Result<OrderAnswer, AppendError> {
        let order = permit.order();
        let ended = Ended {
            order: order.order.clone(),
            incident: order.incident.clone(),
            control: order.control.clone(),
            resolution,
            resumed,
            acted_ms: acted.done.ms_since(acted.began),
            verified_ms: edge::clock::mono().ms_since(acted.done),
        };
        let seq = self.record(permit, vec![Body::Ended(outcome, ended)])?.seq();
        self.tracer.emit(Event::Ended { order: order.order.clone(), outcome, seq });
        Ok(OrderAnswer { order: Some(order.order.clone()), outcome, refusal: None, seq })
    }

    fn record(&mut self, permit: &Permit<'_>, bodies: Vec<Body>) -> Result<evidence::Appended, AppendError> {
        let subject = format!("control:{}", permit.order().control);
        self.recorder.run(self.stamp(), &subject, permit.digest(), Some(permit.runbook_digest()), bodies)
    }
}

/// All guardrails passed, and the measurement did not bear the order out. Its counter is spent.
fn permit_denied(permit: &Permit<'_>, refusal: Refusal) -> Denied {
    Denied {
        order: Some(Box::new(permit.order().clone())),
        digest: Some(permit.digest()),
        counter_spent: true,
        refusal,
    }
}
