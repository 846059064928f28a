//! The page of results: `docs/faults.md`.

use std::fmt::Write as _;

use crate::case::Came;
use crate::catalogue::{Ends, Fault};
use crate::peers::Peer;

/// All of it as Markdown.
pub fn page(machine: &str, all: &[(String, Fault, Came)]) -> String {
    let mut page = String::from("# Faults, and what came of them\n\n");
    let _ = writeln!(
        page,
        "Made by `just faults`: each is done to a fresh copy of one machine, on which the packages were installed. {machine}\n"
    );
    sums(&mut page, all);
    let mut area = "";
    for (of, fault, came) in all {
        if of != area {
            area = of;
            let _ = writeln!(page, "\n## {area}\n");
            page.push_str("| fault | has to be | came | noticed after | over after | a bare script | monit; CFEngine | evidence |\n|---|---|---|---|---|---|---|---|\n");
        }
        let ms = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms} ms"));
        let came_word = match (&came.failed, came.wrong.is_empty()) {
            (None, true) => came.ended.clone(),
            (Some(why), _) => format!("**{}**: {}", came.ended, why.replace(['|', '\n'], " ")),
            (None, false) => format!("**{}**, wrong: {}", came.ended, came.wrong.join(", ")),
        };
        let _ = writeln!(
            page,
            "| {}: {} | {} | {came_word} | {} | {} | {} | {} | {} |",
            fault.id,
            fault.says,
            fault.ends.word(),
            ms(came.detected_ms),
            ms(came.ended_ms),
            ms(came.bare_ms),
            beside(came),
            came.evidence
        );
    }
    page
}

/// What the others took; a dash where they were not asked.
fn beside(came: &Came) -> String {
    let one = |peer: &Peer| match came.beside.get(peer) {
        None => "–".to_owned(),
        Some(None) => "not repaired".to_owned(),
        Some(Some(ms)) => format!("{ms} ms"),
    };
    if came.beside.is_empty() { "–".to_owned() } else { Peer::ALL.map(|peer| one(&peer)).join("; ") }
}

fn sums(page: &mut String, all: &[(String, Fault, Came)]) {
    let count =
        |is: &dyn Fn(&Fault, &Came) -> bool| all.iter().filter(|(_, fault, came)| is(fault, came)).count();
    page.push_str("| | of | |\n|---|---|---|\n");
    for (ends, words) in [
        (Ends::Healed, "healed, of those that can be"),
        (Ends::Escalated, "handed to a person, of those that have to be"),
        (Ends::Deferred, "waiting for the window, of those that have to"),
        (Ends::Reverted, "undone, of those whose repair does not hold"),
    ] {
        let of = count(&|fault, _| fault.ends == ends);
        if of > 0 {
            let good = count(&|fault, came| fault.ends == ends && came.failed.is_none());
            let _ = writeln!(page, "| {words} | {of} | {good} |");
        }
    }
    let wrong: usize = all.iter().map(|(.., came)| came.wrong.len()).sum();
    let intact = count(&|_, came| came.evidence.starts_with("intact"));
    let _ = writeln!(page, "| wrong actions | {} | {wrong} |", all.len());
    let _ = writeln!(page, "| cases whose evidence an outsider finds intact | {} | {intact} |", all.len());
    let times = |of: &dyn Fn(&Came) -> Option<u64>| {
        let healed = all.iter().filter(|(_, fault, came)| fault.ends == Ends::Healed && came.is_good());
        let mut times: Vec<u64> = healed.filter_map(|(.., came)| of(came)).collect();
        times.sort_unstable();
        times
    };
    let mut row = |words: &str, times: &[u64], unit: &str| {
        if let (Some(p50), Some(p99)) = (at(times, 50), at(times, 99)) {
            let _ = writeln!(page, "| {words}, p50; p99 | {} | {p50} {unit}; {p99} {unit} |", times.len());
        }
    };
    row("from injection to noticed", &times(&|came| came.detected_ms), "ms");
    row("from injection to healed, verified and recorded", &times(&|came| came.ended_ms), "ms");
    row("the same repair by a bare script", &times(&|came| came.bare_ms), "ms");
    let ratios = times(&|came| Some(came.ended_ms? * 100 / came.bare_ms?.max(1)));
    row("the one in hundredths of the other", &ratios, "%");
    let near =
        |came: &Came| came.ended_ms.zip(came.bare_ms).is_some_and(|(ours, bare)| ours <= bare * 3 / 2 + 200);
    let compared = ratios.len();
    let near = count(&|fault, came| fault.ends == Ends::Healed && came.is_good() && near(came));
    let _ = writeln!(
        page,
        "| healed within one and a half times the script's time and 200 ms | {compared} | {near} |"
    );
}

fn at(sorted: &[u64], percent: usize) -> Option<u64> {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?)).copied()
}
