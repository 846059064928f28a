//! A backup: everything that a hub is, as of one instant, made while it runs or not.
//!
//! The databases are cut at one instant. Then the logs are copied, in the order in which they vouch for each other: the log of heads, the own log, and
//! the mirror last. Each only grows, so the mirror's copy has whatever the databases and the log of heads speak of. Each copy is then opened and
//! checked as a start would, and copied again where the hub tidied a file away in between. The manifest is written last, and the whole gets its name
//! only then: what was interrupted is no backup.
//!
//! It holds the hub's keys. Whoever has it can be the hub.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contract::digest::Digest;
use contract::time::UtcTime;
use edge::file::{FileError, private_directory, write_durably};
use queue::writer::{Cut, OpenError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::copying;
use super::manifest::{Manifest, Stood};
use super::parts::{self, ARCHIVE, HEADS, KEYS, MAIN, MARKER, WITNESS};
use crate::keys::{Keys, KeysError};
use crate::{heads, mirror, people};

/// Where the hub's directory says when it was last backed up.
const LAST: &str = "backup.json";

/// Why there is no backup.
#[derive(Debug, Error)]
pub enum BackupError {
    /// There is no hub in the directory, or its secrets cannot be used.
    #[error("there is no hub to back up")]
    Keys(#[from] KeysError),
    /// A database cannot be copied.
    #[error("a database cannot be copied")]
    Database(#[from] OpenError),
    /// A copied database cannot be asked.
    #[error("the copied database cannot be asked for its hosts")]
    Copy(#[from] rusqlite::Error),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A copy does not hold together, however often it is made.
    #[error("the copy of {part} does not hold together ({why}): suture-hub check says more")]
    Unsound {
        /// Which.
        part: String,
        /// Why.
        why: String,
    },
}

/// A backup that was made, or would be.
#[derive(Debug, Clone, Serialize)]
pub struct Made {
    /// The instant that it is of.
    pub made: UtcTime,
    /// The manifest's digest, to be kept elsewhere; none where nothing was written.
    pub manifest: Option<Digest>,
    /// Hosts whose logs are in it.
    pub hosts: usize,
    /// How many files.
    pub files: usize,
    /// How many bytes in them.
    pub bytes: u64,
}

/// When a hub was last backed up, as its directory says it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    made: UtcTime,
    manifest: Digest,
}

/// When the hub in `directory` was last backed up; none where it never was, or nobody can say.
pub(crate) fn last(directory: &Path) -> Option<UtcTime> {
    let bytes = edge::file::read(&directory.join(LAST), 4096).ok()?;
    serde_json::from_slice::<Last>(&bytes).ok().map(|last| last.made)
}

/// Backs the hub in `directory` up into `to`, which must not be there yet, or be empty.
pub fn make(directory: &Path, to: &Path, now: UtcTime) -> Result<Made, BackupError> {
    let (keys, which) = Keys::there(directory)?;
    let making = copying::beside(to, "making")?;
    let cut = Cut::make(&parts::databases(directory))?;
    cut.copy(&making)?;
    let databases = versions(&cut);
    drop(cut);
    let heads = copied(HEADS, directory, &making, &["checkpoint", "witnessed"], |copy| {
        heads::look(copy, keys.heads.verifier()).map_err(|e| e.to_string())
    })?;
    let own_log = copied(people::LOG, directory, &making, &["checkpoint", "writer/head"], |copy| {
        parts::own_log(copy, &keys)
    })?;
    let logs = parts::logs(&making.join(MAIN))?;
    for log in &logs {
        let below = Path::new(ARCHIVE).join(log.below());
        let below = below.to_string_lossy();
        copied(&below, directory, &making, &["checkpoint"], |copy| {
            let head = mirror::look(copy, &log.subject, keys.witness.verifier());
            let size = head.map_err(|e| crate::problem::chain(&e))?.map_or(0, |head| head.size.get());
            if size < log.settled { Err(format!("it has {size} of {} entries", log.settled)) } else { Ok(()) }
        })?;
    }
    for part in [WITNESS, KEYS] {
        if directory.join(part).is_dir() {
            copying::tree(&directory.join(part), &making.join(part), &[])?;
        }
    }
    copying::file(&directory.join(MARKER), &making.join(MARKER))?;
    let text = |head: Option<tlog::Checkpoint>| head.map(|head| head.to_string());
    let stood = Stood {
        name: which.name.to_string(),
        made: now,
        databases,
        own_log: text(own_log),
        heads: text(heads),
        hosts: logs.len(),
    };
    let (manifest, digest) = Manifest::write(&making, stood)?;
    copying::put_in_place(&making, to)?;
    let last = serde_json::to_vec(&Last { made: now, manifest: digest }).unwrap_or_default();
    write_durably(&directory.join(LAST), &last)?;
    let (files, bytes) = manifest.measure();
    Ok(Made { made: now, manifest: Some(digest), hosts: logs.len(), files, bytes })
}

/// Says what a backup would hold, and writes nothing.
pub fn rehearse(directory: &Path, now: UtcTime) -> Result<Made, BackupError> {
    Keys::there(directory)?;
    drop(Cut::make(&parts::databases(directory))?);
    let hosts = parts::logs(&directory.join(MAIN))?.len();
    let mut paths: Vec<PathBuf> = parts::databases(directory).into_iter().map(|(path, _)| path).collect();
    paths.push(directory.join(MARKER));
    for part in [HEADS, people::LOG, ARCHIVE, WITNESS, KEYS] {
        let root = directory.join(part);
        paths.extend(copying::files(&root)?.into_iter().map(|path| root.join(path)));
    }
    let bytes = paths.iter().filter_map(|path| path.metadata().ok()).map(|about| about.len()).sum();
    Ok(Made { made: now, manifest: None, hosts, files: paths.len(), bytes })
}

fn versions(cut: &Cut) -> BTreeMap<String, i32> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    cut.versions().map(|(path, version)| (name(path), version)).collect()
}

/// Copies one log and checks the copy; where it was tidied in between, again.
fn copied<T>(
    part: &str,
    from: &Path,
    to: &Path,
    heads: &[&str],
    check: impl Fn(&Path) -> Result<T, String>,
) -> Result<T, BackupError> {
    let (from, to) = (from.join(part), to.join(part));
    let copy = || -> Result<T, BackupError> {
        if to.exists() {
            let gone = std::fs::remove_dir_all(&to);
            gone.map_err(|source| FileError { path: to.clone(), action: "clear it", source })?;
        }
        if from.is_dir() {
            copying::tree(&from, &to, heads)?;
        } else {
            private_directory(&to)?;
        }
        let unsound = |why| BackupError::Unsound { part: part.to_owned(), why };
        check(&to).map_err(unsound)
    };
    parts::settled(copy)
}
