//! What a package must be before any of it is written. Pure.

use contract::record::{Body, Opened, Record, RecordError};
use contract::socket::{EntryPackage, PACKAGE_MAX_BYTES, PACKAGE_MAX_ENTRIES};
use thiserror::Error;
use tlog::checkpoint::CheckpointError;
use tlog::{Hash, VerifiedCheckpoint, VerifierKey, checkpoint, leaf_hash};

use super::Subject;
use super::head::Head;
use crate::store::Alarm;

/// Why a package was not taken. The host's side is at fault: its software, its disk, or whoever holds its key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Objection {
    #[error("a package has at most {PACKAGE_MAX_ENTRIES} entries and {PACKAGE_MAX_BYTES} bytes of them")]
    TooLarge,
    #[error("entry {index} is not a record: {why}")]
    NotARecord { index: u64, why: RecordError },
    #[error("entry {index} does not continue this log: its {what} is another")]
    NotTheNext { index: u64, what: &'static str },
    #[error("entry 0 opens the log of another {0}")]
    NotTheirs(&'static str),
    #[error("the checkpoint is not signed by the key that was pinned at enrolment: {0}")]
    NotSigned(CheckpointError),
    #[error("the checkpoint covers {covers} entries, fewer than the {brought} that it is sent with")]
    TooFew { covers: u64, brought: u64 },
    #[error("fork: at size {size} the host signed root {signed}, and the entries it sent have root {held}")]
    Fork { size: u64, signed: Hash, held: Hash },
    #[error("more than {0} bytes of entries wait for a checkpoint that covers them")]
    StagedTooMuch(u64),
}

impl Objection {
    /// What the operator must hear of. Hashes and sizes only.
    pub(crate) fn alarm(&self) -> Option<Alarm> {
        let kind = match self {
            Self::Fork { .. } => "fork",
            Self::NotARecord { .. } | Self::NotTheNext { .. } | Self::NotTheirs(_) => "bad_record",
            Self::NotSigned(_) => "bad_checkpoint",
            Self::TooLarge | Self::TooFew { .. } | Self::StagedTooMuch(_) => return None,
        };
        Some(Alarm { kind, detail: self.to_string() })
    }
}

/// A package whose every entry is a record that continues the log, and whose checkpoint the host signed.
pub(super) struct Checked {
    pub(super) leaves: Vec<Hash>,
    /// Where the log ends with it.
    pub(super) head: Head,
    pub(super) checkpoint: VerifiedCheckpoint,
}

/// Checks a package that begins where `before` ends.
pub(super) fn check(
    package: &EntryPackage,
    before: &Head,
    subject: &Subject,
    key: &VerifierKey,
) -> Result<Checked, Objection> {
    let bytes: usize = package.entries.iter().map(String::len).sum();
    if package.entries.len() > PACKAGE_MAX_ENTRIES || bytes > PACKAGE_MAX_BYTES {
        return Err(Objection::TooLarge);
    }
    let checkpoint = checkpoint::open(package.checkpoint.as_bytes(), key).map_err(Objection::NotSigned)?;
    let mut head = before.clone();
    let mut leaves = Vec::with_capacity(package.entries.len());
    for entry in &package.entries {
        check_entry(entry, &head, subject)?;
        let leaf = leaf_hash(entry.as_bytes());
        head.append(leaf);
        leaves.push(leaf);
    }
    Ok(Checked { leaves, head, checkpoint })
}

fn check_entry(entry: &str, head: &Head, subject: &Subject) -> Result<(), Objection> {
    let index = head.size();
    let record = Record::parse(entry.as_bytes()).map_err(|why| Objection::NotARecord { index, why })?;
    let differs = |what| Err(Objection::NotTheNext { index, what });
    if record.origin != subject.origin {
        return differs("origin");
    }
    if record.seq != index {
        return differs("sequence");
    }
    if record.prev != head.previous() {
        return differs("previous record");
    }
    match (&record.body, index) {
        (Body::Opened(opened), 0) => check_opened(opened, subject),
        (_, 0) | (Body::Opened(_), _) => differs("kind"),
        _ => Ok(()),
    }
}

fn check_opened(opened: &Opened, subject: &Subject) -> Result<(), Objection> {
    let Opened { tenant, site, host, key, software: _ } = opened;
    let claims = [
        ("tenant", *tenant == subject.holder.tenant),
        ("site", *site == subject.holder.site),
        ("host", *host == subject.holder.host),
        ("key", *key == subject.evidence_key),
    ];
    claims.into_iter().find(|(_, same)| !same).map_or(Ok(()), |(what, _)| Err(Objection::NotTheirs(what)))
}
