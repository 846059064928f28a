//! One run, as a transaction. Each state is a type, and the only way on is to consume it:
//!
//! ```text
//! Ready ─accept─▶ Accepted ─act─▶ Acted ─verify─▶ Holding ─hold─▶ Proven ──▶ healed
//!                                   └──────────────┴────────────▶ Unproven ─▶ reverted | failed ─▶ escalated
//! ```
//!
//! Each transition is a record that is durable before what it announces. A run that was interrupted enters at `Acted`, from what the log holds.

use std::sync::Arc;

use contract::blob::Blob;
use contract::event::Event;
use contract::outcome::Outcome;
use contract::record::{
    Accepted as AcceptedBody, Body, Connection, Counted, DeadManFired, Ended, Escalated, Intent, Moved,
    Resolution, RunState, Trouble,
};
use contract::runbook::Action;
use contract::time::MonoNs;
use evidence::{AppendError, Appended};
use hands::Interrupt;

use crate::ground::Ground;
use crate::guard::{Permit, Site};
use crate::machine::Machine;
use crate::measure::{FailingCheck, Measured};
use crate::verbs;

/// What every state carries.
pub(super) struct Run<'r> {
    pub(super) machine: &'r Machine,
    pub(super) site: &'r Site,
    pub(super) permit: &'r Permit<'r>,
    pub(super) interrupt: Arc<Interrupt>,
    pub(super) resumed: bool,
    /// What was about to act, before an interruption and after it: undoing undoes all of it.
    pub(super) intents: Vec<Intent>,
    pub(super) counts: Vec<Counted>,
    /// The ways in that its steps touch.
    pub(super) touched: verbs::Touched,
    /// What a person is told if it does not end healed.
    pub(super) trouble: Trouble,
}

/// Permitted, and measured to fail.
pub(super) struct Ready<'r> {
    pub(super) run: Run<'r>,
    pub(super) failing: FailingCheck,
}

/// The acceptance is durable: the counter is spent.
pub(super) struct Accepted<'r> {
    run: Run<'r>,
    ground: Ground,
}

/// The steps are over, as far as they went.
pub(super) struct Acted<'r> {
    pub(super) run: Run<'r>,
    pub(super) began: MonoNs,
    pub(super) done: MonoNs,
    /// True where every step acted.
    pub(super) complete: bool,
}

/// The check passes; it has to go on passing.
struct Holding<'r>(Acted<'r>);

/// The check still passed after the hold-down.
struct Proven<'r>(Acted<'r>, Resolution);

/// The repair is not proven: it is undone.
struct Unproven<'r>(Acted<'r>, Cause);

/// Why a repair is not proven.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// It was cancelled for something urgent.
    Cancelled,
    /// A step stopped, the check does not pass, or a way in is shut.
    NotHealed,
}

/// How a run ended, and the record that says so.
pub(super) struct RunEnd {
    pub(super) outcome: Outcome,
}

impl<'r> Ready<'r> {
    /// Writes the acceptance down.
    pub(super) fn accept(self, envelope: &[u8]) -> Result<Accepted<'r>, AppendError> {
        let Self { run, failing } = self;
        let order = run.permit.order();
        let accepted = AcceptedBody {
            order: order.order.clone(),
            incident: order.incident.clone(),
            control: order.control.clone(),
            runbook: order.runbook.clone(),
            targets: run.permit.targets().to_vec(),
            counter: order.counter,
            authority: run.permit.authority().clone(),
            approvals: run.permit.approvals().to_vec(),
            break_glass: run.permit.break_glass().cloned(),
            provenance: order.provenance.clone(),
            guardrails: Permit::guardrails(),
            policy: run.permit.policy().clone(),
            measured: failing.seen().clone(),
            envelope: Blob(envelope.to_vec()),
        };
        run.record(vec![Body::Accepted(Box::new(accepted))])?;
        run.machine.tracer.emit(Event::Permitted { order: order.order.clone() });
        Ok(Accepted { run, ground: Ground::Failing(failing) })
    }
}

impl<'r> Accepted<'r> {
    /// Takes a run up again whose acceptance the log holds.
    pub(super) fn again(mut run: Run<'r>, ground: Ground) -> Self {
        run.touched.only_below(ground.from());
        Self { run, ground }
    }

    /// All steps that the ground bears, each only once its intent is durable, within the runbook's time limit.
    pub(super) fn act(self) -> Result<Acted<'r>, AppendError> {
        let Self { mut run, ground } = self;
        let began = edge::clock::mono();
        let deadline =
            MonoNs(began.0.saturating_add(run.permit.runbook().time_limit_ms.saturating_mul(1_000_000)));
        let mut complete = true;
        for index in (0u32..).take(run.permit.actions().len()).skip(ground.from() as usize) {
            match run.step(&ground, index, deadline)? {
                Stepped::Done => {}
                Stepped::Stopped => {
                    complete = false;
                    break;
                }
            }
        }
        run.machine.tracer.emit(Event::Acted { order: run.permit.order().order.clone() });
        Ok(Acted { run, began, done: edge::clock::mono(), complete })
    }
}

/// What became of one step.
enum Stepped {
    Done,
    Stopped,
}

impl Run<'_> {
    fn step(&mut self, ground: &Ground, index: u32, deadline: MonoNs) -> Result<Stepped, AppendError> {
        let hold_down_ms = self.permit.runbook().hold_down_ms;
        let place = verbs::Workplace { index, deadline, interrupt: &self.interrupt, hold_down_ms };
        let action = &self.permit.actions()[index as usize];
        match action {
            Action::Check(control) => return Ok(self.look(control)),
            Action::Wait { ms } => return Ok(self.wait(u64::from(*ms), deadline)),
            _ => {}
        }
        let armed = match verbs::ArmedStep::arm(self.permit, ground, self.machine, &place) {
            Ok(armed) => armed,
            Err(e) => return Ok(self.stopped(&e)),
        };
        let durable = self.record(vec![Body::Intent(armed.intent().clone())])?;
        self.intents.push(armed.intent().clone());
        let acted = armed.act(&durable, self.machine, &place, &mut self.touched);
        let connections = match &acted {
            Ok(done) => done.connections.clone(),
            Err(_) => Vec::new(),
        };
        self.tell_connections(index, connections)?;
        match acted {
            Ok(done) => {
                let counted = |(what, number)| Counted { step: index, what, number };
                self.counts.extend(done.counts.into_iter().map(counted));
                Ok(Stepped::Done)
            }
            Err(e) => {
                // What is known not to have acted is not undone: undoing has effects of its own.
                if !e.may_have_acted() {
                    self.intents.pop();
                }
                self.trouble = e.unseen().map_or(Trouble::NotHealed, Trouble::WayInNotSeen);
                Ok(self.stopped(&e))
            }
        }
    }

    fn stopped(&self, error: &dyn std::error::Error) -> Stepped {
        // Paths and what programs said stay in the trace; evidence holds typed fields only.
        tracing::error!(order = %self.permit.order().order, "{}", crate::serve::chain(error));
        Stepped::Stopped
    }

    fn look(&self, control: &contract::ids::ControlId) -> Stepped {
        let passes = self.site.baseline.control(control).is_some_and(|c| self.passes(c));
        if passes { Stepped::Done } else { Stepped::Stopped }
    }

    fn wait(&self, ms: u64, deadline: MonoNs) -> Stepped {
        let until = edge::clock::mono().0.saturating_add(ms.saturating_mul(1_000_000)).min(deadline.0);
        while edge::clock::mono().0 < until {
            if self.interrupt.is_asked() {
                return Stepped::Stopped;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Stepped::Done
    }

    fn passes(&self, control: &contract::baseline::Control) -> bool {
        matches!(self.machine.meter.measure(control), Measured::Passes(_))
    }

    /// The controls that must not fail because of the repair.
    fn others_pass(&self) -> bool {
        let also = self.permit.runbook().verification.as_ref().map(|v| v.also.as_slice()).unwrap_or_default();
        also.iter().all(|id| self.site.baseline.control(id).is_some_and(|control| self.passes(control)))
    }

    fn tell_connections(&self, step: u32, made: Vec<hands::Connected>) -> Result<(), AppendError> {
        if made.is_empty() {
            return Ok(());
        }
        let order = &self.permit.order().order;
        let body = |c: hands::Connected| {
            let hands::Connected { to, allowed, sent, received } = c;
            Body::Connection(Connection { order: order.clone(), step, to, allowed, sent, received })
        };
        self.record(made.into_iter().map(body).collect()).map(drop)
    }

    fn moved(&self, to: RunState) -> Result<(), AppendError> {
        let order = self.permit.order().order.clone();
        self.record(vec![Body::Moved(Moved { order, to })]).map(drop)
    }

    fn record(&self, bodies: Vec<Body>) -> Result<Appended, AppendError> {
        let order = self.permit.order();
        self.machine.about(&order.control, self.permit.digest(), Some(self.permit.runbook_digest()), bodies)
    }
}

impl<'r> Acted<'r> {
    /// To the end: proven or undone.
    pub(super) fn settle(self) -> Result<RunEnd, AppendError> {
        match self.verify()? {
            Ok(holding) => match holding.hold()? {
                Ok(proven) => proven.end(),
                Err(unproven) => unproven.revert(),
            },
            Err(unproven) => unproven.revert(),
        }
    }

    /// The same check that failed must pass now.
    fn verify(self) -> Result<Result<Holding<'r>, Unproven<'r>>, AppendError> {
        if self.run.interrupt.is_asked() {
            return Ok(Err(Unproven(self, Cause::Cancelled)));
        }
        if !self.complete {
            return Ok(Err(Unproven(self, Cause::NotHealed)));
        }
        self.run.moved(RunState::Verifying)?;
        let passes = self.run.passes(self.run.permit.control()) && self.run.others_pass();
        let order = self.run.permit.order().order.clone();
        self.run.machine.tracer.emit(Event::Verified { order, passes });
        Ok(if passes { Ok(Holding(self)) } else { Err(Unproven(self, Cause::NotHealed)) })
    }
}

impl<'r> Holding<'r> {
    /// And still pass after the hold-down.
    fn hold(self) -> Result<Result<Proven<'r>, Unproven<'r>>, AppendError> {
        let Self(acted) = self;
        acted.run.moved(RunState::Holding)?;
        acted.run.machine.clock.wait_ms(acted.run.permit.runbook().hold_down_ms);
        let last = acted.run.machine.meter.measure(acted.run.permit.control());
        let passes = matches!(last, Measured::Passes(_)) && acted.run.others_pass();
        let order = &acted.run.permit.order().order;
        let confirmed = passes && acted.run.touched.is_confirmed(acted.run.machine, order);
        Ok(match last {
            Measured::Passes(seen) if confirmed => Ok(Proven(acted, Resolution::Passes(seen))),
            Measured::Passes(_) | Measured::Fails(_) | Measured::NotMeasured(_) => {
                Err(Unproven(acted, Cause::NotHealed))
            }
        })
    }
}

impl Proven<'_> {
    fn end(self) -> Result<RunEnd, AppendError> {
        let Self(acted, resolution) = self;
        acted.end(Outcome::Healed, resolution)
    }
}

impl Unproven<'_> {
    /// The inverse of each step that may have acted, last first. `reverted` only where all of them worked.
    fn revert(self) -> Result<RunEnd, AppendError> {
        let Self(acted, cause) = self;
        let run = &acted.run;
        if let Some(intent) = verbs::dead_man_fired(run.machine, &run.intents) {
            let (order, target) = (intent.order, intent.target);
            run.record(vec![Body::DeadManFired(DeadManFired { order, target })])?;
        }
        let outcome = if run.intents.is_empty() {
            Outcome::Failed
        } else {
            run.moved(RunState::Reverting)?;
            undo(run.machine, &run.intents)
        };
        // Cancelled for something urgent, and undone: it is ordered again later, and nobody has to look.
        let outcome = match outcome {
            Outcome::Reverted if cause == Cause::Cancelled => Outcome::Deferred,
            other => other,
        };
        let resolution = match run.machine.meter.measure(run.permit.control()) {
            Measured::Passes(seen) => Resolution::Passes(seen),
            Measured::Fails(failing) => Resolution::Fails(failing.seen().clone()),
            Measured::NotMeasured(absence) => Resolution::NotMeasured(absence),
        };
        acted.end(outcome, resolution)
    }
}

impl Acted<'_> {
    fn end(self, outcome: Outcome, resolution: Resolution) -> Result<RunEnd, AppendError> {
        let Self { run, began, done, complete: _ } = self;
        let order = run.permit.order();
        let ended = Ended {
            order: order.order.clone(),
            incident: order.incident.clone(),
            control: order.control.clone(),
            resolution,
            resumed: run.resumed,
            acted_ms: done.ms_since(began),
            verified_ms: edge::clock::mono().ms_since(done),
            counts: run.counts.clone(),
        };
        let mut bodies = vec![Body::Ended(outcome, ended)];
        if !matches!(outcome, Outcome::Healed | Outcome::Deferred) {
            bodies.push(Body::Escalated(Escalated {
                order: order.order.clone(),
                incident: order.incident.clone(),
                trouble: run.trouble.clone(),
            }));
        }
        let seq = run.record(bodies)?.records().first().map_or(0, |record| record.seq);
        // What was undone needs no snapshot any more; what was healed or failed keeps it for a person.
        if matches!(outcome, Outcome::Reverted | Outcome::Deferred)
            && !verbs::is_watched(run.machine, order.order.as_str())
            && let Err(e) = run.machine.snapshots.forget(&order.order)
        {
            tracing::warn!("a snapshot was not removed: {e}");
        }
        run.machine.tracer.emit(Event::Ended { order: order.order.clone(), outcome, seq });
        Ok(RunEnd { outcome })
    }
}

/// Undoes what the intents noted, last first.
pub(super) fn undo(machine: &Machine, intents: &[Intent]) -> Outcome {
    let mut outcome = if intents.is_empty() { Outcome::Failed } else { Outcome::Reverted };
    for intent in intents.iter().rev() {
        if let Err(e) = verbs::undo(intent, machine) {
            tracing::error!("cannot undo: {}", crate::serve::chain(&e));
            outcome = Outcome::Failed;
        }
    }
    // Reverted means that things are as they were. Where a step has no inverse, they are not.
    if intents.iter().any(|intent| intent.verb.inverse() == contract::runbook::Inverse::None) {
        outcome = Outcome::Failed;
    }
    outcome
}
