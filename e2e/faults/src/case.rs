//! One fault, done to a copy of the machine, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use contract::decision::Choice;
use contract::event::Event;
use contract::ids::{IncidentId, OrderId, RunbookId};
use contract::incident::What;
use contract::outcome::Outcome;
use contract::plane::{DecisionView, IncidentState, IncidentView, OrderView};
use contract::record::WaitingFor;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::catalogue::{Ends, Fault};
use crate::course::{course, ended, events, is_kept, rounded};
use crate::evidence;
use crate::hub::TENANT;
use crate::later::later;
use crate::peers::Peer;
use crate::runs::{Runs, names};
use crate::site::Site;

/// How long a fault may take to come to its end: a hold-down and a slow machine are in it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(75);

/// How long a run may go on after its incident has closed.
const RUN: Duration = Duration::from_secs(20);

/// Notes when a fault is done, by the machine's monotonic clock; a script that first makes ready says it again.
const MARK: &str = "mark() { cut -d' ' -f1 /proc/uptime >/run/mark; }; mark";

/// What came of a fault.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Came {
    /// Which.
    pub id: String,
    /// When it was done.
    pub at: UtcTime,
    /// What had to come of it.
    pub wanted: Ends,
    /// The incident that was first, as the machine told of it.
    pub what: Option<What>,
    /// What came of it, in a word.
    pub ended: String,
    /// From the injection until an incident was kept, in milliseconds of the machine's monotonic clock.
    pub detected_ms: Option<u64>,
    /// From the injection until it was verified, recorded and durable, likewise.
    pub ended_ms: Option<u64>,
    /// What was said on the way, and when: where the time went.
    pub course: Vec<(u64, String)>,
    /// The same repair by a bare script in the same machine.
    pub bare_ms: Option<u64>,
    /// Other programs in the same machine, from the injection until it was whole again; none where it was not.
    pub beside: BTreeMap<Peer, Option<u64>>,
    /// Runbooks that acted and were none of the right ones; and what was touched that had to be left alone.
    pub wrong: Vec<String>,
    /// Said to be healed, and the proof says otherwise.
    pub unverified: bool,
    /// Runs that were undone.
    pub rollbacks: usize,
    /// What an outsider's verifier says of the evidence.
    pub evidence: String,
    /// Why it is not as it had to be.
    pub failed: Option<String>,
}

impl Came {
    /// It could not be done: an error of the lab's own.
    pub fn not_run(fault: &Fault, why: String) -> Self {
        Self {
            id: fault.id.clone(),
            at: edge::clock::utc(),
            wanted: fault.ends,
            what: None,
            ended: "not run".to_owned(),
            detected_ms: None,
            ended_ms: None,
            course: Vec::new(),
            bare_ms: None,
            beside: BTreeMap::new(),
            wrong: Vec::new(),
            unverified: false,
            rollbacks: 0,
            evidence: "not looked at".to_owned(),
            failed: Some(why),
        }
    }

    /// From the injection until it was first seen to be whole again, in milliseconds: what other programs are timed by. The hold-down comes after it.
    pub fn whole_ms(&self) -> Option<u64> {
        self.ended_ms.and_then(|_| self.course.iter().find(|(_, said)| said == "verified")).map(|(ms, _)| *ms)
    }

    /// From permitted to acted: the steps alone, in milliseconds.
    pub fn acting_ms(&self) -> Option<u64> {
        let at = |word: &str| self.course.iter().find(|(_, said)| said == word).map(|(ms, _)| *ms);
        at("acted")?.checked_sub(at("permitted")?)
    }

    /// Whether all of it is as it had to be.
    pub fn is_good(&self) -> bool {
        self.failed.is_none() && self.wrong.is_empty()
    }
}

/// Does it, and says what came of it. An error is the lab's own.
pub fn run(site: &mut Site, fault: &Fault) -> Result<Came> {
    ready(site)?;
    if let Some(prepare) = &fault.prepare {
        site.machine.ok(prepare)?;
        settled(site)?;
    }
    let before: BTreeSet<_> = site.hub.incidents()?.iter().map(|i| (i.incident.clone(), i.reports)).collect();
    let (decided, held) = (decisions(site)?.last().map_or(0, |decision| decision.number), site.hub.held()?);
    let left_alone = fingerprint(site, &fault.untouched)?;
    let marked = inject(site, fault)?;
    let (incident, mut failed) = await_end(site, fault, &before, decided)?;
    // A moment more: what acts too much acts now.
    std::thread::sleep(Duration::from_millis(1500));
    let events = settled_events(site, marked)?;
    if let Some(stands) = &mut failed {
        let refusals = events.iter().filter_map(|(_, event)| match event {
            Event::Refused { refusal, .. } => Some(refusal),
            _ => None,
        });
        for refusal in refusals {
            let _ = write!(stands, "; refused: {refusal:?}");
        }
    }
    let now = fingerprint(site, &fault.untouched)?;
    let touched = left_alone.iter().zip(&now).filter(|(was, is)| was != is);
    let mut wrong: Vec<String> = touched.map(|((what, _), _)| format!("touched {what}")).collect();
    let mut unverified = false;
    if failed.is_none()
        && fault.ends == Ends::Healed
        && let Some(proof) = &fault.proof
    {
        let ran = site.machine.sh(proof)?;
        if !ran.is_good() {
            unverified = true;
            failed = Some(format!("said to be healed, and the proof says: {}{}", ran.out, ran.err));
        }
    }
    let since = |ms: Option<f64>| ms.map(|ms| rounded(ms - marked * 1000.0));
    let incident_timed = incident.as_ref().filter(|_| !fault.cuts_power);
    let detected_ms = incident_timed
        .and_then(|i| since(events.iter().find_map(|(ms, event)| is_kept(event, i).then_some(*ms))));
    let (evidence, records) = evidence::verify_and_read(site)?;
    if failed.is_none() && !evidence.starts_with("intact") {
        failed = Some(format!("the evidence is {evidence}"));
    }
    // What the machine did is what its evidence says, before a cut of power as well.
    let runs = Runs::since(held, &records);
    wrong.extend(runs.wrong(fault));
    let healing = runs.healed(fault);
    if failed.is_none() && fault.ends == Ends::Healed && healing.is_empty() {
        failed = Some("it is whole, and no right runbook healed it".to_owned());
    }
    if failed.is_none()
        && let Some(culprit) = &fault.culprit
        && !names(culprit, held, &records)
    {
        failed = Some(format!("{culprit} sets it back, and is not named"));
    }
    let ended_ms = incident_timed.and_then(|i| since(ended(&events, i, &healing, !fault.with.is_empty())));
    let bare_ms = bare(site, fault)?;
    let is_rollback = |event: &Event| matches!(event, Event::Ended { outcome: Outcome::Reverted, .. });
    let rollbacks = events.iter().filter(|(_, event)| is_rollback(event)).count();
    let mut is_followed = false;
    if failed.is_none()
        && let Some(script) = &fault.later
    {
        failed = later(site, fault, script, held)?;
        is_followed = failed.is_none();
    }
    let ended = match &incident {
        None => "not noticed".to_owned(),
        Some(_) if is_followed => "deferred, then healed".to_owned(),
        Some(_) if failed.is_none() && fault.ends == Ends::Deferred => "deferred".to_owned(),
        Some(incident) => word(incident),
    };
    Ok(Came {
        id: fault.id.clone(),
        at: edge::clock::utc(),
        wanted: fault.ends,
        what: incident.map(|incident| incident.what),
        ended,
        detected_ms,
        ended_ms,
        course: course(&events, marked * 1000.0),
        bare_ms,
        beside: BTreeMap::new(),
        wrong,
        unverified,
        rollbacks,
        evidence,
        failed,
    })
}

/// Waits until it has come to the end that it has to come to, and to no other. The incident that shows it; where it does not come, how it stands.
fn await_end(
    site: &Site,
    fault: &Fault,
    before: &BTreeSet<(IncidentId, u64)>,
    decided: u64,
) -> Result<(Option<IncidentView>, Option<String>)> {
    let is_new = |i: &&IncidentView| !before.contains(&(i.incident.clone(), i.reports));
    let begun = Instant::now();
    loop {
        let incidents = site.hub.incidents()?;
        let waits = waiting(site, &fault.runbooks, decided)?;
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
        if begun.elapsed() > PATIENCE {
            let stands = first
                .as_ref()
                .map_or_else(|| "nobody noticed".to_owned(), |i| format!("{:?}: {:?}", i.state, i.why));
            return Ok((first, Some(stands)));
        }
        std::thread::sleep(Duration::from_millis(40));
    }
}

/// What was said since, once each run that began has ended: a look may close an incident while its repair still has to hold.
fn settled_events(site: &mut Site, since: f64) -> Result<Vec<(f64, Event)>> {
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

/// Does it. When that was, by the machine's monotonic clock in seconds; where the power was cut, it is booted again, and its clock began anew.
fn inject(site: &mut Site, fault: &Fault) -> Result<f64> {
    let script = format!("{MARK}\n{}\ncat /run/mark", fault.inject);
    if fault.cuts_power {
        // Its answer may be lost with it.
        let _ = site.machine.sh(&script);
        if !site.machine.loses_power(PATIENCE)? {
            return Err("its power was not cut".to_owned());
        }
        site.machine.boot_again()?;
        site.machine.set_clock(edge::clock::utc())?;
        return Ok(0.0);
    }
    let marked = site.machine.ok(&script)?;
    marked.lines().last().unwrap_or_default().parse().map_err(|e| format!("{marked:?}: {e}"))
}

/// Waits until the agent has looked at everything once, and nothing is under way.
pub(crate) fn ready(site: &mut Site) -> Result<()> {
    let scanned = "for _ in $(seq 200); do journalctl -q -u suture-agent -o cat --since=@$(stat -c %Y /run/started) | grep -q '\"scanned\"' && exit 0; sleep 0.2; done; exit 1";
    site.machine.ok(scanned)?;
    settled(site)
}

/// Waits until nothing has happened for a second.
fn settled(site: &mut Site) -> Result<()> {
    let begun = Instant::now();
    let (mut last, mut since) = (String::new(), Instant::now());
    while begun.elapsed() < PATIENCE {
        let now = format!("{:?}", site.hub.incidents()?);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if since.elapsed() > Duration::from_millis(1200) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("the machine does not come to rest: {last}"))
}

pub(crate) fn subject(what: &What) -> &str {
    match what {
        What::Drift { control, .. } => control.as_str(),
        What::Signal(signal) => signal.detector.as_str(),
    }
}

/// Incidents for which a right runbook was chosen that waits, by the machine's evidence, for the window or a clock that can be trusted.
fn waiting(site: &Site, right: &BTreeSet<RunbookId>, decided: u64) -> Result<BTreeSet<IncidentId>> {
    let orders: Vec<OrderView> = site.hub.pages(&format!("/api/v1/tenants/{TENANT}/orders"))?;
    let chosen = chosen(site, decided)?;
    let for_a_time = |order: &&OrderView| match order.waiting_for {
        WaitingFor::Window { .. } | WaitingFor::Clock => true,
        WaitingFor::Approval { .. } | WaitingFor::Turn => false,
    };
    let is_right =
        |order: &&OrderView| chosen.get(&order.order).is_some_and(|runbook| right.contains(runbook));
    Ok(orders.iter().filter(for_a_time).filter(is_right).map(|order| order.incident.clone()).collect())
}

fn has_ended(incident: &IncidentView, wanted: Ends) -> bool {
    match (&incident.state, wanted) {
        (IncidentState::Closed { .. }, Ends::Healed) | (IncidentState::Escalated, Ends::Escalated) => true,
        (IncidentState::Open { outcome, .. }, wanted) => match outcome {
            Outcome::Reverted => wanted == Ends::Reverted,
            Outcome::Failed | Outcome::Refused | Outcome::Escalated => {
                wanted == Ends::Escalated && incident.waits_for_person
            }
            Outcome::Healed | Outcome::Deferred | Outcome::Expired | Outcome::Observed => false,
        },
        _ => false,
    }
}

fn word(incident: &IncidentView) -> String {
    match &incident.state {
        IncidentState::Drifted => "not planned".to_owned(),
        IncidentState::Escalated => "escalated".to_owned(),
        IncidentState::Ordered(_) => "ordered".to_owned(),
        IncidentState::Open { outcome, .. } => outcome.word().to_owned(),
        IncidentState::LookedAfter(_) => "looked after".to_owned(),
        IncidentState::Closed { .. } => "healed".to_owned(),
    }
}

fn decisions(site: &Site) -> Result<Vec<DecisionView>> {
    site.hub.pages(&format!("/api/v1/tenants/{TENANT}/decisions"))
}

/// Each thing that must be left alone, with what it is now.
fn fingerprint(site: &mut Site, untouched: &[String]) -> Result<Vec<(String, String)>> {
    untouched
        .iter()
        .map(|what| {
            let script = match what.strip_prefix("unit:") {
                Some(unit) => format!("systemctl show -p MainPID -p NRestarts {unit}; test \"$(systemctl show -P LoadState {unit})\" = loaded"),
                None => format!("test -e '{what}' || exit 1; find '{what}' -printf '%p %y %m %U:%G %s %T@ %l\\n' | sort | sha256sum"),
            };
            Ok((what.clone(), site.machine.ok(&script)?))
        })
        .collect()
}

/// How long the same repair takes a script, in the machine as it is after the case.
fn bare(site: &mut Site, fault: &Fault) -> Result<Option<u64>> {
    let (Some(bare), Ends::Healed) = (&fault.bare, fault.ends) else { return Ok(None) };
    site.machine.ok(&format!("{MARK}\n{}", fault.inject))?;
    let script = format!(
        "a=$(cut -d' ' -f1 /proc/uptime); {{ {bare}\n}} >/dev/null; b=$(cut -d' ' -f1 /proc/uptime); echo \"$a $b\""
    );
    let said = site.machine.ok(&script)?;
    if let Some(proof) = &fault.proof
        && !site.machine.sh(proof)?.is_good()
    {
        return Err(format!("{}: the bare script repairs nothing", fault.id));
    }
    let mut times = said.split(' ').filter_map(|time| time.parse::<f64>().ok());
    match (times.next(), times.next()) {
        (Some(from), Some(to)) => Ok(Some(rounded((to - from) * 1000.0))),
        _ => Err(format!("{}: the bare script said {said:?}", fault.id)),
    }
}
