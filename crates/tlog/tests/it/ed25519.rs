//! The line that strict Ed25519 verification draws, over C2SP's edge cases.

use serde_json::Value;
use tlog::note::{SignatureType, VerifierKey};

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn accepts(vector: &Value) -> bool {
    let field = |name: &str| vector[name].as_str().unwrap();
    let public = unhex(field("key")).try_into().unwrap();
    VerifierKey::new("cctv".parse().unwrap(), SignatureType::Ed25519, &public)
        .is_ok_and(|key| key.verify(field("msg").as_bytes(), &unhex(field("sig"))).is_ok())
}

#[test]
fn strict_verification_accepts_43_of_the_914_edge_cases() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../../vectors/ed25519/cctv.json")).unwrap();
    let accepted = vectors.iter().filter(|vector| accepts(vector)).count();
    assert_eq!((accepted, vectors.len() - accepted), (43, 871));
}

#[test]
fn a_key_of_small_order_is_refused_before_it_verifies_anything() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert!(VerifierKey::new("weak".parse().unwrap(), SignatureType::Ed25519, &identity).is_err());
}
