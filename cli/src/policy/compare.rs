//! `suture policy diff`: which rules differ, and which recorded decisions would be others.

use std::path::{Path, PathBuf};

use policy::{Change, DecisionRecord, PolicyError, Replacement, RuleChange, Shift, diff};
use serde_json::json;

use super::{POLICY_MAX_BYTES, Unread, policy_of, print, protected, text_of};
use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};

/// The longest file of decisions.
const DECISIONS_MAX_BYTES: u64 = 64 << 20;

/// What it is told.
#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// The policy that is in force.
    old: PathBuf,
    /// The one that is to replace it.
    new: PathBuf,
    /// Recorded decisions, one JSON object on each line, the oldest first; the last 100 are replayed under both.
    #[arg(long)]
    decisions: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(told: &Diff) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let old = policy_of(&told.old)?;
    let text = text_of(&told.new, POLICY_MAX_BYTES)?;
    let decisions = told.decisions.as_deref().map(decisions_of).transpose()?;
    let name = told.new.display().to_string();
    let replay =
        Replacement::prepare(&old, &name, &text, &protected(), decisions.as_deref().unwrap_or_default());
    let replacement = replay.map_err(|error: PolicyError| Failure::from(Unread::Refused(error)))?;
    let rules = diff(&old, replacement.policy());
    if told.json {
        let replayed = decisions.map(|_| replacement.replayed());
        print(
            voice,
            &json!({
                "old": old.digest(),
                "new": replacement.policy().digest(),
                "rules": rules,
                "replayed": replayed,
                "changes": replacement.changes(),
                "breaking": replacement.breaking(),
                "phrase": replacement.phrase().map(|phrase| phrase.to_string()),
            }),
        );
    } else {
        show(voice, &rules, &replacement, decisions.is_some());
    }
    match replacement.breaking() {
        0 => Ok(()),
        breaking => Err(Failure::new(
            Status::Breaking,
            format!(
                "{breaking} of {} replayed decisions would turn from allow to deny",
                replacement.replayed()
            ),
        )),
    }
}

fn show(voice: Voice, rules: &[RuleChange], replacement: &Replacement, replayed: bool) {
    if rules.is_empty() {
        voice.line("the rules mean the same");
    }
    for rule in rules {
        voice.line(&match rule {
            RuleChange::Added(id) => voice.tone(Tone::Good, &format!("+ {id}")),
            RuleChange::Removed(id) => voice.tone(Tone::Bad, &format!("- {id}")),
            RuleChange::Changed(id) => voice.tone(Tone::Unsure, &format!("~ {id}")),
        });
    }
    if !replayed {
        voice.line(
            "no decisions were given (--decisions), so nothing was replayed and what breaks is not known",
        );
        return;
    }
    for change in replacement.changes() {
        voice.line(&one_line(voice, change));
    }
    voice.line(&format!(
        "{} of {} replayed decisions would be others, {} of them breaking",
        replacement.changes().len(),
        replacement.replayed(),
        replacement.breaking()
    ));
    if let Some(phrase) = replacement.phrase() {
        voice.line(&format!("to put it in place, somebody will have to type: {phrase}"));
    }
}

fn one_line(voice: Voice, change: &Change) -> String {
    let Change { request, was, now, reasons, shift } = change;
    let tone = match shift {
        Shift::Breaking => Tone::Bad,
        Shift::Stricter => Tone::Unsure,
        Shift::Milder => Tone::Good,
    };
    let why: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    format!(
        "{}  {was} → {now}  {} of {} by {}: {}",
        voice.tone(tone, &format!("{shift:<8}")),
        request.verb,
        request.resource,
        request.runbook,
        why.join(", ")
    )
}

fn decisions_of(file: &Path) -> Result<Vec<DecisionRecord>, Failure> {
    let text = text_of(file, DECISIONS_MAX_BYTES)?;
    let read = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| {
            let words = format!("{}:{}:{}: not a decision: {e}", file.display(), index + 1, e.column());
            Failure::new(Status::Refused, words)
        })
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(read).collect()
}
