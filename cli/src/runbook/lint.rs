//! `suture runbook lint`: everything that is wrong, each with its place; nothing is changed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use contract::runbook::{Approved, CatalogueError, RunbookFault};
use serde::Serialize;

use super::files::{self, Found};
use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};

/// One fault, where it stands.
#[derive(Debug, Serialize)]
struct Told {
    file: String,
    line: u64,
    fault: String,
}

pub(super) fn run(paths: &[PathBuf], json: bool) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let found: Vec<Found> =
        paths.iter().map(|p| files::read(p)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let mut ids = BTreeSet::new();
    let mut faults = Vec::new();
    let mut refused = 0;
    for Found { path, file } in &found {
        let mut wrong = match Approved::read(&file.file, &file.text) {
            Ok(approved) if ids.insert(approved.runbook.id.clone()) => Vec::new(),
            Ok(approved) => vec![(1, RunbookFault::Twice(approved.runbook.id).to_string())],
            Err(errors) => errors.into_iter().map(place).collect(),
        };
        refused += usize::from(!wrong.is_empty());
        let file = path.display().to_string();
        faults.extend(wrong.drain(..).map(|(line, fault)| Told { file: file.clone(), line, fault }));
    }
    if json {
        voice.line(
            &serde_json::json!({ "runbooks": found.len(), "refused": refused, "faults": faults }).to_string(),
        );
    } else {
        for Told { file, line, fault } in &faults {
            voice.line(&format!("{file}:{line}: {}", voice.tone(Tone::Bad, fault)));
        }
        if refused == 0 {
            voice.line(
                &voice.tone(Tone::Good, &format!("{} of {} runbooks are sound", found.len(), found.len())),
            );
        }
    }
    if refused == 0 {
        return Ok(());
    }
    Err(Failure::new(Status::Refused, format!("{refused} of {} runbooks are refused", found.len())))
}

/// The line of a fault, and its words without the place.
fn place(error: CatalogueError) -> (u64, String) {
    match error {
        CatalogueError::Yaml(e) => (e.line, format!("column {}: {}", e.column, e.message)),
        CatalogueError::Runbook { line, fault, .. } => (line, fault.to_string()),
        other @ (CatalogueError::NotABundle { .. } | CatalogueError::Empty) => (0, other.to_string()),
    }
}
