//! `suture policy check`: is this file a policy?

use std::path::PathBuf;

use policy::{Policy, PolicyError};
use serde_json::json;

use super::{Unread, policy_of, print};
use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};

/// What it is told.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The policy.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(told: &Check) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    match policy_of(&told.file) {
        Ok(policy) => {
            show(voice, told, &policy);
            Ok(())
        }
        Err(Unread::Refused(error)) => {
            if told.json {
                let (line, column) = place(&error);
                let message = what(&error);
                print(
                    voice,
                    &json!({ "file": told.file, "ok": false, "line": line, "column": column, "error": message }),
                );
            }
            Err(Failure::new(Status::Refused, error.to_string()))
        }
        Err(unread @ Unread::File(_)) => Err(unread.into()),
    }
}

fn show(voice: Voice, told: &Check, policy: &Policy) {
    let rules = policy.rules().len();
    if told.json {
        let warnings = policy.warnings().iter().map(|warning| {
            json!({ "line": warning.line, "column": warning.column, "warning": warning.what.to_string() })
        });
        print(
            voice,
            &json!({
                "file": told.file,
                "ok": true,
                "name": policy.name(),
                "digest": policy.digest(),
                "rules": rules,
                "warnings": warnings.collect::<Vec<_>>(),
            }),
        );
        return;
    }
    for warning in policy.warnings() {
        let word = voice.tone(Tone::Unsure, "warning");
        voice.line(&format!(
            "{}:{}:{}: {word}: {}",
            told.file.display(),
            warning.line,
            warning.column,
            warning.what
        ));
    }
    voice.line(&format!(
        "{}: policy {} can be read: {rules} rules, {} warnings, {}",
        told.file.display(),
        policy.name(),
        policy.warnings().len(),
        policy.digest()
    ));
}

fn place(error: &PolicyError) -> (u64, u64) {
    match error {
        PolicyError::Yaml(error) => (error.line, error.column),
        PolicyError::Meaning { line, column, .. } => (*line, *column),
    }
}

fn what(error: &PolicyError) -> String {
    match error {
        PolicyError::Yaml(error) => error.message.clone(),
        PolicyError::Meaning { fault, .. } => fault.to_string(),
    }
}
