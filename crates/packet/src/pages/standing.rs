//! The controls, by safeguard and citation; and those of an area.

use contract::baseline::Area;

use super::{Slots, Writing, put};
use crate::cell::{Cell, code, named, table, text, toned};
use crate::claim::Cite;
use crate::document::{Block, Inline};
use crate::rule::Safeguard;
use crate::standing::{Observed, Seen, Standing};
use crate::words;

/// Controls of SSH and the network that speak of encryption on the way.
const IN_TRANSIT: [&str; 4] =
    ["ssh.weak-ciphers", "ssh.weak-macs", "ssh.weak-key-exchange", "network.plaintext-services"];

pub(super) fn fill(writing: &Writing<'_>, slots: &mut Slots) {
    put(slots, "controls", by_safeguard(writing));
    let area = |areas: &'static [Area]| move |standing: &Standing| areas.contains(&standing.area);
    let access = area(&[Area::Accounts, Area::Sudo]);
    put(slots, "access_controls", some(writing, "Controls of accounts and administrators", access));
    put(slots, "patches", some(writing, "Controls of updates", area(&[Area::Updates, Area::Generation])));
    put(
        slots,
        "encryption_at_rest",
        some(writing, "Controls of encryption at rest", area(&[Area::Encryption])),
    );
    let in_transit = |standing: &Standing| {
        standing.area == Area::Certificates || IN_TRANSIT.contains(&standing.control.as_str())
    };
    put(slots, "encryption_in_transit", some(writing, "Controls of encryption in transit", in_transit));
}

fn by_safeguard(writing: &Writing<'_>) -> Vec<Block> {
    let sections = [
        Safeguard::Administrative,
        Safeguard::Physical,
        Safeguard::Technical,
        Safeguard::Organizational,
        Safeguard::Documentation,
    ];
    let mut blocks = Vec::new();
    for section in sections {
        let mut of_section: Vec<&Standing> = writing
            .packet
            .controls
            .iter()
            .filter(|standing| Safeguard::of(standing.citations.first()) == Some(section))
            .collect();
        of_section.sort_by(|a, b| a.citations.cmp(&b.citations));
        if of_section.is_empty() {
            continue;
        }
        let title = words::safeguard(section).to_owned();
        let anchor = format!("controls-{}", words::slug(section));
        blocks.push(Block::Heading { level: 2, text: title, anchor });
        blocks.extend(rows_of(writing, "How its controls stood", of_section));
    }
    blocks
}

fn some(writing: &Writing<'_>, caption: &str, of: impl Fn(&Standing) -> bool) -> Vec<Block> {
    rows_of(writing, caption, writing.packet.controls.iter().filter(|standing| of(standing)).collect())
}

fn rows_of(writing: &Writing<'_>, caption: &str, standings: Vec<&Standing>) -> Vec<Block> {
    let rows = standings.into_iter().flat_map(|standing| rows(writing, standing)).collect();
    table(
        caption,
        &[
            ("Control", 10),
            ("Citations", 7),
            ("State", 4),
            ("Seen (expected)", 6),
            ("Last looked at", 5),
            ("Records", 5),
        ],
        rows,
        "The baseline has no such control.",
    )
}

/// A row for all machines on which it stands alike.
fn rows(writing: &Writing<'_>, standing: &Standing) -> Vec<Vec<Cell>> {
    let mut groups: Vec<Vec<&Seen>> = Vec::new();
    for seen in &standing.machines {
        let like = |group: &&mut Vec<&Seen>| {
            group.first().is_some_and(|first| (first.state, &first.observed) == (seen.state, &seen.observed))
        };
        match groups.iter_mut().find(like) {
            Some(group) => group.push(seen),
            None => groups.push(vec![seen]),
        }
    }
    groups.iter().map(|group| row(writing, standing, group)).collect()
}

fn row(writing: &Writing<'_>, standing: &Standing, group: &[&Seen]) -> Vec<Cell> {
    let Some(first) = group.first() else { return Vec::new() };
    let mut state = toned(words::state(first.state));
    if writing.alone.is_none() {
        let hosts: Vec<&str> = group.iter().take(3).map(|seen| seen.host.as_str()).collect();
        let rest = if group.len() > 3 { format!(" and {} more", group.len() - 3) } else { String::new() };
        state.push(Inline::Text(format!(" on {}{rest}", hosts.join(", "))));
    }
    let observed = match &first.observed {
        Observed::Value(value) => format!("{value} ({})", standing.expected),
        Observed::Not(reason) => format!("nothing: {} ({})", words::unmeasured(*reason), standing.expected),
    };
    let citations: Vec<&str> = standing.citations.iter().map(contract::baseline::Citation::as_str).collect();
    // The oldest of the looks: no machine of the row was looked at before.
    let checked = group.iter().map(|seen| seen.checked.map(|at| at.time)).min().flatten();
    let cites: Vec<Cite> = group.iter().filter_map(|seen| seen.cite()).collect();
    vec![
        named(&standing.title, standing.control.as_str()),
        code(citations.join(" ")),
        state,
        text(observed),
        checked.map_or_else(|| text("never"), |time| writing.wall(time)),
        writing.cites(&cites),
    ]
}
