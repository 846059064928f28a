//! What people accepted, did, and have to attest; what is missing, and what was not in scope.

use std::collections::BTreeMap;

use super::cut::{FILE, cut};
use super::{Slots, Writing, put, say};
use crate::cell::{Cell, code, named, paragraph, table, text};
use crate::document::{Block, Field, FieldKind, Inline};
use crate::hands::{Accepted, Broken, ByHand, Deed};
use crate::missing::{Attestation, Missing, OutOfScope, Quiet};
use crate::words::{self, lasting};

pub(super) fn fill(writing: &Writing<'_>, slots: &mut Slots) {
    put(slots, "glass", glass(writing));
    put(slots, "exceptions", exceptions(writing));
    by_hand(writing, slots);
    missing(writing, slots);
    say(
        slots,
        "scope_text",
        "Controls that make no sense on a machine. In the score they count as not known.",
    );
    put(slots, "scope", scope(writing));
    put(slots, "attestations", attestations(writing));
    put(slots, "signatures", vec![Block::Lines(signatures())]);
}

/// Who signs: a name, a signature and a day for each.
fn signatures() -> Vec<Field> {
    let people = [("security-officer", "Security officer"), ("clinic", "For the clinic")];
    let lines = |(id, who): (&str, &str)| {
        let field = |part: &str, label: String, kind| Field { name: format!("{id}-{part}"), label, kind };
        [
            field("name", format!("{who}: name"), FieldKind::Text),
            field("signature", format!("{who}: signature"), FieldKind::Signature),
            field("date", format!("{who}: date"), FieldKind::Text),
        ]
    };
    people.into_iter().flat_map(lines).collect()
}

fn glass(writing: &Writing<'_>) -> Vec<Block> {
    let row = |glass: &Broken| {
        let ended = match glass.ended {
            Some((at, uses)) => format!(
                "{}, used by {}",
                writing.zone.wall(at.time),
                words::many(uses as usize, "repair", "repairs")
            ),
            None => "no record says so yet".to_owned(),
        };
        vec![
            Writing::host(&glass.host),
            text(glass.person.as_str()),
            text(glass.reason.clone()),
            writing.wall(glass.began.time),
            text(ended),
            Writing::cite(&glass.host, glass.began),
        ]
    };
    table(
        "Uses of break-glass",
        &[("Machine", 4), ("Person", 4), ("Reason", 9), ("Took hold", 5), ("Ended", 6), ("Records", 4)],
        writing.packet.access.grants.iter().map(row).collect(),
        "Nobody broke the glass, as far as there are records.",
    )
}

fn exceptions(writing: &Writing<'_>) -> Vec<Block> {
    let row = |accepted: &Accepted| -> Vec<Cell> {
        match accepted {
            Accepted::TextNotHeld { text: digest, records } => vec![
                text("Not measured: the text of these exceptions is not at hand"),
                code(digest.to_string()),
                text(""),
                text(""),
                text(""),
                writing.cites(records),
            ],
            Accepted::Exception {
                control,
                reason,
                risk,
                compensating_controls,
                owner,
                approver,
                from,
                until,
                records,
            } => vec![
                code(control.as_str()),
                text(format!("{reason} Risk: {risk}")),
                text(compensating_controls.join("; ")),
                text(format!("{owner}; approved by {approver}")),
                text(format!("{from} to {until}")),
                writing.cites(records),
            ],
        }
    };
    table(
        "Failures that a person accepted for a time",
        &[
            ("Control", 5),
            ("Why, and at what risk", 9),
            ("Instead", 7),
            ("Owner", 5),
            ("Days (UTC)", 5),
            ("Records", 4),
        ],
        writing.packet.exceptions.iter().map(row).collect(),
        "No exception was in force on any machine, as far as there are records.",
    )
}

fn by_hand(writing: &Writing<'_>, slots: &mut Slots) {
    let packet = writing.packet;
    let hub = match (packet.hub_log_read, packet.hub_log_since) {
        (false, _) => {
            "What people did at the hub is not measured: the hub's own log could not be verified.".to_owned()
        }
        (true, None) => {
            "What people did at the hub is from the hub's own log, verified to its head.".to_owned()
        }
        (true, Some(since)) => format!(
            "What people did at the hub is from the hub's own log, verified to its head; that log begins at {}, and what was before is not measured.",
            writing.zone.wall(since)
        ),
    };
    say(
        slots,
        "by_hand_text",
        format!(
            "{hub} What somebody did at a machine itself leaves no record but this: {} incidents ended without a repair of Suture's.",
            writing.claim(&packet.summary.mended_by_others, u32::to_string)
        ),
    );
    let row = |deed: &ByHand| {
        let what = match &deed.what {
            Deed::Agreed(host, runbook) => format!("agreed to {runbook} on {host}"),
            Deed::Chose(host, runbook) => format!("chose {runbook} on {host}"),
            Deed::BrokeGlass(host) => format!("broke the glass on {host}"),
            Deed::AtHub { right: Some(right), path, .. } => format!("{right}: {path}"),
            Deed::AtHub { right: None, machine_user, path } => {
                format!(
                    "on the hub's own machine, by {}: {path}",
                    machine_user.as_deref().unwrap_or("nobody who is known")
                )
            }
        };
        let person = deed.person.as_ref().map_or("nobody who was known", |person| person.as_str());
        vec![
            writing.wall(deed.time),
            text(person),
            text(what),
            writing.cites(std::slice::from_ref(&deed.record)),
        ]
    };
    let (shown, mut blocks) = cut(&packet.by_hand, |_| (), FILE);
    blocks.extend(table(
        "What people did",
        &[("When", 4), ("Who", 4), ("What", 12), ("Records", 4)],
        shown.into_iter().map(row).collect(),
        "No record tells of anything that a person did.",
    ));
    put(slots, "by_hand", blocks);
}

fn missing(writing: &Writing<'_>, slots: &mut Slots) {
    let packet = writing.packet;
    say(
        slots,
        "missing_text",
        format!(
            "A gap is told, never smoothed over. A silence is a stretch of more than three hours in which a machine wrote no record; it looks at everything once an \
             hour. The longest stretch of records that waited for a witness: {}.",
            writing.claim(&packet.longest_unwitnessed_ms, |ms| lasting(*ms))
        ),
    );
    let quiet = |quiet: &Quiet| {
        let permille = quiet.silent_ms.saturating_mul(1000).checked_div(quiet.of_ms).unwrap_or(0);
        vec![
            Writing::host(&quiet.host),
            text(quiet.site.as_str()),
            text(lasting(quiet.silent_ms)),
            text(lasting(quiet.of_ms)),
            text(words::percent(u32::try_from(permille).unwrap_or(1000))),
        ]
    };
    let (shown, mut blocks) = cut(&packet.quiet, |quiet| quiet.silent_ms, FILE);
    blocks.extend(table(
        "How long each machine was silent",
        &[("Machine", 5), ("Site", 5), ("Silent", 5), ("Of", 5), ("#Share", 3)],
        shown.into_iter().map(quiet).collect(),
        "There is no machine.",
    ));
    put(slots, "quiet", blocks);
    let row = |missing: &Missing| {
        vec![
            Writing::host(&missing.host),
            writing.wall(missing.from),
            writing.wall(missing.until),
            text(words::missing(missing.what)),
            Writing::cites_of(&missing.host, &missing.records),
        ]
    };
    let (shown, mut blocks) = cut(&packet.missing, |missing| missing.until.ms_since(missing.from), FILE);
    blocks.extend(table(
        "Gaps, with their reasons",
        &[("Machine", 4), ("From", 5), ("Until", 5), ("What", 12), ("Records", 5)],
        shown.into_iter().map(row).collect(),
        "No gap is known.",
    ));
    put(slots, "missing", blocks);
}

fn scope(writing: &Writing<'_>) -> Vec<Block> {
    let row = |out: &OutOfScope| {
        let hosts: Vec<&str> = out.hosts.iter().map(contract::ids::HostId::as_str).collect();
        vec![
            named(&out.title, out.control.as_str()),
            text(words::unmeasured(out.reason)),
            text(hosts.join(", ")),
            writing.cites(&out.records),
        ]
    };
    table(
        "Not in scope",
        &[("Control", 10), ("Why", 5), ("Machines", 5), ("Records", 5)],
        writing.packet.out_of_scope.iter().map(row).collect(),
        "Every control of the baseline was to be looked at on every machine.",
    )
}

fn attestations(writing: &Writing<'_>) -> Vec<Block> {
    let mut sections: BTreeMap<_, Vec<&Attestation>> = BTreeMap::new();
    for attestation in &writing.packet.attestations {
        sections.entry(attestation.safeguard).or_default().push(attestation);
    }
    let row = |attestation: &&Attestation| {
        let name = attestation.specification.as_ref().unwrap_or(&attestation.standard);
        let citation = attestation.citation.as_str();
        let field = |part: &str, asked: &str, kind| {
            let name = format!("{part}-{}", words::field_of(&attestation.citation));
            vec![Inline::Field(Field { name, label: format!("{citation}: {asked}"), kind })]
        };
        vec![
            code(citation),
            text(format!("{name} ({})", words::kind(attestation.kind))),
            field("done", "done", FieldKind::Tick),
            field("where", "where it is documented, and who answers for it", FieldKind::Text),
        ]
    };
    let mut blocks = Vec::new();
    for (safeguard, paragraphs) in sections {
        let title = words::safeguard(safeguard);
        let anchor = format!("attest-{}", words::slug(safeguard));
        blocks.push(Block::Heading { level: 2, text: title.to_owned(), anchor });
        blocks.extend(table(
            title,
            &[
                ("Paragraph", 6),
                ("What it asks", 9),
                ("Done", 2),
                ("Where it is documented, and who answers for it", 10),
            ],
            paragraphs.iter().map(row).collect(),
            "",
        ));
    }
    if blocks.is_empty() {
        vec![paragraph("A control of the baseline speaks to every paragraph.")]
    } else {
        blocks
    }
}
