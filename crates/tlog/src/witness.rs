//! What a log sends to a witness: the body of an `add-checkpoint` request (<https://c2sp.org/tlog-witness>).
//!
//! Bytes only: what a witness checks, stores and answers is its own affair. Its answer is signature lines, so a
//! log reads it as the note made of the checkpoint's text, an empty line and the answer.

use crate::body;
pub use crate::body::BodyError;
use crate::hash::Hash;
use crate::note::SignedNote;
use crate::tree::TreeSize;

/// Most hashes of a consistency proof that a request may hold.
pub const PROOF_HASHES_MAX: usize = 63;

/// A well-formed request, nothing in it verified yet. Its [`Display`](std::fmt::Display) form is the request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the log believes the witness to have cosigned last; empty when none.
    pub old: TreeSize,
    /// The consistency proof from the old size to the checkpoint's, at most [`PROOF_HASHES_MAX`] hashes.
    pub proof: Vec<Hash>,
    /// The new checkpoint.
    pub checkpoint: SignedNote,
}

impl AddCheckpoint {
    /// Reads a request from its exact bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, BodyError> {
        let (mut lines, checkpoint) = body::split(bytes)?;
        let old = body::number(lines.next(), "old ").ok_or(BodyError::Line("`old` and a tree size"))?;
        let proof = body::hashes(lines)?;
        if proof.len() > PROOF_HASHES_MAX {
            return Err(BodyError::Line("an empty line after at most 63 hashes"));
        }
        Ok(Self { old: TreeSize::new(old), proof, checkpoint })
    }
}

display!(AddCheckpoint, self => "old {}\n{}\n{}", self.old, body::lines(&self.proof), self.checkpoint);
