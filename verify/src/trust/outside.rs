//! Heads that somebody kept.

use tlog::checkpoint::{Checkpoint, CheckpointParseError};
use tlog::note::{NoteError, SignedNote};

/// An earlier head of a log, from outside: origin, size and root. Signed or typed from paper: whoever brings it vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideHead {
    checkpoint: Checkpoint,
    note: Option<SignedNote>,
}

impl OutsideHead {
    /// Reads a checkpoint with its signatures, or its three bare lines (origin, size, root).
    pub fn parse(bytes: &[u8]) -> Result<Self, OutsideHeadError> {
        let parsed = match SignedNote::parse(bytes) {
            Ok(note) => note.text().parse().map(|checkpoint| Self { checkpoint, note: Some(note) }),
            Err(NoteError::NoSignatures) => {
                let text = str::from_utf8(bytes).map_err(|_| OutsideHeadError::Note(NoteError::Utf8))?;
                text.parse().map(|checkpoint| Self { checkpoint, note: None })
            }
            Err(error) => return Err(OutsideHeadError::Note(error)),
        };
        parsed.map_err(OutsideHeadError::Text)
    }

    /// Reads `ORIGIN:SIZE:ROOT`, the three lines as they are typed from a postcard on one line.
    pub fn typed(text: &str) -> Result<Self, OutsideHeadError> {
        // An origin may hold colons of its own; size and root have none.
        let mut parts = text.rsplitn(3, ':');
        let (Some(root), Some(size), Some(origin)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(OutsideHeadError::Text(CheckpointParseError::Lines));
        };
        let checkpoint = format!("{origin}\n{size}\n{root}\n").parse().map_err(OutsideHeadError::Text)?;
        Ok(Self { checkpoint, note: None })
    }

    /// What it states.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note it came in, where it came in one.
    pub(crate) const fn note(&self) -> Option<&SignedNote> {
        self.note.as_ref()
    }
}

/// Why bytes are not a head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutsideHeadError {
    /// Neither a signed note nor three lines of text.
    #[error("neither a signed note nor three bare lines: {0}")]
    Note(NoteError),
    /// Not the text of a checkpoint.
    #[error("not a head: {0}")]
    Text(CheckpointParseError),
}
