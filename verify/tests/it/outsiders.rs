//! What outsiders saw, against the log as it is shown now.

use tlog::note::{SignatureType, SignedNote, SigningKey};
use tlog::policy::Policy;
use verify::{OutsideHead, OutsideHeadError, Trust, Verdict, Witnesses};

use crate::logs::{Log, all, key, key_of, log, log_with, trust, verify, witness, witnessed_by};

fn kept(log: &Log) -> OutsideHead {
    OutsideHead::parse(&log.0["checkpoint"]).unwrap()
}

/// The three lines, as they stand on a postcard.
fn typed(log: &Log) -> OutsideHead {
    OutsideHead::parse(log.head().to_string().as_bytes()).unwrap()
}

fn check(log: &Log, trust: &Trust, name: &str, reason: &str) -> Verdict {
    let report = verify(log, trust);
    assert_eq!((report.verdict.name(), report.reason()), (name, Some(reason)), "{:?}", report.verdict);
    report.verdict
}

#[test]
fn an_earlier_head_is_found_again() {
    for seen in [1, 255, 256, 257, 700] {
        for head in [kept(&log(seen)), typed(&log(seen))] {
            let trust = Trust { heads: vec![head], ..trust() };
            check(&log(700), &trust, "intact_unwitnessed_tail", "unwitnessed_tail");
        }
    }
}

#[test]
fn an_earlier_head_alone_vouches_for_what_it_covers_and_no_more() {
    let alone = |seen| Trust { heads: vec![typed(&log(seen))], ..Trust::default() };
    check(&log(700), &alone(700), "intact_unwitnessed_tail", "unwitnessed_tail");
    let verdict = check(&log(700), &alone(256), "incomplete", "tail_not_covered");
    assert_eq!(verdict.index(), Some(256));
    // A witness that saw all of it covers the rest.
    let hub = witness("hub.example/witness");
    let receipts = vec![log(700).cosigned(&hub)];
    let trust = Trust { witnesses: all(&[&hub]), receipts, ..alone(256) };
    assert_eq!(verify(&log(700), &trust).verdict, Verdict::IntactWitnessed);
}

#[test]
fn a_log_put_back_is_incomplete() {
    for trust in [trust(), Trust::default()] {
        let trust = Trust { heads: vec![kept(&log(700))], ..trust };
        check(&log(257), &trust, "incomplete", "rolled_back");
    }
    let hub = witness("hub.example/witness");
    let trust = Trust { receipts: vec![log(700).cosigned(&hub)], ..witnessed_by(&[&hub]) };
    check(&log(699), &trust, "incomplete", "rolled_back");
}

#[test]
fn two_histories_are_a_fork_at_every_size() {
    for size in [1, 3, 256, 257, 700] {
        let other = log_with(key(), size, 1_000);
        let signed = Trust { heads: vec![kept(&other)], ..trust() };
        check(&log(700), &signed, "fork", "two_heads_signed");
        let unsigned = Trust { heads: vec![typed(&other)], ..trust() };
        check(&log(700), &unsigned, "fork", "outside_head_differs");
        let alone = Trust { heads: vec![kept(&other)], ..Trust::default() };
        check(&log(700), &alone, "fork", "outside_head_differs");
        let hub = witness("hub.example/witness");
        let receipt = Trust { receipts: vec![other.cosigned(&hub)], ..witnessed_by(&[&hub]) };
        check(&log(700), &receipt, "fork", "two_heads_signed");
    }
}

#[test]
fn a_stripped_cosignature_leaves_the_log_unwitnessed() {
    let hub = witness("hub.example/witness");
    let mut cosigned = log(3);
    cosigned.0.insert("checkpoint".into(), cosigned.cosigned(&hub).to_string().into_bytes());
    assert_eq!(verify(&cosigned, &witnessed_by(&[&hub])).verdict, Verdict::IntactWitnessed);
    check(&log(3), &witnessed_by(&[&hub]), "intact_unwitnessed_tail", "unwitnessed_tail");
}

#[test]
fn a_cosignature_from_another_head_is_an_alteration() {
    let hub = witness("hub.example/witness");
    let mut log = log(3);
    let moved = log_with(key(), 3, 1_000).cosigned(&hub).signatures()[1].clone();
    let mut note = log.note();
    note.add(moved).unwrap();
    log.0.insert("checkpoint".into(), note.to_string().into_bytes());
    check(&log, &witnessed_by(&[&hub]), "altered", "cosignature_invalid");
}

#[test]
fn a_receipt_that_proves_nothing_is_refused() {
    let (hub, bank) = (witness("hub.example/witness"), witness("bank.example/witness"));
    let with = |note: SignedNote| Trust { receipts: vec![note], ..witnessed_by(&[&hub]) };
    check(&log(3), &with(log(3).cosigned(&bank)), "nothing_verified", "receipt_not_cosigned");
    let spoilt = log(3).cosigned(&hub).to_string().replacen("\n3\n", "\n2\n", 1);
    let spoilt = SignedNote::parse(spoilt.as_bytes()).unwrap();
    check(&log(3), &with(spoilt), "nothing_verified", "receipt_invalid");
    let elsewhere = key_of("hub.example/h-2", 3);
    let note = log_with(key_of("hub.example/h-2", 3), 3, 0).cosigned_by(&elsewhere, &hub);
    check(&log(3), &with(note), "nothing_verified", "receipt_of_another_log");
}

#[test]
fn trust_that_disagrees_with_itself_verifies_nothing() {
    check(&log(3), &Trust::default(), "nothing_verified", "no_trust");
    let hub = witness("hub.example/witness");
    let only_witness = Trust { witnesses: all(&[&hub]), ..Trust::default() };
    check(&log(3), &only_witness, "nothing_verified", "no_trust");
    let elsewhere = log_with(key_of("hub.example/h-2", 3), 3, 0);
    check(
        &log(3),
        &Trust { heads: vec![kept(&elsewhere)], ..trust() },
        "nothing_verified",
        "trust_disagrees",
    );
    check(
        &log(3),
        &Trust { heads: vec![kept(&elsewhere)], ..Trust::default() },
        "nothing_verified",
        "other_log",
    );
    let spoilt = log(3).note().to_string().replacen("\n3\n", "\n2\n", 1);
    let spoilt = OutsideHead::parse(spoilt.as_bytes()).unwrap();
    check(&log(3), &Trust { heads: vec![spoilt], ..trust() }, "nothing_verified", "outside_head_signature");
    let empty = vec![typed(&Log::forge(&[], &key()))];
    check(&log(3), &Trust { heads: empty, ..Trust::default() }, "nothing_verified", "outside_head_empty");
    let crossed = Trust { keys: vec![hub.verifier().clone()], ..Trust::default() };
    check(&log(3), &crossed, "nothing_verified", "wrong_kind_of_key");
    let crossed = Trust { witnesses: all(&[&key()]), ..trust() };
    check(&log(3), &crossed, "nothing_verified", "wrong_kind_of_key");
}

#[test]
fn what_is_no_head_is_refused() {
    for bad in ["", "\n", "a\n1\n", "a\n1\nAAAA\n", "a b\n1\nAAAA\n"] {
        assert!(matches!(OutsideHead::parse(bad.as_bytes()), Err(OutsideHeadError::Text(_))), "{bad:?}");
    }
    assert!(matches!(OutsideHead::parse(b"\xff"), Err(OutsideHeadError::Note(_))));
}

#[test]
fn a_policy_says_how_many_witnesses_are_enough() {
    let of = |n: u8| {
        let name = format!("w{n}.example/witness").parse().unwrap();
        SigningKey::from_seed(name, SignatureType::CosignatureV1, &[40 + n; 32]).unwrap()
    };
    let witnesses = [of(1), of(2), of(3)];
    let named: Vec<String> =
        (1..).zip(&witnesses).map(|(n, key)| format!("witness w{n} {}\n", key.verifier())).collect();
    let receipts: Vec<SignedNote> =
        witnesses.iter().zip([500, 256, 700]).map(|(key, size)| log(size).cosigned(key)).collect();
    let enough = |rest: &str| {
        let policy = Policy::parse(named.concat() + rest).unwrap();
        let witnesses = Witnesses::Policy(policy);
        let report = verify(&log(700), &Trust { witnesses, receipts: receipts.clone(), ..trust() });
        assert!(report.verdict.is_intact(), "{:?}", report.verdict);
        report.witnessed_size
    };
    assert_eq!(enough("group g any w1 w2 w3\nquorum g\n"), 700);
    assert_eq!(enough("group g 2 w1 w2 w3\nquorum g\n"), 500);
    assert_eq!(enough("group g all w1 w2 w3\nquorum g\n"), 256);
    assert_eq!(enough("quorum w1\n"), 500);
    assert_eq!(enough("group g any w1 w3\ngroup h all g w2\nquorum h\n"), 256);
    assert_eq!(enough("quorum none\n"), 0);
}

#[test]
fn two_roots_for_one_size_are_no_trust() {
    let heads = vec![typed(&log(3)), typed(&log_with(key(), 3, 1_000))];
    check(&log(3), &Trust { heads, ..trust() }, "nothing_verified", "trust_disagrees");
    let heads = vec![typed(&log(3)), typed(&log(2)), typed(&log(3))];
    check(&log(3), &Trust { heads, ..trust() }, "intact_unwitnessed_tail", "unwitnessed_tail");
}
