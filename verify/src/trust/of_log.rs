//! The part of what was brought that is about one log.

use tlog::checkpoint::Origin;
use tlog::note::{SignedNote, VerifierKey};

use super::{KeyLog, OutsideHead, Trust, Witnesses};

/// What was brought for the log with one origin.
pub(crate) struct LogTrust<'a> {
    pub(crate) keys: Vec<&'a VerifierKey>,
    pub(crate) key_log: Option<&'a KeyLog>,
    pub(crate) heads: Vec<&'a OutsideHead>,
    pub(crate) witnesses: &'a Witnesses,
    pub(crate) receipts: Vec<&'a SignedNote>,
    pub(crate) heads_key: Option<&'a VerifierKey>,
}

impl Trust {
    /// Everything that is about the log `origin`.
    pub(crate) fn of_log(&self, origin: &Origin) -> LogTrust<'_> {
        let mut keys: Vec<&VerifierKey> = Vec::new();
        for key in self.keys.iter().chain(&self.known_logs) {
            if key.label().name == *origin.key_name() && !keys.contains(&key) {
                keys.push(key);
            }
        }
        let about = |note: &&SignedNote| origin_of(note) == origin.key_name().as_str();
        LogTrust {
            keys,
            key_log: self.key_logs.iter().find(|log| log.origin() == origin),
            heads: self.heads.iter().filter(|head| head.checkpoint().origin == *origin).collect(),
            witnesses: &self.witnesses,
            receipts: self.receipts.iter().filter(about).collect(),
            heads_key: self.heads_key.as_ref(),
        }
    }

    /// Whether each receipt is about a log of which `is_there` says that it is there.
    pub(crate) fn receipts_are_about(&self, is_there: impl Fn(&str) -> bool) -> bool {
        self.receipts.iter().all(|note| is_there(origin_of(note)))
    }

    /// The origins that were brought something for, and whose logs are therefore expected.
    pub(crate) fn expected(&self) -> Vec<&str> {
        let keys = self.keys.iter().map(|key| key.label().name.as_str());
        let key_logs = self.key_logs.iter().map(|log| log.origin().key_name().as_str());
        let heads = self.heads.iter().map(|head| head.checkpoint().origin.key_name().as_str());
        let mut origins: Vec<&str> = keys.chain(key_logs).chain(heads).collect();
        origins.sort_unstable();
        origins.dedup();
        origins
    }
}

/// The log that a note says it is about. It means nothing until a signature is verified.
fn origin_of(note: &SignedNote) -> &str {
    note.text().lines().next().unwrap_or_default()
}

impl LogTrust<'_> {
    /// Whether anything in it can carry a verdict.
    pub(crate) fn is_something(&self) -> bool {
        self.has_keys() || !self.heads.is_empty()
    }

    /// Whether a signature is asked for.
    pub(crate) fn has_keys(&self) -> bool {
        !self.keys.is_empty() || self.key_log.is_some()
    }

    /// Every key that could have signed something of this log.
    pub(crate) fn all_keys(&self) -> Vec<&VerifierKey> {
        let mut keys = self.keys.clone();
        for key in self.key_log.into_iter().flat_map(KeyLog::keys) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }
}
