//! The proof that the hub's log of heads holds a head of this log (docs/evidence-format.md §9).
//!
//! Outside witnesses see only the log of heads. Through this proof their word reaches the log of one site.

use tlog::checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint};
use tlog::cosignature::CosignatureError;
use tlog::hash::leaf_hash;
use tlog::note::{KeyLabel, NOTE_BYTES_MAX};
use tlog::proof::{BodyError, Proof};
use tlog::tree::InclusionError;

use crate::claims::{Claim, cosigned};
use crate::report::Remark;
use crate::source::{HEADS_PROOF, ReadError, Source};
use crate::trust::LogTrust;
use crate::verdict::Outsider;

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadsProofFault {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unread(ReadError),
    /// Not a proof file.
    #[error("it is not a proof file: {0}")]
    Form(BodyError),
    /// What was logged is not a head of this log, or one that is larger than the log's own.
    #[error("what it proves is not an earlier head of this log")]
    Entry,
    /// The head of the log of heads is not signed by its key.
    #[error("{0}")]
    Head(CheckpointError),
    /// The proof does not lead to the root of the log of heads.
    #[error("{0}")]
    Inclusion(InclusionError),
    /// A cosignature in a named witness's name that is not the witness's.
    #[error("the cosignature of {witness} in it: {why}")]
    Cosignature {
        /// The witness.
        witness: KeyLabel,
        /// How it shows.
        why: CosignatureError,
    },
}

/// What the proof says of the log whose head is `own`: nothing where there is none, or where nobody gave the key for it.
pub(crate) fn claims(
    source: &impl Source,
    own: &Checkpoint,
    trust: &LogTrust,
    remarks: &mut Vec<Remark>,
) -> Result<Vec<Claim>, HeadsProofFault> {
    let bytes = match (source.read(HEADS_PROOF, NOTE_BYTES_MAX), trust.heads_key) {
        (Err(ReadError::Missing), _) => return Ok(Vec::new()),
        (_, None) => {
            remarks.push(Remark::HeadsProofIgnored);
            return Ok(Vec::new());
        }
        (Err(why), Some(_)) => return Err(HeadsProofFault::Unread(why)),
        (Ok(bytes), Some(key)) => (bytes, key),
    };
    let (bytes, heads_key) = bytes;
    let proof = Proof::parse(&bytes).map_err(HeadsProofFault::Form)?;
    let entry = proof.extra.as_deref().ok_or(HeadsProofFault::Entry)?;
    let head = str::from_utf8(entry).ok().and_then(|text| text.parse::<Checkpoint>().ok());
    let head = head.filter(|head| head.origin == own.origin && head.size <= own.size);
    let head = head.ok_or(HeadsProofFault::Entry)?;
    let of_heads = VerifiedCheckpoint::from_note(proof.checkpoint.clone(), heads_key);
    let of_heads = of_heads.map_err(HeadsProofFault::Head)?;
    proof.verify_leaf(&leaf_hash(entry), of_heads.checkpoint()).map_err(HeadsProofFault::Inclusion)?;
    let claim = |who, witness| Claim { who, size: head.size.get(), root: head.root, note: None, witness };
    let mut claims = vec![claim(Outsider::LogOfHeads(heads_key.label().clone()), None)];
    for key in trust.witnesses.keys() {
        let seen = cosigned(of_heads.note(), key)
            .map_err(|why| HeadsProofFault::Cosignature { witness: key.label().clone(), why })?;
        let who = || Outsider::Witness(key.label().clone());
        claims.extend(seen.map(|seen| claim(who(), Some((key.clone(), seen.time())))));
    }
    Ok(claims)
}
