//! The page of results: `docs/faults.md`.

use std::fmt::Write as _;

use crate::case::Came;
use crate::catalogue::{Ends, Fault};

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
            page.push_str("| fault | has to be | came | noticed after | over after | a bare script | evidence |\n|---|---|---|---|---|---|---|\n");
        }
        let ms = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms} ms"));
        let came_word = match (&came.failed, came.wrong.is_empty()) {
            (None, true) => came.ended.clone(),
            (Some(why), _) => format!("**{}**: {}", came.ended, why.replace(['|', '\n'], " ")),
            (None, false) => format!("**{}**, wrong: {}", came.ended, came.wrong.join(", ")),
        };
        let _ = writeln!(
            page,
            "| {}: {} | {} | {came_word} | {} | {} | {} | {} |",
            fault.id,
            fault.says,
            fault.ends.word(),
            ms(came.detected_ms),
            ms(came.ended_ms),
            ms(came.bare_ms),
            came.evidence
        );
    }
    page
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
    let mut healed: Vec<u64> = all
        .iter()
        .filter(|(_, fault, _)| fault.ends == Ends::Healed)
        .filter_map(|(.., came)| came.ended_ms)
        .collect();
    healed.sort_unstable();
    if let (Some(p50), Some(p99)) = (at(&healed, 50), at(&healed, 99)) {
        let _ = writeln!(
            page,
            "| from injection to healed, verified and recorded, p50; p99 | {} | {p50} ms; {p99} ms |",
            healed.len()
        );
    }
}

fn at(sorted: &[u64], percent: usize) -> Option<u64> {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?)).copied()
}
