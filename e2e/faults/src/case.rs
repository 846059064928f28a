//! One fault, done to a copy of the machine, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use contract::ids::IncidentId;

use crate::Result;
use crate::came::Came;
use crate::catalogue::{Ends, Fault, Torn};
use crate::course::{Times, course, rounded};
use crate::end::{await_end, decisions, settled_events, subject};
use crate::evidence;
use crate::judged::{Judged, against};
use crate::later::later;
use crate::runs::{Runs, cut_in};
use crate::site::Site;

/// How long the machine may take to come to rest before a fault is done.
const REST: Duration = Duration::from_secs(75);

/// Notes when a fault is done, by the machine's monotonic clock; a script that first makes ready says it again.
const MARK: &str = "mark() { cut -d' ' -f1 /proc/uptime >/run/mark; }; mark";

/// Does it, and says what came of it. An error is the lab's own.
pub fn run(site: &mut Site, fault: &Fault) -> Result<Came> {
    ready(site)?;
    prepare(site, fault)?;
    let before: BTreeSet<_> = site.hub.incidents()?.iter().map(|i| (i.incident.clone(), i.reports)).collect();
    let (decided, held) = (decisions(site)?.last().map_or(0, |decision| decision.number), site.hub.held()?);
    let left_alone = fingerprint(site, &fault.untouched)?;
    let marked = inject(site, fault)?;
    let (incident, failed) = await_end(site, fault, &before, decided)?;
    let mut judged = Judged::new(failed);
    if let (None, Some(script)) = (&judged.failed, &fault.later) {
        judged.failed = later(site, fault, script)?;
        judged.is_followed = judged.failed.is_none();
    }
    // A moment more: what acts too much acts now.
    std::thread::sleep(Duration::from_millis(1500));
    let events = settled_events(site, marked)?;
    judged.say_refusals(&events);
    let now = fingerprint(site, &fault.untouched)?;
    let touched = left_alone.iter().zip(&now).filter(|(was, is)| was != is);
    let mut wrong: Vec<String> = touched.map(|((what, _), _)| format!("touched {what}")).collect();
    judged.prove(site, fault)?;
    let (evidence, records) = evidence::verify_and_read(site)?;
    // What the machine did is what its evidence says, before a cut of power as well.
    let runs = Runs::since(held, &records);
    wrong.extend(runs.wrong(fault));
    let healing = runs.healed(fault);
    let was_cut_in = if fault.power_cut.is_empty() { None } else { cut_in(held, &records) };
    if judged.failed.is_none() {
        judged.failed = if evidence.starts_with("intact") {
            against(fault, &healing, was_cut_in, &records, held)
        } else {
            Some(format!("the evidence is {evidence}"))
        };
    }
    let noticed = incident.as_ref().filter(|_| !fault.cuts_power());
    let times = Times::of(&events, noticed, &healing, fault, marked * 1000.0);
    let bare_ms = bare(site, fault)?;
    let ended = judged.ended(fault, incident.as_ref());
    Ok(Came {
        id: fault.id.clone(),
        fault: Some(fault.digest()?),
        at: edge::clock::utc(),
        wanted: fault.ends,
        what: incident.map(|incident| incident.what),
        ended,
        detected_ms: times.noticed,
        whole_ms: times.whole,
        ended_ms: times.ended,
        course: course(&events, marked * 1000.0),
        bare_ms,
        beside: BTreeMap::new(),
        wrong,
        unverified: judged.unverified,
        was_cut_in,
        rollbacks: runs.rollbacks(),
        evidence,
        failed: judged.failed,
    })
}

/// Makes ready, while all is well: nothing of what the fault breaks may be broken by that.
fn prepare(site: &mut Site, fault: &Fault) -> Result<()> {
    let Some(prepare) = &fault.prepare else { return Ok(()) };
    let standing = open(site, fault)?;
    site.machine.ok(prepare)?;
    settled(site)?;
    match open(site, fault)?.difference(&standing).next() {
        Some(broken) => Err(format!("{broken} stands before the fault is done")),
        None => Ok(()),
    }
}

/// What is open at the hub of what the fault breaks.
fn open(site: &Site, fault: &Fault) -> Result<BTreeSet<IncidentId>> {
    let mut incidents = site.hub.incidents()?;
    incidents.retain(|i| fault.seen_by.contains(subject(&i.what)) && !i.state.is_over());
    Ok(incidents.into_iter().map(|i| i.incident).collect())
}

/// Does it. When that was, by the machine's monotonic clock in seconds; where the power was cut, it is booted again, and its clock began anew.
fn inject(site: &mut Site, fault: &Fault) -> Result<f64> {
    let script = format!("{MARK}\n{}\ncat /run/mark", fault.inject);
    if fault.cuts_power() {
        // Its answer may be lost with it.
        let _ = site.machine.sh(&script);
        match &fault.torn {
            Some(Torn { disk, from, bytes }) => {
                site.machine.cut_power()?;
                site.machine.tear(disk, *from, *bytes)?;
            }
            None if site.machine.loses_power(fault.patience())? => {}
            None => return Err("its power was not cut".to_owned()),
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
    while begun.elapsed() < REST {
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
