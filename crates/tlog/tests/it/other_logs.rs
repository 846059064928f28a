//! What other public logs publish: signed notes and cosignatures that others made, with keys of every type.
//!
//! Any note is read, and any key of a type we know is checked against it. Two things we ask only of our own logs: a
//! checkpoint of exactly three lines, and an origin that is the name of its key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use tlog::checkpoint::{CheckpointError, CheckpointParseError, open};
use tlog::cosignature::{self, CosignatureError, CosignatureTime, cosign};
use tlog::note::{KeyError, NoteSignature, SignatureError, SignatureType};
use tlog::policy::Policy;
use tlog::{Checkpoint, SignedNote, TreeSize, VerifierKey};

use crate::signing_key;

const GO: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
const GO_NOTES: [&str; 2] = [
    include_str!("../../vectors/checkpoints/sum.golang.org-20852163.note"),
    include_str!("../../vectors/checkpoints/sum.golang.org-49189689.note"),
];

const ARCHE: &str =
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
const ARCHE_NOTE: &str =
    include_str!("../../vectors/checkpoints/arche2025h1.staging.ct.transparency.dev.note");
const ARCHE_WITNESSES: [&str; 4] = [
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
];

const NAVIGLI: &str =
    "witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G";
const COACH_NOTE: &str =
    include_str!("../../vectors/checkpoints/coachandhorses2026h1.staging.certificate.transparency.goog.note");

fn note(bytes: impl AsRef<[u8]>) -> SignedNote {
    SignedNote::parse(bytes.as_ref()).unwrap()
}

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

#[test]
fn the_go_checksum_database_is_read_as_signed_notes() {
    for text in GO_NOTES {
        let note = note(text);
        assert_eq!(note.verify(&key(GO)), Ok(()));
        assert_eq!(note.to_string(), text);
        // Its origin has spaces, which no key name has: a note to us, not a checkpoint of ours.
        assert_eq!(note.text().parse::<Checkpoint>(), Err(CheckpointParseError::Origin));
        let refused = open(text.as_bytes(), &key(GO));
        assert_eq!(refused, Err(CheckpointError::Text(CheckpointParseError::Origin)));
    }
}

#[test]
fn cosignatures_of_four_public_witnesses_verify_with_their_time() {
    // Beside them stands a signature of the log's RFC 6962 key: same name, other type, not looked at.
    let log = open(ARCHE_NOTE.as_bytes(), &key(ARCHE)).unwrap();
    assert_eq!(log.checkpoint().size, TreeSize::new(1_432_088_532));
    assert_eq!(log.note().signatures().len(), 6);
    assert_eq!(log.note().to_string(), ARCHE_NOTE);
    for witness in ARCHE_WITNESSES {
        let verified = cosignature::verify(log.note(), &key(witness)).unwrap();
        assert_eq!(verified.checkpoint(), log.checkpoint());
        assert_eq!(verified.time().unix_seconds(), 1_779_573_024);
    }
    let absent = cosignature::verify(log.note(), &key(NAVIGLI));
    assert!(matches!(absent, Err(CosignatureError::Signature(SignatureError::Missing(_)))));
}

#[test]
fn a_policy_over_public_keys_is_satisfied_by_what_they_signed() {
    let witnesses = ARCHE_WITNESSES.iter().chain([&NAVIGLI]).enumerate();
    let witnesses: Vec<String> = witnesses.map(|(at, key)| format!("witness w{at} {key}\n")).collect();
    let text = format!("log {ARCHE}\n{}", witnesses.concat());
    let arche = note(ARCHE_NOTE);
    for (least, enough) in [(1, true), (4, true), (5, false)] {
        let policy = Policy::parse(format!("{text}group g {least} w0 w1 w2 w3 w4\nquorum g\n")).unwrap();
        assert!(policy.logs().iter().any(|log| arche.verify(&log.key).is_ok()));
        assert_eq!(policy.satisfied(|key| cosignature::verify(&arche, key).is_ok()), enough, "{least}");
    }
}

#[test]
fn lines_of_other_types_are_kept_and_not_looked_at() {
    // The same witness cosigned with an ML-DSA-44 key too. Here a line of that key and of that length stands for it.
    let mut long = [0x6b, 0xc4, 0x42, 0x49].to_vec();
    long.resize(4 + 8 + 2420, 7);
    let long = STANDARD.encode(long);
    let line = format!("\u{2014} witness.navigli.sunlight.geomys.org {long}\n");
    let note = note(format!("{COACH_NOTE}{line}"));
    assert_eq!(note.signatures()[2].payload().len(), 2428);
    assert_eq!(note.signatures()[1].label().name, note.signatures()[2].label().name);
    let verified = cosignature::verify(&note, &key(NAVIGLI)).unwrap();
    assert_eq!(verified.time().unix_seconds(), 1_785_704_691);
    assert!(note.to_string().ends_with(&line));
}

#[test]
fn keys_of_other_types_are_named_as_such() {
    // Types 0x02, 0x05 and 0x06 of the specification, around 32 bytes that would be a key of ours.
    for (identifier, first) in [(2_u8, "Ak"), (5, "BU"), (6, "Bk")] {
        let text = format!("log.example+00000000+{first}0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f");
        assert_eq!(text.parse::<VerifierKey>(), Err(KeyError::UnknownType(identifier)), "{text}");
    }
}

#[test]
fn extension_lines_are_read_in_notes_and_refused_in_checkpoints() {
    let log = signing_key("log.example", SignatureType::Ed25519, 1);
    let three = Checkpoint {
        origin: "log.example".parse().unwrap(),
        size: TreeSize::new(1),
        root: tlog::leaf_hash(b""),
    };
    let extended = SignedNote::sign(&format!("{three}an extension line\nanother\n"), &log).unwrap();
    assert_eq!(note(extended.to_string()).verify(log.verifier()), Ok(()));
    let refused = open(extended.to_string().as_bytes(), log.verifier());
    assert_eq!(refused, Err(CheckpointError::Text(CheckpointParseError::Lines)));
    // A cosignature of three lines does not hold for the same three lines with more after them.
    let witness = signing_key("witness.example", SignatureType::CosignatureV1, 2);
    let time = CosignatureTime::from_unix_seconds(1).unwrap();
    let line: NoteSignature = cosign(&three.sign(&log).unwrap(), &witness, time).unwrap();
    let mut moved = extended;
    moved.add(line).unwrap();
    let refused = cosignature::verify(&moved, witness.verifier());
    assert!(matches!(refused, Err(CosignatureError::Signature(SignatureError::Mismatch(_)))));
}

proptest! {
    #[test]
    fn any_flipped_bit_of_a_public_note_is_refused(pick: prop::sample::Index, bit in 0_u32..8) {
        let refuses = |text: &str, signed: &dyn Fn(&SignedNote) -> bool| {
            let mut bytes = text.as_bytes().to_vec();
            let at = pick.index(bytes.len());
            bytes[at] ^= 1 << bit;
            !SignedNote::parse(&bytes).is_ok_and(|note| signed(&note))
        };
        prop_assert!(refuses(GO_NOTES[0], &|note| note.verify(&key(GO)).is_ok()));
        // Here each key has its line, so a flip is caught by one of them; the RFC 6962 line is nobody's.
        let all = |note: &SignedNote| {
            note.verify(&key(ARCHE)).is_ok()
                && ARCHE_WITNESSES.iter().all(|witness| cosignature::verify(note, &key(witness)).is_ok())
                && note.signatures()[0] == self::note(ARCHE_NOTE).signatures()[0]
        };
        prop_assert!(refuses(ARCHE_NOTE, &all));
    }
}
