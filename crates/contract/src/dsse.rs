//! Signed bytes: DSSE v1 envelopes (secure-systems-lab/dsse, `protocol.md` and `envelope.md`) with one Ed25519 signature, and further ones of people who
//! approve the same bytes.
//!
//! The payload type is part of what is signed, so a catalogue can never pass for an order. `open` is the only way to a [`Signed`] value and
//! hands out exactly the bytes that were signed: what was not verified is never parsed. Verification is `verify_strict`: the permissive
//! algorithm accepts keys and signatures that mean different things to different verifiers.

mod approval;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;

/// The largest envelope that is looked at: 1 MiB. A catalogue of hundreds of runbooks fits; a flood does not.
pub const ENVELOPE_MAX_BYTES: usize = 1 << 20;

/// The most signatures that an envelope carries: the hub's and a few people's.
const SIGNATURES_MAX: usize = 4;

/// What the signed bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayloadType {
    /// One order.
    Order,
    /// The whole runbook catalogue.
    Catalogue,
    /// The baseline.
    Baseline,
    /// What a host may have.
    Allowlist,
    /// One of a host's papers ([`crate::paper`]): which, the bytes say.
    Paper,
    /// A standing order.
    StandingOrder,
    /// A break-glass grant, signed by the person who asks for it.
    BreakGlass,
    /// The hub's word that it holds an incident.
    IncidentReceipt,
}

impl PayloadType {
    /// The media type that is signed along with the payload.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Order => "application/vnd.suture.order.v1+json",
            Self::Catalogue => "application/vnd.suture.catalogue.v1+json",
            Self::Baseline => "application/vnd.suture.baseline.v1+yaml",
            Self::Allowlist => "application/vnd.suture.allowlist.v1+yaml",
            Self::Paper => "application/vnd.suture.paper.v1+json",
            Self::StandingOrder => "application/vnd.suture.standing-order.v1+json",
            Self::BreakGlass => "application/vnd.suture.break-glass.v1+json",
            Self::IncidentReceipt => "application/vnd.suture.incident-receipt.v1+json",
        }
    }
}

pub use approval::{ORDER_MAX_BYTES, OperatorKey, OperatorSigner, open_approved, open_by, open_to_approve};

/// The public half of the hub's order-signing key, written as 64 hexadecimal characters. Pinned at enrolment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HubKey(VerifyingKey);

crate::schema::text!(HubKey, "^[0-9a-f]{64}$", None);

/// Why a string is not a hub key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "not an Ed25519 public key: it must be 64 lower-case hexadecimal characters naming a point of the curve that is not of small order"
)]
pub struct BadHubKey;

impl TryFrom<String> for HubKey {
    type Error = BadHubKey;
    fn try_from(s: String) -> Result<Self, BadHubKey> {
        let bytes = crate::digest::unhex::<32>(&s).ok_or(BadHubKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| BadHubKey)?;
        if key.is_weak() { Err(BadHubKey) } else { Ok(Self(key)) }
    }
}

impl From<HubKey> for String {
    fn from(k: HubKey) -> String {
        crate::digest::hex(k.0.as_bytes())
    }
}

impl std::fmt::Debug for HubKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::digest::hex(self.0.as_bytes()))
    }
}

/// The secret half. Its `Debug` shows nothing; its memory is wiped when it is dropped.
pub struct HubSigner(SigningKey);

impl HubSigner {
    /// From 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn public(&self) -> HubKey {
        HubKey(self.0.verifying_key())
    }

    /// Signs `payload` as `kind` and returns the envelope's bytes.
    pub fn sign(&self, kind: PayloadType, payload: &[u8]) -> Vec<u8> {
        let signature = self.0.sign(&pre_authentication(kind, payload));
        let envelope = Envelope {
            payload: BASE64_STANDARD.encode(payload),
            payload_type: kind.media_type().to_owned(),
            signatures: vec![EnvelopeSignature {
                keyid: key_id(&self.0.verifying_key()),
                sig: BASE64_STANDARD.encode(signature.to_bytes()),
            }],
        };
        serde_json::to_vec(&envelope).unwrap_or_default()
    }
}

impl std::fmt::Debug for HubSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HubSigner(secret)")
    }
}

/// Bytes whose signature was checked. No other constructor than [`open`].
#[derive(Debug)]
pub struct Signed {
    payload: Vec<u8>,
}

impl Signed {
    /// The bytes that were signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Their digest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.payload)
    }
}

/// Why an envelope was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureFault {
    /// Longer than [`ENVELOPE_MAX_BYTES`].
    #[error("the envelope is longer than it may be")]
    TooLong,
    /// Not a DSSE envelope with exactly one signature.
    #[error("it is not a DSSE envelope with exactly one signature")]
    NotAnEnvelope,
    /// It holds something else than what was asked for.
    #[error("its payload is of another type")]
    WrongType,
    /// None of the pinned keys made the signature over these bytes.
    #[error("no pinned key signed these bytes")]
    NotByAPinnedKey,
    /// A further signature is by nobody who may approve, or by somebody who has approved already.
    #[error("a further signature is not by another pinned operator")]
    StrayApproval,
}

/// Opens an envelope of `kind` that one of `pinned` signed. The key named inside the envelope is only a hint and is never trusted.
pub fn open(kind: PayloadType, envelope: &[u8], pinned: &[HubKey]) -> Result<Signed, SignatureFault> {
    let opened = Opened::parse(kind, envelope)?;
    let [only] = opened.signatures.as_slice() else { return Err(SignatureFault::NotAnEnvelope) };
    if opened.is_by(only, pinned) { Ok(opened.signed()) } else { Err(SignatureFault::NotByAPinnedKey) }
}

/// An envelope taken apart, with nothing of it believed yet.
struct Opened {
    message: Vec<u8>,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

impl Opened {
    fn parse(kind: PayloadType, envelope: &[u8]) -> Result<Self, SignatureFault> {
        if envelope.len() > ENVELOPE_MAX_BYTES {
            return Err(SignatureFault::TooLong);
        }
        let parsed: Envelope = serde_json::from_slice(envelope).map_err(|_| SignatureFault::NotAnEnvelope)?;
        if !(1..=SIGNATURES_MAX).contains(&parsed.signatures.len()) {
            return Err(SignatureFault::NotAnEnvelope);
        }
        if parsed.payload_type != kind.media_type() {
            return Err(SignatureFault::WrongType);
        }
        let decode = |text: &str| BASE64_STANDARD.decode(text).map_err(|_| SignatureFault::NotAnEnvelope);
        let payload = decode(&parsed.payload)?;
        let signature = |s: &EnvelopeSignature| {
            Signature::from_slice(&decode(&s.sig)?).map_err(|_| SignatureFault::NotAnEnvelope)
        };
        let signatures = parsed.signatures.iter().map(signature).collect::<Result<_, _>>()?;
        Ok(Self { message: pre_authentication(kind, &payload), payload, signatures })
    }

    fn is_by(&self, signature: &Signature, pinned: &[HubKey]) -> bool {
        pinned.iter().any(|key| key.0.verify_strict(&self.message, signature).is_ok())
    }

    fn signed(self) -> Signed {
        Signed { payload: self.payload }
    }
}

/// PAE(type, body) of the DSSE protocol: lengths make it unambiguous.
fn pre_authentication(kind: PayloadType, payload: &[u8]) -> Vec<u8> {
    let media = kind.media_type();
    let mut out = format!("DSSEv1 {} {} {} ", media.len(), media, payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

fn key_id(key: &VerifyingKey) -> String {
    Digest::of(key.as_bytes()).short(16)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    keyid: String,
    sig: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pinned_key_over_these_bytes_and_this_type_opens() {
        let hub = HubSigner::from_seed(&[7; 32]);
        let stranger = HubSigner::from_seed(&[8; 32]);
        let envelope = hub.sign(PayloadType::Order, b"{}");
        let check =
            |kind, bytes: &[u8], keys: &[HubKey]| open(kind, bytes, keys).map(|s| s.payload().to_vec());

        assert_eq!(check(PayloadType::Order, &envelope, &[hub.public()]), Ok(b"{}".to_vec()));
        assert_eq!(check(PayloadType::Order, &envelope, &[]), Err(SignatureFault::NotByAPinnedKey));
        assert_eq!(
            check(PayloadType::Order, &envelope, &[stranger.public()]),
            Err(SignatureFault::NotByAPinnedKey)
        );
        assert_eq!(check(PayloadType::Catalogue, &envelope, &[hub.public()]), Err(SignatureFault::WrongType));
        // Relabelling the type does not help: it is part of what was signed.
        let relabelled = String::from_utf8(envelope.clone())
            .unwrap()
            .replace(PayloadType::Order.media_type(), PayloadType::Baseline.media_type());
        assert_eq!(
            check(PayloadType::Baseline, relabelled.as_bytes(), &[hub.public()]),
            Err(SignatureFault::NotByAPinnedKey)
        );
    }

    #[test]
    fn no_flipped_bit_opens_to_other_bytes() {
        let hub = HubSigner::from_seed(&[7; 32]);
        let envelope = hub.sign(PayloadType::Order, b"{\"order\":1}");
        for i in 0..envelope.len() {
            for bit in 0..8 {
                let mut bent = envelope.clone();
                bent[i] ^= 1 << bit;
                if let Ok(signed) = open(PayloadType::Order, &bent, &[hub.public()]) {
                    // A flip inside the untrusted key hint changes nothing that is believed.
                    assert_eq!(signed.payload(), b"{\"order\":1}");
                }
            }
        }
    }
}
