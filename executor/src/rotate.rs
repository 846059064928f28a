//! Changing the evidence key, with the executor stopped: the old key names the new one, the new one takes over.
//!
//! The new key lies beside the old one before the log hears of it, and takes its place once the log is signed by it. An interruption in between is
//! settled by the next start, or by asking again: the newest head says which of the two is in force.

use std::path::Path;

use contract::record::{Body, Digests};
use edge::file::{self, FileError};
use evidence::{Draft, LogWriter, OpenError, RotateError};
use thiserror::Error;
use tlog::{SigningKey, VerifierKey};

use crate::config::Config;
use crate::init::{self, InitError};
use crate::keystore::{KeystoreError, Protection, Sealing};

/// Why the key was not changed. The log is as it was, or the next start goes on with the change.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// A key cannot be made or opened.
    #[error(transparent)]
    Key(#[from] KeystoreError),
    /// The list of earlier keys cannot be read.
    #[error(transparent)]
    Earlier(#[from] InitError),
    /// The log cannot be opened.
    #[error("the evidence log was not opened")]
    Open(#[source] Box<OpenError>),
    /// The log did not take the new key.
    #[error("the evidence log did not take the new key")]
    Rotate(#[from] RotateError),
    /// There is nothing to hand over.
    #[error("the evidence log is empty, so its key has signed nothing: start the executor first")]
    Empty,
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Makes a new key and hands the log over to it. Returns the new key, and how it lies on the disk.
pub fn rotate(config: &Config) -> Result<(VerifierKey, Protection), ChangeError> {
    settle(config)?;
    let (current, next) = (config.key(), config.next_key());
    let old = current.load(&config.origin)?;
    // One that an interruption left before the log heard of it.
    if next.is_taken() {
        next.remove()?;
    }
    let sealing = match (current.protection(), &config.tpm_device) {
        (_, Some(device)) => Sealing::Device(device.clone()),
        (Protection::Sealed | Protection::Plain(_), None) => Sealing::Found,
    };
    let protection = next.make(&sealing)?;
    hand_over(config, old)?;
    settle(config)?;
    let key = config.key().load(&config.origin)?;
    Ok((key.verifier().clone(), protection))
}

/// Goes on with a change of keys that was interrupted, if there is one. Whoever opens the log calls this first.
pub fn settle(config: &Config) -> Result<(), ChangeError> {
    let (current, next) = (config.key(), config.next_key());
    if !next.is_taken() {
        return Ok(());
    }
    let (old, new) = (current.load(&config.origin)?, next.load(&config.origin)?);
    if old.verifier() == new.verifier() {
        return Ok(next.remove()?);
    }
    let verifier = old.verifier().clone();
    match LogWriter::open(&config.evidence(), old, |_| ()) {
        Ok((log, _)) => {
            let named = log.named_key().is_some();
            drop(log);
            if named {
                // Named, and not taken over.
                hand_over(config, current.load(&config.origin)?)?;
                adopt(config, &verifier)
            } else {
                // The log never heard of it.
                Ok(next.remove()?)
            }
        }
        Err(OpenError::OtherKey { .. } | OpenError::HeadNotOurs { .. }) => {
            // Only the files are behind, if the log opens with the new key.
            drop(open(config, new)?);
            adopt(config, &verifier)
        }
        Err(e) => Err(ChangeError::Open(Box::new(e))),
    }
}

fn open(config: &Config, key: SigningKey) -> Result<(LogWriter, evidence::Recovery), ChangeError> {
    LogWriter::open(&config.evidence(), key, |_| ()).map_err(|e| ChangeError::Open(Box::new(e)))
}

/// The two records, under the old key and the new one.
fn hand_over(config: &Config, old: SigningKey) -> Result<(), ChangeError> {
    let verifier = old.verifier().clone();
    let (mut log, _) = open(config, old)?;
    if log.size() == 0 {
        return Err(ChangeError::Empty);
    }
    let new = config.next_key().load(&config.origin)?;
    remember(&config.keys(), &verifier)?;
    let draft = |body: Body| Draft {
        time: edge::clock::utc(),
        clock: contract::time::ClockOffset::Unknown,
        subject: "log".to_owned(),
        digests: Digests::default(),
        body,
    };
    log.rotate(new, draft)?;
    Ok(log.publish()?)
}

/// The new key takes the old one's place on the disk.
fn adopt(config: &Config, old: &VerifierKey) -> Result<(), ChangeError> {
    remember(&config.keys(), old)?;
    Ok(config.next_key().replace(&config.key())?)
}

/// Keeps the public half of a key: receipts over heads that it signed still count.
fn remember(keys: &Path, old: &VerifierKey) -> Result<(), ChangeError> {
    let earlier = init::earlier_keys(keys)?;
    if earlier.contains(old) {
        return Ok(());
    }
    let lines: Vec<String> = earlier.iter().rev().chain([old]).map(ToString::to_string).collect();
    Ok(file::write_durably(&keys.join("evidence.earlier"), lines.join("\n").as_bytes())?)
}
