//! OSCAL 1.1.3: assessment results, and a plan of action and milestones for what fails (NIST, <https://pages.nist.gov/OSCAL/>).

use contract::baseline::Citation;
use contract::digest::Digest;
use contract::score::Counted;
use contract::time::UtcTime;
use serde_json::{Value, json};

use super::uuid::Names;
use crate::packet::Packet;
use crate::standing::{Observed, Seen, Standing};
use crate::words;

const OSCAL: &str = "1.1.3";

/// What the packet says of controls, as assessment results. An objective is satisfied where a control passes on every machine, and not where it fails, or fails
/// and is accepted, on any. Where it is not known on some and fails on none there is no finding: OSCAL has no third state, and either would be untrue.
pub fn assessment_results(packet: &Packet, digest: Digest) -> Value {
    let names = Names(digest);
    let observations: Vec<Value> =
        each(packet).filter_map(|(standing, seen)| observation(names, standing, seen)).collect();
    let findings: Vec<Value> =
        packet.controls.iter().filter_map(|standing| finding(names, standing)).collect();
    let open = packet.controls.iter().filter(|standing| finding(names, standing).is_none());
    let open: Vec<&str> = open.map(|standing| standing.control.as_str()).collect();
    let mut result = json!({
        "uuid": names.of("result"),
        "title": format!("{}, {}", packet.client, packet.month),
        "description": words::DISCLAIMER,
        "start": time(packet.from),
        "end": time(packet.to),
        "reviewed-controls": { "control-selections": [{ "include-controls":
            packet.controls.iter().map(|standing| json!({ "control-id": standing.control })).collect::<Vec<_>>() }] },
    });
    // The schema has no empty list.
    for (name, list) in [("observations", observations), ("findings", findings)] {
        if !list.is_empty() {
            result[name] = list.into();
        }
    }
    if !open.is_empty() {
        result["remarks"] = format!(
            "Not assessed on every machine, and failing on none, so that there is no finding: {}",
            open.join(", ")
        )
        .into();
    }
    json!({ "assessment-results": {
        "uuid": names.of("assessment-results"),
        "metadata": metadata(names, packet, "Assessment results"),
        "import-ap": { "href": format!("#{}", names.of("plan")) },
        "results": [result],
        "back-matter": { "resources": [{
            "uuid": names.of("plan"),
            "title": format!("Baseline {} version {}", packet.baseline.name, packet.baseline.version),
            "description": format!("The controls that are looked at, and what is expected of each: {}", packet.baseline.digest),
        }] },
    } })
}

/// What fails, as a plan of action; none where nothing does, for the schema knows no plan without an item.
pub fn plan_of_action(packet: &Packet, digest: Digest) -> Option<Value> {
    let names = Names(digest);
    let failing: Vec<(&Standing, &Seen)> = each(packet)
        .filter(|(_, seen)| matches!(seen.state, Counted::Fails | Counted::UnknownUnmet))
        .collect();
    let items: Vec<Value> =
        failing.iter().map(|(standing, seen)| item(names, packet, standing, seen)).collect();
    let observations: Vec<Value> =
        failing.iter().filter_map(|(standing, seen)| observation(names, standing, seen)).collect();
    (!items.is_empty()).then(|| {
        json!({ "plan-of-action-and-milestones": {
            "uuid": names.of("plan-of-action"),
            "metadata": metadata(names, packet, "Plan of action and milestones"),
            "system-id": { "identifier-type": "http://ietf.org/rfc/rfc4122", "id": names.of("system") },
            "observations": observations,
            "poam-items": items,
        } })
    })
}

fn each(packet: &Packet) -> impl Iterator<Item = (&Standing, &Seen)> {
    packet.controls.iter().flat_map(|standing| standing.machines.iter().map(move |seen| (standing, seen)))
}

fn metadata(names: Names, packet: &Packet, what: &str) -> Value {
    json!({
        "title": format!("{what}: {}, {}", packet.client, packet.month),
        "last-modified": time(packet.to),
        "version": packet.number.to_string(),
        "oscal-version": OSCAL,
        "remarks": words::DISCLAIMER,
        "parties": [{ "uuid": names.of("client"), "type": "organization", "name": packet.client }],
    })
}

/// What a record says of a control on a machine; none where no record speaks of it.
fn observation(names: Names, standing: &Standing, seen: &Seen) -> Option<Value> {
    let checked = seen.checked?;
    let said = match &seen.observed {
        Observed::Value(value) => format!("Seen {value}, expected {}.", standing.expected),
        Observed::Not(reason) => format!("Not measured: {}.", words::unmeasured(*reason)),
    };
    Some(json!({
        "uuid": names.of(&format!("observation {} {}", seen.host, standing.control)),
        "title": format!("{} on {}", standing.title, seen.host),
        "description": said,
        "methods": ["TEST"],
        "collected": time(checked.time),
        "relevant-evidence": [{ "description": format!("record {} of the log of {}", checked.seq, seen.host) }],
    }))
}

/// None where nobody can say.
fn finding(names: Names, standing: &Standing) -> Option<Value> {
    let any = |state| standing.machines_that(state).next().is_some();
    let fails = any(Counted::Fails) || any(Counted::UnknownUnmet);
    let (state, reason) = match (fails, any(Counted::Excepted), any(Counted::Unknown)) {
        (true, ..) => ("not-satisfied", "fail"),
        (false, true, _) => ("not-satisfied", "other"),
        (false, false, true) => return None,
        (false, false, false) if standing.machines.is_empty() => return None,
        (false, false, false) => ("satisfied", "pass"),
    };
    let others = standing.machines.iter().filter(|seen| seen.state != Counted::Passes);
    let remarks: Vec<String> =
        others.map(|seen| format!("{}: {}", seen.host, words::state(seen.state).0)).collect();
    let mut status = json!({ "state": state, "reason": reason });
    if !remarks.is_empty() {
        status["remarks"] = remarks.join("; ").into();
    }
    let citations: Vec<&str> = standing.citations.iter().map(Citation::as_str).collect();
    let observed = standing.machines.iter().filter(|seen| seen.checked.is_some()).map(|seen| {
        json!({ "observation-uuid": names.of(&format!("observation {} {}", seen.host, standing.control)) })
    });
    Some(json!({
        "uuid": names.of(&format!("finding {}", standing.control)),
        "title": standing.title,
        "description": format!("{} ({})", standing.title, citations.join(", ")),
        "target": { "type": "objective-id", "target-id": standing.control, "status": status },
        "related-observations": observed.collect::<Vec<_>>(),
    }))
}

fn item(names: Names, packet: &Packet, standing: &Standing, seen: &Seen) -> Value {
    let tried = packet
        .repairs
        .iter()
        .filter(|repair| repair.control == standing.control && repair.host == seen.host)
        .count();
    let whose = standing
        .person
        .as_ref()
        .map_or("A runbook may repair it.".to_owned(), |why| format!("For a person: {why}"));
    json!({
        "uuid": names.of(&format!("item {} {}", seen.host, standing.control)),
        "title": format!("{} on {}", standing.title, seen.host),
        "description": format!("Expected {}. Repairs attempted this month: {tried}. {whose}", standing.expected),
        "related-observations": [{ "observation-uuid": names.of(&format!("observation {} {}", seen.host, standing.control)) }],
    })
}

/// With an offset, as the schema wants it.
fn time(time: UtcTime) -> String {
    time.to_string().replace('Z', "+00:00")
}
