//! The heads: the log's own, the one kept outside, and those that witnesses vouched for.

use tlog::checkpoint::{self, Checkpoint, CheckpointError, VerifiedCheckpoint};
use tlog::cosignature::{self, CosignatureError, VerifiedCosignature};
use tlog::note::{NOTE_BYTES_MAX, SignatureError, SignedNote, VerifierKey};

use crate::report::Head;
use crate::source::{CHECKPOINT, ReadError, Source};
use crate::trust::Trust;
use crate::verdict::{Alteration, Outsider, Unverified, Verdict};

/// The log's own head, with the note that carries it.
pub(crate) struct OwnHead {
    pub(crate) head: Head,
    note: SignedNote,
}

/// A head that somebody outside vouches for. The log must have that root at that size.
pub(crate) struct Claim {
    pub(crate) who: Outsider,
    pub(crate) size: u64,
    pub(crate) root: tlog::Hash,
    pub(crate) signed_by_key: bool,
    pub(crate) cosigned: Option<(VerifierKey, VerifiedCosignature)>,
}

/// Reads the log's head and ties it to what was given.
pub(crate) fn own(source: &impl Source, trust: &Trust) -> Result<OwnHead, Verdict> {
    let bytes = source.read(CHECKPOINT, NOTE_BYTES_MAX).map_err(|why| match why {
        ReadError::TooLong { .. } => Verdict::Altered(Alteration::HeadNote(tlog::note::NoteError::TooLong)),
        why => Verdict::NothingVerified(Unverified::NoHead(why)),
    })?;
    let own = match &trust.key {
        Some(key) => {
            checkpoint::open(&bytes, key).map(OwnHead::signed).map_err(|error| refused(error, key))?
        }
        None => OwnHead::unsigned(&bytes)?,
    };
    let found = &own.head.checkpoint;
    if let Some(outside) = trust.head.as_ref().map(|head| &head.checkpoint().origin)
        && *outside != found.origin
    {
        let (found, expected) = (found.origin.clone(), outside.to_string());
        return Err(Verdict::NothingVerified(Unverified::OtherLog { found, expected }));
    }
    if found.size.get() == 0 {
        return Err(Verdict::NothingVerified(Unverified::EmptyLog));
    }
    Ok(own)
}

impl OwnHead {
    fn signed(verified: VerifiedCheckpoint) -> Self {
        let head = Head { checkpoint: verified.checkpoint().clone(), signed: true };
        Self { head, note: verified.into_note() }
    }

    /// Without a key the head is only what the directory says of itself, to be held against the earlier head.
    fn unsigned(bytes: &[u8]) -> Result<Self, Verdict> {
        let altered = Verdict::Altered;
        let note = SignedNote::parse(bytes).map_err(|error| altered(Alteration::HeadNote(error)))?;
        let checkpoint: Checkpoint =
            note.text().parse().map_err(|error| altered(Alteration::HeadText(error)))?;
        Ok(Self { head: Head { checkpoint, signed: false }, note })
    }
}

fn refused(error: CheckpointError, key: &VerifierKey) -> Verdict {
    match error {
        CheckpointError::Note(error) => Verdict::Altered(Alteration::HeadNote(error)),
        CheckpointError::Text(error) => Verdict::Altered(Alteration::HeadText(error)),
        // A signature in the key's name that does not match was the key's once; none at all is another signer.
        CheckpointError::Signature(error @ (SignatureError::Mismatch(_) | SignatureError::Repeated(_))) => {
            Verdict::Altered(Alteration::HeadSignature(error))
        }
        CheckpointError::Signature(error) => Verdict::NothingVerified(Unverified::NotSignedByKey(error)),
        CheckpointError::OtherLog { origin, .. } => {
            let expected = key.label().name.to_string();
            Verdict::NothingVerified(Unverified::OtherLog { found: origin, expected })
        }
    }
}

/// Everything that outsiders say of this log, each signature checked.
pub(crate) fn claims(own: &OwnHead, trust: &Trust) -> Result<Vec<Claim>, Verdict> {
    let mut claims: Vec<Claim> = outside(trust).map_err(Verdict::NothingVerified)?.into_iter().collect();
    for key in &trust.witnesses {
        if let Some(seen) = cosigned(&own.note, key).map_err(|why| {
            let witness = key.label().clone();
            Verdict::Altered(Alteration::Cosignature { witness, why })
        })? {
            claims.push(Claim::of(key, seen, own.head.signed));
        }
    }
    let receipt = receipt(own, trust).map_err(Verdict::NothingVerified)?;
    claims.extend(receipt);
    Ok(claims)
}

/// The head that was kept outside.
fn outside(trust: &Trust) -> Result<Option<Claim>, Unverified> {
    let Some(outside) = &trust.head else { return Ok(None) };
    let signed_by_key =
        signed_by(outside.note(), trust.key.as_ref()).map_err(Unverified::OutsideHeadSignature)?;
    let Checkpoint { size, root, .. } = *outside.checkpoint();
    Ok(Some(Claim { who: Outsider::Head, size: size.get(), root, signed_by_key, cosigned: None }))
}

/// What the receipt adds. It was given as proof, so one that proves nothing is refused.
fn receipt(own: &OwnHead, trust: &Trust) -> Result<Vec<Claim>, Unverified> {
    let Some(note) = &trust.receipt else { return Ok(Vec::new()) };
    // That the key signed it too only adds to what a contradiction would prove.
    let signed_by_key = signed_by(Some(note), trust.key.as_ref()).unwrap_or(false);
    let mut claims = Vec::new();
    for key in &trust.witnesses {
        let Some(seen) = cosigned(note, key).map_err(Unverified::ReceiptForged)? else { continue };
        if seen.checkpoint().origin != own.head.checkpoint.origin {
            return Err(Unverified::ReceiptOfAnotherLog(seen.checkpoint().origin.clone()));
        }
        claims.push(Claim::of(key, seen, signed_by_key));
    }
    if claims.is_empty() { Err(Unverified::ReceiptUnknown) } else { Ok(claims) }
}

/// Whether the key signed the note; an error where the note says so and it is not true.
pub(crate) fn signed_by(
    note: Option<&SignedNote>,
    key: Option<&VerifierKey>,
) -> Result<bool, SignatureError> {
    let Some((note, key)) = note.zip(key) else { return Ok(false) };
    match note.verify(key) {
        Ok(()) => Ok(true),
        Err(SignatureError::Missing(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The witness's cosignature on a note; none where it bears none.
fn cosigned(note: &SignedNote, key: &VerifierKey) -> Result<Option<VerifiedCosignature>, CosignatureError> {
    match cosignature::verify(note, key) {
        Ok(seen) => Ok(Some(seen)),
        Err(CosignatureError::Signature(SignatureError::Missing(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Claim {
    fn of(key: &VerifierKey, seen: VerifiedCosignature, signed_by_key: bool) -> Self {
        let Checkpoint { size, root, .. } = *seen.checkpoint();
        let who = Outsider::Witness(key.label().clone());
        Self { who, size: size.get(), root, signed_by_key, cosigned: Some((key.clone(), seen)) }
    }
}
