//! Why a log was not opened, and why a record was not appended.

mod deeds;

use std::path::PathBuf;

use contract::record::RecordError;
use edge::file::FileError;
use thiserror::Error;
use tlog::checkpoint::CheckpointError;
use tlog::note::KeyLabel;
use tlog::tile::bundle::BundleError;

pub use deeds::{PackageError, RotateError, TakeBackError};

/// Why a log was not opened. None of these is mended by starting over: evidence is never thrown away to get going.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process writes this log.
    #[error("{}: another process writes this log; stop it first", .0.display())]
    InUse(PathBuf),
    /// A file could not be read or written.
    #[error("the log's files cannot be used")]
    File(#[from] FileError),
    /// The signed head is not there although entries are.
    #[error("{}: the signed head is gone although entries are there; restore it, or open a successor log", .0.display())]
    HeadMissing(PathBuf),
    /// The signed head is not by this log's key.
    #[error("{}: the head is not this log's own", path.display())]
    HeadNotOurs {
        /// The head's file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: CheckpointError,
    },
    /// The list of the log's keys is not there although entries are, or is not one.
    #[error("{}: the list of this log's keys is gone or spoilt; restore it, or open a successor log", .0.display())]
    KeysMissing(PathBuf),
    /// The last head is signed by another of the log's keys than the one it was opened with.
    #[error(
        "the log's last head is signed by its key {signed}, not by the one it is opened with: open it with that one"
    )]
    OtherKey {
        /// The key that signed.
        signed: KeyLabel,
    },
    /// A hash tile that the signed head covers is missing, or does not hold 256 hashes.
    #[error("{}: not a full hash tile; the log's tree cannot be rebuilt without it", .0.display())]
    TileMissing(PathBuf),
    /// A hash tile does not have the root that the signed head leads to.
    #[error("{}: the tile's hashes are not those that were signed", .0.display())]
    TileDiffers(PathBuf),
    /// Entries that were pruned would be needed.
    #[error(
        "entry {index} was pruned from this machine, and the state cannot be read from the log without it: fetch it from the hub or the archive"
    )]
    Pruned {
        /// The first that is needed.
        index: u64,
    },
    /// A signed entry is not the one that was signed.
    #[error("entry {index} was altered: its hash is not the one that was signed")]
    EntryDiffers {
        /// Its index.
        index: u64,
    },
    /// Bytes of the tail were altered before a head that covers them.
    #[error(
        "{}: from entry {from} on the bytes were altered or taken out, though a head over {signed} entries follows them",
        path.display()
    )]
    TailAltered {
        /// The tail.
        path: PathBuf,
        /// The first entry that cannot be read as it was signed, or the first of its group.
        from: u64,
        /// The size that was signed.
        signed: u64,
    },
    /// The published checkpoint is ahead of the writer's head: part of the directory was put back to an older state.
    #[error(
        "the published checkpoint covers {published} entries and the writer's head only {head}: the log was rolled back"
    )]
    RolledBack {
        /// Size of the published checkpoint.
        published: u64,
        /// Size of the writer's head.
        head: u64,
    },
    /// The log is shorter than a head of it that was kept elsewhere.
    #[error(
        "the log holds {size} entries and the hub's receipt covers {receipt}: it was cut short or an older copy was put back; fetch the entries back from the hub, or open a successor log"
    )]
    Shortened {
        /// Entries that are there.
        size: u64,
        /// Entries that were there.
        receipt: u64,
    },
    /// The log has another root than a head of it that was kept elsewhere.
    #[error(
        "the first {size} entries are not those that an earlier head of this log covers (the hub's receipt, or a head kept here): this is another log with the same key, or part of it was exchanged"
    )]
    Exchanged {
        /// The earlier head's size.
        size: u64,
    },
    /// Signed entries are missing.
    #[error("entry {index} was signed and is not there: {} ends before it", path.display())]
    EntryMissing {
        /// The first that is missing.
        index: u64,
        /// Where it should be.
        path: PathBuf,
    },
    /// A bundle of signed entries does not parse.
    #[error("{}: not a bundle of entries", path.display())]
    Bundle {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: BundleError,
    },
    /// A signed entry is not a record.
    #[error("entry {index} is not a record")]
    Record {
        /// Its index.
        index: u64,
        /// Why not.
        #[source]
        source: RecordError,
    },
    /// A record does not stand where it says, or does not follow the one before it.
    #[error("entry {index} does not belong there: its {field} is not what its place demands")]
    Misplaced {
        /// Its index.
        index: u64,
        /// The field that gives it away.
        field: &'static str,
    },
    /// A record of a key's rotation that the format does not allow there.
    #[error("entry {index} does not hand the log's key over as the format says")]
    KeyHandover {
        /// Its index.
        index: u64,
    },
    /// The entries do not have the root that was signed.
    #[error("the {size} entries do not have the root that was signed over them: at least one was altered")]
    RootDiffers {
        /// The signed size.
        size: u64,
    },
}

impl OpenError {
    /// The entry that it is about, where that is known.
    pub const fn index(&self) -> Option<u64> {
        match self {
            Self::Pruned { index }
            | Self::EntryDiffers { index }
            | Self::EntryMissing { index, .. }
            | Self::Record { index, .. }
            | Self::Misplaced { index, .. }
            | Self::KeyHandover { index }
            | Self::TailAltered { from: index, .. } => Some(*index),
            Self::InUse(_)
            | Self::File(_)
            | Self::HeadMissing(_)
            | Self::HeadNotOurs { .. }
            | Self::KeysMissing(_)
            | Self::OtherKey { .. }
            | Self::TileMissing(_)
            | Self::TileDiffers(_)
            | Self::RolledBack { .. }
            | Self::Shortened { .. }
            | Self::Exchanged { .. }
            | Self::Bundle { .. }
            | Self::RootDiffers { .. } => None,
        }
    }
}

/// Why a record was not appended. It was not acknowledged, and nothing may be done on the strength of it.
#[derive(Debug, Error)]
pub enum AppendError {
    /// The record does not fit the format: nothing was written and the writer goes on.
    #[error("the record does not fit the format")]
    Record(#[from] RecordError),
    /// The disk failed or is full. The writer refuses everything from now on.
    #[error("the evidence log cannot be written; nothing more is done until it is opened again")]
    File(#[from] FileError),
    /// What was read back is not what was written. The writer refuses everything from now on.
    #[error(
        "entry {index} reads back as other bytes than were written: the disk or its controller is failing"
    )]
    ReadBack {
        /// Its index.
        index: u64,
    },
    /// The last record names the log's next key, and that key has not taken over: nothing was written and the writer goes on.
    #[error("the log's next key was named and has not taken over: finish the rotation to {key} first")]
    KeyNamed {
        /// The key that was named.
        key: String,
    },
    /// An earlier error stopped this writer.
    #[error("the evidence log was stopped by an earlier error; open it again")]
    Stopped,
    /// The head could not be signed: a key that is not this log's.
    #[error("the head cannot be signed")]
    Sign(#[source] CheckpointError),
}

impl AppendError {
    /// True where the disk is full, so that a person can be told what to do.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::File(e) if e.source.kind() == std::io::ErrorKind::StorageFull)
    }
}
