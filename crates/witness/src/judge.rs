//! The rules of `add-checkpoint`, in the order in which the specification gives them.

use tlog::checkpoint::{CheckpointError, CheckpointParseError};
use tlog::cosignature::{self, CosignatureError};
use tlog::note::KeyLabel;
use tlog::tree::{ConsistencyError, verify_consistency};
use tlog::witness::AddCheckpoint;
use tlog::{Checkpoint, SignedNote, TreeSize, VerifiedCheckpoint, VerifierKey, hash};

use crate::fork::{ForkAttempt, contradicts};

/// The newest head of one log that this witness cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    checkpoint: Checkpoint,
    note: SignedNote,
}

impl Cosigned {
    /// Reads it back from where it was kept: a head counts only by the witness's own cosignature.
    pub fn from_note(note: SignedNote, witness: &VerifierKey) -> Result<Self, CosignatureError> {
        let checkpoint = cosignature::verify(&note, witness)?.checkpoint().clone();
        Ok(Self { checkpoint, note })
    }

    /// What was cosigned.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note, with the log's signature and the cosignature.
    pub const fn note(&self) -> &SignedNote {
        &self.note
    }
}

/// A head that may be cosigned: there is no way to have one but [`judge`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    checkpoint: VerifiedCheckpoint,
    signer: KeyLabel,
}

impl Extension {
    /// The head, signed by its log, that extends the one it was judged against.
    pub const fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// The key of the log that signed it.
    pub const fn signer(&self) -> &KeyLabel {
        &self.signer
    }
}

/// Why a head is not cosigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 404: the origin is not one of a known log.
    #[error("this witness does not know the log that the first line names")]
    UnknownLog,
    /// 403: no signature is by a key of that log.
    #[error("no signature verifies with a key that this witness trusts for the log")]
    NotSigned,
    /// 400: it is signed, and yet no checkpoint of three lines.
    #[error("the signed text is not a checkpoint of three lines: {0}")]
    NotACheckpoint(CheckpointParseError),
    /// 400: the old size is larger than the new one.
    #[error("the old size {old} is larger than the checkpoint's size {size}")]
    OldBeyond {
        /// The old size of the request.
        old: TreeSize,
        /// The checkpoint's.
        size: TreeSize,
    },
    /// 409: the newest cosigned head has another size than the request's old size.
    #[error("the newest head that was cosigned has {cosigned} leaves")]
    Elsewhere {
        /// Its size.
        cosigned: TreeSize,
    },
    /// 409: the same size, and another root.
    #[error("another root was cosigned for the same {cosigned} leaves")]
    OtherRoot {
        /// The size of both.
        cosigned: TreeSize,
    },
    /// 422: the proof does not lead from the newest cosigned head to this one.
    #[error("the consistency proof does not hold: {0}")]
    Inconsistent(ConsistencyError),
    /// 422: from nothing there is nothing to prove.
    #[error("a proof from an old size of 0 has no hashes")]
    ProofFromNothing,
}

/// A refusal; and where the request proves that its log forked, the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is answered.
    pub why: Refusal,
    /// What must be kept.
    pub fork: Option<Box<ForkAttempt>>,
}

impl From<Refusal> for Refused {
    fn from(why: Refusal) -> Self {
        Self { why, fork: None }
    }
}

/// Judges a request: `keys` are those of the log that its first line names, none where it is not known; `newest` is the newest head that was
/// cosigned for it.
pub fn judge(
    keys: Option<&[VerifierKey]>,
    newest: Option<&Cosigned>,
    request: &AddCheckpoint,
) -> Result<Extension, Refused> {
    let (checkpoint, signer) = signed(keys.ok_or(Refusal::UnknownLog)?, &request.checkpoint)?;
    let (offered, old) = (checkpoint.checkpoint(), request.old);
    if old > offered.size {
        return Err(Refusal::OldBeyond { old, size: offered.size }.into());
    }
    let refused = |why| Refused { why, fork: fork(newest, &checkpoint, request) };
    let (size, root) =
        newest.map_or((TreeSize::EMPTY, hash::empty_root()), |n| (n.checkpoint.size, n.checkpoint.root));
    if old != size {
        return Err(refused(Refusal::Elsewhere { cosigned: size }));
    }
    if old == offered.size && root != offered.root {
        return Err(refused(Refusal::OtherRoot { cosigned: size }));
    }
    if old == TreeSize::EMPTY {
        // The first head of a log is believed: there is nothing that it could contradict.
        if !request.proof.is_empty() {
            return Err(refused(Refusal::ProofFromNothing));
        }
    } else if let Err(why) = verify_consistency((size, &root), (offered.size, &offered.root), &request.proof)
    {
        return Err(refused(Refusal::Inconsistent(why)));
    }
    Ok(Extension { checkpoint, signer })
}

/// The origin of the log that a request speaks of: its checkpoint's first line, nothing verified.
pub fn origin(request: &AddCheckpoint) -> &str {
    request.checkpoint.text().split('\n').next().unwrap_or_default()
}

/// The checkpoint, and the first key that signed it.
fn signed(keys: &[VerifierKey], note: &SignedNote) -> Result<(VerifiedCheckpoint, KeyLabel), Refusal> {
    let mut why = Refusal::NotSigned;
    for key in keys {
        match VerifiedCheckpoint::from_note(note.clone(), key) {
            Ok(checkpoint) => return Ok((checkpoint, key.label().clone())),
            Err(CheckpointError::Text(text)) => why = Refusal::NotACheckpoint(text),
            Err(
                CheckpointError::Note(_) | CheckpointError::Signature(_) | CheckpointError::OtherLog { .. },
            ) => {}
        }
    }
    Err(why)
}

fn fork(
    newest: Option<&Cosigned>,
    offered: &VerifiedCheckpoint,
    request: &AddCheckpoint,
) -> Option<Box<ForkAttempt>> {
    let newest = newest?;
    let proven = contradicts(&newest.checkpoint, offered.checkpoint(), request);
    proven.then(|| Box::new(ForkAttempt { held: newest.note.clone(), offered: request.clone() }))
}
