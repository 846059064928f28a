//! `unit.restart`, `unit.start`, `unit.stop`, `unit.reset-failed`, `unit.enable`: systemd over D-Bus.
//!
//! A job that is done proves little: a service may be gone a moment after it was "started", and a unit whose condition is not met was never
//! started at all. So each act ends in a look at what was asked for, and at whether it stays.

mod boot;

use contract::record::Before;
use contract::resource::{Resource, UnitName};
use contract::runbook::Verb;

use crate::systemd::{Job, State, Systemd, Unit};
use crate::{Armed, Done, Hand, HandError, Place};

/// What is to be done with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// `unit.restart`.
    Restart,
    /// `unit.start`.
    Start,
    /// `unit.stop`.
    Stop,
    /// `unit.reset-failed`.
    ResetFailed,
    /// `unit.enable`.
    Enable,
}

#[derive(Debug)]
struct OnUnit {
    unit: Unit,
    deed: Deed,
}

pub(super) fn arm(deed: Deed, name: &UnitName, place: &Place<'_>) -> Result<Armed, HandError> {
    let unit = Unit::open(name, place)?;
    let enabled = boot::starts_at_boot(&unit)?;
    match deed {
        Deed::Stop if unit.is_needed()? => {
            // They would be stopped too, and starting this one again would not bring them back.
            return Err(unit.said("stop it", "other units that run need it".to_owned()));
        }
        Deed::Enable if enabled.is_none() => {
            return Err(unit.said("enable it", "it cannot be enabled".to_owned()));
        }
        Deed::Restart | Deed::Start | Deed::Stop | Deed::ResetFailed | Deed::Enable => {}
    }
    let before = Before::Unit { active: unit.state()?.is_wanted(), enabled };
    Ok(Armed::new(before, OnUnit { unit, deed }))
}

impl Hand for OnUnit {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        let unit = &self.unit;
        match self.deed {
            Deed::Restart => up(unit, Job::Restart, place)?,
            Deed::Start => up(unit, Job::Start, place)?,
            Deed::Stop => down(unit, place)?,
            Deed::ResetFailed => forget_failure(unit)?,
            Deed::Enable => boot::enable(unit)?,
        }
        Ok(Done::default())
    }
}

/// Brings it up. A oneshot without `RemainAfterExit` is up once it has ended well.
fn up(unit: &Unit, job: Job, place: &Place<'_>) -> Result<(), HandError> {
    let last = unit.invocation()?;
    if job == Job::Restart {
        unit.go_on()?;
    }
    unit.job(job, place)?;
    match unit.rest(place)? {
        State::Active | State::Reloading => unit.stays(true, job.what(), place),
        State::Inactive if unit.is_oneshot()? => {
            let result: String = unit.of_kind("Result")?;
            if unit.invocation()? == last {
                Err(unit.said(job.what(), "it did not run: a condition of its is not met".to_owned()))
            } else if result == "success" {
                Ok(())
            } else {
                Err(unit.said(job.what(), format!("it ended as {result:?}")))
            }
        }
        state @ (State::Inactive | State::Failed | State::Activating | State::Deactivating) => {
            let sub = unit.sub_state()?;
            Err(unit.said(job.what(), format!("the job is done, and the unit is {state:?} ({sub})")))
        }
    }
}

fn down(unit: &Unit, place: &Place<'_>) -> Result<(), HandError> {
    unit.job(Job::Stop, place)?;
    unit.rest(place)?;
    unit.stays(false, Job::Stop.what(), place)
}

fn forget_failure(unit: &Unit) -> Result<(), HandError> {
    const FORGET: &str = "forget that it failed";
    if unit.state()? == State::Failed {
        unit.ask::<_, ()>(FORGET, "ResetFailedUnit", &unit.name().as_str())?;
    }
    match unit.state()? {
        State::Failed => Err(unit.said(FORGET, "it failed again".to_owned())),
        _ => Ok(()),
    }
}

pub(super) fn undo(
    verb: Verb,
    target: &Resource,
    before: &Before,
    place: &Place<'_>,
) -> Result<(), HandError> {
    let (Resource::Unit(name), Before::Unit { active, enabled }) = (target, before) else {
        return Err(HandError::NoBefore(verb));
    };
    let unit = Unit::look(Systemd::at(place)?, name)?;
    if verb == Verb::UnitEnable {
        return if *enabled == Some(false) { boot::disable(&unit) } else { Ok(()) };
    }
    let state = unit.state()?;
    let done = match *active {
        true if !state.is_wanted() => unit.job(Job::Start, place),
        false if !state.is_down() => stop_again(&unit, place),
        true | false => Ok(()),
    };
    if let Err(HandError::Interrupted | HandError::TooLate) = done {
        return done;
    }
    // As before, and no better: where it crashed again and again, a start that fails and is tried once more is what was there.
    let now = unit.rest(place)?;
    if if *active { now.is_wanted() } else { now.is_down() } {
        return Ok(());
    }
    done?;
    Err(unit.said("bring it back to what it was", format!("it is {now:?}")))
}

fn stop_again(unit: &Unit, place: &Place<'_>) -> Result<(), HandError> {
    unit.job(Job::Stop, place)?;
    if unit.rest(place)? == State::Failed {
        // One that was ended while it was being started calls that a failure. It is ours, and nobody's incident.
        forget_failure(unit)?;
    }
    Ok(())
}
