//! Envelopes of our own orders that people signed as well.
//!
//! The hub pins no operator: it knows that the bytes are its own, and hands further signatures on. What they are worth, the site decides.

use contract::dsse::{self, HubKey, PayloadType, Signed};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most signatures that a site looks at: ours and three people's.
const SIGNATURES_MAX: usize = 4;

/// Why an envelope does not replace the one that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Unfit {
    #[error("it is not a DSSE envelope of at most {SIGNATURES_MAX} signatures")]
    NotAnEnvelope,
    #[error("this hub's own signature is not on it, or does not fit its bytes")]
    NotOurs,
    #[error("it holds other bytes than the order that waits: fetch that one, and sign it")]
    OtherBytes,
    #[error("a signature is missing that was handed in meanwhile: fetch the order again, and sign that")]
    Overtaken,
    #[error("nobody signed it beside this hub")]
    NothingAdded,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    keyid: String,
    sig: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

/// An order of this hub, and who else signed it.
#[derive(Debug)]
pub(crate) struct Ours {
    /// The bytes that this hub signed.
    pub(crate) signed: Signed,
    /// The other signatures, as they stand there.
    others: Vec<String>,
}

impl Ours {
    /// Opens it: exactly one signature must be ours.
    pub(crate) fn open(envelope: &[u8], key: &HubKey) -> Result<Self, Unfit> {
        let parsed: Envelope = serde_json::from_slice(envelope).map_err(|_| Unfit::NotAnEnvelope)?;
        let Envelope { payload, payload_type, signatures } = parsed;
        if !(1..=SIGNATURES_MAX).contains(&signatures.len()) {
            return Err(Unfit::NotAnEnvelope);
        }
        let (mut ours, mut others) = (Vec::new(), Vec::new());
        for signature in signatures {
            let sig = signature.sig.clone();
            let alone = Envelope {
                payload: payload.clone(),
                payload_type: payload_type.clone(),
                signatures: vec![signature],
            };
            let alone = serde_json::to_vec(&alone).unwrap_or_default();
            match dsse::open(PayloadType::Order, &alone, std::slice::from_ref(key)) {
                Ok(signed) => ours.push(signed),
                Err(_) => others.push(sig),
            }
        }
        match (ours.pop(), ours.pop()) {
            (Some(signed), None) => Ok(Self { signed, others }),
            _ => Err(Unfit::NotOurs),
        }
    }

    /// How many others signed.
    pub(crate) fn signatures(&self) -> u32 {
        u32::try_from(self.others.len()).unwrap_or(u32::MAX)
    }
}

/// What people are given to sign: what is kept, or the hub's own signature alone where the site turned the others down. Whoever signed the rest as well
/// would be turned down with it.
pub(crate) fn to_sign(kept: Vec<u8>, key: &HubKey, turned_down: bool) -> Vec<u8> {
    let stripped = || {
        let ours = Ours::open(&kept, key).ok()?;
        let Envelope { payload, payload_type, mut signatures } = serde_json::from_slice(&kept).ok()?;
        signatures.retain(|signature| !ours.others.contains(&signature.sig));
        serde_json::to_vec(&Envelope { payload, payload_type, signatures }).ok()
    };
    if turned_down { stripped().unwrap_or(kept) } else { kept }
}

/// Whether `new` may take the place of `kept`: the same bytes, ours, signed by all that signed before and by somebody more. What the site turned down
/// may be replaced by something that lacks its signatures.
pub(crate) fn replaces(kept: &[u8], new: &[u8], key: &HubKey, turned_down: bool) -> Result<(), Unfit> {
    let (kept, new) = (Ours::open(kept, key)?, Ours::open(new, key)?);
    if kept.signed.payload() != new.signed.payload() {
        Err(Unfit::OtherBytes)
    } else if !turned_down && !kept.others.iter().all(|sig| new.others.contains(sig)) {
        Err(Unfit::Overtaken)
    } else if new.others.is_empty() || (!turned_down && new.others.len() == kept.others.len()) {
        Err(Unfit::NothingAdded)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use contract::dsse::{HubSigner, OperatorSigner};

    use super::*;

    #[test]
    fn only_the_same_bytes_with_one_more_signature_take_an_orders_place() {
        let hub = HubSigner::from_seed(&[1; 32]);
        let (jane, joe) = (OperatorSigner::from_seed(&[2; 32]), OperatorSigner::from_seed(&[3; 32]));
        let key = hub.public();
        let order = hub.sign(PayloadType::Order, b"{}");
        let by_jane = jane.approve(&order).unwrap();
        let by_both = joe.approve(&by_jane).unwrap();
        let by_joe = joe.approve(&order).unwrap();
        let judged = |kept: &[u8], new: &[u8]| replaces(kept, new, &key, false);
        assert_eq!(judged(&order, &by_jane), Ok(()));
        assert_eq!(judged(&by_jane, &by_both), Ok(()));
        assert_eq!(judged(&order, &order), Err(Unfit::NothingAdded));
        assert_eq!(judged(&by_jane, &by_joe), Err(Unfit::Overtaken));
        assert_eq!(replaces(&by_jane, &by_joe, &key, true), Ok(()));
        assert_eq!(replaces(&by_jane, &order, &key, true), Err(Unfit::NothingAdded));
        let other = jane.approve(&hub.sign(PayloadType::Order, b"[]")).unwrap();
        assert_eq!(judged(&order, &other), Err(Unfit::OtherBytes));
        let stranger = HubSigner::from_seed(&[4; 32]).sign(PayloadType::Order, b"{}");
        assert_eq!(judged(&order, &jane.approve(&stranger).unwrap()), Err(Unfit::NotOurs));
        let standing = hub.sign(PayloadType::StandingOrder, b"{}");
        assert_eq!(judged(&order, &standing), Err(Unfit::NotOurs));
        assert_eq!(judged(&order, b"{}"), Err(Unfit::NotAnEnvelope));
        assert_eq!(Ours::open(&by_both, &key).unwrap().signatures(), 2);
    }

    #[test]
    fn what_a_site_turned_down_is_signed_anew_without_those_who_signed_before() {
        let hub = HubSigner::from_seed(&[1; 32]);
        let (jane, joe) = (OperatorSigner::from_seed(&[2; 32]), OperatorSigner::from_seed(&[3; 32]));
        let key = hub.public();
        let by_jane = jane.approve(&hub.sign(PayloadType::Order, b"{}")).unwrap();
        let offered = to_sign(by_jane.clone(), &key, true);
        assert_eq!(Ours::open(&offered, &key).unwrap().signatures(), 0);
        let by_joe = joe.approve(&offered).unwrap();
        assert_eq!(replaces(&by_jane, &by_joe, &key, true), Ok(()));
        assert_eq!(Ours::open(&by_joe, &key).unwrap().signatures(), 1);
        assert_eq!(to_sign(by_jane.clone(), &key, false), by_jane);
    }
}
