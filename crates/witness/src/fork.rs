//! A log caught in the act: two heads that it signed and that cannot both be true.

use tlog::tree::{ConsistencyError, verify_consistency};
use tlog::witness::AddCheckpoint;
use tlog::{Checkpoint, SignedNote, VerifiedCheckpoint, VerifierKey};

/// What a log offered that contradicts the head that was cosigned before, with both signatures of the log.
///
/// Either both heads have one size and two roots; or the offered one is larger, and its own proof shows that the tree under it began with another
/// root. Both signatures are the log's, so nobody but the holder of its key can have made the pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkAttempt {
    /// The head that was cosigned, as the log signed it.
    pub held: SignedNote,
    /// The request that was refused, with its proof.
    pub offered: AddCheckpoint,
}

impl ForkAttempt {
    /// Whether this proves, with the keys of the log and nothing else, that the log signed two histories.
    pub fn is_proven(&self, keys: &[VerifierKey]) -> bool {
        let signed = |note: &SignedNote| {
            keys.iter().find_map(|key| VerifiedCheckpoint::from_note(note.clone(), key).ok())
        };
        match (signed(&self.held), signed(&self.offered.checkpoint)) {
            (Some(held), Some(offered)) => {
                contradicts(held.checkpoint(), offered.checkpoint(), &self.offered)
            }
            (None, _) | (_, None) => false,
        }
    }
}

/// Whether `offered` cannot be a later head of the log that had the head `held`.
///
/// A proof that merely does not fit shows nothing: anybody can send one along with an honest head.
pub(crate) fn contradicts(held: &Checkpoint, offered: &Checkpoint, request: &AddCheckpoint) -> bool {
    if held.origin != offered.origin {
        return false;
    }
    if held.size == offered.size {
        return held.root != offered.root;
    }
    let (first, second) = ((held.size, &held.root), (offered.size, &offered.root));
    match verify_consistency(first, second, &request.proof) {
        // The proof is genuine where it leads to the signed root from the other beginning: then that beginning is what the log signed.
        Err(ConsistencyError::FirstRoot { computed }) => {
            verify_consistency((held.size, &computed), second, &request.proof).is_ok()
        }
        Ok(())
        | Err(
            ConsistencyError::FirstEmpty
            | ConsistencyError::Shrunk { .. }
            | ConsistencyError::Forked { .. }
            | ConsistencyError::Length { .. }
            | ConsistencyError::SecondRoot { .. },
        ) => false,
    }
}
