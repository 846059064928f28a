//! Every byte flipped, every length cut.

use verify::{Alteration, Verdict};

use crate::logs::{Log, log, trust, verify, witness, witnessed_by};

/// The record of each byte of the log's bundles, lengths included.
fn record_of_bytes(log: &Log) -> Vec<u64> {
    let lengths = log.entries().into_iter().map(|entry| entry.len() + 2);
    (0_u64..).zip(lengths).flat_map(|(index, length)| std::iter::repeat_n(index, length)).collect()
}

fn flipped(log: &Log, name: &str, at: usize, bit: u32) -> Log {
    let mut log = log.clone();
    log.0.get_mut(name).unwrap()[at] ^= 1 << bit;
    log
}

#[test]
fn a_flip_in_a_bundle_is_named_by_its_record() {
    let log = log(3);
    let records = record_of_bytes(&log);
    assert_eq!(records.len(), log.0["tile/entries/000.p/3"].len());
    for (at, record) in records.iter().enumerate() {
        for bit in 0..8 {
            let verdict = verify(&flipped(&log, "tile/entries/000.p/3", at, bit), &trust()).verdict;
            assert!(matches!(verdict, Verdict::Altered(_)), "byte {at} bit {bit}: {verdict:?}");
            assert_eq!(verdict.index(), Some(*record), "byte {at} bit {bit}: {verdict:?}");
        }
    }
}

#[test]
fn a_flip_in_a_later_bundle_is_named_by_its_record() {
    let log = log(257);
    let records = record_of_bytes(&log);
    let last = log.0["tile/entries/001.p/1"].len();
    for at in 0..last {
        let verdict = verify(&flipped(&log, "tile/entries/001.p/1", at, 0), &trust()).verdict;
        assert_eq!(verdict.index(), Some(256), "byte {at}: {verdict:?}");
    }
    // The seam between two bundles: the last record of the first.
    let full = log.0["tile/entries/000"].len();
    for at in (0..full).step_by(97).chain(full - 300..full) {
        let verdict = verify(&flipped(&log, "tile/entries/000", at, 1), &trust()).verdict;
        assert_eq!(verdict.index(), Some(records[at]), "byte {at}: {verdict:?}");
    }
}

#[test]
fn a_flip_in_a_bundle_is_found_without_hash_tiles() {
    let mut log = log(3);
    log.0.remove("tile/0/000.p/3");
    let records = record_of_bytes(&log);
    for (at, record) in records.iter().enumerate() {
        for bit in 0..8 {
            let verdict = verify(&flipped(&log, "tile/entries/000.p/3", at, bit), &trust()).verdict;
            assert!(matches!(verdict, Verdict::Altered(_)), "byte {at} bit {bit}: {verdict:?}");
            // A hash in the last record that was changed accuses the record before; nothing tells the two apart.
            // A last record that still reads well has no successor to accuse it.
            let named = verdict.index();
            assert!(
                named.is_none_or(|named| named == *record || named + 1 == *record),
                "byte {at} bit {bit}: {verdict:?}"
            );
            assert!(named.is_some() || *record == 2, "byte {at} bit {bit}: {verdict:?}");
        }
    }
}

#[test]
fn a_flip_in_the_head_or_a_tile_is_never_intact() {
    // Every bit of a small log; of a larger one, whose tiles are alike, enough to meet every tile.
    for (size, step) in [(3, 1), (257, 41)] {
        let log = log(size);
        for name in log.0.keys().filter(|name| !name.contains("entries")) {
            let bits = (0..log.0[name].len() * 8).step_by(step);
            for (at, bit) in bits.map(|bit| (bit / 8, u32::try_from(bit % 8).unwrap())) {
                let verdict = verify(&flipped(&log, name, at, bit), &trust()).verdict;
                let tile = Verdict::Altered(Alteration::Tile { path: name.clone() });
                let right = if name == "checkpoint" { !verdict.is_intact() } else { verdict == tile };
                assert!(right, "{name} byte {at} bit {bit}: {verdict:?}");
            }
        }
    }
}

#[test]
fn a_flip_in_a_cosigned_head_is_never_witnessed() {
    let hub = witness("hub.example/witness");
    let mut log = log(2);
    log.0.insert("checkpoint".into(), log.cosigned(&hub).to_string().into_bytes());
    for at in 0..log.0["checkpoint"].len() {
        for bit in 0..8 {
            let verdict = verify(&flipped(&log, "checkpoint", at, bit), &witnessed_by(&[&hub])).verdict;
            assert_ne!(verdict, Verdict::IntactWitnessed, "byte {at} bit {bit}");
        }
    }
}

#[test]
fn a_file_cut_at_any_length_is_never_intact() {
    for size in [3, 257] {
        let log = log(size);
        for name in log.0.keys() {
            let length = log.0[name].len();
            let step = if length > 4096 { 61 } else { 1 };
            for cut in (0..length).step_by(step) {
                let mut log = log.clone();
                log.0.get_mut(name).unwrap().truncate(cut);
                let verdict = verify(&log, &trust()).verdict;
                assert!(!verdict.is_intact(), "{name} cut to {cut}: {verdict:?}");
            }
        }
    }
}

#[test]
fn a_bundle_cut_short_names_the_first_record_it_lacks() {
    let log = log(3);
    let records = record_of_bytes(&log);
    for (cut, record) in records.iter().enumerate() {
        let mut log = log.clone();
        log.0.get_mut("tile/entries/000.p/3").unwrap().truncate(cut);
        let verdict = verify(&log, &trust()).verdict;
        let clean = cut == 0 || records[cut - 1] != *record;
        let expected = if clean { "incomplete" } else { "altered" };
        assert_eq!((verdict.name(), verdict.index()), (expected, Some(*record)), "cut to {cut}");
    }
}

#[test]
fn bytes_added_to_any_file_are_never_intact() {
    for size in [3, 257] {
        let log = log(size);
        for name in log.0.keys() {
            for more in [&b"\0"[..], b"\n", &[0; 32]] {
                let mut log = log.clone();
                log.0.get_mut(name).unwrap().extend_from_slice(more);
                let verdict = verify(&log, &trust()).verdict;
                assert!(matches!(verdict, Verdict::Altered(_)), "{name}: {verdict:?}");
            }
        }
    }
}
