//! From a permit to an act. This is the only place that may call the hands: a step is armed from a permit and a ground (a failing check, mostly), and
//! acts only when it is handed the proof that its intent is durable. Undoing takes what the intent noted.
//!
//! Beside a step that touches how people get in stands a dead-man timer, in a process of its own: where nobody confirms from outside that the way in
//! is still open, the old state comes back, whatever became of this process.

mod access;

use contract::ids::OrderId;
use contract::record::{Body, Intent, Unseen};
use contract::runbook::Action;
use contract::time::MonoNs;
use evidence::Appended;
use hands::{
    Armed, DeadMan, DeadManError, Done, HandError, Interrupt, Interruptible, NotConfirmed, Place, Programs,
    State, WayIn,
};
use thiserror::Error;

use crate::ground::Ground;
use crate::guard::Permit;
use crate::machine::Machine;

pub use access::{Touched, dead_man_fired, fire_pending, is_watched};

/// How long undoing one step may take.
const UNDO_MS: u64 = 5 * 60 * 1000;

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
    /// Whether a way in stays open could not be told afterwards, so the step did not act.
    #[error("the way in is not seen, so it is not touched")]
    WayInNotSeen(#[source] NotConfirmed),
}

impl StepError {
    /// Whether the step may have acted. Where not, there is nothing to undo.
    pub const fn may_have_acted(&self) -> bool {
        match self {
            Self::Hand(_) => true,
            Self::NoStep(_)
            | Self::NoGround(_)
            | Self::OtherIntent
            | Self::DeadMan(_)
            | Self::WayInNotSeen(_) => false,
        }
    }

    /// What kept the look before the step from seeing the way in, for the record.
    pub const fn unseen(&self) -> Option<Unseen> {
        match self {
            Self::WayInNotSeen(why) => Some(why.unseen()),
            Self::Hand(_) | Self::NoStep(_) | Self::NoGround(_) | Self::OtherIntent | Self::DeadMan(_) => {
                None
            }
        }
    }
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
    /// The way in that it touches, and by what.
    access: Option<(WayIn, Action)>,
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
        let access = WayIn::of(action).map(|way| (way, action.clone()));
        Ok(Self { intent: Intent { order, step: at.index, verb, target, before }, hand, access })
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
        touched: &mut Touched,
    ) -> Result<Done, StepError> {
        let Self { intent, hand, access } = self;
        if !durable.records().iter().any(|r| matches!(&r.body, Body::Intent(i) if *i == intent)) {
            return Err(StepError::OtherIntent);
        }
        let programs = Interruptible { programs: machine.programs.as_ref(), interrupt: at.interrupt };
        let place = place(machine, &programs, &intent.order, at);
        if let Some((way, action)) = access {
            touched.look_before(&intent, (way, &action), machine, at)?;
        }
        let done = hand.act(&place);
        clear(&place);
        Ok(done?)
    }
}

/// Undoes a step from its intent: the inverse of its verb, on the very thing it touched.
pub fn undo(intent: &Intent, machine: &Machine) -> Result<(), StepError> {
    let keeper = DeadMan::of(&machine.snapshots.of(&intent.order, intent.step));
    if keeper.state() == State::Withdrawn {
        // It was about to act, and did not.
        return Ok(());
    }
    let deadline = MonoNs(edge::clock::mono().0.saturating_add(UNDO_MS * 1_000_000));
    // Nobody stops an undoing half way.
    let interrupt = Interrupt::default();
    let at = Workplace { index: intent.step, deadline, interrupt: &interrupt, hold_down_ms: 0 };
    let place = place(machine, machine.programs.as_ref(), &intent.order, &at);
    hands::undo(intent.verb, &intent.target, &intent.before, &place)?;
    // Who reads the file when it starts goes on with what was in it: the old state is back only when that was read, too.
    for unit in keeper.readers()? {
        hands::arm(&Action::UnitRestart(unit), &place)?.act(&place)?;
    }
    clear(&place);
    // What it would put back is back.
    keeper.confirm()?;
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
        nixos: machine.nixos(),
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
