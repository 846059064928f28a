//! How things are said in one line.

use contract::decision::{Choice, Escalation};
use contract::finding::Verdict;
use contract::incident::What;
use contract::plane::IncidentView;

use crate::say::{Tone, Voice};

/// What an incident is about.
pub(crate) fn what(what: &What) -> String {
    match what {
        What::Drift { control, .. } => control.to_string(),
        What::Signal(signal) => {
            let whose =
                signal.about.identity().map_or_else(String::new, |identity| format!(" of {identity}"));
            format!("{}{whose} ({} in {} s)", signal.detector, signal.count, signal.window_s)
        }
    }
}

/// What the planner chose.
pub(crate) fn choice(incident: &IncidentView) -> String {
    match incident.decision.as_ref().map(|d| &d.choice) {
        None => "not planned yet".to_owned(),
        Some(Choice::Run(runbook)) => runbook.to_string(),
        Some(Choice::Escalate(Escalation::Declined(because))) => format!("a person ({})", because.words()),
        Some(Choice::Escalate(why)) => format!("a person ({})", why.words()),
    }
}

/// A finding's verdict, coloured and padded, and what was seen or why nothing was.
pub(crate) fn verdict(voice: Voice, verdict: &Verdict) -> (String, String) {
    match verdict {
        Verdict::Pass(seen) => (voice.tone(Tone::Good, "pass        "), seen.to_string()),
        Verdict::Fail(seen) => (voice.tone(Tone::Bad, "fail        "), seen.to_string()),
        Verdict::Excepted(seen) => (voice.tone(Tone::Unsure, "excepted    "), seen.to_string()),
        Verdict::NotAssessed(why) => (voice.tone(Tone::Unsure, "not assessed"), why.to_string()),
    }
}
