//! What outsiders say of a log: heads that were kept, cosignatures, and the hub's log of heads.

use std::collections::{BTreeMap, BTreeSet};

use tlog::checkpoint::Checkpoint;
use tlog::cosignature::{self, CosignatureError, CosignatureTime, VerifiedCosignature};
use tlog::hash::{Hash, empty_root};
use tlog::note::{SignatureError, SignedNote, VerifierKey};

use crate::extent::Extent;
use crate::heads::OwnHead;
use crate::heads_proof;
use crate::report::{Remark, WitnessSeen};
use crate::source::Source;
use crate::trust::{LogTrust, OutsideHead, Witnesses};
use crate::verdict::{Alteration, Contradiction, Lack, Outsider, Unverified, Verdict};

/// A head that somebody outside vouches for. The log must have that root at that size.
pub(crate) struct Claim {
    pub(crate) who: Outsider,
    pub(crate) size: u64,
    pub(crate) root: Hash,
    /// The note that carries it, where it came in one: a key of the log may have signed it as well.
    pub(crate) note: Option<SignedNote>,
    /// The witness that vouches, and when it did; none where it is not a witness's word.
    pub(crate) witness: Option<(VerifierKey, CosignatureTime)>,
}

/// Everything that outsiders say of this log, each signature checked.
pub(crate) fn collect(
    source: &impl Source,
    own: &OwnHead,
    trust: &LogTrust,
    remarks: &mut Vec<Remark>,
) -> Result<Vec<Claim>, Verdict> {
    let mut claims = kept(trust).map_err(Verdict::NothingVerified)?;
    for key in trust.witnesses.keys() {
        let seen = cosigned(&own.note, key).map_err(|why| {
            let witness = key.label().clone();
            Verdict::Altered(Alteration::Cosignature { witness, why })
        })?;
        claims.extend(seen.map(|seen| Claim::cosigned(key, &seen, &own.note)));
    }
    for note in &trust.receipts {
        claims.extend(receipt(note, trust).map_err(Verdict::NothingVerified)?);
    }
    let proved = heads_proof::claims(source, &own.checkpoint, trust, remarks);
    claims.extend(proved.map_err(|why| Verdict::Altered(Alteration::HeadsProof(why)))?);
    Ok(claims)
}

/// The heads that were kept outside, and the witnesses whose cosignatures they bear.
fn kept(trust: &LogTrust) -> Result<Vec<Claim>, Unverified> {
    let head = |head: &&OutsideHead| {
        let Checkpoint { size, root, .. } = *head.checkpoint();
        Claim { who: Outsider::Head, size: size.get(), root, note: head.note().cloned(), witness: None }
    };
    let mut claims: Vec<Claim> = trust.heads.iter().map(head).collect();
    for note in trust.heads.iter().filter_map(|head| head.note()) {
        claims.extend(vouched(note, trust.witnesses)?);
    }
    Ok(claims)
}

/// What given witnesses say in a note from outside. A line in the name of one must be that witness's; that there is none is no fault.
pub(crate) fn vouched(note: &SignedNote, witnesses: &Witnesses) -> Result<Vec<Claim>, Unverified> {
    let mut claims = Vec::new();
    for key in witnesses.keys() {
        let seen = cosigned(note, key).map_err(Unverified::ReceiptForged)?;
        claims.extend(seen.map(|seen| Claim::cosigned(key, &seen, note)));
    }
    Ok(claims)
}

/// What a receipt adds. It was given as proof, so one that proves nothing is refused.
fn receipt(note: &SignedNote, trust: &LogTrust) -> Result<Vec<Claim>, Unverified> {
    let claims = vouched(note, trust.witnesses)?;
    if claims.is_empty() { Err(Unverified::ReceiptUnknown) } else { Ok(claims) }
}

/// The witness's cosignature on a note; none where it bears none.
pub(crate) fn cosigned(
    note: &SignedNote,
    key: &VerifierKey,
) -> Result<Option<VerifiedCosignature>, CosignatureError> {
    match cosignature::verify(note, key) {
        Ok(seen) => Ok(Some(seen)),
        Err(CosignatureError::Signature(SignatureError::Missing(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Claim {
    fn cosigned(key: &VerifierKey, seen: &VerifiedCosignature, note: &SignedNote) -> Self {
        let Checkpoint { size, root, .. } = *seen.checkpoint();
        let who = Outsider::Witness(key.label().clone());
        let witness = Some((key.clone(), seen.time()));
        Self { who, size: size.get(), root, note: Some(note.clone()), witness }
    }
}

/// The sizes whose roots the claims are about.
pub(crate) fn sizes(claims: &[Claim]) -> BTreeSet<u64> {
    claims.iter().map(|claim| claim.size).collect()
}

/// Sets claims aside that are about a size whose root the part of the log that is there does not lead to.
pub(crate) fn comparable(claims: Vec<Claim>, extent: Extent, remarks: &mut Vec<Remark>) -> Vec<Claim> {
    let (kept, set_aside): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|claim| extent.reaches(claim.size));
    remarks.extend(
        set_aside.into_iter().map(|claim| Remark::NotComparable { who: claim.who, size: claim.size }),
    );
    kept
}

/// Every outsider must find, in this log, the very history they saw. A contradiction weighs more than a log cut short.
///
/// `keys_at` names the keys whose heads of a size count: one that signed the other history too proves to third parties that there are two.
pub(crate) fn compare<'a>(
    claims: &[Claim],
    roots: &BTreeMap<u64, Hash>,
    size: u64,
    keys_at: impl Fn(u64) -> Vec<&'a VerifierKey>,
) -> Result<(), Verdict> {
    let differs = |claim: &&Claim| match roots.get(&claim.size) {
        Some(root) => *root != claim.root,
        None => claim.size == 0 && claim.root != empty_root(),
    };
    if let Some(Claim { who, size, note, .. }) = claims.iter().find(differs) {
        let signed = |note: &SignedNote| keys_at(*size).into_iter().any(|key| note.verify(key).is_ok());
        let signed_by_key = note.as_ref().is_some_and(signed);
        return Err(Verdict::Fork(Contradiction { who: who.clone(), size: *size, signed_by_key }));
    }
    match claims.iter().find(|claim| claim.size > size) {
        Some(claim) => {
            Err(Verdict::Incomplete(Lack::RolledBack { who: claim.who.clone(), seen: claim.size, size }))
        }
        None => Ok(()),
    }
}

/// The largest size that each witness vouched for.
pub(crate) fn witnesses(trust: &LogTrust, claims: &[Claim]) -> Vec<WitnessSeen> {
    let seen = |key: &VerifierKey| {
        let by_key = claims.iter().filter_map(|claim| {
            let (_, time) = claim.witness.as_ref().filter(|(witness, _)| witness == key)?;
            Some((claim.size, *time))
        });
        let best = by_key.max_by_key(|(size, _)| *size);
        WitnessSeen {
            witness: key.label().clone(),
            size: best.map_or(0, |(size, _)| size),
            time: best.map(|(_, time)| time),
        }
    };
    trust.witnesses.keys().into_iter().map(seen).collect()
}

/// The largest size that enough witnesses vouched for.
pub(crate) fn witnessed_size(trust: &LogTrust, claims: &[Claim]) -> u64 {
    trust.witnesses.witnessed(|key| {
        let by_key = |claim: &&Claim| claim.witness.as_ref().is_some_and(|(witness, _)| witness == key);
        claims.iter().filter(by_key).map(|claim| claim.size).max().unwrap_or(0)
    })
}

/// The largest size at which a head that somebody kept is this log's.
pub(crate) fn pinned_size(claims: &[Claim]) -> u64 {
    let kept = claims.iter().filter(|claim| claim.who == Outsider::Head);
    kept.map(|claim| claim.size).max().unwrap_or(0)
}

/// When a witness last vouched for all `size` records, in seconds since 1970.
pub(crate) fn last_vouched(claims: &[Claim], size: u64) -> Option<u64> {
    let whole = claims.iter().filter(|claim| claim.size >= size);
    whole.filter_map(|claim| claim.witness.as_ref()).map(|(_, time)| time.unix_seconds()).max()
}
