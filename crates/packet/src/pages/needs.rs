//! "Needs you": each with what to do.

use contract::ids::{ControlId, HostId};

use super::Writing;
use super::summary::{SHOWN, more};
use crate::cell;
use crate::claim::Cite;
use crate::document::{Block, Inline};
use crate::needs::Need;
use crate::standing::{Observed, Standing};
use crate::words::{self, many};

/// The list on the first page.
pub(super) fn list(writing: &Writing<'_>) -> Vec<Block> {
    let needs = &writing.packet.summary.needs_you;
    if needs.is_empty() && writing.packet.summary.score.value().is_none() {
        return vec![cell::paragraph("Nobody can tell: no machine has a record of this time.")];
    }
    if needs.is_empty() {
        return vec![cell::paragraph("Nothing that could be checked needs anybody.")];
    }
    let mut blocks = vec![Block::List(needs.iter().take(SHOWN).map(|need| one(writing, need)).collect())];
    if needs.len() > SHOWN {
        blocks.push(more(needs.len() - SHOWN, "controls", "Controls"));
    }
    blocks
}

fn one(writing: &Writing<'_>, need: &Need) -> Vec<Inline> {
    let whom = &writing.brand.name;
    let item = |title: String, words: String, records: &[Cite]| {
        vec![
            Inline::Strong(format!("{title}. ")),
            Inline::Text(format!("{words} ")),
            Inline::Emphasis(format!("Records {}", words::cites(records, writing.alone))),
        ]
    };
    match need {
        Need::Fails { control, hosts, records } => {
            let standing = standing(writing, control);
            let seen = standing.map(|standing| seen(standing, hosts)).unwrap_or_default();
            let words = format!(
                "Not so on {}.{seen} {}",
                named(hosts),
                what_to_do(writing, standing, control, hosts)
            );
            item(title(standing, control), words, records)
        }
        Need::FailedLast { control, hosts, records } => {
            let standing = standing(writing, control);
            let words = format!(
                "It was not so on {} when it was looked at last, and nobody has looked since. What to do: ask {whom} why it cannot be seen any more; that it cannot mends nothing.",
                named(hosts)
            );
            item(title(standing, control), words, records)
        }
        Need::HandedOver { host, order: _, runbook, records } => {
            let words =
                format!("It has not come to an end on {host}. What to do: ask {whom} who looks after it.");
            item(format!("A repair waits for a person ({runbook})"), words, records)
        }
        Need::Noticed { detector, kind, times, hosts, records } => {
            let words = format!(
                "Noticed {} on {} ({detector}). What to do: ask {whom} what it was, and what was done about it.",
                many(*times as usize, "time", "times"),
                named(hosts)
            );
            item(format!("In the logs: {}", kind.to_string().replace('_', " ")), words, records)
        }
    }
}

fn standing<'p>(writing: &Writing<'p>, control: &ControlId) -> Option<&'p Standing> {
    writing.packet.controls.iter().find(|standing| standing.control == *control)
}

fn title(standing: Option<&Standing>, control: &ControlId) -> String {
    standing.map_or_else(|| control.to_string(), |standing| standing.title.clone())
}

/// The first three machines, and how many more.
fn named(hosts: &[HostId]) -> String {
    let first: Vec<&str> = hosts.iter().take(3).map(HostId::as_str).collect();
    let rest = if hosts.len() > 3 { format!(" and {} more", hosts.len() - 3) } else { String::new() };
    format!("{}{rest}", first.join(", "))
}

fn seen(standing: &Standing, hosts: &[HostId]) -> String {
    let first = standing.machines.iter().find(|seen| hosts.contains(&seen.host));
    match first.map(|seen| &seen.observed) {
        Some(Observed::Value(value)) => format!(" Seen: {value}; it should be: {}.", standing.expected),
        Some(Observed::Not(_)) | None => String::new(),
    }
}

/// In plain words. Only repairs of this very failure are told of: those that were tried while it has been going on.
fn what_to_do(
    writing: &Writing<'_>,
    standing: Option<&Standing>,
    control: &ControlId,
    hosts: &[HostId],
) -> String {
    let going_on = writing.packet.incidents.iter().filter(|incident| {
        incident.over.is_none() && incident.control == *control && hosts.contains(&incident.host)
    });
    let tried: usize = going_on.map(|incident| incident.repairs.len()).sum();
    let whom = &writing.brand.name;
    match (standing.and_then(|standing| standing.person.as_ref()), tried) {
        (Some(why), _) => format!("What to do: agree with {whom} on how to change it. {why}"),
        (None, 0) => format!("What to do: ask {whom} when it will be repaired; no repair of it was begun."),
        (None, tried) => {
            format!(
                "What to do: ask {whom} for its cause; {} begun, and it is not so yet.",
                many(tried, "repair was", "repairs were")
            )
        }
    }
}
