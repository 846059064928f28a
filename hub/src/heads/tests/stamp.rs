//! RFC 3161 against openssl.

use super::authority::Authority;
use crate::heads::stamp::{StampError, StampRequest};

#[test]
fn an_authority_understands_the_request_and_its_answer_is_taken() {
    let authority = Authority::new();
    for random in [[0; 8], [0xff; 8], [0x80, 0, 0, 0, 0, 0, 0, 1]] {
        let request = StampRequest::new(b"a head", random);
        let answer = authority.answer(&request.der());
        let stamped = request.check(&answer).unwrap();
        let kept = tempfile::tempdir().unwrap();
        let (data, response) = (kept.path().join("data"), kept.path().join("response"));
        std::fs::write(&data, b"a head").unwrap();
        std::fs::write(&response, &answer).unwrap();
        assert!(authority.verifies(&data, &response), "an auditor's openssl does not take it");
        assert!(stamped.time.starts_with("20") && stamped.time.ends_with('Z'), "{stamped:?}");
    }
}

#[test]
fn an_answer_to_something_else_is_refused() {
    let authority = Authority::new();
    let request = StampRequest::new(b"a head", [7; 8]);
    let other_bytes = StampRequest::new(b"another head", [7; 8]);
    let other_nonce = StampRequest::new(b"a head", [8; 8]);
    let answer = authority.answer(&other_bytes.der());
    assert_eq!(request.check(&answer), Err(StampError::OtherBytes));
    let answer = authority.answer(&other_nonce.der());
    assert_eq!(request.check(&answer), Err(StampError::OtherRequest));
    let refusal = authority.refuse(&request.der());
    assert!(matches!(request.check(&refusal), Err(StampError::NotGranted { status: 2, .. })), "{refusal:?}");
    // No nonce at all: an answer that was made before the question.
    let der = request.der();
    let nonce = der.windows(2).position(|w| w == [0x02, 0x08]).unwrap();
    let mut without = [&der[..nonce], &der[nonce + 10..]].concat();
    without[1] -= 10;
    let answer = authority.answer(&without);
    assert_eq!(request.check(&answer), Err(StampError::OtherRequest));
}

#[test]
fn what_is_cut_off_longer_or_nonsense_is_refused() {
    let request = StampRequest::new(b"a head", [7; 8]);
    let answer = Authority::new().answer(&request.der());
    for length in 0..answer.len() {
        assert!(request.check(&answer[..length]).is_err(), "cut at {length}");
    }
    let longer = [answer.as_slice(), &[0]].concat();
    assert!(matches!(request.check(&longer), Err(StampError::Malformed(_))));
    assert!(request.check(b"<html>").is_err());
    let der = request.der();
    // In the request the hash is followed by the nonce, of ten bytes, and by three more.
    let hash = &der[der.len() - 45..der.len() - 13];
    let imprint = answer.windows(32).position(|w| w == hash).unwrap();
    let honest = request.check(&answer).unwrap();
    for at in 0..imprint {
        let mut flipped = answer.clone();
        flipped[at] ^= 0x40;
        if let Ok(stamped) = request.check(&flipped) {
            // Versions of the container, digest algorithms and the policy are the authority's own affair.
            assert_eq!(stamped, honest, "byte {at}");
        }
    }
    for at in imprint..imprint + 32 {
        let mut flipped = answer.clone();
        flipped[at] ^= 1;
        assert_eq!(request.check(&flipped), Err(StampError::OtherBytes), "byte {at}");
    }
}
