//! Whether a fault has come to the end that it has to come to, as the hub shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use contract::decision::Choice;
use contract::event::Event;
use contract::ids::{IncidentId, OrderId, RunbookId};
use contract::incident::What;
use contract::outcome::Outcome;
use contract::plane::{DecisionView, IncidentState, IncidentView, OrderView};
use contract::record::WaitingFor;

use crate::Result;
use crate::catalogue::{Ends, Fault, WaitsFor};
use crate::course::events;
use crate::hub::TENANT;
use crate::site::Site;

/// How long a run may go on after its incident has closed.
const RUN: Duration = Duration::from_secs(20);

/// Waits until it has come to the end that it has to come to, and to no other. The incident that shows it; where it does not come, how it stands.
pub(crate) fn await_end(
    site: &Site,
    fault: &Fault,
    before: &BTreeSet<(IncidentId, u64)>,
    decided: u64,
) -> Result<(Option<IncidentView>, Option<String>)> {
    let is_new = |i: &&IncidentView| !before.contains(&(i.incident.clone(), i.reports));
    let begun = Instant::now();
    loop {
        let incidents = site.hub.incidents()?;
        let waits = waiting(site, fault, decided)?;
        let has_ended = |i: &IncidentView, wanted: Ends| match wanted {
            Ends::Deferred => waits.contains(&i.incident),
            Ends::Healed | Ends::Escalated | Ends::Reverted => has_ended(i, wanted),
        };
        let new: Vec<_> = incidents.iter().filter(is_new).collect();
        let mut ours: Vec<_> = new.iter().filter(|i| fault.seen_by.contains(subject(&i.what))).collect();
        ours.sort_by_key(|i| !has_ended(i, fault.ends));
        let first = ours.first().map(|i| (**i).clone());
        let has_ended_too =
            |other: &String| new.iter().any(|i| subject(&i.what) == other && has_ended(i, fault.ends));
        if first.as_ref().is_some_and(|i| has_ended(i, fault.ends)) && fault.with.iter().all(has_ended_too) {
            return Ok((first, None));
        }
        if begun.elapsed() > fault.patience() {
            let stands = first
                .as_ref()
                .map_or_else(|| "nobody noticed".to_owned(), |i| format!("{:?}: {:?}", i.state, i.why));
            return Ok((first, Some(stands)));
        }
        std::thread::sleep(Duration::from_millis(40));
    }
}

/// What was said since, once each run that began has ended: a look may close an incident while its repair still has to hold.
pub(crate) fn settled_events(site: &mut Site, since: f64) -> Result<Vec<(f64, Event)>> {
    let begun = Instant::now();
    loop {
        let all = events(site, since)?;
        let ended = |order: &OrderId| {
            all.iter().any(|(_, event)| matches!(event, Event::Ended { order: ended, .. } if ended == order))
        };
        let under_way = |event: &Event| matches!(event, Event::Permitted { order } if !ended(order));
        if begun.elapsed() > RUN || !all.iter().any(|(_, event)| under_way(event)) {
            return Ok(all);
        }
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// Which runbook each order was made for, after the decision of this number.
fn chosen(site: &Site, decided: u64) -> Result<BTreeMap<OrderId, RunbookId>> {
    let new = decisions(site)?.into_iter().filter(|decision| decision.number > decided);
    let chosen = new.filter_map(|DecisionView { order, decision, .. }| match (order, decision?.choice) {
        (Some(order), Choice::Run(runbook)) => Some((order, runbook)),
        (None, _) | (_, Choice::Escalate(_)) => None,
    });
    Ok(chosen.collect())
}

pub(crate) fn subject(what: &What) -> &str {
    match what {
        What::Drift { control, .. } => control.as_str(),
        What::Signal(signal) => signal.detector.as_str(),
    }
}

/// Incidents for which a right runbook was chosen that waits, by the machine's evidence, for what it has to wait for.
fn waiting(site: &Site, fault: &Fault, decided: u64) -> Result<BTreeSet<IncidentId>> {
    let orders: Vec<OrderView> = site.hub.pages(&format!("/api/v1/tenants/{TENANT}/orders"))?;
    let chosen = chosen(site, decided)?;
    let for_a_time = |order: &&OrderView| match order.waiting_for {
        WaitingFor::Window { .. } => fault.waits_for == WaitsFor::Window,
        WaitingFor::Clock => fault.waits_for == WaitsFor::Clock,
        WaitingFor::Approval { .. } | WaitingFor::Turn => false,
    };
    let is_right =
        |order: &&OrderView| chosen.get(&order.order).is_some_and(|runbook| fault.runbooks.contains(runbook));
    Ok(orders.iter().filter(for_a_time).filter(is_right).map(|order| order.incident.clone()).collect())
}

fn has_ended(incident: &IncidentView, wanted: Ends) -> bool {
    match (&incident.state, wanted) {
        (IncidentState::Closed { .. }, Ends::Healed) | (IncidentState::Escalated, Ends::Escalated) => true,
        (IncidentState::Open { outcome, .. }, wanted) => match outcome {
            Outcome::Reverted => wanted == Ends::Reverted && incident.waits_for_person,
            Outcome::Failed | Outcome::Refused | Outcome::Escalated => {
                wanted == Ends::Escalated && incident.waits_for_person
            }
            Outcome::Healed | Outcome::Deferred | Outcome::Expired | Outcome::Observed => false,
        },
        _ => false,
    }
}

pub(crate) fn word(incident: &IncidentView) -> String {
    match &incident.state {
        IncidentState::Drifted => "not planned".to_owned(),
        IncidentState::Escalated => "escalated".to_owned(),
        IncidentState::Ordered(_) => "ordered".to_owned(),
        IncidentState::Open { outcome, .. } => outcome.word().to_owned(),
        IncidentState::LookedAfter(_) => "looked after".to_owned(),
        IncidentState::Closed { .. } => "healed".to_owned(),
    }
}

pub(crate) fn decisions(site: &Site) -> Result<Vec<DecisionView>> {
    site.hub.pages(&format!("/api/v1/tenants/{TENANT}/decisions"))
}
