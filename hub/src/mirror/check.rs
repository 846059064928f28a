//! What a package must be before any of it is written. Pure.

use contract::record::{Body, Opened, Record, RecordError};
use contract::socket::{EntryPackage, PACKAGE_MAX_BYTES, PACKAGE_MAX_ENTRIES};
use thiserror::Error;
use tlog::checkpoint::CheckpointError;
use tlog::note::NoteSignature;
use tlog::{Checkpoint, Hash, SignedNote, VerifiedCheckpoint, leaf_hash};

use super::Subject;
use super::chain::KeyChain;
use super::head::Head;
use crate::store::Alarm;

/// What of a record does not fit where it names another before it than the one that is held.
pub(super) const PREVIOUS: &str = "previous record";

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
    #[error("entry {index} is not the hand-over of the log's key that it must be: {what}")]
    KeyHandover { index: u64, what: &'static str },
    #[error("the checkpoint is not signed by the key in force at its size: {0}")]
    NotSigned(CheckpointError),
    #[error("the checkpoint covers {covers} entries, fewer than the {brought} that it is sent with")]
    TooFew { covers: u64, brought: u64 },
    #[error("fork: at size {size} the host signed root {signed}, and the entries it sent have root {held}")]
    Fork { size: u64, signed: Hash, held: Hash },
    #[error(
        "fork: the hub cosigned {size} entries with root {held}, and under a longer head that the host signed, too, entry {size} comes after another \
         record: both heads are kept"
    )]
    OtherHistory { size: u64, held: Hash },
    #[error(
        "the {size} entries that came have root {held}, and the head that came with them has root {signed}: some were altered on their way, or by \
         whoever sends them; what was not cosigned is thrown away, and the host is to send it again"
    )]
    EntriesDiffer { size: u64, signed: Hash, held: Hash },
    #[error("more than {0} bytes of entries wait for a checkpoint that covers them")]
    StagedTooMuch(u64),
    #[error("more than {0} bytes of entries of this tenant's hosts wait for checkpoints that cover them")]
    TenantStagedTooMuch(u64),
}

impl Objection {
    /// What the operator must hear of. Hashes and sizes only.
    pub(crate) fn alarm(&self) -> Option<Alarm> {
        let kind = match self {
            Self::Fork { .. } | Self::OtherHistory { .. } => "fork",
            Self::EntriesDiffer { .. } => "entries_differ",
            Self::KeyHandover { .. } => "key_handover",
            Self::NotARecord { .. } | Self::NotTheNext { .. } | Self::NotTheirs(_) => "bad_record",
            Self::NotSigned(_) => "bad_checkpoint",
            Self::TooLarge | Self::TooFew { .. } | Self::StagedTooMuch(_) | Self::TenantStagedTooMuch(_) => {
                return None;
            }
        };
        Some(Alarm { kind, detail: self.to_string() })
    }
}

/// Whose a checkpoint is.
pub(super) enum Signed {
    /// The log's: the key in force at its size signed it.
    Theirs(VerifiedCheckpoint),
    /// By a key that the entries up to its size, which did not all come yet, may hand over to: nothing of it is believed before.
    Unknown,
}

/// A package whose every entry is a record that continues the log, and whose checkpoint the host signed.
pub(super) struct Checked {
    pub(super) leaves: Vec<Hash>,
    /// Where the log ends with it.
    pub(super) head: Head,
    /// How many entries the checkpoint covers.
    pub(super) covers: u64,
    pub(super) checkpoint: Signed,
}

/// Checks a package that begins where `before` ends.
pub(super) fn check(package: &EntryPackage, before: &Head, subject: &Subject) -> Result<Checked, Objection> {
    let bytes: usize = package.entries.iter().map(String::len).sum();
    if package.entries.len() > PACKAGE_MAX_ENTRIES || bytes > PACKAGE_MAX_BYTES {
        return Err(Objection::TooLarge);
    }
    let (note, offered) = read(&package.checkpoint).map_err(Objection::NotSigned)?;
    // Nobody's head makes nothing else worth looking at.
    let known = before.keys.all().any(|(key, _)| note.verify(key).is_ok());
    if !known && !may_be_theirs(&note, &before.keys) {
        open(&note, &before.keys, &offered).map_err(Objection::NotSigned)?;
    }
    let mut head = before.clone();
    let mut leaves = Vec::with_capacity(package.entries.len());
    for entry in &package.entries {
        let index = head.size();
        let record = check_entry(entry, &head, subject)?;
        let leaf = leaf_hash(entry.as_bytes());
        head.append(leaf, &record.body).map_err(|what| Objection::KeyHandover { index, what })?;
        leaves.push(leaf);
    }
    let covers = offered.size.get();
    let checkpoint = match open(&note, &head.keys, &offered) {
        Ok(checkpoint) => Signed::Theirs(checkpoint),
        Err(_) if covers > head.size() && may_be_theirs(&note, &head.keys) => Signed::Unknown,
        Err(e) => return Err(Objection::NotSigned(e)),
    };
    Ok(Checked { leaves, head, covers, checkpoint })
}

/// How many entries a package's head covers, where the key that `keys` know for that size signed it.
pub(super) fn genuine(package: &EntryPackage, keys: &KeyChain) -> Option<u64> {
    let (note, offered) = read(&package.checkpoint).ok()?;
    open(&note, keys, &offered).is_ok().then_some(offered.size.get())
}

/// What a checkpoint says, nothing verified.
fn read(text: &str) -> Result<(SignedNote, Checkpoint), CheckpointError> {
    let note = SignedNote::parse(text.as_bytes()).map_err(CheckpointError::Note)?;
    let offered = note.text().parse().map_err(CheckpointError::Text)?;
    Ok((note, offered))
}

fn open(
    note: &SignedNote,
    keys: &KeyChain,
    offered: &Checkpoint,
) -> Result<VerifiedCheckpoint, CheckpointError> {
    VerifiedCheckpoint::from_note(note.clone(), keys.at(offered.size.get()))
}

/// Whether a key signed that has the log's name and is not known: entries to come may hand over to it.
fn may_be_theirs(note: &SignedNote, keys: &KeyChain) -> bool {
    let name = &keys.at(1).label().name;
    let mut theirs = note.signatures().iter().map(NoteSignature::label).filter(|label| label.name == *name);
    theirs.any(|label| keys.all().all(|(key, _)| key.label() != label))
}

fn check_entry(entry: &str, head: &Head, subject: &Subject) -> Result<Record, Objection> {
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
        return differs(PREVIOUS);
    }
    match (&record.body, index) {
        (Body::Opened(opened), 0) => check_opened(opened, subject)?,
        (_, 0) | (Body::Opened(_), _) => return differs("kind"),
        _ => {}
    }
    Ok(record)
}

fn check_opened(opened: &Opened, subject: &Subject) -> Result<(), Objection> {
    let Opened { tenant, site, host, key, software: _, succeeds: _ } = opened;
    let claims = [
        ("tenant", *tenant == subject.holder.tenant),
        ("site", *site == subject.holder.site),
        ("host", *host == subject.holder.host),
        ("key", *key == subject.evidence_key),
    ];
    claims.into_iter().find(|(_, same)| !same).map_or(Ok(()), |(what, _)| Err(Objection::NotTheirs(what)))
}
