//! Holds `suture-verify`'s library to the corpus. `e2e/agree` holds the page to the same cases, and to what the library says of them.
//!
//! `SUTURE_FLIP_STEP` (97 where it is not set; 1 for every byte) and `SUTURE_HONEST_KITS` (1 000) say how much of the corpus is gone through.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod said;
mod scenarios;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use e2e::base;
use e2e::case::Case;
use e2e::corpus;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// Goes through cases, and lists every one that was judged otherwise.
fn check(cases: impl Iterator<Item = Case>) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kit.zip");
    let (mut seen, mut wrong) = (0, String::new());
    for case in cases {
        seen += 1;
        let said = said::said(&case, &path);
        if !case.expected.met(said.verdict, said.reason, said.index) {
            let _ = writeln!(wrong, "{}: {said:?}, expected {:?}", case.name, case.expected);
        }
    }
    assert!(wrong.is_empty(), "{} of {seen} cases:\n{wrong}", wrong.lines().count());
    seen
}

#[test]
fn everything_done_on_purpose_is_caught_with_its_reason_and_record() {
    let cases = corpus::deliberate();
    let names: BTreeSet<String> = cases.iter().map(|case| case.name.clone()).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    let reasons: BTreeSet<&str> = cases.iter().flat_map(|case| case.expected.reasons.clone()).collect();
    for reason in REASONS {
        assert!(reasons.contains(reason), "no case leads to {reason}");
    }
    let seen = check(cases.into_iter());
    assert!(seen > 400, "only {seen} cases");
}

#[test]
fn no_flipped_byte_passes() {
    let (small, step) = (base::small(), usize::try_from(setting("SUTURE_FLIP_STEP", 97)).unwrap());
    assert!(check(corpus::flips(small, 0, step)) >= small.kit.write().len() / step);
}

#[test]
fn no_cut_passes() {
    let (small, step) = (base::small(), usize::try_from(setting("SUTURE_FLIP_STEP", 97)).unwrap());
    assert!(check(corpus::truncations(small, 0, step)) >= small.kit.write().len() / step);
}

/// One of four parts of the honest kits: kits of every shape are in each.
fn honest(part: u64) {
    let kits = setting("SUTURE_HONEST_KITS", 1_000);
    let range = kits * part / 4..kits * (part + 1) / 4;
    let expected = usize::try_from(range.end - range.start).unwrap();
    assert!(expected > 0, "SUTURE_HONEST_KITS is below 4");
    assert_eq!(check(range.map(corpus::honest)), expected);
}

#[test]
fn no_honest_kit_of_the_first_quarter_raises_an_alarm() {
    honest(0);
}

#[test]
fn no_honest_kit_of_the_second_quarter_raises_an_alarm() {
    honest(1);
}

#[test]
fn no_honest_kit_of_the_third_quarter_raises_an_alarm() {
    honest(2);
}

#[test]
fn no_honest_kit_of_the_last_quarter_raises_an_alarm() {
    honest(3);
}

/// Every reason that a kit can have and that a case leads to.
const REASONS: &[&str] = &[
    "bundle_missing",
    "record_missing",
    "tile_missing",
    "rolled_back",
    "tail_not_covered",
    "period_cut",
    "document_missing",
    "log_missing",
    "not_canonical",
    "not_a_record",
    "sequence_differs",
    "origin_differs",
    "hash_differs",
    "successor_differs",
    "root_differs",
    "bytes_after_bundle",
    "tile_differs",
    "head_malformed",
    "head_signature",
    "cosignature_invalid",
    "key_handover",
    "not_a_kit",
    "file_damaged",
    "kit_malformed",
    "kit_differs",
    "kit_signature",
    "document_differs",
    "unexpected_file",
    "heads_proof",
    "two_heads_signed",
    "outside_head_differs",
    "no_trust",
    "outside_head_empty",
    "trust_disagrees",
    "outside_head_signature",
    "wrong_kind_of_key",
    "receipt_invalid",
    "no_head",
    "not_signed_by_key",
    "key_revoked",
    "empty_log",
];
