//! `suture runbook show`: one runbook, in the order in which somebody asks about it.

use std::path::Path;

use contract::ids::RunbookId;
use contract::runbook::{Inverse, Rollback, Runbook, Step};
use serde_json::Value;

use super::files;
use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};

pub(super) fn run(id: &RunbookId, dir: &Path, json: bool) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let all = files::sound(dir)?;
    let Some(found) = all.get(id) else {
        let words = format!("{}: there is no runbook {id}; there are {}", dir.display(), names(all.keys()));
        return Err(Failure::new(Status::NothingThere, words));
    };
    if json {
        voice.line(&serde_json::json!({ "digest": found.digest, "runbook": found.runbook }).to_string());
        return Ok(());
    }
    let r = &found.runbook;
    voice.heading(&format!("{} (version {})", r.id, r.version));
    voice.line(&r.title);
    for (name, text) in facts(r) {
        voice.line(&format!("{} {text}", voice.tone(Tone::Quiet, &format!("{name:<14}"))));
    }
    voice.heading("Steps");
    for (index, step) in r.steps.iter().enumerate() {
        voice.line(&format!("{:>2}. {}", index + 1, one_line(step)));
        voice.line(&format!("    {}", voice.tone(Tone::Quiet, undone(step))));
    }
    voice.heading("Digest");
    voice.line(&found.digest.to_string());
    Ok(())
}

fn names<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|i| i.to_string()).collect::<Vec<_>>().join(", ")
}

fn facts(r: &Runbook) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("for", compact(&json(&r.target_os))),
        ("triggers", names(&r.triggers)),
        ("citations", names(&r.citations)),
        ("disruptive", if r.disruptive { "yes: it waits for the window" } else { "no" }.to_owned()),
        ("approval", compact(&json(&r.approval))),
        (
            "priority",
            format!("{} of 5; urgent runs make it {}", r.priority.number(), compact(&json(&r.when_urgent))),
        ),
        ("permissions", names(&r.permissions)),
    ];
    facts.extend(r.preconditions.iter().map(|p| ("begins only if", compact(&json(p)))));
    let also = r.verification.iter().flat_map(|v| &v.also);
    let more: Vec<_> = also.map(|c| format!("; and {c} passes")).collect();
    facts.extend([
        (
            "verification",
            format!("the control that failed passes, and for {} on{}", time(r.hold_down_ms), more.concat()),
        ),
        ("rollback", rollback(r).to_owned()),
        (
            "limits",
            format!(
                "{} for all steps; not again on the same target for {}; a person is told after {}",
                time(r.time_limit_ms),
                time(r.cooldown_ms),
                time(r.escalate_after_ms)
            ),
        ),
    ]);
    facts
}

/// As it is written. A type of ours that has no JSON does not exist; a null would show.
fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

const fn rollback(r: &Runbook) -> &'static str {
    match r.rollback {
        Some(Rollback::Inverse) => "the steps that ran are undone, last first, and a person is told",
        Some(Rollback::Escalate) => "nothing is undone; a person is told",
        None => "none",
    }
}

fn one_line(step: &Step) -> String {
    compact(&json(step))
}

/// `{"unit.restart":{"unit":"$unit"}}` as `unit.restart unit=$unit`.
fn compact(value: &Value) -> String {
    let plain = |v: &Value| {
        v.as_str()
            .map_or_else(|| v.to_string(), |s| if s.contains('\n') { format!("{s:?}") } else { s.to_owned() })
    };
    let Some((name, fields)) = value.as_object().and_then(|o| o.iter().next()) else { return plain(value) };
    match fields.as_object() {
        None => format!("{name} {}", plain(fields)),
        Some(fields) => {
            let fields: Vec<_> = fields.iter().map(|(k, v)| format!(" {k}={}", plain(v))).collect();
            format!("{name}{}", fields.concat())
        }
    }
}

fn undone(step: &Step) -> &'static str {
    match step.verb().inverse() {
        Inverse::PutBack => "undone: what it found is put back",
        Inverse::None => "cannot be undone",
        Inverse::NotNeeded => "changes nothing",
    }
}

fn time(ms: u64) -> String {
    match ms {
        ms if ms < 1000 => format!("{ms} ms"),
        ms if ms < 120_000 => format!("{} s", ms / 1000),
        ms if ms < 2 * 3_600_000 => format!("{} min", ms / 60_000),
        ms => format!("{} h", ms / 3_600_000),
    }
}
