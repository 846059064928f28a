//! Envelopes and orders: what opens is exactly what was signed, however the envelope was bent, and under no other type or key; an order that was
//! understood is written again with the same meaning.

use std::collections::BTreeMap;

use contract::dsse::{self, HubSigner, OperatorSigner, PayloadType};
use contract::order::Order;

/// Holds for any bytes.
pub(crate) fn holds(bytes: &[u8]) {
    let hub = HubSigner::from_seed(&[7; 32]);
    as_envelope(&hub, bytes);
    as_payload(&hub, bytes);
}

/// The bytes as somebody's envelope: nobody but the hub can sign, so what opens was signed with the key that the corpus is signed with.
fn as_envelope(hub: &HubSigner, bytes: &[u8]) {
    let stranger = HubSigner::from_seed(&[8; 32]);
    assert!(
        dsse::open(PayloadType::Order, bytes, &[stranger.public()]).is_err(),
        "a stranger's key opened it"
    );
    assert!(dsse::open(PayloadType::Order, bytes, &[]).is_err(), "it opened without a key");
    if let Ok(signed) = dsse::open(PayloadType::Order, bytes, &[hub.public()]) {
        let again = hub.sign(PayloadType::Order, signed.payload());
        let reopened = dsse::open(PayloadType::Order, &again, &[hub.public()]).expect("our own envelope");
        assert_eq!(reopened.payload(), signed.payload());
        assert!(
            dsse::open(PayloadType::Catalogue, bytes, &[hub.public()]).is_err(),
            "it opened as another type"
        );
        order(signed.payload(), &signed);
    }
}

/// The bytes as what the hub signs, and one bit of the envelope bent.
fn as_payload(hub: &HubSigner, bytes: &[u8]) {
    let envelope = hub.sign(PayloadType::Order, bytes);
    if envelope.len() > dsse::ENVELOPE_MAX_BYTES {
        return;
    }
    let signed = dsse::open(PayloadType::Order, &envelope, &[hub.public()]).expect("our own envelope");
    assert_eq!(signed.payload(), bytes, "other bytes came out than were signed");
    order(bytes, &signed);
    let mut bent = envelope.clone();
    let at =
        bytes.iter().fold(0usize, |sum, b| sum.wrapping_mul(31).wrapping_add(usize::from(*b))) % bent.len();
    bent[at] ^= 1 << (bytes.len() % 8);
    if let Ok(opened) = dsse::open(PayloadType::Order, &bent, &[hub.public()]) {
        assert_eq!(opened.payload(), bytes, "a bent envelope opened to other bytes");
    }
    let jane = OperatorSigner::from_seed(&[9; 32]);
    let approved = jane.approve(&envelope).expect("our own envelope");
    let pinned = BTreeMap::from([("jane".parse().expect("a name"), jane.public())]);
    let (opened, by) =
        dsse::open_approved(&approved, &[hub.public()], &pinned).expect("approved by somebody pinned");
    assert_eq!((opened.payload(), by.len()), (bytes, 1));
    assert!(
        dsse::open_approved(&approved, &[hub.public()], &BTreeMap::new()).is_err(),
        "a stranger approved"
    );
}

fn order(payload: &[u8], signed: &dsse::Signed) {
    assert_eq!(signed.payload(), payload);
    let Ok(order) = Order::from_signed(signed) else { return };
    let hub = HubSigner::from_seed(&[7; 32]);
    let written = serde_json::to_vec(&order).expect("an order cannot be written");
    let envelope = hub.sign(PayloadType::Order, &written);
    let again = dsse::open(PayloadType::Order, &envelope, &[hub.public()]).expect("our own envelope");
    assert_eq!(Order::from_signed(&again), Ok(order), "the meaning changed");
}
