//! What goes wrong with a store, by whose turn it is.

use edge::file::FileError;
use thiserror::Error;

use crate::key::Key;

/// Why a store did not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The store does not know us, or does not let us. The operator's turn: nothing will change by waiting.
    #[error("the archive does not let the hub in: {0}: check the access key and what it may do")]
    Credentials(String),
    /// The store is not set up so that it can hold evidence. The operator's turn.
    #[error("the archive is not set up for evidence: {0}")]
    SetUp(String),
    /// It cannot be reached, or asks to be asked later. It is tried again.
    #[error("the archive cannot be reached: {0}")]
    Away(String),
    /// Something else stands under the key. Never overwritten: somebody must look.
    #[error(
        "{key}: the archive holds other bytes under this name ({theirs} rather than {ours}): nothing was overwritten"
    )]
    Conflict {
        /// Which object.
        key: Key,
        /// The SHA-256 of what was to be stored.
        ours: String,
        /// The SHA-256 of the oldest version there.
        theirs: String,
    },
    /// It answered something that no such store answers. A mistake, ours or theirs.
    #[error("the archive's answer makes no sense: {0}")]
    Unfitting(String),
    /// A file cannot be written or read.
    #[error("the archive's directory does not take or give a file")]
    File(#[from] FileError),
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The operator must change something.
    Operator,
    /// The network, or the store, for now: it is tried again.
    Network,
    /// Somebody wrote under a name that is ours.
    Somebody,
    /// The store's software, or ours.
    Software,
    /// The disk under the directory.
    Disk,
}

impl StoreError {
    /// Whose turn it is.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Credentials(_) | Self::SetUp(_) => Blame::Operator,
            Self::Away(_) => Blame::Network,
            Self::Conflict { .. } => Blame::Somebody,
            Self::Unfitting(_) => Blame::Software,
            Self::File(_) => Blame::Disk,
        }
    }
}
