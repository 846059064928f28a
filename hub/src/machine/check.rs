//! Whether a hub's directory holds together: secrets, databases, logs, and the logs against the databases. Nothing is altered.
//!
//! It works beside a running hub, whose own log is then left to the hub itself: it checks it at its start.

use std::path::Path;

use contract::time::UtcTime;
use serde::Serialize;

use super::parts::{self, ARCHIVE, HEADS, HEADS_DATABASE, MAIN};
use crate::keys::{Keys, KeysError};
use crate::{heads, mirror, people};

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// The hub's name.
    pub name: String,
    /// The databases.
    pub databases: Vec<DatabaseChecked>,
    /// Steps that the next start will take.
    pub pending: i32,
    /// Entries of the hub's own log; none where it was not looked at.
    pub own_log: Option<u64>,
    /// Entries of the log of heads; none where it cannot be read.
    pub heads: Option<u64>,
    /// Hosts whose logs were looked at.
    pub hosts: usize,
    /// When it was last backed up.
    pub backed_up: Option<UtcTime>,
    /// What is not as it must be.
    pub problems: Vec<Problem>,
    /// What was not looked at, and why.
    pub not_checked: Vec<Problem>,
}

/// One database.
#[derive(Debug, Clone, Serialize)]
pub struct DatabaseChecked {
    /// Its file.
    pub name: String,
    /// Its version; none where it cannot be opened.
    pub version: Option<i32>,
    /// The version that this program works with.
    pub known: i32,
}

/// Something that is wrong, or was not looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// Where.
    pub part: String,
    /// What.
    pub what: String,
}

impl Checked {
    fn problem(&mut self, part: impl Into<String>, what: impl Into<String>) {
        self.problems.push(Problem { part: part.into(), what: what.into() });
    }
}

/// Looks through the hub in `directory`.
pub fn check(directory: &Path) -> Result<Checked, KeysError> {
    let (keys, which) = Keys::there(directory)?;
    let mut found = Checked {
        name: which.name.to_string(),
        databases: Vec::new(),
        pending: 0,
        own_log: None,
        heads: None,
        hosts: 0,
        backed_up: super::last_backup(directory),
        problems: Vec::new(),
        not_checked: Vec::new(),
    };
    databases(directory, &mut found);
    own_log(directory, &keys, &mut found);
    match parts::settled(|| heads::look(&directory.join(HEADS), keys.heads.verifier())) {
        Ok(head) => found.heads = Some(head.map_or(0, |head| head.size.get())),
        Err(e) => found.problem(HEADS, e.to_string()),
    }
    hosts(directory, &keys, &mut found);
    Ok(found)
}

fn databases(directory: &Path, found: &mut Checked) {
    for (path, schema) in parts::databases(directory) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let version = match queue::writer::look(&path, &schema) {
            Ok(look) => {
                found.pending += look.known - look.version;
                for damage in look.damage {
                    found.problem(name.clone(), damage);
                }
                Some(look.version)
            }
            Err(e) => {
                found.problem(name.clone(), crate::problem::chain(&e));
                None
            }
        };
        found.databases.push(DatabaseChecked { name, version, known: schema.version() });
    }
}

fn own_log(directory: &Path, keys: &Keys, found: &mut Checked) {
    // The hub holds this lock for as long as it runs.
    match edge::file::lock(&directory.join("lock")) {
        Ok(_held) => match parts::own_log(&directory.join(people::LOG), keys) {
            Ok(head) => found.own_log = Some(head.map_or(0, |head| head.size.get())),
            Err(why) => found.problem(people::LOG, why),
        },
        Err(e) => {
            let what = format!("the hub is running, and keeps its own log to itself ({})", parts::chain(&e));
            found.not_checked.push(Problem { part: people::LOG.to_owned(), what });
        }
    }
}

fn hosts(directory: &Path, keys: &Keys, found: &mut Checked) {
    let logs = parts::logs(&directory.join(MAIN));
    let vouched = parts::vouched(&directory.join(HEADS_DATABASE));
    let (logs, vouched) = match (logs, vouched) {
        (Ok(logs), Ok(vouched)) => (logs, vouched),
        (Err(e), _) | (_, Err(e)) => return found.problem(ARCHIVE, e.to_string()),
    };
    found.hosts = logs.len();
    for log in logs {
        let (subject, copy) = (&log.subject, directory.join(ARCHIVE).join(log.below()));
        match parts::settled(|| mirror::look(&copy, subject, keys.witness.verifier())) {
            Ok(head) => {
                let size = head.map_or(0, |head| head.size.get());
                let known = log.settled.max(vouched.get(&subject.origin).copied().unwrap_or(0));
                if size < known {
                    let what = format!("the copy has {size} entries, and the hub vouched for {known}");
                    found.problem(subject.origin.clone(), what);
                }
            }
            Err(e) => found.problem(subject.origin.clone(), crate::problem::chain(&e)),
        }
    }
}
