//! Cosignatures of checkpoints by witnesses: <https://c2sp.org/tlog-cosignature>, Ed25519 `cosignature/v1`.
//!
//! A cosignature says that at its time, the largest consistent tree the witness had seen of this log had this
//! root. [`cosign`] takes a [`VerifiedCheckpoint`]; that it extends the last head seen is the witness's to check.

use crate::checkpoint::{Checkpoint, CheckpointParseError, VerifiedCheckpoint};
use crate::note::{
    KeyError, NoteSignature, SignatureError, SignatureType, SignedNote, SigningKey, VerifierKey,
};

/// The time of a cosignature, in whole seconds since 1970-01-01T00:00:00Z, at most 2^63 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CosignatureTime(u64);

impl CosignatureTime {
    /// A time from seconds since the epoch; `None` beyond 2^63 - 1.
    pub const fn from_unix_seconds(seconds: u64) -> Option<Self> {
        if seconds <= i64::MAX as u64 { Some(Self(seconds)) } else { None }
    }

    /// Seconds since the epoch.
    pub const fn unix_seconds(self) -> u64 {
        self.0
    }
}

/// A checkpoint and the time at which a witness vouched for it: there is no way to have one but [`verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCosignature {
    checkpoint: Checkpoint,
    time: CosignatureTime,
}

impl VerifiedCosignature {
    /// What the witness vouched for.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// When it did, by its own clock.
    pub const fn time(&self) -> CosignatureTime {
        self.time
    }
}

/// Cosigns a checkpoint; the line is added to its note with [`SignedNote::add`].
pub fn cosign(
    checkpoint: &VerifiedCheckpoint,
    key: &SigningKey,
    time: CosignatureTime,
) -> Result<NoteSignature, KeyError> {
    key.verifier().expect_type(SignatureType::CosignatureV1)?;
    let signature = key.sign(&message(checkpoint.note().text(), time));
    Ok(NoteSignature::new(key.verifier(), [time.0.to_be_bytes().as_slice(), &signature].concat()))
}

/// Checks a witness's cosignature, and only then reads the text as a checkpoint.
///
/// The log's own signature is not looked at: a head vouched for by a pinned witness is a head.
pub fn verify(note: &SignedNote, key: &VerifierKey) -> Result<VerifiedCosignature, CosignatureError> {
    let line = note.signature_of(key, SignatureType::CosignatureV1).map_err(CosignatureError::Signature)?;
    let (seconds, signature) = line.payload().split_first_chunk().ok_or(CosignatureError::Payload)?;
    let time =
        CosignatureTime::from_unix_seconds(u64::from_be_bytes(*seconds)).ok_or(CosignatureError::Payload)?;
    key.verify(&message(note.text(), time), signature).map_err(CosignatureError::Signature)?;
    let checkpoint = note.text().parse().map_err(CosignatureError::Text)?;
    Ok(VerifiedCosignature { checkpoint, time })
}

/// The signed message: the header, which keeps it apart from every other use of the key, the time and the text.
fn message(text: &str, time: CosignatureTime) -> Vec<u8> {
    format!("cosignature/v1\ntime {}\n{text}", time.0).into_bytes()
}

/// Why a note does not count as cosigned by a witness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureError {
    /// Not signed by the witness.
    #[error("not cosigned by the witness")]
    Signature(#[source] SignatureError),
    /// The signature line does not hold a time of at most 2^63 - 1 seconds and a signature.
    #[error("the cosignature does not begin with a time in range")]
    Payload,
    /// Signed, but not a checkpoint.
    #[error("the cosigned text is not a checkpoint")]
    Text(#[source] CheckpointParseError),
}
