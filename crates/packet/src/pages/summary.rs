//! The first page: fixed, needs you, could not be checked, coverage; and what the packet says of itself.

use contract::score::{Headline, Score};

use super::{Slots, Writing, needs, put, say};
use crate::cell::{self, code, text};
use crate::claim::{Claim, Unmeasured};
use crate::document::{Block, Figure, Inline, Tone};
use crate::input::{Silent, SilentReason};
use crate::missing::{MissingWhat, Quiet};
use crate::words::{self, lasting, many, percent};

/// What fits on the first page; the rest stands in its chapter.
pub(super) const SHOWN: usize = 6;

pub(super) fn fill(writing: &Writing<'_>, slots: &mut Slots) {
    let packet = writing.packet;
    first_page(writing, slots);
    say(slots, "month", writing.zone.month(packet.from));
    put(slots, "about", vec![Block::Pairs(about(writing))]);
    score(writing, slots);
}

/// The postcard's share.
pub(super) fn postcard(writing: &Writing<'_>, slots: &mut Slots) {
    first_page(writing, slots);
}

fn first_page(writing: &Writing<'_>, slots: &mut Slots) {
    let packet = writing.packet;
    say(slots, "disclaimer", words::DISCLAIMER);
    let (seen, all) = packet.summary.machines;
    let preview = if packet.preview {
        " The month is not over: this is a preview, and no record was made of it."
    } else {
        ""
    };
    say(
        slots,
        "standing",
        format!(
            "What monitoring saw on {seen} of {}, and what was attempted about it. What is said of the machines comes from signed records that were \
             verified for this, or it is said to be not measured; which machines there are is the word of whoever looks after them.{preview}",
            many(all as usize, "machine", "machines")
        ),
    );
    put(slots, "figures", vec![Block::Figures(figures(writing))]);
    put(slots, "needs_you", needs::list(writing));
    put(slots, "could_not_check", could_not_check(writing));
}

fn figures(writing: &Writing<'_>) -> Vec<Figure> {
    let summary = &writing.packet.summary;
    let needs = summary.needs_you.len();
    let unchecked: usize = summary.could_not_check.iter().map(|group| group.controls.len()).sum();
    let out: usize = writing.packet.out_of_scope.iter().map(|out| out.hosts.len()).sum();
    let looks: usize = writing.packet.controls.iter().map(|standing| standing.machines.len()).sum();
    let nothing_seen = summary.score.value().is_none_or(|score| score.assessed() == 0);
    // Where too little was seen, that nothing is known to need anybody is no good news.
    let covered = summary.score.value().is_some_and(|score| score.headline() != Headline::Amber);
    vec![
        count(&summary.fixed, "fixed", Tone::Plain, &format!("of {}", incidents(writing))),
        Figure {
            value: if nothing_seen && needs == 0 { "not measured".into() } else { needs.to_string() },
            label: "need you".into(),
            note: format!("in {} that are checked", many(writing.packet.controls.len(), "thing", "things")),
            tone: match (needs, covered) {
                (0, false) => Tone::Unknown,
                (0, true) => Tone::Good,
                (1.., _) => Tone::Bad,
            },
        },
        Figure {
            value: unchecked.to_string(),
            label: "could not be checked".into(),
            note: format!("of {}; {out} more do not apply", many(looks, "check", "checks")),
            tone: if unchecked == 0 { Tone::Good } else { Tone::Unknown },
        },
        coverage(&summary.score),
    ]
}

fn incidents(writing: &Writing<'_>) -> String {
    match &writing.packet.summary.incidents {
        Claim::Measured { value, .. } => many(*value as usize, "incident", "incidents"),
        Claim::NotMeasured { reason } => words::unmeasured(*reason),
    }
}

fn count(claim: &Claim<u32>, label: &str, tone: Tone, note: &str) -> Figure {
    let (value, note, tone) = match claim {
        Claim::Measured { value, .. } => (value.to_string(), note.to_owned(), tone),
        Claim::NotMeasured { reason } => {
            ("not measured".to_owned(), words::unmeasured(*reason), Tone::Unknown)
        }
    };
    Figure { value, label: label.to_owned(), note, tone }
}

fn coverage(score: &Claim<Score>) -> Figure {
    let label = "control coverage".to_owned();
    match score.value().and_then(|score| Some((score, score.coverage_permille()?))) {
        Some((score, permille)) => Figure {
            value: percent(permille),
            label,
            note: format!("assessed {} of {}", score.assessed(), score.total()),
            tone: match score.headline() {
                Headline::Green => Tone::Good,
                Headline::Amber => Tone::Unknown,
                Headline::Red => Tone::Plain,
            },
        },
        None => Figure {
            value: "not measured".to_owned(),
            label,
            note: words::unmeasured(Unmeasured::NoRecord),
            tone: Tone::Unknown,
        },
    }
}

/// How many there are beyond those that are shown, and where they stand.
pub(super) fn more(rest: usize, anchor: &str, chapter: &str) -> Block {
    Block::Paragraph(vec![
        Inline::Text(format!("And {rest} more: see the chapter ")),
        Inline::Anchor(anchor.to_owned(), chapter.to_owned()),
        Inline::Text(".".to_owned()),
    ])
}

fn could_not_check(writing: &Writing<'_>) -> Vec<Block> {
    let packet = writing.packet;
    let groups = &packet.summary.could_not_check;
    let said = |silent: &Silent| {
        let words = format!("Nothing is known of this machine: {}.", words::silent(silent.reason));
        vec![Inline::Strong(format!("{}. ", silent.host)), Inline::Text(words)]
    };
    let silent = |reason| packet.silent.iter().filter(move |silent| silent.reason == reason);
    let mut items: Vec<Vec<Inline>> = silent(SilentReason::NoRecordReceived).map(said).collect();
    let with_log = groups.iter().filter(|group| packet.silent.iter().all(|silent| silent.host != group.host));
    items.extend(with_log.map(|group| {
        let unmet =
            if group.unmet == 0 { String::new() } else { format!("; {} failed when seen last", group.unmet) };
        vec![
            Inline::Strong(format!(
                "{} on {}. ",
                many(group.controls.len(), "control", "controls"),
                group.host
            )),
            Inline::Text(format!("Why: {}{unmet}. ", words::unmeasured(group.reason))),
            Inline::Emphasis(format!("Records {}", words::cites(&group.records, writing.alone))),
        ]
    }));
    items.extend(
        packet.quiet.iter().filter(|quiet| worth_saying(quiet)).filter_map(|quiet| silence(writing, quiet)),
    );
    items.extend(silent(SilentReason::NeverEnrolled).map(said));
    if items.is_empty() {
        return vec![cell::paragraph("Everything that was to be looked at was looked at.")];
    }
    let rest = items.len().saturating_sub(SHOWN);
    items.truncate(SHOWN);
    let mut blocks = vec![Block::List(items)];
    if rest > 0 {
        blocks.push(more(rest, "controls", "Controls"));
    }
    blocks
}

/// A hundredth of the time: less than that is told in its chapter alone.
fn worth_saying(quiet: &Quiet) -> bool {
    quiet.silent_ms.saturating_mul(100) >= quiet.of_ms && quiet.silent_ms > 0
}

/// What nobody saw of a machine, since it wrote no record; none of a machine of which nothing is known at all.
fn silence(writing: &Writing<'_>, quiet: &Quiet) -> Option<Vec<Inline>> {
    let packet = writing.packet;
    if packet.silent.iter().any(|silent| silent.host == quiet.host) {
        return None;
    }
    let silences =
        packet.missing.iter().filter(|gap| gap.host == quiet.host && gap.what == MissingWhat::Silence);
    let cites: Vec<_> = silences.flat_map(|gap| gap.records.iter().cloned()).collect();
    let permille = quiet.silent_ms.saturating_mul(1000).checked_div(quiet.of_ms).unwrap_or(0);
    Some(vec![
        Inline::Strong(format!("{} for {}. ", quiet.host, lasting(quiet.silent_ms))),
        Inline::Text(format!(
            "It wrote no record for {} of the time, and nobody can tell what was. ",
            percent(u32::try_from(permille).unwrap_or(1000))
        )),
        Inline::Emphasis(format!("Records {}", words::cites(&cites, writing.alone))),
    ])
}

fn about(writing: &Writing<'_>) -> Vec<(String, Vec<Inline>)> {
    let packet = writing.packet;
    let pair = |name: &str, value: Vec<Inline>| (name.to_owned(), value);
    let mut pairs = vec![
        pair("Client", text(packet.client.clone())),
        pair("Prepared by", text(format!("{} {}", writing.brand.name, writing.brand.contact).trim_end())),
        pair(
            "Period",
            text(format!(
                "from {} to {}, the end not included",
                writing.zone.wall(packet.from),
                writing.zone.wall(packet.to)
            )),
        ),
        pair("Time zone", text(packet.zone.clone())),
        pair(
            "Baseline",
            vec![
                Inline::Text(format!("{} version {}, ", packet.baseline.name, packet.baseline.version)),
                Inline::Code(packet.baseline.digest.to_string()),
            ],
        ),
        pair("Packet", text(format!("number {} of this month, format {}", packet.number, packet.format))),
        pair(
            "Machines",
            text(format!(
                "{} with records of the month, of {}",
                packet.summary.machines.0, packet.summary.machines.1
            )),
        ),
    ];
    if !packet.other_baselines.is_empty() {
        let digests: Vec<String> = packet.other_baselines.iter().map(ToString::to_string).collect();
        let mut words = text(
            "Records of this time were also made under other texts of the baseline, by which they were judged: ",
        );
        words.push(Inline::Code(digests.join(" ")));
        pairs.push(pair("Other baselines", words));
    }
    if let Some(corrects) = &packet.corrects {
        pairs.push(pair(
            "Corrects",
            vec![
                Inline::Text(format!("packet number {}, in whose place it stands, ", corrects.number)),
                Inline::Code(corrects.digest.to_string()),
                Inline::Text(format!(". By {}: {}", corrects.person, corrects.reason)),
            ],
        ));
    }
    pairs
}

fn score(writing: &Writing<'_>, slots: &mut Slots) {
    let packet = writing.packet;
    let words = match &packet.summary.score {
        Claim::Measured { value, .. } => format!("{value}."),
        Claim::NotMeasured { reason } => format!("Not measured: {}.", words::unmeasured(*reason)),
    };
    say(slots, "score", words);
    let points: Vec<_> = packet
        .trend
        .iter()
        .map(|point| {
            (writing.zone.short_month(point.month), point.score.value().and_then(|score| score.permille()))
        })
        .collect();
    let told: Vec<String> = points
        .iter()
        .map(|(month, value)| {
            value.map_or(format!("{month} not measured"), |value| format!("{month} {}", percent(value)))
        })
        .collect();
    let alt = format!("Line chart of the score by month: {}", told.join(", "));
    put(slots, "trend", vec![Block::Chart(crate::chart::line(alt, &writing.brand.colour, &points))]);
    let rows = packet.trend.iter().map(|point| {
        let cells = match &point.score {
            Claim::Measured { value, records } => [text(value.to_string()), writing.cites(records)],
            Claim::NotMeasured { reason } => {
                [text(format!("not measured: {}", words::unmeasured(*reason))), text("none")]
            }
        };
        let [score, records] = cells;
        vec![code(point.month.to_string()), score, records]
    });
    let table = cell::table(
        "The score at the end of each month",
        &[("Month", 2), ("Score, with what it was measured over", 7), ("Records", 4)],
        rows.collect(),
        "There is no month to show.",
    );
    put(slots, "trend_table", table);
}
