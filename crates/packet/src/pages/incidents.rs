//! What failed, what was tried, and how long it took.

use contract::ids::HostId;
use contract::outcome::Outcome;

use super::cut::{FILE, FILE_OR_CSV, cut};
use super::{Slots, Writing, put, say};
use crate::cell::{Cell, code, named, table, text, toned};
use crate::claim::Claim;
use crate::document::{Block, Inline, Tone};
use crate::incidents::{BUCKETS_MS, EndedBy, HealTimes, Incident, NotDone, Repair};
use crate::signals::Noticed;
use crate::words::{self, lasting};

pub(super) fn fill(writing: &Writing<'_>, slots: &mut Slots) {
    let packet = writing.packet;
    let number = |many: &u32| many.to_string();
    say(
        slots,
        "incidents_text",
        format!(
            "An incident is a control that failed on a machine, from the first record that says so to the one that ends it. Incidents: {}. Ended by a \
             repair: {}. Ended otherwise, by somebody or by themselves: {}. Time from the first record to the repair: {}.",
            writing.claim(&packet.summary.incidents, number),
            writing.claim(&packet.summary.fixed, number),
            writing.claim(&packet.summary.mended_by_others, number),
            writing.claim(&packet.heal_times, |times| format!(
                "half within {}, nineteen of twenty within {}, over {}; {} more have no time, since a clock was set back",
                lasting(times.median_ms),
                lasting(times.p95_ms),
                words::many(times.of as usize, "repair", "repairs"),
                times.untimed
            )),
        ),
    );
    put(slots, "heal_chart", chart(writing));
    put(slots, "incidents", incidents(writing));
    put(slots, "repairs", repairs(writing));
    put(slots, "not_done", not_done(writing));
    put(slots, "noticed", noticed(writing));
}

fn chart(writing: &Writing<'_>) -> Vec<Block> {
    let Claim::Measured { value: HealTimes { buckets, .. }, .. } = &writing.packet.heal_times else {
        return Vec::new();
    };
    let within = BUCKETS_MS.iter().map(|bound| format!("≤ {}", lasting(*bound).replace(".0 s", " s")));
    let bars: Vec<_> = within.chain(["longer".to_owned()]).zip(buckets.iter().copied()).collect();
    let told: Vec<String> = bars.iter().map(|(label, many)| format!("{label}: {many}")).collect();
    let alt = format!("Bar chart of how long repairs took: {}", told.join(", "));
    vec![Block::Chart(crate::chart::bars(alt, &writing.brand.colour, &bars))]
}

fn incidents(writing: &Writing<'_>) -> Vec<Block> {
    let all = &writing.packet.incidents;
    // What goes on, by how much it matters.
    let goes_on = |incident: &Incident| incident.over.is_none().then_some(incident.severity);
    let (shown, mut blocks) = cut(all, goes_on, FILE_OR_CSV);
    blocks.extend(table(
        "Incidents",
        &[
            ("What failed", 10),
            ("Machine", 4),
            ("Detected", 5),
            ("Seen", 4),
            ("Ended", 6),
            ("After", 4),
            ("Records", 4),
        ],
        shown.into_iter().map(|incident| incident_row(writing, incident)).collect(),
        "No control failed, as far as it was looked at.",
    ));
    blocks
}

fn incident_row(writing: &Writing<'_>, incident: &Incident) -> Vec<Cell> {
    let (ended, after) = match &incident.over {
        None => (toned(("Goes on", Tone::Bad)), text("")),
        Some(over) => {
            let word = match over.by {
                EndedBy::Repair(_) => ("Repaired", Tone::Good),
                EndedBy::Another => ("Passed without a repair", Tone::Plain),
                EndedBy::Exception => ("Accepted", Tone::Plain),
            };
            (toned(word), text(over.after_ms.map_or("the clock went back".to_owned(), lasting)))
        }
    };
    vec![
        named(&incident.title, incident.control.as_str()),
        Writing::host(&incident.host),
        writing.wall(incident.detected.time),
        text(incident.observed.to_string()),
        ended,
        after,
        Writing::cites_of(&incident.host, &incident.cites()),
    ]
}

fn repairs(writing: &Writing<'_>) -> Vec<Block> {
    let all = &writing.packet.repairs;
    let came_to_nothing =
        |repair: &Repair| !matches!(&repair.end, Some(end) if end.outcome == Outcome::Healed);
    let (shown, mut blocks) = cut(all, came_to_nothing, FILE);
    blocks.extend(table(
        "Repairs that were attempted",
        &[
            ("Runbook", 8),
            ("Machine", 4),
            ("Begun", 5),
            ("Authority", 8),
            ("Came to", 5),
            ("Took", 5),
            ("Records", 4),
        ],
        shown.into_iter().map(|repair| repair_row(writing, repair)).collect(),
        "No repair was attempted.",
    ));
    blocks
}

fn repair_row(writing: &Writing<'_>, repair: &Repair) -> Vec<Cell> {
    let mut authority = words::authority(&repair.authority, &repair.chosen);
    if !repair.approvals.is_empty() {
        let people: Vec<&str> = repair.approvals.iter().map(contract::ids::OperatorId::as_str).collect();
        authority += "; agreed to by ";
        authority += &people.join(", ");
    }
    if repair.break_glass.is_some() {
        authority.push_str("; by break-glass");
    }
    let (came_to, took) = match &repair.end {
        None => (toned(("Goes on", Tone::Unknown)), text("")),
        Some(end) => {
            let mut came_to = toned(words::outcome(end.outcome));
            if repair.undone.is_some() {
                came_to.push(Inline::Text(" (rolled back)".to_owned()));
            }
            let took = format!("{} + {}", lasting(end.acted_ms), lasting(end.verified_ms));
            (came_to, text(took))
        }
    };
    let title = repair.title.as_deref().unwrap_or("Not in the catalogue at hand");
    vec![
        named(title, repair.runbook.as_str()),
        Writing::host(&repair.host),
        writing.wall(repair.began.time),
        text(authority),
        came_to,
        took,
        Writing::cites_of(&repair.host, &repair.cites()),
    ]
}

fn noticed(writing: &Writing<'_>) -> Vec<Block> {
    let row = |one: &Noticed| {
        let hosts: Vec<&str> = one.hosts.iter().map(HostId::as_str).collect();
        vec![
            code(one.detector.as_str()),
            text(one.kind.to_string().replace('_', " ")),
            text(one.severity.word()),
            text(hosts.join(", ")),
            text(one.times.to_string()),
            text(one.lines.to_string()),
            writing.cites(&one.records),
        ]
    };
    let none = match writing.packet.access.failed_log_ins {
        Claim::Measured { .. } => "No detector fired.",
        Claim::NotMeasured { .. } => "Not measured: no machine's log tells of detectors.",
    };
    table(
        "What detectors noticed",
        &[
            ("Detector", 7),
            ("What", 5),
            ("Severity", 4),
            ("Machines", 5),
            ("#Times", 3),
            ("#Lines", 3),
            ("Records", 5),
        ],
        writing.packet.noticed.iter().map(row).collect(),
        none,
    )
}

fn not_done(writing: &Writing<'_>) -> Vec<Block> {
    let (shown, mut blocks) = cut(&writing.packet.not_done, |_| (), FILE);
    let row = |not_done: &NotDone| {
        let runbook =
            not_done.runbook.as_ref().map_or_else(|| text("not readable"), |runbook| code(runbook.as_str()));
        vec![
            runbook,
            Writing::host(&not_done.host),
            writing.wall(not_done.at.time),
            toned(words::outcome(not_done.outcome)),
            text(not_done.why.clone()),
            Writing::cite(&not_done.host, not_done.at),
        ]
    };
    blocks.extend(table(
        "Orders that were not carried out",
        &[("Runbook", 6), ("Machine", 4), ("When", 5), ("Ended", 4), ("Why", 9), ("Records", 4)],
        shown.into_iter().map(row).collect(),
        "Every order was carried out, or waits.",
    ));
    blocks
}
