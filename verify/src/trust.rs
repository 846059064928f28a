//! What a person brings from outside the log. Everything a verdict rests on begins here.

use tlog::checkpoint::{Checkpoint, CheckpointParseError};
use tlog::note::{NoteError, SignatureType, SignedNote, VerifierKey};

use crate::verdict::Unverified;

/// What came from outside the log. A key or an earlier head is needed; the rest says more, never less.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The key that signs the log's heads. Its name is the log's origin.
    pub key: Option<VerifierKey>,
    /// A head that somebody kept.
    pub head: Option<OutsideHead>,
    /// Witnesses. A record counts as witnessed when all of them have vouched for it.
    pub witnesses: Vec<VerifierKey>,
    /// A note with cosignatures that is kept apart from the log, such as the hub's receipt.
    pub receipt: Option<SignedNote>,
}

impl Trust {
    /// Refuses trust that carries nothing, before anything of the log is read.
    pub(crate) fn check(&self) -> Result<(), Unverified> {
        if let Some(key) = &self.key
            && key.signature_type() != SignatureType::Ed25519
        {
            return Err(Unverified::KeyIsAWitness { key: key.label().clone() });
        }
        if let Some(witness) =
            self.witnesses.iter().find(|w| w.signature_type() != SignatureType::CosignatureV1)
        {
            return Err(Unverified::WitnessIsNone { key: witness.label().clone() });
        }
        match (&self.key, &self.head) {
            (None, None) => Err(Unverified::NoTrust),
            // Every log begins with the empty tree: a head of size 0 pins nothing.
            (_, Some(head)) if head.checkpoint.size.get() == 0 => Err(Unverified::EmptyOutsideHead),
            (Some(key), Some(head)) if head.checkpoint.origin.key_name() != &key.label().name => {
                Err(Unverified::TrustDisagrees {
                    key: key.label().clone(),
                    head: head.checkpoint.origin.clone(),
                })
            }
            _ => Ok(()),
        }
    }
}

/// An earlier head of the log, from outside: origin, size and root. Signed or typed from paper: whoever brings it vouches for it.
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
