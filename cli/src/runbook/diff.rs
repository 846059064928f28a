//! `suture runbook diff`: what changed in meaning. Comments and layout change the digest and nothing else; a change of permissions is marked, since
//! a site's approval of the runbook ends with it.

use std::collections::BTreeMap;
use std::path::Path;

use contract::ids::RunbookId;
use contract::runbook::{Approved, Runbook};
use serde::Serialize;
use serde_json::{Map, Value};

use super::files;
use crate::exit::Failure;
use crate::say::{Tone, Voice};

/// What became of one runbook.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
enum Became {
    Added,
    Removed,
    /// Other bytes, the same meaning.
    Reworded,
    Changed {
        /// A site that approved the old one has not approved this.
        approval_lapses: bool,
        /// The meaning changed and the version did not go up.
        version_stays: bool,
        fields: Vec<Change>,
    },
}

/// One field: what went, and what came.
#[derive(Debug, Serialize)]
struct Change {
    field: String,
    removed: Vec<String>,
    added: Vec<String>,
}

pub(super) fn run(old: &Path, new: &Path, json: bool) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let all = compare(&files::sound(old)?, &files::sound(new)?);
    if json {
        voice.line(&serde_json::to_string(&all).unwrap_or_default());
        return Ok(());
    }
    for (id, became) in &all {
        say(voice, id, became);
    }
    let lapsed = all.values().filter(|b| matches!(b, Became::Changed { approval_lapses: true, .. })).count();
    voice.line(&format!(
        "{} runbooks differ; {lapsed} must be approved anew for their permissions",
        all.len()
    ));
    Ok(())
}

fn compare(
    old: &BTreeMap<RunbookId, Approved>,
    new: &BTreeMap<RunbookId, Approved>,
) -> BTreeMap<RunbookId, Became> {
    let removed = old.keys().filter(|id| !new.contains_key(*id)).map(|id| (id.clone(), Became::Removed));
    let others = new.iter().filter_map(|(id, now)| match old.get(id) {
        None => Some((id.clone(), Became::Added)),
        Some(before) if before.digest == now.digest => None,
        Some(before) => Some((id.clone(), changed(&before.runbook, &now.runbook))),
    });
    removed.chain(others).collect()
}

fn changed(old: &Runbook, new: &Runbook) -> Became {
    let (before, after) = (fields(old), fields(new));
    let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let fields: Vec<_> =
        names.into_iter().filter_map(|name| change(name, before.get(name), after.get(name))).collect();
    if fields.is_empty() {
        return Became::Reworded;
    }
    let mut permissions = (old.permissions.clone(), new.permissions.clone());
    permissions.0.sort_unstable();
    permissions.1.sort_unstable();
    Became::Changed {
        approval_lapses: permissions.0 != permissions.1,
        version_stays: new.version <= old.version,
        fields,
    }
}

fn fields(r: &Runbook) -> Map<String, Value> {
    match serde_json::to_value(r) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    }
}

/// Lists are compared member by member, all else as a whole.
fn change(name: &str, old: Option<&Value>, new: Option<&Value>) -> Option<Change> {
    if old == new {
        return None;
    }
    let items = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(Value::Object(fields)) => fields.iter().map(|(k, v)| format!("{k}: {}", text(v))).collect(),
        Some(other) => vec![text(other)],
    };
    let (before, after) = (items(old), items(new));
    let without = |of: &[String], others: &[String]| -> Vec<String> {
        of.iter().filter(|item| !others.contains(item)).cloned().collect()
    };
    let (removed, added) = (without(&before, &after), without(&after, &before));
    // The same members in another order, or as often as not before: then the whole is shown.
    let whole = removed.is_empty() && added.is_empty();
    let (removed, added) = if whole { (before, after) } else { (removed, added) };
    Some(Change { field: name.to_owned(), removed, added })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn say(voice: Voice, id: &RunbookId, became: &Became) {
    match became {
        Became::Added => voice.line(&format!("{id}  {}", voice.tone(Tone::Good, "added"))),
        Became::Removed => voice.line(&format!("{id}  {}", voice.tone(Tone::Bad, "removed"))),
        Became::Reworded => {
            voice.line(&format!("{id}  {}", voice.tone(Tone::Quiet, "other words, the same meaning")));
        }
        Became::Changed { approval_lapses, version_stays, fields } => {
            voice.line(&format!("{id}  changed"));
            if *version_stays {
                voice.line(&format!("    {}", voice.tone(Tone::Unsure, "its version was not counted up")));
            }
            for Change { field, removed, added } in fields {
                let mark = if *approval_lapses && field == "permissions" {
                    "  a site's approval ends here"
                } else {
                    ""
                };
                voice.line(&format!("    {field}{}", voice.tone(Tone::Bad, mark)));
                let lines =
                    removed.iter().map(|t| format!("- {t}")).chain(added.iter().map(|t| format!("+ {t}")));
                for line in lines {
                    voice.line(&format!("      {line}"));
                }
            }
        }
    }
}
