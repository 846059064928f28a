//! The page of results: `docs/faults.md`.

use std::fmt::Write as _;

use crate::came::Came;
use crate::catalogue::Fault;
use crate::peers::Peer;
use crate::soak::Soaked;
use crate::sums::{Spread, Sums};

/// All of it as Markdown.
pub fn page(command: &str, machine: &str, all: &[(&str, &Fault, &Came)]) -> String {
    let mut page = String::from("# Faults, and what came of them\n\n");
    let _ = writeln!(
        page,
        "Made by `{command}`: each is done to a fresh machine, on which the package was installed as a user installs it. Time is that machine's \
         own, from the moment of the injection: until the incident is kept, and until the check that failed passes again, and until that is proven, recorded and durable; the hold-down in which it has to go on holding is in the last. Other \
         programs are timed until it is whole again. A bare script does the same repair at once, since it knows what is broken, and proves nothing. {} Where the power is cut the clock begins anew, and nothing is timed. {machine}\n",
        others(all)
    );
    sums(&mut page, &Sums::of(all));
    let mut area = "";
    for (of, fault, came) in all {
        if *of != area {
            area = *of;
            let _ = writeln!(page, "\n## {area}\n");
            page.push_str("| fault | has to be | came | noticed after | whole after | over after | a bare script | monit; CFEngine | evidence |\n|---|---|---|---|---|---|---|---|---|\n");
        }
        let ms = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms} ms"));
        let cut = came.was_cut_in.map_or_else(String::new, |stage| format!("; cut {}", stage.word()));
        let came_word = match (&came.failed, came.wrong.is_empty()) {
            // A person is called for what a run came to.
            (None, true) if !came.ended.starts_with(fault.ends.word()) => {
                format!("{} ({}){cut}", fault.ends.word(), came.ended)
            }
            (None, true) => format!("{}{cut}", came.ended),
            (Some(why), _) => format!("**{}**: {}", came.ended, why.replace(['|', '\n'], " ")),
            (None, false) => format!("**{}**, wrong: {}", came.ended, came.wrong.join(", ")),
        };
        let _ = writeln!(
            page,
            "| {}: {} | {} | {came_word} | {} | {} | {} | {} | {} | {} |",
            fault.id,
            fault.says,
            fault.ends.word(),
            ms(came.detected_ms),
            ms(came.whole_ms),
            ms(came.ended_ms),
            ms(came.bare_ms),
            beside(came),
            came.evidence
        );
    }
    page
}

/// How the others look, where any of them was asked.
fn others(all: &[(&str, &Fault, &Came)]) -> &'static str {
    if all.iter().any(|(.., came)| !came.beside.is_empty()) {
        "monit looks every second, CFEngine every minute, the shortest that each has."
    } else {
        "monit and CFEngine were not asked."
    }
}

/// What came of a long time, as Markdown.
pub fn long(machine: &str, soaked: &Soaked) -> String {
    let mut page = String::from("# A long time on one machine\n\n");
    let _ = writeln!(
        page,
        "Made by `just long {} {}`: a fault every twenty seconds, drawn from the seed; for the middle third of the time the network is away; the power is cut, and \
         the clock jumps a week ahead. Nothing may be lost, which is counted at the hub, and nothing done twice. {machine}\n",
        soaked.minutes, soaked.seed
    );
    page.push_str("| | |\n|---|---|\n");
    let memory = format!("{} KiB; {} KiB", soaked.memory_kib.0, soaked.memory_kib.1);
    for (words, figure) in [
        ("minutes", soaked.minutes.to_string()),
        ("faults that were done", soaked.injected.to_string()),
        ("drawn and not done, since the thing waited for a person or its time", soaked.skipped.to_string()),
        ("of these, whole again at the end", soaked.whole.to_string()),
        ("of these, stopped by a guardrail or waiting, with the reason named", soaked.stopped.to_string()),
        ("incidents that the hub holds of them", soaked.incidents.to_string()),
        ("repairs that ended as healed, by the evidence", soaked.healed.to_string()),
        ("of these, decided by the site while the network was away", soaked.healed_alone.to_string()),
        ("cuts of power", soaked.power_cuts.to_string()),
        ("resident memory of agent and executor, a while after the last start; at the end", memory),
        ("the evidence, by an outsider's verifier", soaked.evidence.clone()),
        ("not as it has to be", soaked.wrong.len().to_string()),
    ] {
        let _ = writeln!(page, "| {words} | {figure} |");
    }
    for wrong in &soaked.wrong {
        let _ = writeln!(page, "\n- {wrong}");
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

fn sums(page: &mut String, sums: &Sums) {
    page.push_str("| | of | |\n|---|---|---|\n");
    let mut row = |words: &str, of: usize, what: String| {
        let _ = writeln!(page, "| {words} | {of} | {what} |");
    };
    for (share, words) in [
        (sums.healed, "healed, of those that can be"),
        (sums.escalated, "noticed as what it is and handed to a person, of those that have to be"),
        (sums.deferred, "waiting for the window or the clock, of those that have to"),
        (sums.reverted, "undone, of those whose repair does not hold"),
        (sums.evidence_intact, "cases whose evidence an outsider finds intact"),
        (sums.whole_near_a_script, "whole again within one and a half times a bare script's time and 200 ms"),
        (
            sums.near_a_script,
            "healed, verified and recorded within one and a half times a bare script's time and 200 ms",
        ),
    ] {
        if share.of > 0 {
            row(words, share.of, share.came.to_string());
        }
    }
    let all = sums.evidence_intact.of;
    row("wrong actions", all, sums.wrong_actions.to_string());
    row("said to be healed, and were not", all, sums.unverified_heals.to_string());
    row("runs that were undone", all, sums.rollbacks.to_string());
    for (spread, words, unit) in [
        (sums.detected_ms, "from injection to noticed", "ms"),
        (sums.whole_ms, "from injection to whole again", "ms"),
        (sums.healed_ms, "from injection to healed, verified and recorded", "ms"),
        (sums.bare_ms, "the same repair by a bare script", "ms"),
        (sums.ratio_percent, "the one in hundredths of the other", "%"),
        (sums.acting_percent, "the steps of the repair alone, likewise", "%"),
    ] {
        if let Some(Spread { of, p50, p99 }) = spread {
            row(&format!("{words}, p50; p99"), of, format!("{p50} {unit}; {p99} {unit}"));
        }
    }
}
