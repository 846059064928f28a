//! The first page: fixed, needs you, could not be checked, coverage; and what the packet says of itself.

use contract::score::{Counted, Headline, Score};

use super::{Slots, Writing, put, say};
use crate::cell::{self, code, text};
use crate::claim::{Claim, Unmeasured};
use crate::document::{Block, Figure, Inline, Tone};
use crate::standing::{Observed, Standing};
use crate::words::{self, many, percent};

/// What fits on the first page; the rest stands in its chapter.
const SHOWN: usize = 6;

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
    say(slots, "week", writing.days());
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
            "What monitoring saw on {seen} of {}, and what was attempted about it. Every number comes from signed records that were verified for \
             this; where there is none, it says so.{preview}",
            many(all as usize, "machine", "machines")
        ),
    );
    put(slots, "figures", vec![Block::Figures(figures(writing))]);
    put(slots, "needs_you", needs_you(writing));
    put(slots, "could_not_check", could_not_check(writing));
}

fn figures(writing: &Writing<'_>) -> Vec<Figure> {
    let summary = &writing.packet.summary;
    let needs = summary.needs_you.len();
    let unchecked: usize = summary.could_not_check.iter().map(|group| group.controls.len()).sum();
    let out: usize = writing.packet.out_of_scope.iter().map(|out| out.hosts.len()).sum();
    let looks: usize = writing.packet.controls.iter().map(|standing| standing.machines.len()).sum();
    let nothing_seen = summary.score.value().is_none();
    vec![
        count(&summary.fixed, "fixed", Tone::Good, &format!("of {}", incidents(writing))),
        Figure {
            value: if nothing_seen { "not measured".into() } else { needs.to_string() },
            label: "need you".into(),
            note: format!("of {}", many(writing.packet.controls.len(), "control", "controls")),
            tone: if nothing_seen {
                Tone::Unknown
            } else if needs == 0 {
                Tone::Good
            } else {
                Tone::Bad
            },
        },
        Figure {
            value: unchecked.to_string(),
            label: "could not be checked".into(),
            note: format!("of {}; {out} more are not in scope", many(looks, "check", "checks")),
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

fn needs_you(writing: &Writing<'_>) -> Vec<Block> {
    let packet = writing.packet;
    let named = |control: &contract::ids::ControlId| {
        packet.controls.iter().find(|standing| standing.control == *control)
    };
    let all: Vec<&Standing> = packet.summary.needs_you.iter().filter_map(named).collect();
    if packet.summary.score.value().is_none() {
        return vec![cell::paragraph("Nobody can tell: no machine has a record of this time.")];
    }
    if all.is_empty() {
        return vec![cell::paragraph("No control that could be checked fails.")];
    }
    let mut blocks = vec![Block::List(all.iter().take(SHOWN).map(|one| need(writing, one)).collect())];
    if all.len() > SHOWN {
        blocks.push(more(all.len() - SHOWN, "controls"));
    }
    blocks
}

fn more(rest: usize, anchor: &str) -> Block {
    Block::Paragraph(vec![
        Inline::Text(format!("And {rest} more, which stand in the chapter ")),
        Inline::Anchor(anchor.to_owned(), "Controls".to_owned()),
        Inline::Text(".".to_owned()),
    ])
}

/// What fails, on which machines, and what to do about it.
fn need(writing: &Writing<'_>, standing: &Standing) -> Vec<Inline> {
    let failing: Vec<_> = standing.machines_that(Counted::Fails).collect();
    let hosts: Vec<&str> = failing.iter().take(3).map(|seen| seen.host.as_str()).collect();
    let rest = if failing.len() > 3 { format!(" and {} more", failing.len() - 3) } else { String::new() };
    let cites: Vec<_> = failing.iter().filter_map(|seen| seen.cite()).collect();
    let observed = match failing.first().map(|seen| &seen.observed) {
        Some(Observed::Value(value)) => value.to_string(),
        Some(Observed::Not(_)) | None => String::new(),
    };
    vec![
        Inline::Strong(format!("{}. ", standing.title)),
        Inline::Text(format!(
            "On {}{rest}: seen {observed}, expected {}. {} ",
            hosts.join(", "),
            standing.expected,
            what_to_do(writing, standing)
        )),
        Inline::Emphasis(format!("Records {}", words::cites(&cites, writing.alone))),
    ]
}

/// In plain words: a repair that did not hold is for whoever looks after the machines, and so is what no repair may touch.
fn what_to_do(writing: &Writing<'_>, standing: &Standing) -> String {
    let ours = writing.packet.repairs.iter().filter(|repair| repair.control == standing.control);
    let tried = ours.filter(|repair| repair.end.is_some()).count();
    let whom = &writing.brand.name;
    match (&standing.person, tried) {
        (Some(why), _) => format!("What to do: agree with {whom} on how to change it. {why}"),
        (None, 0) => {
            format!("What to do: ask {whom} when it will be repaired; no repair was tried this month.")
        }
        (None, tried) => format!(
            "What to do: ask {whom} for its cause; {} did not last.",
            many(tried, "repair was tried and", "repairs were tried and")
        ),
    }
}

fn could_not_check(writing: &Writing<'_>) -> Vec<Block> {
    let packet = writing.packet;
    let groups = &packet.summary.could_not_check;
    let mut items: Vec<Vec<Inline>> = packet
        .silent
        .iter()
        .map(|silent| {
            vec![
                Inline::Strong(format!("{}. ", silent.host)),
                Inline::Text(format!("Nothing is known of this machine: {}.", words::silent(silent.reason))),
            ]
        })
        .collect();
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
    if items.is_empty() {
        return vec![cell::paragraph("Everything that was to be looked at was looked at.")];
    }
    let rest = items.len().saturating_sub(SHOWN);
    items.truncate(SHOWN);
    let mut blocks = vec![Block::List(items)];
    if rest > 0 {
        blocks.push(more(rest, "controls"));
    }
    blocks
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
