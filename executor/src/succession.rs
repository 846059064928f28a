//! A successor log: a new key, a new origin, and a first record that names the last known head of the log before it.
//!
//! It is set up from a new sheet, in a new directory, with `suture-executor init --succeeds <old directory> --reason <why>`. Nothing in the old
//! directory is touched. What is taken from there is one head: the newest that the old log's own key signed, be it published, stored, among
//! the log's newest entries, or in the hub's receipt.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use contract::record::{RootHash, Succeeds, SuccessionReason};
use contract::time::UtcTime;
use edge::file::{self, FileError};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tlog::{Checkpoint, SignedNote, VerifiedCheckpoint, VerifierKey};

use crate::config::{Config, ConfigError};
use crate::init;
use crate::receipt::{ReceiptError, Receipts};

/// The longest of the files that are read here.
const FILE_MAX_BYTES: u64 = 8192;

/// What the first records of the successor will say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Succession {
    /// The log before.
    pub succeeds: Succeeds,
    /// Until when the log before is known to have been whole.
    pub known_until: UtcTime,
}

/// Why a successor was not set up.
#[derive(Debug, Error)]
pub enum SuccessionError {
    /// The old configuration cannot be read.
    #[error("the old directory's configuration")]
    Config(#[from] ConfigError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The hub's receipt there does not verify.
    #[error("the old directory's receipt")]
    Receipt(#[from] ReceiptError),
    /// The old witness key is none.
    #[error("the old configuration's witness_key")]
    Witness(#[source] tlog::note::KeyError),
    /// There is no head to name.
    #[error(
        "{}: no head of the old log is there that its key or the hub's witness signed, so there is nothing to succeed: set the machine up anew, without --succeeds",
        .0.display()
    )]
    NoHead(PathBuf),
    /// The new origin is the old one.
    #[error(
        "the sheet's origin is {0}, that of the old log: ask the hub's operator for a sheet of a new host"
    )]
    SameOrigin(String),
}

/// What the successor of the log in `old` will say, whose own origin is `origin`.
pub fn of(old: &Path, origin: &str, reason: SuccessionReason) -> Result<Succession, SuccessionError> {
    let config = Config::read(&old.join("executor.yaml"))?;
    if config.origin == origin {
        return Err(SuccessionError::SameOrigin(config.origin));
    }
    // The key may be what was lost: then the receipt alone speaks, and only where the old heads say who signed them.
    let mut keys: Vec<VerifierKey> =
        config.key().load(&config.origin).map(|key| key.verifier().clone()).into_iter().collect();
    keys.extend(init::earlier_keys(&old.join("keys")).unwrap_or_default());
    keys.extend(listed_keys(&old.join("evidence/writer/keys")));
    let witness = config.witness_key.parse().map_err(SuccessionError::Witness)?;
    let receipts = Receipts { path: old.join("receipt"), witness, log: keys.clone() };
    let receipt = if keys.is_empty() { None } else { receipts.kept()? };
    let published = head(&old.join("evidence/checkpoint"), &keys)?;
    let stored = head(&old.join("evidence/writer/head"), &keys)?;
    let newest = [receipt, published, stored, in_the_log(&old.join("evidence"), &keys)]
        .into_iter()
        .flatten()
        .max_by_key(|c| c.size.get());
    let last = newest.ok_or_else(|| SuccessionError::NoHead(old.to_owned()))?;
    let known_until = ["evidence/checkpoint", "evidence/writer/head", "receipt"].map(|name| old.join(name));
    let known_until = known_until.iter().filter_map(|p| changed(p)).max();
    let known_until = known_until.unwrap_or_else(edge::clock::utc);
    let root = RootHash(*last.root.as_bytes());
    let succeeds = Succeeds { origin: config.origin, size: last.size.get(), root, reason };
    Ok(Succession { succeeds, known_until })
}

/// Leaves it for the first start.
pub fn leave(directory: &Path, succession: &Succession) -> Result<(), FileError> {
    // Cannot fail: strings and numbers.
    let bytes = serde_json::to_vec(succession).unwrap_or_default();
    file::write_durably(&path(directory), &bytes)
}

/// What was left for the first start; none where the log succeeds nothing.
pub fn read(directory: &Path) -> Result<Option<Succession>, FileError> {
    let path = path(directory);
    match file::read(&path, FILE_MAX_BYTES) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            let source = std::io::Error::new(ErrorKind::InvalidData, e);
            FileError { path, action: "understand it", source }
        }),
        Err(e) if e.source.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join("succeeds.json")
}

/// A head in a file, if one of `keys` signed it.
fn head(path: &Path, keys: &[VerifierKey]) -> Result<Option<Checkpoint>, FileError> {
    let bytes = match file::read(path, FILE_MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(e) if e.source.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let Ok(note) = SignedNote::parse(&bytes) else { return Ok(None) };
    let signed = keys.iter().find_map(|key| VerifiedCheckpoint::from_note(note.clone(), key).ok());
    Ok(signed.map(|head| head.checkpoint().clone()))
}

/// The newest head that stands in the log itself, among its newest entries, if one of `keys` signed it and the log can be read that far. A log that
/// is damaged is no obstacle: then the heads beside it have to do.
fn in_the_log(evidence: &Path, keys: &[VerifierKey]) -> Option<Checkpoint> {
    // Looking must not make a lock file where there is no log.
    if !evidence.join("writer/lock").exists() {
        return None;
    }
    // The key in force comes last there.
    let keys: Vec<VerifierKey> = keys.iter().rev().cloned().collect();
    evidence::fsck(evidence, &keys, |_, _| ()).ok().filter(|found| found.by_a_given_key)?.head
}

/// The public keys that the old log listed as its own, for one whose secret key is gone.
fn listed_keys(path: &Path) -> Vec<VerifierKey> {
    let text = file::read_text(path, FILE_MAX_BYTES).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn changed(path: &Path) -> Option<UtcTime> {
    let since = path.metadata().ok()?.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    UtcTime::from_unix_ms(i64::try_from(since.as_millis()).ok()?).ok()
}
