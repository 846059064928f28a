//! OCSF events, one JSON object a line: a Compliance Finding (class 2003) for each control of each machine, a Remediation Activity (class 7001) for each repair.
//! Schema 1.3.0, <https://schema.ocsf.io/1.3.0/>.

use contract::baseline::Severity;
use contract::outcome::Outcome;
use contract::score::Counted;
use serde_json::{Value, json};

use crate::incidents::Repair;
use crate::packet::Packet;
use crate::standing::{Observed, Seen, Standing};
use crate::words;

const SCHEMA: &str = "1.3.0";
/// What a repair is, of the activities of class 7001: it restores.
const RESTORE: u32 = 3;
/// A finding that is told of for the first time.
const CREATE: u32 = 1;

/// All events of a packet.
pub fn ocsf(packet: &Packet) -> String {
    let findings = packet
        .controls
        .iter()
        .flat_map(|standing| standing.machines.iter().map(move |seen| finding(packet, standing, seen)));
    let repairs = packet.repairs.iter().map(|repair| remediation(packet, repair));
    // What is not known is left out: the schema has no nulls.
    let lines: Vec<String> = findings.chain(repairs).map(|event| without_nulls(event).to_string()).collect();
    lines.join("\n") + "\n"
}

fn metadata(packet: &Packet) -> Value {
    json!({
        "version": SCHEMA,
        "product": { "name": "Suture", "vendor_name": "Suture" },
        "tenant_uid": packet.tenant,
    })
}

fn finding(packet: &Packet, standing: &Standing, seen: &Seen) -> Value {
    let (status_id, status) = match seen.state {
        Counted::Passes => (1, "Pass"),
        // The schema's word for a check without a result, for want of information.
        Counted::Unknown | Counted::UnknownUnmet => (2, "Warning"),
        Counted::Fails => (3, "Fail"),
        Counted::Excepted => (99, "Accepted"),
    };
    let detail = match &seen.observed {
        Observed::Value(value) => format!("seen {value}, expected {}", standing.expected),
        Observed::Not(reason) => format!("not measured: {}", words::unmeasured(*reason)),
    };
    let time = seen.checked.map_or(packet.to, |at| at.time).unix_ms();
    let failing = matches!(seen.state, Counted::Fails | Counted::UnknownUnmet);
    json!({
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": CREATE,
        "activity_name": "Create",
        "type_uid": 2003 * 100 + CREATE,
        "time": time,
        // What does not fail is for information.
        "severity_id": if failing { severity(standing.severity) } else { 1 },
        "metadata": metadata(packet),
        "finding_info": {
            "uid": format!("{}/{}/{}", packet.tenant, seen.host, standing.control),
            "title": standing.title,
            "first_seen_time": seen.since.map(|at| at.time.unix_ms()),
            "last_seen_time": seen.checked.map(|at| at.time.unix_ms()),
        },
        "compliance": {
            "control": standing.control,
            "requirements": standing.citations,
            "standards": ["45 CFR Part 164, Subpart C"],
            "status": status,
            "status_id": status_id,
            "status_detail": detail,
        },
        "resources": [{ "uid": seen.host, "type": "host" }],
        "unmapped": { "record": seen.checked.map(|at| at.seq) },
    })
}

const fn severity(severity: Severity) -> u32 {
    match severity {
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    }
}

fn remediation(packet: &Packet, repair: &Repair) -> Value {
    let (status_id, status) = match repair.end.as_ref().map(|end| end.outcome) {
        Some(Outcome::Healed) => (1, "Success"),
        Some(Outcome::Failed | Outcome::Reverted) => (2, "Failure"),
        Some(
            Outcome::Deferred | Outcome::Refused | Outcome::Expired | Outcome::Escalated | Outcome::Observed,
        ) => (99, "Other"),
        None => (0, "Unknown"),
    };
    json!({
        "class_uid": 7001,
        "class_name": "Remediation Activity",
        "category_uid": 7,
        "category_name": "Remediation",
        "activity_id": RESTORE,
        "activity_name": "Restore",
        "type_uid": 7001 * 100 + RESTORE,
        "time": repair.began.time.unix_ms(),
        "end_time": repair.end.as_ref().map(|end| end.at.time.unix_ms()),
        "severity_id": 1,
        "metadata": metadata(packet),
        "command_uid": repair.order,
        "status": status,
        "status_id": status_id,
        "remediation": { "desc": repair.title.as_deref().unwrap_or(repair.runbook.as_str()) },
        "unmapped": {
            "host": repair.host,
            "control": repair.control,
            "runbook": repair.runbook,
            "rolled_back": repair.undone.is_some(),
            "first_record": repair.began.seq,
            "last_record": repair.end.as_ref().map(|end| end.at.seq),
        },
    })
}

/// Without the keys that have no value.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
