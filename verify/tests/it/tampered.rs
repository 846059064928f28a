//! Logs changed by somebody who knows the format.

use verify::{Alteration, Lack, RecordFault, Unverified, Verdict};

use crate::logs::{Log, ORIGIN, key, key_of, log, log_with, trust, verify};

fn check(log: &Log, name: &str, index: Option<u64>, reason: &str) {
    let report = verify(log, &trust());
    assert_eq!((report.verdict.name(), report.verdict.index()), (name, index), "{:?}", report.verdict);
    assert_eq!(report.reason(), Some(reason), "{:?}", report.verdict);
    assert_eq!(report.summary, None, "nothing is said of records that do not lead to the root");
}

/// Spoils the entries of an honest log.
fn spoilt(size: u64, spoil: impl FnOnce(&mut Vec<Vec<u8>>)) -> Log {
    let mut log = log(size);
    let mut entries = log.entries();
    spoil(&mut entries);
    log.reframe(&entries);
    log
}

/// The same entry with another number in it: canonical, a record, and not what was signed.
fn another_number(entry: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(entry).unwrap();
    text.replace("\"torn_bytes\":", "\"torn_bytes\":7").into_bytes()
}

#[test]
fn a_record_rewritten_in_good_form_is_named() {
    for size in [1, 3, 256, 257, 700] {
        for index in [0, size / 2, size - 1] {
            let at = usize::try_from(index).unwrap();
            let log = spoilt(size, |entries| entries[at] = another_number(&entries[at]));
            check(&log, "altered", Some(index), "hash_differs");
        }
    }
}

#[test]
fn the_first_of_several_altered_records_is_named() {
    let log = spoilt(700, |entries| {
        entries[300] = another_number(&entries[300]);
        entries[299] = b"{}".to_vec();
        entries[5] = another_number(&entries[5]);
    });
    check(&log, "altered", Some(5), "hash_differs");
}

#[test]
fn without_tiles_the_next_record_accuses() {
    let mut log = spoilt(700, |entries| entries[300] = another_number(&entries[300]));
    log.0.remove("tile/0/000");
    check(&log, "altered", Some(300), "successor_differs");
    let mut log = spoilt(700, |entries| entries[699] = another_number(&entries[699]));
    log.0.remove("tile/0/000");
    check(&log, "altered", None, "root_differs");
    // The seam between two bundles.
    let mut log = spoilt(700, |entries| entries[255] = another_number(&entries[255]));
    log.0.remove("tile/0/000");
    check(&log, "altered", Some(255), "successor_differs");
}

#[test]
fn dropped_doubled_and_swapped_records_are_named() {
    for at in [0_usize, 1, 255, 256, 600] {
        let log = spoilt(700, |entries| drop(entries.remove(at)));
        check(&log, "altered", Some(at as u64), "sequence_differs");
        let log = spoilt(700, |entries| entries.insert(at, entries[at].clone()));
        check(&log, "altered", Some(at as u64 + 1), "sequence_differs");
        let log = spoilt(700, |entries| entries.swap(at, at + 1));
        check(&log, "altered", Some(at as u64), "sequence_differs");
    }
    check(&spoilt(700, |entries| drop(entries.pop())), "incomplete", Some(699), "record_missing");
    check(
        &spoilt(700, |entries| entries.push(entries[699].clone())),
        "altered",
        Some(700),
        "bytes_after_bundle",
    );
}

#[test]
fn a_record_of_another_log_is_named() {
    let foreign = log_with(key_of("hub.example/h-2", 4), 3, 0).entries();
    let log = spoilt(3, |entries| entries[1].clone_from(&foreign[1]));
    check(&log, "altered", Some(1), "origin_differs");
}

#[test]
fn a_record_too_long_or_not_canonical_is_named() {
    let log = spoilt(3, |entries| entries[1] = vec![b'x'; 16 * 1024 + 1]);
    check(&log, "altered", Some(1), "not_a_record");
    let log = spoilt(3, |entries| entries[1].push(b'\n'));
    check(&log, "altered", Some(1), "not_canonical");
    let log = spoilt(3, |entries| {
        let text = String::from_utf8(entries[2].clone()).unwrap();
        entries[2] = text.replacen("{\"clock\"", "{\"clock\":\"unknown\",\"clock\"", 1).into_bytes();
    });
    check(&log, "altered", Some(2), "not_canonical");
}

#[test]
fn what_the_key_signed_must_be_a_log_too() {
    let entries = log(3).entries();
    let mut swapped = entries.clone();
    swapped.swap(1, 2);
    check(&Log::forge(&swapped, &key()), "altered", Some(1), "signed_but_malformed");
    let cut_out = [entries[0].clone(), another_number(&entries[1]), entries[2].clone()];
    let verdict = verify(&Log::forge(&cut_out, &key()), &trust()).verdict;
    let why = RecordFault::Previous;
    assert_eq!(verdict, Verdict::Altered(Alteration::SignedMalformed { index: 2, why }));
    assert!(verify(&Log::forge(&entries, &key()), &trust()).verdict.is_intact());
}

#[test]
fn every_missing_file_is_missed() {
    for size in [1, 3, 256, 257, 700] {
        let log = log(size);
        for name in log.0.keys() {
            let mut log = log.clone();
            log.0.remove(name);
            let verdict = verify(&log, &trust()).verdict;
            match name.as_str() {
                "checkpoint" => {
                    assert!(
                        matches!(verdict, Verdict::NothingVerified(Unverified::NoHead(_))),
                        "{verdict:?}"
                    );
                }
                bundle if bundle.starts_with("tile/entries/") => {
                    let first = if bundle.contains("/000") {
                        0
                    } else if bundle.contains("/001") {
                        256
                    } else {
                        512
                    };
                    assert!(matches!(verdict, Verdict::Incomplete(Lack::Bundle { .. })), "{verdict:?}");
                    assert_eq!(verdict.index(), Some(first));
                }
                tile => assert!(
                    matches!(&verdict, Verdict::Incomplete(Lack::Tile { path, .. }) if path == tile),
                    "{verdict:?}"
                ),
            }
        }
    }
}

#[test]
fn an_altered_record_before_a_missing_bundle_comes_first() {
    let mut log = spoilt(700, |entries| entries[7] = another_number(&entries[7]));
    log.0.remove("tile/entries/001");
    check(&log, "altered", Some(7), "hash_differs");
}

#[test]
fn extra_files_are_stated_and_those_that_contradict_are_an_alteration() {
    let honest = log(300);
    let mut log = honest.clone();
    log.0.insert("tile/notes.txt".into(), b"x".to_vec());
    log.0.insert("tile/entries/007".into(), b"x".to_vec());
    let older = honest.0["tile/entries/001.p/44"].clone();
    log.0.insert("tile/entries/001.p/2".into(), older[..older.len() / 22].to_vec());
    let report = verify(&log, &trust());
    assert_eq!(report.verdict, Verdict::IntactUnwitnessedTail { unwitnessed: 300 });
    assert_eq!(report.uncovered.names, ["tile/entries/001.p/2", "tile/entries/007", "tile/notes.txt"]);
    log.0.insert("tile/entries/001.p/3".into(), b"another history".to_vec());
    let verdict = verify(&log, &trust()).verdict;
    assert_eq!(verdict, Verdict::Altered(Alteration::Leftover { path: "tile/entries/001.p/3".into() }));
}

#[test]
fn a_head_of_another_key_or_log_verifies_nothing() {
    let entries = log(3).entries();
    let thief = key_of(ORIGIN, 4);
    check(&Log::forge(&entries, &thief), "nothing_verified", None, "not_signed_by_key");
    let elsewhere = log_with(key_of("hub.example/h-2", 3), 3, 0);
    check(&elsewhere, "nothing_verified", None, "other_log");
}

#[test]
fn an_empty_log_verifies_nothing() {
    check(&Log(std::collections::BTreeMap::new()), "nothing_verified", None, "no_head");
    check(&Log::forge(&[], &key()), "nothing_verified", None, "empty_log");
}
