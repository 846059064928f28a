//! Requests to witnesses: the specification's own example, and every way to bend it.

use proptest::prelude::*;
use tlog::note::SignedNote;
use tlog::witness::{AddCheckpoint, BodyError, PROOF_HASHES_MAX};
use tlog::{Hash, TreeSize};

const EXAMPLE: &str = "old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u{2014} example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";

// The specification's example of an answer, by three keys of two witnesses.
const ANSWER: &str = "\u{2014} witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
\u{2014} witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
\u{2014} witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==
";

#[test]
fn the_specification_example_is_read_and_written_alike() {
    let request = AddCheckpoint::parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!((request.old, request.proof.len()), (TreeSize::new(20_852_014), 4));
    assert_eq!(request.proof[3].to_base64(), "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=");
    assert_eq!(request.checkpoint.signatures().len(), 2);
    assert_eq!(request.to_string(), EXAMPLE);
}

#[test]
fn the_specification_answer_is_read_as_signature_lines_of_the_text() {
    let request = AddCheckpoint::parse(EXAMPLE.as_bytes()).unwrap();
    let answered = format!("{}\n{ANSWER}", request.checkpoint.text());
    let answered = SignedNote::parse(answered.as_bytes()).unwrap();
    let names: Vec<String> = answered.signatures().iter().map(|line| line.label().to_string()).collect();
    let w1 = ["witness.example/w1+08ca7ee8", "witness.example/w1+23bac4a6"];
    assert_eq!(names, [w1[0], w1[1], "witness.example/w2+016ba2f1"]);
    assert!(answered.signatures().iter().all(|line| line.payload().len() == 8 + 64));
}

#[test]
fn whatever_is_not_the_format_is_refused_with_what_was_expected() {
    let from = |old: &str, new: &str| EXAMPLE.replacen(old, new, 1);
    let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
    let many = |count: usize| {
        format!("old 1\n{}\n{}", hash.repeat(count), &EXAMPLE[EXAMPLE.find("\n\n").unwrap() + 2..])
    };
    let cases = [
        (String::new(), "an empty line"),
        ("old 1".to_owned(), "an empty line"),
        (from("\n\n", "\n"), "signed note"),
        (from("old 20852014\n", ""), "`old`"),
        (from("old ", "new "), "`old`"),
        (from("old ", "old  "), "`old`"),
        (from("old 2", "old 02"), "`old`"),
        (from("old 2", "old +2"), "`old`"),
        (from("old 20852014", "old 00"), "`old`"),
        (from("old 20852014", "old "), "`old`"),
        (from("old 20852014", "old 18446744073709551616"), "`old`"),
        (from("old 20852014\n", "old 20852014\r\n"), "`old`"),
        (from("pkaw=", "pkaw"), "base64 of a hash"),
        (from("pkaw=", "pkax="), "base64 of a hash"),
        (from("PlRN", ""), "base64 of a hash"),
        (many(PROOF_HASHES_MAX + 1), "at most 63 hashes"),
    ];
    for (text, expected) in cases {
        let message = AddCheckpoint::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(expected), "{text:?}: {message}");
    }
    assert!(AddCheckpoint::parse(many(PROOF_HASHES_MAX).as_bytes()).is_ok());
    let unsigned = &EXAMPLE[..=EXAMPLE.find("\n\n\u{2014}").unwrap()];
    assert!(matches!(AddCheckpoint::parse(unsigned.as_bytes()), Err(BodyError::Checkpoint(_))));
}

proptest! {
    #[test]
    fn no_flipped_bit_leaves_the_same_request(pick: prop::sample::Index, bit in 0_u32..8) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        let at = pick.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let good = AddCheckpoint::parse(EXAMPLE.as_bytes()).unwrap();
        match AddCheckpoint::parse(&bytes) {
            Err(_) => {}
            // What is still well-formed says something else, and is written as it was read.
            Ok(bent) => {
                prop_assert_ne!(&bent, &good);
                prop_assert_eq!(bent.to_string().into_bytes(), bytes);
            }
        }
    }

    #[test]
    fn any_request_round_trips(old: u64, proof in prop::collection::vec(any::<[u8; 32]>(), 0..=PROOF_HASHES_MAX)) {
        let checkpoint = AddCheckpoint::parse(EXAMPLE.as_bytes()).unwrap().checkpoint;
        let proof = proof.into_iter().map(Hash::from_bytes).collect();
        let request = AddCheckpoint { old: TreeSize::new(old), proof, checkpoint };
        prop_assert_eq!(AddCheckpoint::parse(request.to_string().as_bytes()), Ok(request));
    }
}
