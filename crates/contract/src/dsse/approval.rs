//! Further signatures over the same bytes: people who approve an order, each with a key of their own.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};

use super::{
    BadHubKey, Envelope, EnvelopeSignature, HubKey, Opened, PayloadType, SignatureFault, Signed, key_id,
    pre_authentication,
};
use crate::ids::OperatorId;

/// The longest envelope of one order, or of a grant: 8 KiB. It is kept in a record, which holds 16 KiB.
pub const ORDER_MAX_BYTES: usize = 8 << 10;

/// The public half of a named operator's own key, written as 64 hexadecimal characters. Pinned at the site; it can approve and can order nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperatorKey(HubKey);

impl TryFrom<String> for OperatorKey {
    type Error = BadHubKey;
    fn try_from(s: String) -> Result<Self, BadHubKey> {
        HubKey::try_from(s).map(Self)
    }
}

impl From<OperatorKey> for String {
    fn from(k: OperatorKey) -> String {
        k.0.into()
    }
}

/// The secret half. Its `Debug` shows nothing; its memory is wiped when it is dropped.
pub struct OperatorSigner(SigningKey);

impl OperatorSigner {
    /// From 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn public(&self) -> OperatorKey {
        OperatorKey(HubKey(self.0.verifying_key()))
    }

    /// Signs what only a person can ask for.
    pub fn sign(&self, kind: PayloadType, payload: &[u8]) -> Vec<u8> {
        let envelope = Envelope {
            payload: BASE64_STANDARD.encode(payload),
            payload_type: kind.media_type().to_owned(),
            signatures: vec![self.signature(kind, payload)],
        };
        serde_json::to_vec(&envelope).unwrap_or_default()
    }

    /// Adds this person's signature to an order's envelope. The bytes that were signed stay as they are; nothing is believed of them here.
    pub fn approve(&self, envelope: &[u8]) -> Result<Vec<u8>, SignatureFault> {
        let opened = Opened::parse(PayloadType::Order, envelope)?;
        let mut parsed: Envelope =
            serde_json::from_slice(envelope).map_err(|_| SignatureFault::NotAnEnvelope)?;
        parsed.signatures.push(self.signature(PayloadType::Order, &opened.payload));
        if parsed.signatures.len() > super::SIGNATURES_MAX {
            return Err(SignatureFault::StrayApproval);
        }
        serde_json::to_vec(&parsed).map_err(|_| SignatureFault::NotAnEnvelope)
    }

    fn signature(&self, kind: PayloadType, payload: &[u8]) -> EnvelopeSignature {
        let signature = self.0.sign(&pre_authentication(kind, payload));
        EnvelopeSignature {
            keyid: key_id(&self.0.verifying_key()),
            sig: BASE64_STANDARD.encode(signature.to_bytes()),
        }
    }
}

impl std::fmt::Debug for OperatorSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OperatorSigner(secret)")
    }
}

/// Opens an order: exactly one signature by a pinned hub key, and any other by a different pinned operator. A signature by anybody else refuses the
/// whole: what nobody can explain is not carried along.
pub fn open_approved(
    envelope: &[u8],
    hub: &[HubKey],
    operators: &BTreeMap<OperatorId, OperatorKey>,
) -> Result<(Signed, Vec<OperatorId>), SignatureFault> {
    if envelope.len() > ORDER_MAX_BYTES {
        return Err(SignatureFault::TooLong);
    }
    let opened = Opened::parse(PayloadType::Order, envelope)?;
    let (by_hub, others): (Vec<_>, Vec<_>) =
        opened.signatures.iter().partition(|signature| opened.is_by(signature, hub));
    if by_hub.len() != 1 {
        return Err(SignatureFault::NotByAPinnedKey);
    }
    let mut approvals: Vec<OperatorId> = Vec::new();
    for signature in others {
        let by = operators.iter().find(|(_, key)| opened.is_by(signature, std::slice::from_ref(&key.0)));
        match by {
            Some((operator, _)) if !approvals.contains(operator) => approvals.push(operator.clone()),
            Some(_) | None => return Err(SignatureFault::StrayApproval),
        }
    }
    Ok((opened.signed(), approvals))
}

/// Opens an order for somebody who is about to approve it: one of its signatures is by a pinned hub key. Others' approvals are not judged here, so
/// nothing may be acted on by what this returns; it may be shown.
pub fn open_to_approve(envelope: &[u8], hub: &[HubKey]) -> Result<Signed, SignatureFault> {
    let opened = Opened::parse(PayloadType::Order, envelope)?;
    let by_hub = opened.signatures.iter().any(|signature| opened.is_by(signature, hub));
    if by_hub { Ok(opened.signed()) } else { Err(SignatureFault::NotByAPinnedKey) }
}

/// Opens what one named operator signed alone.
pub fn open_by(kind: PayloadType, envelope: &[u8], key: &OperatorKey) -> Result<Signed, SignatureFault> {
    super::open(kind, envelope, std::slice::from_ref(&key.0))
}

#[cfg(test)]
mod tests {
    use super::super::HubSigner;
    use super::*;

    #[test]
    fn an_approval_is_a_second_signature_over_the_same_bytes_by_somebody_pinned() {
        let hub = HubSigner::from_seed(&[1; 32]);
        let (jane, joe) = (OperatorSigner::from_seed(&[2; 32]), OperatorSigner::from_seed(&[3; 32]));
        let pinned = BTreeMap::from([("jane".parse().unwrap(), jane.public())]);
        let open = |envelope: &[u8]| {
            let opened = open_approved(envelope, &[hub.public()], &pinned);
            opened.map(|(signed, by)| (signed.payload().to_vec(), by.len()))
        };
        let order = hub.sign(PayloadType::Order, b"{\"order\":1}");
        assert_eq!(open(&order), Ok((b"{\"order\":1}".to_vec(), 0)));
        let approved = jane.approve(&order).unwrap();
        assert_eq!(open(&approved), Ok((b"{\"order\":1}".to_vec(), 1)));
        assert_eq!(open(&jane.approve(&approved).unwrap()), Err(SignatureFault::StrayApproval), "twice");
        assert_eq!(open(&joe.approve(&order).unwrap()), Err(SignatureFault::StrayApproval), "a stranger");
        // An operator can order nothing, and the hub's signature cannot be moved to other bytes.
        assert_eq!(
            open(&jane.sign(PayloadType::Order, b"{\"order\":1}")),
            Err(SignatureFault::NotByAPinnedKey)
        );
        let other = hub.sign(PayloadType::Order, b"{\"order\":2}");
        let mut moved: Envelope = serde_json::from_slice(&other).unwrap();
        let mut from: Envelope = serde_json::from_slice(&approved).unwrap();
        moved.signatures.push(from.signatures.pop().unwrap());
        assert_eq!(open(&serde_json::to_vec(&moved).unwrap()), Err(SignatureFault::StrayApproval));
    }

    #[test]
    fn an_operators_key_opens_only_what_that_operator_signed() {
        let (jane, joe) = (OperatorSigner::from_seed(&[2; 32]), OperatorSigner::from_seed(&[3; 32]));
        let grant = jane.sign(PayloadType::BreakGlass, b"{}");
        assert!(open_by(PayloadType::BreakGlass, &grant, &jane.public()).is_ok());
        assert!(open_by(PayloadType::BreakGlass, &grant, &joe.public()).is_err());
        assert!(open_by(PayloadType::Order, &grant, &jane.public()).is_err());
    }
}
