//! The ways in that a run touches: a dead-man timer beside each step that does, a look from outside before it, and another at the end.
//!
//! The look before is no formality. Where it sees nothing, the one afterwards would see nothing either, and nobody could say whether people still get
//! in: then the step does not act, and the run says why. No answer before the act ever stands in for the one after it.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::ids::OrderId;
use contract::record::Intent;
use contract::runbook::Action;
use contract::time::MonoNs;
use hands::{Afterwards, DeadMan, DeadManError, NotConfirmed, OwnPlaces, State, UndoPlan, WayIn};

use super::{StepError, Workplace};
use crate::guard::Permit;
use crate::machine::Machine;

/// How long a look from outside may take.
const LOOK: Duration = Duration::from_secs(10);
/// For how long it is looked again, before a server that gives no answer is believed to give none.
const PATIENCE_MS: u64 = 6_000;
const PAUSE: Duration = Duration::from_millis(300);
/// How much longer a dead-man timer waits than the run may take: enough for the looks at the end of it.
const DEAD_MAN_MARGIN_MS: u64 = 180_000;

/// The ways in that the steps of a run touch, by step. A step that is done once more has one entry, and one timer, all the same.
#[derive(Debug, Default)]
pub struct Touched(BTreeMap<u32, Access>);

/// A way in that a step touches, and how it has to be found afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Access {
    way: WayIn,
    afterwards: Afterwards,
}

impl Touched {
    /// What an interrupted run touched. Whether an SSH server ran before nobody knows any more: it has to be seen now. What was confirmed before the interruption is confirmed: its timer is off, durably, and nobody is there to look any more.
    pub fn before(machine: &Machine, permit: &Permit<'_>, intents: &[Intent]) -> Self {
        let access = |intent: &Intent| {
            let way = permit.actions().get(intent.step as usize).and_then(WayIn::of)?;
            Some((intent.step, Access { way, afterwards: Afterwards::Open }))
        };
        let confirmed = |intent: &Intent| {
            DeadMan::of(&machine.snapshots.of(&intent.order, intent.step)).state() == State::Confirmed
        };
        let left = intents.iter().filter(|intent| !confirmed(intent));
        Self(left.filter_map(access).collect())
    }

    /// Leaves out what is done again from this step on: it will have a look and a timer of its own.
    pub fn only_below(&mut self, step: u32) {
        self.0.retain(|touched, _| *touched < step);
    }

    /// Has the dead-man timer stand by, and looks. From here on the way in may be shut.
    pub(super) fn look_before(
        &mut self,
        intent: &Intent,
        (way, action): (WayIn, &Action),
        machine: &Machine,
        at: &Workplace<'_>,
    ) -> Result<(), StepError> {
        let keeper = watch(intent, machine, at)?;
        let earlier = self.0.values().find(|access| access.way == way);
        let judged = match earlier {
            Some(access) => Ok(access.afterwards.and(action)),
            None => {
                let half_ms = at.deadline.ms_since(edge::clock::mono()) / 2;
                Afterwards::after(action, look(&keeper, way, PATIENCE_MS.min(half_ms)))
            }
        };
        match judged {
            Ok(afterwards) => {
                self.0.insert(intent.step, Access { way, afterwards });
                Ok(())
            }
            Err(unseen) => {
                keeper.withdraw()?;
                Err(StepError::WayInNotSeen(unseen))
            }
        }
    }

    /// Whether every way in is as it has to be, by a fresh look from outside, one for all steps that touch it; and then the timers are off. An answer that
    /// came too late is none: the timer has put the old state back already.
    pub fn is_confirmed(&self, machine: &Machine, order: &OrderId) -> bool {
        let keeper = |step| DeadMan::of(&machine.snapshots.of(order, step));
        let look = |step, way| {
            let seen = look(&keeper(step), way, PATIENCE_MS);
            if let Err(e) = &seen {
                tracing::warn!(%order, "the way in is not seen: {e}");
            }
            seen
        };
        self.is_met(look, |step| keeper(step).confirm().unwrap_or(false))
    }

    /// Confirms step by step, and looks once at each way. Where one is not as it has to be, nothing more is confirmed.
    fn is_met(
        &self,
        look: impl Fn(u32, WayIn) -> Result<(), NotConfirmed>,
        confirm: impl Fn(u32) -> bool,
    ) -> bool {
        let mut looks: Vec<(WayIn, Result<(), NotConfirmed>)> = Vec::new();
        self.0.iter().all(|(step, access)| {
            let seen = match looks.iter().position(|(way, _)| *way == access.way) {
                Some(earlier) => earlier,
                None => {
                    looks.push((access.way, look(*step, access.way)));
                    looks.len() - 1
                }
            };
            access.afterwards.is_met(&looks[seen].1) && confirm(*step)
        })
    }
}

/// Looks until it sees the way in, or for so long.
fn look(keeper: &DeadMan, way: WayIn, patience_ms: u64) -> Result<(), NotConfirmed> {
    let until = MonoNs(edge::clock::mono().0.saturating_add(patience_ms.saturating_mul(1_000_000)));
    loop {
        match keeper.look(way, LOOK) {
            Err(e) if e.may_pass() && edge::clock::mono() < until => std::thread::sleep(PAUSE),
            seen => return seen,
        }
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
        restart: hands::readers(&intent.target)?,
    };
    let left_ms = at.deadline.ms_since(edge::clock::mono());
    let after =
        Duration::from_millis(left_ms.saturating_add(at.hold_down_ms).saturating_add(DEAD_MAN_MARGIN_MS));
    Ok(DeadMan::arm(&plan, after, &machine.program)?)
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// What was looked at, by which step's timer, and which timers are off.
    fn met(
        touched: &[(WayIn, Afterwards)],
        seen: impl Fn(WayIn) -> Result<(), NotConfirmed>,
    ) -> (bool, Vec<(u32, WayIn)>, Vec<u32>) {
        let access = |(&(way, afterwards), step)| (step, Access { way, afterwards });
        let touched = Touched(touched.iter().zip(0..).map(access).collect());
        let (looks, off) = (RefCell::default(), RefCell::default());
        let look = |step, way| {
            Vec::push(&mut looks.borrow_mut(), (step, way));
            seen(way)
        };
        let confirm = |step| {
            Vec::push(&mut off.borrow_mut(), step);
            true
        };
        (touched.is_met(look, confirm), looks.into_inner(), off.into_inner())
    }

    #[test]
    fn each_way_is_looked_at_once_and_each_step_confirmed() {
        let (ssh, filter) = ((WayIn::Sshd, Afterwards::Open), (WayIn::Firewall, Afterwards::Open));
        let all = met(&[ssh, filter, ssh], |_| Ok(()));
        assert_eq!(all, (true, vec![(0, WayIn::Sshd), (1, WayIn::Firewall)], vec![0, 1, 2]));
        let shut = |way| if way == WayIn::Firewall { Err(NotConfirmed::NoAnswer) } else { Ok(()) };
        let (is_met, looks, off) = met(&[ssh, filter, ssh], shut);
        assert!(!is_met, "one way in says nothing of the other");
        assert_eq!((looks.len(), off), (2, vec![0]), "what comes after it is confirmed");
    }

    #[test]
    fn one_look_is_judged_for_each_step_by_what_was_there_before_it() {
        let steps = [(WayIn::Sshd, Afterwards::OpenOrNobodyThere), (WayIn::Sshd, Afterwards::Open)];
        let nobody = met(&steps, |_| Err(NotConfirmed::NothingToReach));
        assert_eq!(nobody, (false, vec![(0, WayIn::Sshd)], vec![0]));
    }
}
