//! Signed notes against the published examples, and against every way to bend one.

use proptest::prelude::*;
use tlog::note::{
    KeyError, KeyName, NOTE_BYTES_MAX, NoteError, SIGNATURES_MAX, SignatureError, SignatureType,
};
use tlog::{SignedNote, VerifierKey};

use crate::signing_key;

// The worked example of Go's golang.org/x/mod/sumdb/note, whose format became the specification.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER_LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH_LINE: &str = "\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn peter() -> VerifierKey {
    PETER.parse().unwrap()
}

fn example() -> String {
    format!("{TEXT}\n{PETER_LINE}{ENOCH_LINE}")
}

#[test]
fn the_go_example_verifies_and_is_signed_byte_for_byte() {
    let note = SignedNote::parse(example().as_bytes()).unwrap();
    assert_eq!((note.text(), note.signatures().len()), (TEXT, 2));
    assert_eq!(note.verify(&peter()), Ok(()));
    assert_eq!(note.verify(&ENOCH.parse().unwrap()), Ok(()));
    assert_eq!(note.to_string(), example());
    // EnochRoot's seed is 32 zero bytes.
    let enoch = signing_key("EnochRoot", SignatureType::Ed25519, 0);
    assert_eq!(enoch.verifier().to_string(), ENOCH);
    assert_eq!(SignedNote::sign(TEXT, &enoch).unwrap().to_string(), format!("{TEXT}\n{ENOCH_LINE}"));
}

#[test]
fn the_specification_example_verifies() {
    let key: VerifierKey =
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse().unwrap();
    let note = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    assert_eq!(SignedNote::parse(note.as_bytes()).unwrap().verify(&key), Ok(()));
}

#[test]
fn no_part_and_no_bent_byte_of_a_verifier_key_is_a_key() {
    assert_eq!(peter().to_string(), PETER);
    for start in 0..PETER.len() {
        for end in start..=PETER.len() {
            let part = &PETER[start..end];
            assert!(part == PETER || part.parse::<VerifierKey>().is_err(), "{part}");
        }
    }
    for at in 0..PETER.len() {
        let mut bent = PETER.as_bytes().to_vec();
        bent[at] += 1;
        let bent = String::from_utf8(bent).unwrap();
        assert!(bent.parse::<VerifierKey>().is_err(), "{bent}");
    }
    assert!(PETER.replace("c74f20a3", "C74F20A3").parse::<VerifierKey>().is_err());
}

#[test]
fn keys_of_other_lengths_and_types_are_refused() {
    let long = "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==";
    assert_eq!(long.parse::<VerifierKey>(), Err(KeyError::Form));
    let unknown = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(unknown.parse::<VerifierKey>(), Err(KeyError::UnknownType(0x65)));
    let cosigner = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";
    let cosigner: VerifierKey = cosigner.parse().unwrap();
    assert_eq!(cosigner.signature_type(), SignatureType::CosignatureV1);
    let note = SignedNote::parse(example().as_bytes()).unwrap();
    assert!(matches!(note.verify(&cosigner), Err(SignatureError::Key(KeyError::Type(..)))));
}

#[test]
fn key_names_hold_no_space_plus_or_control_character() {
    for refused in ["", "a b", "a+b", "a\u{2003}b", "a\nb", "a\0b", "a\u{85}b"] {
        assert_eq!(refused.parse::<KeyName>(), Err(KeyError::Name), "{refused:?}");
    }
    assert!("hub.example/4f1c".parse::<KeyName>().is_ok());
}

#[test]
fn a_signing_key_never_prints_its_secret() {
    let key = signing_key("log", SignatureType::Ed25519, 0x41);
    let printed = format!("{key:?} {key:#?}");
    assert!(!printed.contains("4141") && !printed.contains("65, 65"), "{printed}");
}

#[test]
fn malformed_notes_are_refused_with_their_reason() {
    let line = |line: &str| NoteError::SignatureLine(line.trim_end().to_owned());
    let peter_line = PETER_LINE.trim_end();
    let cases: Vec<(Vec<u8>, NoteError)> = vec![
        (b"".into(), NoteError::NoSignatures),
        (TEXT.into(), NoteError::NoSignatures),
        (format!("{TEXT}{PETER_LINE}").into(), NoteError::NoSignatures),
        (format!("{TEXT}\n").into(), NoteError::NoFinalNewline),
        (format!("{TEXT}\n{peter_line}").into(), NoteError::NoFinalNewline),
        (format!("{TEXT}\r\n\n{PETER_LINE}").into(), NoteError::ControlCharacter),
        (format!("\t{TEXT}\n{PETER_LINE}").into(), NoteError::ControlCharacter),
        ([b"\xff".as_slice(), example().as_bytes()].concat(), NoteError::Utf8),
        (format!("{TEXT}\nno dash\n").into(), line("no dash")),
        (format!("{TEXT}\n\u{2014} name\n").into(), line("\u{2014} name")),
        // A key ID with no signature after it, base64 without padding, a name with a plus, and no name.
        (format!("{TEXT}\n\u{2014} name AAAAAA==\n").into(), line("\u{2014} name AAAAAA==")),
        (format!("{TEXT}\n\u{2014} name AAAAAAA\n").into(), line("\u{2014} name AAAAAAA")),
        (format!("{TEXT}\n\u{2014} a+b AAAAAAA=\n").into(), line("\u{2014} a+b AAAAAAA=")),
        (format!("{TEXT}\n\u{2014}  AAAAAAA=\n").into(), line("\u{2014}  AAAAAAA=")),
        (format!("{TEXT}\n{}", PETER_LINE.repeat(SIGNATURES_MAX + 1)).into(), NoteError::TooLong),
        (vec![b'a'; NOTE_BYTES_MAX + 1], NoteError::TooLong),
    ];
    for (note, reason) in cases {
        assert_eq!(SignedNote::parse(&note), Err(reason), "{:?}", String::from_utf8_lossy(&note));
    }
}

#[test]
fn empty_lines_belong_to_the_text_and_unknown_lines_are_kept() {
    let key = signing_key("log.example", SignatureType::Ed25519, 1);
    let mut note = SignedNote::sign("one\n\nthree\n\n", &key).unwrap();
    assert_eq!(note.text(), "one\n\nthree\n\n");
    let other = SignedNote::parse(example().as_bytes()).unwrap();
    note.add(other.signatures()[0].clone()).unwrap();
    let read = SignedNote::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read.signatures().len(), 2);
    assert_eq!(read.verify(key.verifier()), Ok(()));
    // PeterNeumann signed another text: a signature by a known key that does not match refuses the note.
    assert!(matches!(read.verify(&peter()), Err(SignatureError::Mismatch(_))));
}

#[test]
fn a_key_counts_by_name_and_id_together_and_only_once() {
    let note = SignedNote::parse(format!("{TEXT}\n{ENOCH_LINE}").as_bytes()).unwrap();
    assert!(matches!(note.verify(&peter()), Err(SignatureError::Missing(_))));
    let namesake = signing_key("EnochRoot", SignatureType::Ed25519, 9);
    assert!(matches!(note.verify(namesake.verifier()), Err(SignatureError::Missing(_))));
    let twice = SignedNote::parse(format!("{TEXT}\n{PETER_LINE}{PETER_LINE}").as_bytes()).unwrap();
    assert!(matches!(twice.verify(&peter()), Err(SignatureError::Repeated(_))));
}

#[test]
fn a_text_that_could_not_be_read_back_is_not_signed() {
    let key = signing_key("log.example", SignatureType::Ed25519, 1);
    assert_eq!(SignedNote::sign("tab\t\n", &key), Err(NoteError::ControlCharacter));
    for text in ["", "no newline", "text\n\n\u{2014} name AAAAAAA="] {
        assert_eq!(SignedNote::sign(text, &key), Err(NoteError::NoFinalNewline), "{text:?}");
    }
    let cosigner = signing_key("witness.example", SignatureType::CosignatureV1, 1);
    assert!(matches!(SignedNote::sign(TEXT, &cosigner), Err(NoteError::Key(KeyError::Type(..)))));
}

proptest! {
    #[test]
    fn any_text_round_trips(lines in prop::collection::vec("[^\\p{Cc}]{0,20}", 1..6), seed: u8) {
        let key = signing_key("log.example", SignatureType::Ed25519, seed);
        let text = format!("{}\n", lines.join("\n"));
        let note = SignedNote::sign(&text, &key).unwrap();
        let read = SignedNote::parse(note.to_string().as_bytes()).unwrap();
        prop_assert_eq!(read.text(), text);
        prop_assert_eq!(read.verify(key.verifier()), Ok(()));
    }

    #[test]
    fn any_flipped_bit_is_refused(at: prop::sample::Index, bit in 0_u32..8) {
        let mut bytes = format!("{TEXT}\n{PETER_LINE}").into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let verified = SignedNote::parse(&bytes).is_ok_and(|note| note.verify(&peter()).is_ok());
        prop_assert!(!verified);
    }
}
