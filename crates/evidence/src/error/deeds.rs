//! Why entries were not handed over or taken back, and why the key was not changed.

use std::path::PathBuf;

use contract::record::RecordError;
use edge::file::FileError;
use thiserror::Error;
use tlog::note::KeyLabel;
use tlog::tile::bundle::BundleError;

use super::AppendError;

/// Why a piece of the log cannot be handed over.
#[derive(Debug, Error)]
pub enum PackageError {
    /// A file could not be read.
    #[error("the log's files cannot be used")]
    File(#[from] FileError),
    /// The entry was pruned: it was archived, and is no longer here.
    #[error("entry {index} was pruned from this machine; the first that is here is {first}")]
    Pruned {
        /// The entry asked for.
        index: u64,
        /// The first that is here.
        first: u64,
    },
    /// What lies there are not the entries that were written.
    #[error("{}: not a bundle of entries", path.display())]
    Bundle {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: BundleError,
    },
}

/// For callers that know files only.
impl From<PackageError> for FileError {
    fn from(e: PackageError) -> Self {
        match e {
            PackageError::File(e) => e,
            PackageError::Pruned { .. } => Self {
                path: PathBuf::from("tile/entries"),
                action: "hand over entries",
                source: std::io::Error::other(e),
            },
            PackageError::Bundle { ref path, .. } => {
                Self { path: path.clone(), action: "hand over entries", source: std::io::Error::other(e) }
            }
        }
    }
}

/// Why entries were not taken back into the log.
#[derive(Debug, Error)]
pub enum TakeBackError {
    /// The entries do not begin at the log's end.
    #[error("the entries begin at {from} and the log ends at {size}")]
    NotNext {
        /// Where they begin.
        from: u64,
        /// Where the log ends.
        size: u64,
    },
    /// There is not one entry for each that the head covers.
    #[error("the head covers {head} entries; with these the log would have {size}")]
    NotTheHeads {
        /// What the head covers.
        head: u64,
        /// What there would be.
        size: u64,
    },
    /// The head is of another log.
    #[error("the head is of another log or by a key that is none of this log's")]
    OtherLog,
    /// An entry is not a record.
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
    /// The entries are not those that the head was signed over. Nothing was written.
    #[error("with these entries the log does not have the root that was signed over {size} of them")]
    RootDiffers {
        /// The head's size.
        size: u64,
    },
    /// They could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Why the log's key was not changed.
#[derive(Debug, Error)]
pub enum RotateError {
    /// The new key has another name than the log.
    #[error("the new key is named {name}, and only a key that bears the log's origin may sign for it")]
    Name {
        /// Its name.
        name: String,
    },
    /// The key was this log's before.
    #[error("the key {key} was this log's before: a key comes once")]
    Used {
        /// The key.
        key: KeyLabel,
    },
    /// It could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}
