//! `suture policy`: read a site's policy before it is put in place, ask it, and see what a new one would change.
//!
//! Nothing here changes a machine. A policy is put in place by the executor alone, which writes down that it did.

mod ask;
mod check;
mod compare;
mod explain;

use std::path::Path;

use contract::runbook::Verb;
use policy::{CanonicalPath, Policy, PolicyError, Protected, Role, UnitName, Verbs};

use crate::exit::{Failure, Status};
use crate::say::Voice;

/// The longest policy file: 4 MiB, some 20 000 rules.
const POLICY_MAX_BYTES: u64 = 4 << 20;

/// Where the untouchable things usually are. On a machine the executor knows where they really are.
const USUAL: [(&str, Role); 6] = [
    ("/etc/suture/policy.yaml", Role::Policy),
    ("/var/lib/suture/policy.yaml", Role::Policy),
    ("/var/lib/suture/evidence", Role::Evidence),
    ("/var/lib/suture/keys", Role::Keys),
    ("/var/lib/suture", Role::State),
    ("/usr/bin/suture-executor", Role::Executor),
];

/// Likewise.
const USUAL_UNITS: [&str; 2] = ["suture-executor.service", "suture-executor.socket"];

/// What it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Told {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Read a policy and say what is wrong with it, with line and column.
    Check(check::Check),
    /// Ask a policy about one access, and say why it answers so.
    Explain(explain::Explain),
    /// Compare two policies by meaning, and replay recorded decisions under both.
    Diff(compare::Diff),
}

/// Does it.
pub(crate) fn run(told: &Told) -> Result<(), Failure> {
    match &told.what {
        What::Check(told) => check::run(told),
        What::Explain(told) => explain::run(told),
        What::Diff(told) => compare::run(told),
    }
}

/// Why there is no policy.
enum Unread {
    /// There is no such file, or it cannot be read.
    File(Failure),
    /// It was read, and refused.
    Refused(PolicyError),
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::File(failure) => failure,
            Unread::Refused(error) => Self::new(Status::Refused, error.to_string()),
        }
    }
}

/// The text of a file that has to be there.
fn text_of(file: &Path, max_bytes: u64) -> Result<String, Failure> {
    edge::file::read_text(file, max_bytes)
        .map_err(|error| Failure::new(Status::NothingThere, format!("{error}: {}", error.source)))
}

fn policy_of(file: &Path) -> Result<Policy, Unread> {
    let text = text_of(file, POLICY_MAX_BYTES).map_err(Unread::File)?;
    Policy::parse(&file.display().to_string(), &text, &verbs()).map_err(Unread::Refused)
}

#[expect(clippy::expect_used, reason = "a test holds the tables to their grammar")]
fn verbs() -> Verbs {
    let words: Vec<&str> = Verb::ALL.iter().map(|verb| verb.word()).collect();
    Verbs::of(&words).expect("a verb's word is a word")
}

#[expect(clippy::expect_used, reason = "a test holds the tables to their grammar")]
fn protected() -> Protected {
    let path = |text: &str| CanonicalPath::try_from(text).expect("the table holds canonical paths");
    let unit = |text: &&str| UnitName::try_from(*text).expect("the table holds units");
    let paths = USUAL.into_iter().map(|(text, role)| (path(text), role)).collect();
    Protected::new(paths, USUAL_UNITS.iter().map(unit).collect()).expect("the table has every role")
}

/// Prints JSON on one line.
fn print(voice: Voice, json: &serde_json::Value) {
    voice.line(&json.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_hold_what_they_say() {
        assert_eq!(verbs().iter().count(), Verb::ALL.len(), "a verb is named twice");
        let _: Protected = protected();
    }
}
