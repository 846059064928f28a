//! Checkpoints: a log's origin, size and root, signed by the log (<https://c2sp.org/tlog-checkpoint>).
//!
//! Beyond the specification: a checkpoint has exactly its three lines, since extension lines escape auditing,
//! and is signed by a key that bears the log's origin as its name, since a key pinned for one log must never
//! speak for another.

use std::str::FromStr;

use crate::decimal;
use crate::hash::Hash;
use crate::note::{KeyName, NoteError, SignatureError, SignedNote, SigningKey, VerifierKey};
use crate::tree::TreeSize;

/// The identity of a log: a key name of at most 255 bytes, such as `hub.example/4f1c`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(KeyName);

impl Origin {
    /// Longest origin, in bytes: the most that cosignatures of any type can carry.
    pub const BYTES_MAX: usize = 255;

    /// The name of the keys that may sign for this log.
    pub const fn key_name(&self) -> &KeyName {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = CheckpointParseError;

    fn from_str(origin: &str) -> Result<Self, CheckpointParseError> {
        let name = origin.parse().ok().filter(|_| origin.len() <= Self::BYTES_MAX);
        name.map(Self).ok_or(CheckpointParseError::Origin)
    }
}

display!(Origin, self => "{}", self.0);

/// A statement that the log `origin` has this root at this size. Anyone can make one: it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: Origin,
    /// Its number of entries.
    pub size: TreeSize,
    /// The root over all of them.
    pub root: Hash,
}

impl Checkpoint {
    /// Signs the checkpoint with the log's own key.
    pub fn sign(&self, key: &SigningKey) -> Result<VerifiedCheckpoint, CheckpointError> {
        let note = SignedNote::sign(&self.to_string(), key).map_err(CheckpointError::Note)?;
        VerifiedCheckpoint::from_note(note, key.verifier())
    }
}

// The note text: three lines, each ended by a newline.
display!(Checkpoint, self => "{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64());

impl FromStr for Checkpoint {
    type Err = CheckpointParseError;

    fn from_str(text: &str) -> Result<Self, CheckpointParseError> {
        let lines: Vec<&str> = text.split('\n').collect();
        let &[origin, size, root, ""] = lines.as_slice() else {
            return Err(CheckpointParseError::Lines);
        };
        let size = decimal::parse(size).map(TreeSize::new).ok_or(CheckpointParseError::Size)?;
        let root = Hash::from_base64(root).ok_or(CheckpointParseError::Root)?;
        Ok(Self { origin: origin.parse()?, size, root })
    }
}

/// A checkpoint whose signature by the log's key was checked: there is no other way to have one.
///
/// It may be copied freely, since a signature once good stays good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    checkpoint: Checkpoint,
    note: SignedNote,
}

impl VerifiedCheckpoint {
    /// Checks the signature of a note, and only then reads its text.
    pub fn from_note(note: SignedNote, key: &VerifierKey) -> Result<Self, CheckpointError> {
        note.verify(key).map_err(CheckpointError::Signature)?;
        let checkpoint: Checkpoint = note.text().parse().map_err(CheckpointError::Text)?;
        if *checkpoint.origin.key_name() != key.label().name {
            let key = key.label().name.clone();
            return Err(CheckpointError::OtherLog { origin: checkpoint.origin, key });
        }
        Ok(Self { checkpoint, note })
    }

    /// What was signed.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note that carries it, with all its signature lines.
    pub const fn note(&self) -> &SignedNote {
        &self.note
    }

    /// The note, for adding cosignatures to it.
    pub fn into_note(self) -> SignedNote {
        self.note
    }
}

/// Opens a signed checkpoint from its exact bytes with the log's pinned key.
pub fn open(bytes: &[u8], key: &VerifierKey) -> Result<VerifiedCheckpoint, CheckpointError> {
    VerifiedCheckpoint::from_note(SignedNote::parse(bytes).map_err(CheckpointError::Note)?, key)
}

/// Why bytes are not a checkpoint signed by this key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note.
    #[error("not a signed note")]
    Note(#[source] NoteError),
    /// Not signed by the key.
    #[error("not signed by the log's key")]
    Signature(#[source] SignatureError),
    /// Signed, but not a checkpoint.
    #[error("the signed text is not a checkpoint")]
    Text(#[source] CheckpointParseError),
    /// Signed by a key that stands for another log.
    #[error("the key {key} cannot sign for the log {origin}")]
    OtherLog {
        /// The log that the checkpoint names.
        origin: Origin,
        /// The name of the key.
        key: KeyName,
    },
}

/// Why a text is not the text of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointParseError {
    /// Not exactly three lines, each ended by a newline.
    #[error("a checkpoint has exactly three lines")]
    Lines,
    /// The first line cannot name a log.
    #[error("the first line is not a key name of at most {} bytes", Origin::BYTES_MAX)]
    Origin,
    /// The second line is not a decimal number without leading zeros, below 2^64.
    #[error("the second line is not a tree size")]
    Size,
    /// The third line is not a root hash.
    #[error("the third line is not the base64 of a root hash")]
    Root,
}
