//! Checkpoints and their cosignatures: what is accepted, and every reason for which one is not.

use proptest::prelude::*;
use tlog::checkpoint::{CheckpointError, CheckpointParseError, open};
use tlog::cosignature::{CosignatureError, CosignatureTime, cosign, verify};
use tlog::note::{KeyError, SignatureError, SignatureType};
use tlog::{Checkpoint, Origin, SignedNote, SigningKey, TreeSize, leaf_hash};

use crate::signing_key;

fn log_key() -> SigningKey {
    signing_key("hub.example/4f1c", SignatureType::Ed25519, 3)
}

fn witness_key() -> SigningKey {
    signing_key("witness.hub.example", SignatureType::CosignatureV1, 4)
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        origin: "hub.example/4f1c".parse().unwrap(),
        size: TreeSize::new(42),
        root: leaf_hash(b"root"),
    }
}

fn time(seconds: u64) -> CosignatureTime {
    CosignatureTime::from_unix_seconds(seconds).unwrap()
}

#[test]
fn the_specification_example_is_read() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let parsed: Checkpoint = text.parse().unwrap();
    assert_eq!(parsed.size, TreeSize::new(20_852_163));
    assert_eq!(parsed.to_string(), text);
}

#[test]
fn a_signed_checkpoint_opens_with_its_key() {
    let signed = checkpoint().sign(&log_key()).unwrap();
    let bytes = signed.note().to_string();
    assert!(bytes.starts_with("hub.example/4f1c\n42\n"));
    let opened = open(bytes.as_bytes(), log_key().verifier()).unwrap();
    assert_eq!(opened.checkpoint(), &checkpoint());
}

#[test]
fn a_text_that_is_not_three_strict_lines_is_refused() {
    let root = checkpoint().root.to_base64();
    let unpadded = root.trim_end_matches('=');
    let text = |origin: &str, size: &str, root: &str| format!("{origin}\n{size}\n{root}\n");
    let cases = [
        (String::new(), "lines"),
        (format!("log\n1\n{root}"), "lines"),
        (format!("log\n1\n{root}\n\n"), "lines"),
        (format!("log\n1\n{root}\nextension\n"), "lines"),
        (text("", "1", &root), "origin"),
        (text("a b", "1", &root), "origin"),
        (text(&"a".repeat(256), "1", &root), "origin"),
        (text("log", "", &root), "size"),
        (text("log", "01", &root), "size"),
        (text("log", "+1", &root), "size"),
        (text("log", "-1", &root), "size"),
        (text("log", "1 ", &root), "size"),
        (text("log", "18446744073709551616", &root), "size"),
        (text("log", "1", unpadded), "root"),
        (text("log", "1", "AAAA"), "root"),
    ];
    for (text, expected) in cases {
        let why = match text.parse::<Checkpoint>().unwrap_err() {
            CheckpointParseError::Lines => "lines",
            CheckpointParseError::Origin => "origin",
            CheckpointParseError::Size => "size",
            CheckpointParseError::Root => "root",
        };
        assert_eq!(why, expected, "{text:?}");
    }
    assert!(text("log", "0", &root).parse::<Checkpoint>().is_ok());
    assert!("a".repeat(255).parse::<Origin>().is_ok());
}

#[test]
fn a_key_speaks_for_the_log_of_its_name_only() {
    let neighbour = signing_key("hub.example/9999", SignatureType::Ed25519, 3);
    assert!(matches!(checkpoint().sign(&neighbour), Err(CheckpointError::OtherLog { .. })));
    let note = SignedNote::sign(&checkpoint().to_string(), &neighbour).unwrap().to_string();
    let refused = open(note.as_bytes(), neighbour.verifier());
    assert!(matches!(refused, Err(CheckpointError::OtherLog { .. })));
    let unsigned_by_log = open(note.as_bytes(), log_key().verifier());
    let missing = matches!(unsigned_by_log, Err(CheckpointError::Signature(SignatureError::Missing(_))));
    assert!(missing);
}

#[test]
fn a_signed_text_that_is_no_checkpoint_is_refused() {
    let note = SignedNote::sign("hub.example/4f1c\n42\n", &log_key()).unwrap().to_string();
    let refused = open(note.as_bytes(), log_key().verifier());
    assert_eq!(refused, Err(CheckpointError::Text(CheckpointParseError::Lines)));
}

#[test]
fn a_cosignature_verifies_with_its_time_beside_the_logs_signature() {
    let signed = checkpoint().sign(&log_key()).unwrap();
    let line = cosign(&signed, &witness_key(), time(1_679_315_147)).unwrap();
    let mut note = signed.into_note();
    note.add(line).unwrap();
    let note = SignedNote::parse(note.to_string().as_bytes()).unwrap();
    let verified = verify(&note, witness_key().verifier()).unwrap();
    assert_eq!((verified.checkpoint(), verified.time()), (&checkpoint(), time(1_679_315_147)));
    assert!(open(note.to_string().as_bytes(), log_key().verifier()).is_ok());
}

#[test]
fn the_cosigned_message_and_payload_are_those_of_the_specification() {
    let signed = checkpoint().sign(&log_key()).unwrap();
    let line = cosign(&signed, &witness_key(), time(1_679_315_147)).unwrap();
    let (seconds, signature) = line.payload().split_at(8);
    assert_eq!(seconds, 1_679_315_147_u64.to_be_bytes());
    assert_eq!(signature.len(), 64);
    let message = format!("cosignature/v1\ntime 1679315147\n{}", checkpoint());
    assert_eq!(witness_key().verifier().verify(message.as_bytes(), signature), Ok(()));
}

#[test]
fn a_witness_cosigns_anew_in_place_of_its_earlier_line() {
    let signed = checkpoint().sign(&log_key()).unwrap();
    let mut note = signed.note().clone();
    for seconds in [1, 2] {
        note.add(cosign(&signed, &witness_key(), time(seconds)).unwrap()).unwrap();
    }
    assert_eq!(note.signatures().len(), 2);
    assert_eq!(verify(&note, witness_key().verifier()).unwrap().time(), time(2));
}

#[test]
fn keys_for_checkpoints_and_for_cosignatures_are_not_interchangeable() {
    let signed = checkpoint().sign(&log_key()).unwrap();
    assert!(matches!(cosign(&signed, &log_key(), time(1)), Err(KeyError::Type(..))));
    let refused = verify(signed.note(), log_key().verifier());
    assert!(matches!(refused, Err(CosignatureError::Signature(SignatureError::Key(_)))));
    let same_seed = signing_key("hub.example/4f1c", SignatureType::CosignatureV1, 3);
    assert_ne!(same_seed.verifier().label().id, log_key().verifier().label().id);
    assert!(checkpoint().sign(&same_seed).is_err());
}

#[test]
fn a_time_beyond_63_bits_is_refused() {
    assert!(CosignatureTime::from_unix_seconds(1 << 63).is_none());
    assert!(CosignatureTime::from_unix_seconds((1 << 63) - 1).is_some());
}

proptest! {
    #[test]
    fn any_flipped_bit_of_a_checkpoint_or_cosignature_is_refused(pick: prop::sample::Index, bit in 0_u32..8) {
        let signed = checkpoint().sign(&log_key()).unwrap();
        let mut note = SignedNote::sign(&checkpoint().to_string(), &log_key()).unwrap();
        note.add(cosign(&signed, &witness_key(), time(1_679_315_147)).unwrap()).unwrap();
        let mut bytes = note.to_string().into_bytes();
        let at = pick.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let by_log = open(&bytes, log_key().verifier()).is_ok();
        let by_witness =
            SignedNote::parse(&bytes).is_ok_and(|note| verify(&note, witness_key().verifier()).is_ok());
        // A flip within one signature line may leave the other line good, but never both.
        prop_assert!(!(by_log && by_witness));
        if at < checkpoint().to_string().len() {
            prop_assert!(!by_log && !by_witness);
        }
    }
}
