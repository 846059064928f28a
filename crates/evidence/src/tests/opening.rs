//! A fast opening finds what reading everything finds, and believes nothing that does not lead to the signed root.

use std::path::Path;

use proptest::prelude::*;
use tlog::{Checkpoint, TreeSize};

use super::build::{Built, DIRECTORY, build};
use super::key;
use super::memory::MemoryDisk;
use crate::fsck::fsck_on;
use crate::{LogWriter, OpenError, Recovery};

type Opened = Result<(LogWriter<MemoryDisk>, Recovery, Vec<u64>), OpenError>;

fn open(disk: &MemoryDisk, receipt: Option<&Checkpoint>) -> Opened {
    let mut seen = Vec::new();
    let opened = LogWriter::open_on(disk.clone(), Path::new(DIRECTORY), key(), receipt, |r| seen.push(r.seq));
    opened.map(|(log, recovery)| (log, recovery, seen))
}

fn earlier(built: &Built, size: u64) -> Checkpoint {
    let range = built.leaves[..usize::try_from(size).unwrap()].iter().fold(
        tlog::CompactRange::new(),
        |mut range, leaf| {
            range.append(*leaf);
            range
        },
    );
    Checkpoint { origin: "hub.example/h-1".parse().unwrap(), size: TreeSize::new(size), root: range.root() }
}

/// Opens a log that was laid down, and holds what is found against how it was made.
fn as_it_was_made(size: u64, standing: &[u64], receipt: u64) {
    let built = build(size, standing);
    let (mut log, recovery, seen) = open(&built.disk, Some(&earlier(&built, receipt))).unwrap();
    assert_eq!(recovery, Recovery { size, torn_bytes: 0 });
    assert_eq!(log.frontier, built.frontier);
    assert_eq!(log.last_leaf, built.leaves.last().copied());
    let first = standing.iter().copied().filter(|s| *s < size).max();
    assert_eq!(seen, (first.unwrap_or(0)..size).collect::<Vec<_>>());
    assert_eq!(log.standing, first);
    let other = Checkpoint { root: tlog::hash::leaf_hash(b"other"), ..earlier(&built, receipt) };
    if receipt > 0 {
        assert!(
            matches!(open(&built.disk.copied(), Some(&other)), Err(OpenError::Exchanged { size }) if size == receipt)
        );
    }
    log.append((0..3).map(super::draft).collect()).unwrap();
    drop(log);
    if size > 2000 {
        return;
    }
    // What it went on to is a whole log again.
    let found =
        fsck_on(built.disk.clone(), Path::new(DIRECTORY), &[key().verifier().clone()], |_, _| ()).unwrap();
    assert!(found.fault.is_none() && found.by_a_given_key, "{:?}", found.fault);
    assert_eq!((found.size, found.read), (size + 3, size + 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_opening_finds_what_was_made(
        bundles in 0u64..4, around in -2i64..3, standing in proptest::collection::vec(0u64..1000, 0..3), part in 0u64..=100,
    ) {
        let size = (bundles * 256).saturating_add_signed(around);
        as_it_was_made(size, &standing, size * part / 100);
    }
}

#[test]
fn an_opening_finds_what_was_made_around_a_second_level() {
    for (size, standing, receipt) in [
        (65_535, vec![65_000], 255),
        (65_536, vec![65_300, 65_535], 65_536),
        (65_537, vec![65_000], 65_535),
        (66_050, vec![65_790], 65_281),
    ] {
        as_it_was_made(size, &standing, receipt);
    }
}

#[test]
fn every_flipped_byte_of_what_an_opening_reads_is_refused() {
    for size in [66_050, 66_048] {
        let built = build(size, &[65_900]);
        let sound = built.frontier.clone();
        let copy = built.disk.copied();
        open(&copy, None).unwrap();
        let read = copy.files_read();
        assert!(read.len() >= 6 && read.len() < 20, "{read:?}");
        let mut refused = 0;
        for path in read {
            let Some(honest) = built.disk.content(&path) else { continue };
            for at in (0..honest.len()).step_by(1 + honest.len() / 60) {
                let mut bent = honest.clone();
                bent[at] ^= 0x08;
                // What is refused is left as it was.
                built.disk.put(&path, &bent);
                if let Ok((log, recovery, _)) = open(&built.disk, None) {
                    let same = log.frontier == sound && recovery.size == size;
                    panic!("{}: byte {at} was flipped, and it opened (the same: {same})", path.display());
                }
                refused += 1;
            }
            built.disk.put(&path, &honest);
        }
        open(&built.disk, None).unwrap();
        assert!(refused > 200, "{refused}");
    }
}

#[test]
fn a_missing_short_or_long_file_is_refused() {
    let built = build(66_050, &[65_900]);
    let copy = built.disk.copied();
    open(&copy, None).unwrap();
    for path in copy.files_read() {
        let Some(honest) = built.disk.content(&path) else { continue };
        let short = honest[..honest.len() - 1].to_vec();
        let long = [honest.as_slice(), &[7]].concat();
        for (what, bytes) in [("missing", None), ("short", Some(short)), ("long", Some(long))] {
            let disk = built.disk.copied();
            match &bytes {
                Some(bytes) => disk.put(&path, bytes),
                None => disk.take(&path),
            }
            let opened = open(&disk, None);
            // The published head can be made again; above the tail's signed frames bytes are torn, and are cut.
            let harmless = path.ends_with("checkpoint") && bytes.is_none()
                || what == "long" && path.to_string_lossy().contains("writer/tail");
            assert_eq!(opened.is_ok(), harmless, "{what}: {}", path.display());
        }
    }
}

#[test]
fn a_head_that_is_older_than_the_tiles_does_not_open() {
    let built = build(600, &[]);
    let head = earlier(&built, 300).sign(&key()).unwrap().note().to_string();
    built.disk.put(&built.layout.head(), head.as_bytes());
    assert!(matches!(open(&built.disk, None), Err(OpenError::RolledBack { published: 600, head: 300 })));
    built.disk.put(&built.layout.checkpoint(), head.as_bytes());
    assert!(matches!(open(&built.disk, None), Err(OpenError::EntryMissing { index: 256, .. })));
}

#[test]
fn what_is_read_names_the_entry_that_was_altered() {
    let built = build(700, &[100]);
    let path = built.layout.bundle(1);
    let honest = built.disk.content(&path).unwrap();
    for (at, index) in [(30, 256), (honest.len() - 5, 511)] {
        let mut bent = honest.clone();
        bent[at] ^= 1;
        built.disk.put(&path, &bent);
        let refused = open(&built.disk, None).map(|_| ());
        assert!(matches!(refused, Err(OpenError::EntryDiffers { index: i }) if i == index), "{refused:?}");
    }
}
