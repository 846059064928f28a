//! What a witness's answer means.

use tlog::cosignature::{self, CosignatureTime};
use tlog::note::SignatureType;
use tlog::tree::TreeSize;
use tlog::{Checkpoint, Hash, SignedNote, SigningKey, VerifiedCheckpoint};

use crate::heads::ask::Said;
use crate::heads::outsiders::{Next, Trouble, next};

fn witness() -> SigningKey {
    SigningKey::from_seed("w.example".parse().unwrap(), SignatureType::CosignatureV1, &[2; 32]).unwrap()
}

fn head(size: u64) -> VerifiedCheckpoint {
    let key = SigningKey::from_seed("h/heads".parse().unwrap(), SignatureType::Ed25519, &[1; 32]).unwrap();
    let root = Hash::from_bytes([3; 32]);
    Checkpoint { origin: "h/heads".parse().unwrap(), size: TreeSize::new(size), root }.sign(&key).unwrap()
}

fn note() -> SignedNote {
    head(9).into_note()
}

fn said(status: u16, content_type: &str, body: &str) -> Said {
    Said { status, content_type: content_type.to_owned(), body: body.as_bytes().to_vec() }
}

fn means(said: &Said, old: u64) -> Next {
    next(said, TreeSize::new(old), TreeSize::new(9), &note(), witness().verifier())
}

fn alarm(next: &Next) -> Option<&'static str> {
    match next {
        Next::Stop(Trouble { alarm, text: _ }) => *alarm,
        Next::Take(_) | Next::From(_) => panic!("{next:?}"),
    }
}

fn cosigned(of: &VerifiedCheckpoint, key: &SigningKey) -> String {
    let time = CosignatureTime::from_unix_seconds(1_795_000_000).unwrap();
    format!("{}\n", cosignature::cosign(of, key, time).unwrap())
}

#[test]
fn only_its_own_cosignature_on_this_head_is_taken() {
    let line = cosigned(&head(9), &witness());
    assert!(matches!(means(&said(200, "", &line), 3), Next::Take(_)));
    let other = SigningKey::from_seed("x".parse().unwrap(), SignatureType::CosignatureV1, &[5; 32]).unwrap();
    let among = format!("{}{line}", cosigned(&head(9), &other));
    assert!(matches!(means(&said(200, "", &among), 3), Next::Take(_)));
    let namesake =
        SigningKey::from_seed("w.example".parse().unwrap(), SignatureType::CosignatureV1, &[5; 32]).unwrap();
    let bad = [
        cosigned(&head(8), &witness()),
        cosigned(&head(9), &other),
        cosigned(&head(9), &namesake),
        line.trim_end().to_owned(),
        "\n".to_owned(),
        String::new(),
    ];
    for body in bad {
        assert_eq!(alarm(&means(&said(200, "", &body), 3)), None, "{body:?}");
    }
}

#[test]
fn a_size_that_it_knows_is_gone_on_from_and_one_beyond_the_log_is_an_alarm() {
    let size = |body: &str, old| means(&said(409, "text/x.tlog.size", body), old);
    assert_eq!(size("7\n", 3), Next::From(TreeSize::new(7)));
    assert_eq!(size("9\n", 3), Next::From(TreeSize::new(9)));
    assert_eq!(size("0\n", 3), Next::From(TreeSize::EMPTY));
    assert_eq!(alarm(&size("10\n", 3)), Some("heads_rolled_back"));
    assert_eq!(alarm(&size("9\n", 9)), Some("heads_forked"));
    assert_eq!(alarm(&size("3\n", 3)), None);
    for body in ["", "7", "07\n", "+7\n", "7\n\n", "seven\n", "18446744073709551616\n"] {
        assert_eq!(alarm(&size(body, 3)), None, "{body:?}");
    }
    assert_eq!(alarm(&means(&said(409, "text/plain", "7\n"), 3)), None);
}

#[test]
fn a_refused_proof_is_an_alarm_and_what_may_pass_is_none() {
    assert_eq!(alarm(&means(&said(422, "", ""), 3)), Some("heads_forked"));
    for status in [400, 403, 404, 500, 503, 301] {
        assert_eq!(alarm(&means(&said(status, "", ""), 3)), None, "{status}");
    }
}
