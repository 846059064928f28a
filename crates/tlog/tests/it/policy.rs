//! Policy files: the specification's example, what satisfies it, and every line that is refused.

use proptest::prelude::*;
use tlog::VerifierKey;
use tlog::note::{KeyError, SignatureType};
use tlog::policy::{Policy, PolicyError, PolicyFault};

use crate::signing_key;

fn log_key() -> String {
    signing_key("log.example", SignatureType::Ed25519, 1).verifier().to_string()
}

/// The key of a witness, by a number from 1.
fn key(number: u8) -> VerifierKey {
    let name = format!("witness.example/{number}");
    signing_key(&name, SignatureType::CosignatureV1, 100 + number).verifier().clone()
}

/// The example of the specification, its elided keys filled in.
fn example() -> String {
    let key = |number| format!("{}", self::key(number));
    format!(
        "log {}

witness X1 {}
witness X2 {}
witness X3 {}
group X-witnesses 2 X1 X2 X3

witness Y1 {}
witness Y2 {}
witness Y3 {}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
",
        log_key(),
        key(1),
        key(2),
        key(3),
        key(4),
        key(5),
        key(6)
    )
}

/// Whether a set of witnesses, bit 0 for witness 1, satisfies a policy.
fn satisfied(policy: &Policy, set: u32) -> bool {
    policy.satisfied(|seen| (1..=6).any(|number| set >> (number - 1) & 1 == 1 && *seen == key(number)))
}

fn fault(text: &str) -> (usize, PolicyFault) {
    let PolicyError { line, fault } = Policy::parse(text).unwrap_err();
    (line, fault)
}

#[test]
fn the_specification_example_holds_for_exactly_its_quorums() {
    let policy = Policy::parse(example()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 6));
    assert_eq!(policy.logs()[0].name, "log.example");
    let names: Vec<&str> = policy.witnesses().iter().map(|witness| witness.name.as_str()).collect();
    assert_eq!(names, ["X1", "X2", "X3", "Y1", "Y2", "Y3"]);
    for set in 0..64_u32 {
        let wanted = (set & 0b111).count_ones() >= 2 && set >> 3 != 0;
        assert_eq!(satisfied(&policy, set), wanted, "{set:06b}");
    }
}

#[test]
fn a_quorum_of_none_needs_nobody_and_one_of_a_witness_needs_that_one() {
    assert!(satisfied(&Policy::parse("quorum none\n").unwrap(), 0));
    let text = format!("witness a {}\nwitness b {}\nquorum a\n", key(1), key(2));
    let policy = Policy::parse(text).unwrap();
    assert!(satisfied(&policy, 0b01) && !satisfied(&policy, 0b10) && !satisfied(&policy, 0));
    // Somebody else's key of the same name is somebody else.
    let namesake = signing_key("witness.example/1", SignatureType::CosignatureV1, 99);
    assert!(!policy.satisfied(|seen| seen == namesake.verifier()));
}

#[test]
fn blanks_comments_urls_and_bytes_that_are_not_utf_8_are_read() {
    let text = format!(
        "\n# comment\n \t # caf\u{e9}\n\twitness \t w1  {}   https://w1.example/  \n\nquorum\tw1 \t\nlog {} sigsum://x\n",
        key(1),
        log_key()
    );
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(policy.witnesses()[0].url.as_deref(), Some("https://w1.example/"));
    assert_eq!(policy.logs()[0].url.as_deref(), Some("sigsum://x"));
    let witness =
        |name: &[u8], number| [b"witness ", name, format!(" {}\n", key(number)).as_bytes()].concat();
    let octets = [b"#\xff\n".to_vec(), witness(b"\x80", 1), witness(b"\x81", 2), b"quorum \x81\n".to_vec()];
    // Two names that differ in a byte that is no UTF-8 stay two names.
    let policy = Policy::parse(octets.concat()).unwrap();
    assert!(satisfied(&policy, 0b10) && !satisfied(&policy, 0b01));
}

#[test]
fn words_of_the_format_are_names_too() {
    let text =
        format!("witness all {}\nwitness any {}\ngroup group 2 all any\nquorum group\n", key(1), key(2));
    let policy = Policy::parse(text).unwrap();
    assert!(satisfied(&policy, 0b11) && !satisfied(&policy, 0b01));
}

#[test]
fn a_long_chain_of_groups_is_answered_without_recursion() {
    let groups: Vec<String> = (1..5000).map(|at| format!("group g{at} any g{}\n", at - 1)).collect();
    let text = format!("witness g0 {}\n{}quorum g4999\n", key(1), groups.concat());
    let policy = Policy::parse(text).unwrap();
    assert!(satisfied(&policy, 1) && !satisfied(&policy, 0b10));
}

#[test]
fn every_fault_is_named_with_its_line() {
    let two = format!("witness w {}\nwitness v {}\n", key(1), key(2));
    let (log, w) = (log_key(), key(1));
    let with = |lines: &str| format!("{two}{lines}\nquorum w\n");
    let cases = [
        (String::new(), 0, PolicyFault::Quorum),
        ("# nothing\n".to_owned(), 1, PolicyFault::Quorum),
        ("quorum none".to_owned(), 1, PolicyFault::Character),
        ("quorum none\r\n".to_owned(), 1, PolicyFault::Character),
        ("quorum none\n\u{1}\n".to_owned(), 2, PolicyFault::Character),
        ("quorum none\n\u{7f}\n".to_owned(), 2, PolicyFault::Character),
        ("quorum none\nquorum none\n".to_owned(), 2, PolicyFault::Quorum),
        ("quorum\n".to_owned(), 1, PolicyFault::Line),
        ("quorum none none\n".to_owned(), 1, PolicyFault::Line),
        ("Quorum none\n".to_owned(), 1, PolicyFault::Line),
        ("quorum nobody\n".to_owned(), 1, PolicyFault::Undefined),
        (format!("quorum w\nwitness w {w}\n"), 1, PolicyFault::Undefined),
        (with("quibble w"), 3, PolicyFault::Line),
        (with("log"), 3, PolicyFault::Line),
        (with(&format!("log {log} https://a # comment")), 3, PolicyFault::Line),
        (with("log garbage"), 3, PolicyFault::Key(KeyError::Form)),
        (with(&format!("log {log}\nlog {log} https://a")), 4, PolicyFault::RepeatedKey),
        (with("witness x"), 3, PolicyFault::Line),
        (with(&format!("witness w {}", key(3))), 3, PolicyFault::Taken),
        (with(&format!("witness none {}", key(3))), 3, PolicyFault::Taken),
        (with(&format!("witness x {w}")), 3, PolicyFault::RepeatedKey),
        (with("group none any w"), 3, PolicyFault::Taken),
        (with("group w any v"), 3, PolicyFault::Taken),
        (with("group g any"), 3, PolicyFault::Threshold),
        (with("group g all"), 3, PolicyFault::Threshold),
        (with("group g 1"), 3, PolicyFault::Threshold),
        (with("group g 0 w"), 3, PolicyFault::Threshold),
        (with("group g 2 w"), 3, PolicyFault::Threshold),
        (with("group g -1 w"), 3, PolicyFault::Threshold),
        (with("group g 01 w"), 3, PolicyFault::Threshold),
        (with("group g some w"), 3, PolicyFault::Threshold),
        (with("group g 99999999999999999999 w"), 3, PolicyFault::Threshold),
        (with("group g any x"), 3, PolicyFault::Undefined),
        (with("group g any g"), 3, PolicyFault::Undefined),
        (with("group g any w none"), 3, PolicyFault::Listed),
        (with("group g all w w"), 3, PolicyFault::Listed),
        (with("group g any w v\ngroup h any w"), 4, PolicyFault::Listed),
    ];
    for (text, line, wanted) in cases {
        assert_eq!(fault(&text), (line, wanted), "{text}");
    }
}

#[test]
fn a_key_that_cannot_do_its_part_is_refused() {
    let (wanted, found) = (SignatureType::CosignatureV1, SignatureType::Ed25519);
    let plain = signing_key("witness.example/1", found, 1);
    let text = format!("witness w {}\nquorum w\n", plain.verifier());
    assert_eq!(fault(&text), (1, PolicyFault::Key(KeyError::Type(found, wanted))));
    let text = format!("log {}\nquorum none\n", key(1));
    let swapped = KeyError::Type(wanted, found);
    assert_eq!(fault(&text), (1, PolicyFault::Key(swapped)));
    // The same public key under another name is the same witness.
    let impostor = signing_key("impostor.example", SignatureType::CosignatureV1, 101);
    let text = format!("witness w {}\nwitness x {}\nquorum w\n", key(1), impostor.verifier());
    assert_eq!(fault(&text), (2, PolicyFault::RepeatedKey));
}

proptest! {
    #[test]
    fn no_flipped_bit_of_a_witness_line_leaves_the_policy_as_it_was(pick: prop::sample::Index, bit in 0_u32..8) {
        let good = format!("witness w {}\nquorum w\n", key(1));
        let mut bytes = good.clone().into_bytes();
        let at = pick.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // A flip to another blank or into another name may be read, but the key is never another one.
        if let Ok(policy) = Policy::parse(&bytes) {
            prop_assert_eq!(&policy.witnesses()[0].key, &key(1));
            prop_assert!(!satisfied(&policy, 0b10));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(policy) = Policy::parse(&bytes) {
            prop_assert!(policy.witnesses().is_empty());
        }
    }
}
