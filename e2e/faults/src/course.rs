//! What a machine's agent and executor said while a fault was noticed and repaired, and when, by the machine's monotonic clock.

use std::collections::BTreeSet;

use contract::event::{Event, Traced};
use contract::ids::OrderId;
use contract::plane::{IncidentState, IncidentView};

use crate::Result;
use crate::catalogue::Fault;
use crate::end::subject;
use crate::site::Site;

/// After how many milliseconds it was noticed, whole again, and at its end; none where that did not come, or cannot be timed.
pub(crate) struct Times {
    pub(crate) noticed: Option<u64>,
    pub(crate) whole: Option<u64>,
    pub(crate) ended: Option<u64>,
}

impl Times {
    pub(crate) fn of(
        events: &[(f64, Event)],
        incident: Option<&IncidentView>,
        healing: &BTreeSet<OrderId>,
        fault: &Fault,
        marked_ms: f64,
    ) -> Self {
        let since = |ms: Option<f64>| ms.map(|ms| rounded(ms - marked_ms));
        let kept = |i| events.iter().find_map(|(ms, event)| is_kept(event, i).then_some(*ms));
        let all = !fault.with.is_empty();
        Self {
            noticed: incident.and_then(|i| since(kept(i))),
            whole: incident.and_then(|_| since(whole(events, healing, all))),
            ended: incident.and_then(|i| since(ended(events, i, healing, all))),
        }
    }
}

/// What agent and executor said since, with the machine's monotonic time in milliseconds.
pub(crate) fn events(site: &mut Site, since: f64) -> Result<Vec<(f64, Event)>> {
    let lines = site
        .machine
        .ok("journalctl -q -b -u suture-agent -u suture-executor -o json --output-fields=MESSAGE")?;
    let mut all = Vec::new();
    for line in lines.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).map_err(|e| format!("{line}: {e}"))?;
        let at =
            entry["__MONOTONIC_TIMESTAMP"].as_str().and_then(|us| us.parse::<f64>().ok()).unwrap_or_default()
                / 1000.0;
        let Some(Ok(Traced { event, .. })) = entry["MESSAGE"].as_str().map(serde_json::from_str::<Traced>)
        else {
            continue;
        };
        if at >= since * 1000.0 {
            all.push((at, event));
        }
    }
    Ok(all)
}

/// Whether it is the agent's word of this incident: a detector's says no more than which.
pub(crate) fn is_kept(event: &Event, of: &IncidentView) -> bool {
    let Event::IncidentKept { incident, control } = event else { return false };
    // What is open already keeps its first id at the hub.
    *incident == of.incident || control.as_ref().is_some_and(|control| control.as_str() == subject(&of.what))
}

/// When it ended: with the first of the runs that healed it, or the last where all of them have to; else with the record that the hub names.
pub(crate) fn ended(
    events: &[(f64, Event)],
    incident: &IncidentView,
    healing: &BTreeSet<OrderId>,
    all: bool,
) -> Option<f64> {
    let (IncidentState::Closed { record } | IncidentState::Open { record, .. }) = incident.state else {
        return None;
    };
    let mut ends = events.iter().filter_map(|(ms, event)| match event {
        Event::Ended { seq, order, .. } if healing.contains(order) || *seq == record => Some(*ms),
        _ => None,
    });
    if all { ends.next_back() } else { ends.next() }
}

/// When a run that healed it first found it whole: the first of them, or the last where all of them have to.
pub(crate) fn whole(events: &[(f64, Event)], healing: &BTreeSet<OrderId>, all: bool) -> Option<f64> {
    let mut whole = events.iter().filter_map(|(ms, event)| match event {
        Event::Verified { order, passes: true } if healing.contains(order) => Some(*ms),
        _ => None,
    });
    if all { whole.next_back() } else { whole.next() }
}

/// The way from the injection to the receipt, each step when it was first said: where the time went.
pub(crate) fn course(events: &[(f64, Event)], marked_ms: f64) -> Vec<(u64, String)> {
    let mut course: Vec<(u64, String)> = Vec::new();
    for (at, event) in events {
        let word = match event {
            Event::Drifted { .. } => "drifted",
            Event::IncidentKept { .. } => "kept",
            Event::Permitted { .. } => "permitted",
            Event::Acted { .. } => "acted",
            Event::Verified { .. } => "verified",
            Event::Ended { .. } => "ended",
            Event::Receipted { .. } => "receipted",
            _ => continue,
        };
        if course.iter().all(|(_, said)| said != word) {
            course.push((rounded(at - marked_ms), word.to_owned()));
        }
    }
    course
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds of one case")]
pub(crate) fn rounded(ms: f64) -> u64 {
    ms.max(0.0).round() as u64
}
