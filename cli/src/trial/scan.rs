//! The baseline, as it is found: one line for each control, then the numbers with their denominators.

use std::time::{Duration, Instant};

use contract::baseline::Baseline;
use contract::event::Event;
use contract::finding::{Finding, Tally};

use super::processes::Processes;
use super::words;
use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};

/// How long a full scan may take: every source has a limit of its own, far below this.
const SCAN_MAX: Duration = Duration::from_secs(60);

/// What a scan came to.
pub(crate) struct Scanned {
    pub(crate) tally: Tally,
}

/// Prints the scan while it happens, and what logs are followed.
pub(crate) fn show(voice: Voice, processes: &mut Processes, baseline: &Baseline) -> Result<Scanned, Failure> {
    let total = baseline.controls().len();
    let began = Instant::now();
    let (mut shown, mut scanned, mut tailing) = (0, None, false);
    heading_line(voice);
    while began.elapsed() < SCAN_MAX {
        match processes.next()?.map(|traced| traced.event) {
            Some(Event::Found(finding)) => {
                shown += 1;
                voice.line(&row(voice, baseline, &finding, shown, total));
            }
            Some(Event::Scanned { tally, took_ms, slow }) => {
                summary(voice, tally, took_ms, &slow);
                scanned = Some(tally);
            }
            Some(Event::Tailing { what, streams }) => {
                voice.line(&format!("  following {what} ({streams} streams)"));
                tailing = true;
            }
            Some(_) | None => {}
        }
        if let (Some(tally), true) = (scanned, tailing) {
            return Ok(Scanned { tally });
        }
    }
    let missing = if scanned.is_none() { "the scan did not end" } else { "no log is followed" };
    Err(Failure::new(Status::NotProven, format!("{missing} within {} s", SCAN_MAX.as_secs())))
}

fn heading_line(voice: Voice) {
    let line = format!(
        "  {:>7}  {:<29} {:<22} {:<12} {}",
        "", "control", "45 CFR", "finding", "observed, or why not"
    );
    voice.line(&voice.tone(Tone::Quiet, &line));
}

fn row(voice: Voice, baseline: &Baseline, finding: &Finding, shown: usize, total: usize) -> String {
    let citation = baseline.control(&finding.control).and_then(|c| c.citations.first());
    let citation = citation.map_or("", |c| c.as_str());
    let (verdict, observed) = words::verdict(voice, &finding.verdict);
    let place = voice.tone(Tone::Quiet, &format!("{shown:>3}/{total:<3}"));
    format!("  {place}  {:<29} {citation:<22} {verdict} {observed}", finding.control)
}

fn summary(voice: Voice, tally: Tally, took_ms: u64, slow: &[(String, u64)]) {
    voice.line(&format!(
        "\n  {} of {} assessed controls pass; coverage: {} of {} assessed, {} not assessed; {took_ms} ms",
        tally.pass,
        tally.assessed(),
        tally.assessed(),
        tally.total(),
        tally.not_assessed
    ));
    if !slow.is_empty() {
        let named: Vec<String> = slow.iter().map(|(source, ms)| format!("{source} {ms} ms")).collect();
        voice.line(&voice.tone(Tone::Quiet, &format!("  slowest sources: {}", named.join(", "))));
    }
}
