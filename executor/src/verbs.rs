//! From a permit to an act. This is the only place that may call the hands: a step is armed from a permit and a ground (a failing check, mostly), and
//! acts only when it is handed the proof that its intent is durable. Undoing takes what the intent noted.
//!
//! Beside a step that touches how people get in stands a dead-man timer, in a process of its own: where nobody confirms from outside that the way in
//! is still open, the old state comes back, whatever became of this process.

use std::time::Duration;

use contract::ids::OrderId;
use contract::record::{Body, Intent};
use contract::resource::{Resource, UnitName};
use contract::runbook::Action;
use contract::time::MonoNs;
use evidence::Appended;
use hands::{
    Armed, DeadMan, DeadManError, Done, HandError, Interrupt, Interruptible, Nixos, NotConfirmed, OwnPlaces,
    Place, Programs, UndoPlan, WayIn,
};
use thiserror::Error;

use crate::ground::Ground;
use crate::guard::Permit;
use crate::machine::Machine;

/// How long undoing one step may take.
const UNDO_MS: u64 = 5 * 60 * 1000;
/// How long a look from outside may take.
const LOOK: Duration = Duration::from_secs(10);
/// How much longer a dead-man timer waits than the run may take.
const DEAD_MAN_MARGIN_MS: u64 = 60_000;

/// Why a step could not be armed, or did not act.
#[derive(Debug, Error)]
pub enum StepError {
    /// The hand's own words.
    #[error(transparent)]
    Hand(#[from] HandError),
    /// The permitted runbook has no such step.
    #[error("the permitted runbook has no step {0}")]
    NoStep(u32),
    /// The step ended before the interruption: there is no ground to do it again.
    #[error("there is no ground to do step {0} again")]
    NoGround(u32),
    /// The proof of a durable intent is for another step.
    #[error("the durable intent is not this step's")]
    OtherIntent,
    /// The dead-man timer could not be armed, so the step did not act.
    #[error(transparent)]
    DeadMan(#[from] DeadManError),
}

/// Which step, until when, and who may stop it.
#[derive(Debug)]
pub struct Workplace<'a> {
    /// The step, from 0.
    pub index: u32,
    /// Until when it must be done.
    pub deadline: MonoNs,
    /// Whether somebody wants it to stop.
    pub interrupt: &'a Interrupt,
    /// How long the check must go on passing afterwards.
    pub hold_down_ms: u64,
}

/// A step with its target opened and its inverse kept, ready to act once its intent is durable.
#[derive(Debug)]
pub struct ArmedStep {
    intent: Intent,
    hand: Armed,
    way: Option<WayIn>,
}

/// A way in that a step touches.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// Which step, from 0.
    pub step: u32,
    /// Which way.
    pub way: WayIn,
    /// Whether it was open before. Where it was not, it need not be afterwards.
    pub was_open: bool,
}

impl ArmedStep {
    /// Opens a step of the permitted runbook. A ground is asked for because nothing may be armed against a machine that is well.
    pub fn arm(
        permit: &Permit<'_>,
        ground: &Ground,
        machine: &Machine,
        at: &Workplace<'_>,
    ) -> Result<Self, StepError> {
        let action = permit.actions().get(at.index as usize).ok_or(StepError::NoStep(at.index))?;
        if !ground.bears(at.index) {
            return Err(StepError::NoGround(at.index));
        }
        let order = permit.order().order.clone();
        let programs = Interruptible { programs: machine.programs.as_ref(), interrupt: at.interrupt };
        let place = place(machine, &programs, &order, at);
        place.go_on()?;
        let hand = hands::arm(action, &place)?;
        let (verb, target, before) = (action.verb(), action.resource(), hand.before().clone());
        let way = WayIn::of(action);
        Ok(Self { intent: Intent { order, step: at.index, verb, target, before }, hand, way })
    }

    /// What is about to happen, to be written down first.
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }

    /// Acts. `durable` must hold exactly this step's intent. Where it touches a way in, `touched` says so from the moment on in which it may be shut.
    pub fn act(
        self,
        durable: &Appended,
        machine: &Machine,
        at: &Workplace<'_>,
        touched: &mut Vec<Access>,
    ) -> Result<Done, StepError> {
        let Self { intent, hand, way } = self;
        if !durable.records().iter().any(|r| matches!(&r.body, Body::Intent(i) if *i == intent)) {
            return Err(StepError::OtherIntent);
        }
        let programs = Interruptible { programs: machine.programs.as_ref(), interrupt: at.interrupt };
        let place = place(machine, &programs, &intent.order, at);
        if let Some(way) = way {
            let keeper = watch(&intent, machine, at)?;
            let was_open = match keeper.look(way, LOOK) {
                Ok(()) => true,
                // Nothing was done yet, and whether a way in stays open could not be told afterwards either.
                Err(NotConfirmed::NotMeasured(e)) => {
                    keeper.confirm()?;
                    return Err(e.into());
                }
                Err(e) => {
                    tracing::info!(order = %intent.order, "the way in is shut before the step: {e}");
                    false
                }
            };
            touched.push(Access { step: intent.step, way, was_open });
        }
        let done = hand.act(&place);
        clear(&place);
        Ok(done?)
    }
}

/// Has the dead-man timer stand by before the act.
fn watch(intent: &Intent, machine: &Machine, at: &Workplace<'_>) -> Result<DeadMan, StepError> {
    let plan = UndoPlan {
        verb: intent.verb,
        target: intent.target.clone(),
        before: intent.before.clone(),
        snapshot: machine.snapshots.of(&intent.order, intent.step).directory().to_owned(),
        own: OwnPlaces::from(&machine.own),
        restart: readers(&intent.target),
    };
    let left_ms = at.deadline.ms_since(edge::clock::mono());
    let after =
        Duration::from_millis(left_ms.saturating_add(at.hold_down_ms).saturating_add(DEAD_MAN_MARGIN_MS));
    Ok(DeadMan::arm(&plan, after, &machine.program)?)
}

/// Who reads a file when it starts, and goes on with what was in it until it is restarted.
fn readers(target: &Resource) -> Vec<UnitName> {
    match target {
        Resource::Path(path) if path.as_str().starts_with("/etc/ssh/") => {
            "ssh.service".parse().into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Whether every way in that was open is open still, by a fresh look from outside; and then the timers are off. An answer that came too late is none:
/// the timer has put the old state back already.
pub fn still_reachable(machine: &Machine, order: &OrderId, touched: &[Access]) -> bool {
    touched.iter().all(|access| {
        let keeper = DeadMan::of(&machine.snapshots.of(order, access.step));
        let open = !access.was_open
            || keeper
                .look(access.way, LOOK)
                .inspect_err(|e| tracing::error!(%order, "the way in is not confirmed: {e}"))
                .is_ok();
        open && stand_down(machine, order, access.step).unwrap_or(false)
    })
}

/// Ends a step's dead-man timer. False where it was too late.
fn stand_down(machine: &Machine, order: &OrderId, step: u32) -> Result<bool, DeadManError> {
    DeadMan::of(&machine.snapshots.of(order, step)).confirm()
}

/// Whether a dead-man timer of this run has neither fired nor been confirmed: its plan lies in the snapshot.
pub fn is_watched(machine: &Machine, order: &str) -> bool {
    let below = machine.snapshots.directory().join(order);
    match hands::pending(machine.snapshots.directory()) {
        Ok(pending) => {
            pending.plans.iter().any(|plan| plan.snapshot.starts_with(&below))
                || pending.unreadable.iter().any(|path| path.starts_with(&below))
        }
        // What cannot be looked at is kept.
        Err(_) => true,
    }
}

/// Whether the dead-man timer of one of these steps has put the old state back.
pub fn dead_man_fired(machine: &Machine, intents: &[Intent]) -> Option<Intent> {
    let fired = |intent: &&Intent| DeadMan::fired(&machine.snapshots.of(&intent.order, intent.step));
    intents.iter().find(fired).cloned()
}

/// Fires every timer whose process a power cut took along. Returns what could not be.
pub fn fire_pending(machine: &Machine) -> Result<usize, DeadManError> {
    let pending = hands::pending(machine.snapshots.directory())?;
    for path in &pending.unreadable {
        tracing::error!("{}: it is no dead-man's plan: a person has to look", path.display());
    }
    let mut fired = 0;
    for plan in &pending.plans {
        match hands::fire(plan, machine.programs.as_ref()) {
            Ok(true) => fired += 1,
            Ok(false) => {}
            Err(e) => tracing::error!("the old state could not be put back: {}", crate::serve::chain(&e)),
        }
    }
    Ok(fired)
}

/// Undoes a step from its intent: the inverse of its verb, on the very thing it touched.
pub fn undo(intent: &Intent, machine: &Machine) -> Result<(), StepError> {
    let deadline = MonoNs(edge::clock::mono().0.saturating_add(UNDO_MS * 1_000_000));
    // Nobody stops an undoing half way.
    let interrupt = Interrupt::default();
    let at = Workplace { index: intent.step, deadline, interrupt: &interrupt, hold_down_ms: 0 };
    let place = place(machine, machine.programs.as_ref(), &intent.order, &at);
    hands::undo(intent.verb, &intent.target, &intent.before, &place)?;
    // Who reads the file when it starts goes on with what was in it: the old state is back only when that was read, too.
    for unit in readers(&intent.target) {
        hands::arm(&Action::UnitRestart(unit), &place)?.act(&place)?;
    }
    clear(&place);
    // What it would put back is back.
    stand_down(machine, &intent.order, intent.step)?;
    Ok(())
}

fn place<'a>(
    machine: &'a Machine,
    programs: &'a dyn Programs,
    order: &OrderId,
    at: &Workplace<'a>,
) -> Place<'a> {
    Place {
        own: &machine.own,
        snapshot: machine.snapshots.of(order, at.index),
        programs,
        deadline: at.deadline,
        interrupt: at.interrupt,
        scratch: machine.scratch.join(order.as_str()).join(at.index.to_string()),
        nixos: Nixos::default(),
    }
}

/// Removes the step's scratch directory, where it made one.
fn clear(place: &Place<'_>) {
    match std::fs::remove_dir_all(&place.scratch) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!("{}: it was not removed: {e}", place.scratch.display());
        }
        Ok(()) | Err(_) => {}
    }
}
