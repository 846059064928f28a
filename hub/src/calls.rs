//! Calls: which there are to be, from what waits for a person and what was called before. Pure: the clock is handed in.
//!
//! One cause is one call, however many incidents follow from it. A call that nobody has by its time is called anew, after twice the time each round,
//! and so is one that somebody has and that is not over by then: whoever has it keeps it. A call ends when nothing waits any more, and in no other
//! way; that somebody has it ends nothing.

use std::collections::{BTreeMap, BTreeSet};

use contract::baseline::{Baseline, Severity};
use contract::call::period_ms;
use contract::ids::{HostId, IncidentId};
use contract::incident::What;
use contract::time::UtcTime;

/// How many calls one host may have open that are as urgent or more. Where more of its incidents wait, the most urgent are called first, and the others as
/// these end: a machine that says a thousand things at once is one matter for a person, not a thousand. What is less urgent keeps nothing out.
pub(crate) const OPEN_MAX: usize = 50;

/// No call comes back later than this, in milliseconds.
const ROUND_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// Which incident.
pub(crate) type Place = (HostId, IncidentId);

/// An incident that waits for a person and follows from no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waits {
    pub(crate) place: Place,
    pub(crate) severity: Severity,
}

/// A call that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) number: u64,
    pub(crate) place: Place,
    pub(crate) severity: Severity,
    pub(crate) due: UtcTime,
    pub(crate) again: u32,
}

/// One thing to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Somebody is to be called.
    Raise { place: Place, severity: Severity, due: UtcTime },
    /// Its time went by.
    Again { number: u64, due: UtcTime },
    /// Nothing waits any more.
    End { number: u64 },
}

/// How much an incident matters. What this baseline does not know may be anything, and is called as what a safeguard is missing for.
pub(crate) fn severity(what: &What, baseline: &Baseline) -> Severity {
    match what {
        What::Signal(signal) => signal.severity,
        What::Drift { control, fact: _, observed: _ } => {
            baseline.control(control).map_or(Severity::High, |control| control.severity)
        }
    }
}

/// Decides.
pub(crate) fn look(waiting: &[Waits], open: &[Open], now: UtcTime) -> Vec<Step> {
    let waits: BTreeSet<&Place> = waiting.iter().map(|waits| &waits.place).collect();
    let called: BTreeSet<&Place> = open.iter().map(|call| &call.place).collect();
    let mut held: BTreeMap<&HostId, Vec<Severity>> = BTreeMap::new();
    let mut steps = Vec::new();
    for call in open {
        if !waits.contains(&call.place) {
            steps.push(Step::End { number: call.number });
            continue;
        }
        held.entry(&call.place.0).or_default().push(call.severity);
        if call.due <= now {
            steps.push(Step::Again {
                number: call.number,
                due: now.plus_ms(round_ms(call.severity, call.again + 1)),
            });
        }
    }
    let mut new: Vec<&Waits> = waiting.iter().filter(|waits| !called.contains(&waits.place)).collect();
    new.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.place.cmp(&b.place)));
    for Waits { place, severity } in new {
        let of_host = held.entry(&place.0).or_default();
        if of_host.iter().filter(|held| *held >= severity).count() < OPEN_MAX {
            of_host.push(*severity);
            let due = now.plus_ms(period_ms(*severity));
            steps.push(Step::Raise { place: place.clone(), severity: *severity, due });
        }
    }
    steps
}

/// How long the round takes that follows so many: twice the one before it, and a day at most.
fn round_ms(severity: Severity, again: u32) -> u64 {
    period_ms(severity).checked_shl(again).unwrap_or(ROUND_MS_MAX).min(ROUND_MS_MAX)
}

#[cfg(test)]
mod tests;
