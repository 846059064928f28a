//! Rotation, pruning, taking back, fsck, and one writer for many threads.

use std::path::Path;

use contract::record::{Body, KeyNamed, Record, Standing};
use tlog::note::{SignatureType, SigningKey};
use tlog::tree::TreeSize;

use super::build::{DIRECTORY, build};
use super::memory::MemoryDisk;
use super::{draft, key, open};
use crate::fsck::{Fsck, fsck_on};
use crate::shared::{SharedError, SharedLog};
use crate::{AppendError, Draft, LogWriter, OpenError, PackageError, RotateError, TakeBackError, fsck};

fn next_key() -> SigningKey {
    SigningKey::from_seed("hub.example/h-1".parse().unwrap(), SignatureType::Ed25519, &[8; 32]).unwrap()
}

fn standing() -> Draft {
    Draft { body: Body::Standing(Standing::default()), ..draft(0) }
}

fn check(disk: &MemoryDisk) -> Fsck {
    fsck_on(disk.clone(), Path::new(DIRECTORY), &[key().verifier().clone()], |_, _| ()).unwrap()
}

#[test]
fn after_a_rotation_only_the_new_key_opens_and_fsck_follows_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    log.append((0..254).map(draft).collect()).unwrap();
    let old = key().verifier().clone();
    let rotated = log.rotate(next_key(), |body| Draft { body, ..draft(9) }).unwrap();
    assert_eq!((rotated.seq(), log.size()), (255, 256));
    log.append(vec![draft(1)]).unwrap();
    log.publish().unwrap();
    let back = log.rotate(key(), |body| Draft { body, ..draft(9) });
    assert!(matches!(back, Err(RotateError::Used { .. })), "a key came twice");
    drop(log);
    assert!(
        matches!(open(dir.path()), Err(OpenError::OtherKey { signed }) if signed == *next_key().verifier().label())
    );
    let (log, _) = LogWriter::open(dir.path(), next_key(), |_| ()).unwrap();
    assert_eq!(log.size(), 257);
    drop(log);
    let found = fsck(dir.path(), &[old, next_key().verifier().clone()], |_, _| ()).unwrap();
    assert!(found.fault.is_none() && found.by_a_given_key, "{:?}", found.fault);
}

#[test]
fn a_rotation_that_was_interrupted_goes_on_with_the_named_key_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    let text = next_key().verifier().to_string();
    let named = Draft { body: Body::KeyNamed(KeyNamed { key: text.clone() }), ..draft(1) };
    log.append(vec![draft(0), named]).unwrap();
    drop(log);
    let (mut log, _) = open(dir.path()).unwrap();
    assert_eq!(log.named_key(), Some(text.as_str()));
    assert!(matches!(log.append(vec![draft(2)]), Err(AppendError::KeyNamed { .. })));
    let name = next_key().verifier().label().name.clone();
    let third = SigningKey::from_seed(name, SignatureType::Ed25519, &[9; 32]).unwrap();
    let other = log.rotate(third, |body| Draft { body, ..draft(9) });
    assert!(matches!(other, Err(RotateError::Append(AppendError::KeyNamed { .. }))));
    let stranger =
        SigningKey::from_seed("other/x".parse().unwrap(), SignatureType::Ed25519, &[9; 32]).unwrap();
    assert!(matches!(log.rotate(stranger, |body| Draft { body, ..draft(9) }), Err(RotateError::Name { .. })));
    assert_eq!(log.rotate(next_key(), |body| Draft { body, ..draft(9) }).unwrap().size(), 3);
    log.append(vec![draft(2)]).unwrap();
}

#[test]
fn what_is_archived_is_pruned_and_replay_and_fsck_go_on_without_it() {
    let disk = MemoryDisk::new(Path::new(DIRECTORY));
    let at = Path::new(DIRECTORY);
    let (mut log, _) = LogWriter::open_on(disk.clone(), at, key(), None, |_| ()).unwrap();
    log.append((0..600).map(draft).collect()).unwrap();
    // Without a standing record, replay needs everything.
    assert_eq!(log.prune(TreeSize::new(600), 0).unwrap().first, 0);
    log.append(vec![standing()]).unwrap();
    log.append((0..300).map(draft).collect()).unwrap();
    assert_eq!(log.prune(TreeSize::new(300), 0).unwrap().first, 256, "what has no receipt went");
    assert_eq!(log.prune(TreeSize::new(901), 500).unwrap().first, 256, "what was to be kept went");
    let pruned = log.prune(TreeSize::new(901), 0).unwrap();
    assert_eq!((pruned.first, pruned.bundles), (512, 1));
    assert!(matches!(log.package(511), Err(PackageError::Pruned { index: 511, first: 512 })));
    assert_eq!(log.package(512).unwrap().unwrap().entries.len(), 256);
    drop(log);
    let mut seen = Vec::new();
    let receipt = None;
    let (log, _) = LogWriter::open_on(disk.clone(), at, key(), receipt, |r| seen.push(r.seq)).unwrap();
    assert_eq!((log.first, seen.first(), seen.len()), (512, Some(&600), 301));
    drop(log);
    let found = check(&disk);
    assert!(found.fault.is_none(), "{:?}", found.fault);
    assert_eq!((found.first, found.read, found.size), (512, 389, 901));
}

#[test]
fn a_log_whose_standing_record_was_taken_with_the_pruned_part_says_pruned() {
    let built = build(600, &[]);
    built.disk.put(&built.layout.pruned(), b"256\n");
    built.disk.take(&built.layout.bundle(0));
    let opened = LogWriter::open_on(built.disk, Path::new(DIRECTORY), key(), None, |_| ()).map(|_| ());
    assert!(matches!(opened, Err(OpenError::Pruned { index: 0 })), "{opened:?}");
}

/// A log of 600 entries, the same put back at 250, and what is missing there.
fn shortened() -> (LogWriter<MemoryDisk>, Vec<Vec<u8>>, tlog::VerifiedCheckpoint) {
    let at = Path::new(DIRECTORY);
    let disk = MemoryDisk::new(at);
    let (mut log, _) = LogWriter::open_on(disk.clone(), at, key(), None, |_| ()).unwrap();
    log.append((0..250).map(draft).collect()).unwrap();
    let earlier = disk.copied();
    log.append((250..600).map(draft).collect()).unwrap();
    let head = log.head().unwrap().clone();
    let entries = [250, 256, 512].map(|from| log.package(from).unwrap().unwrap().entries).concat();
    let (short, _) = LogWriter::open_on(earlier, at, key(), None, |_| ()).unwrap();
    (short, entries, head)
}

#[test]
fn entries_are_taken_back_as_they_were_under_the_head_that_was_signed() {
    let (mut log, entries, head) = shortened();
    let back = log.take_back(250, &entries, &head).unwrap();
    assert_eq!((back.records().len(), back.size()), (350, 600));
    assert_eq!(log.head(), Some(&head));
    assert_eq!(log.append(vec![draft(7)]).unwrap().size(), 601);
    let disk = log.files.disk.clone();
    drop(log);
    assert!(check(&disk).fault.is_none());
}

#[test]
fn other_entries_are_not_taken_back_and_nothing_is_written() {
    let (mut log, entries, head) = shortened();
    let before = log.files.disk.operations();
    let other_time =
        |entry: &[u8]| String::from_utf8(entry.to_vec()).unwrap().replace("1970", "1971").into_bytes();
    let mut bent = entries.clone();
    bent[100] = other_time(&bent[100]);
    assert!(matches!(
        log.take_back(250, &bent, &head),
        Err(TakeBackError::Misplaced { index: 351, field: "prev" })
    ));
    let mut last = entries.clone();
    last[349] = other_time(&last[349]);
    assert!(matches!(log.take_back(250, &last, &head), Err(TakeBackError::RootDiffers { size: 600 })));
    assert!(matches!(
        log.take_back(250, &entries[1..], &head),
        Err(TakeBackError::NotTheHeads { head: 600, size: 599 })
    ));
    assert!(matches!(
        log.take_back(249, &entries, &head),
        Err(TakeBackError::NotNext { from: 249, size: 250 })
    ));
    assert_eq!((log.size(), log.files.disk.operations()), (250, before));
    log.take_back(250, &entries, &head).unwrap();
}

#[test]
fn fsck_names_what_a_start_does_not_read() {
    let built = build(1000, &[900]);
    assert!(check(&built.disk).fault.is_none());
    let bent = |path: &Path, at: usize| {
        let disk = built.disk.copied();
        let mut bytes = disk.content(path).unwrap();
        bytes[at] ^= 1;
        disk.put(path, &bytes);
        check(&disk).fault.unwrap()
    };
    let bundle = built.layout.bundle(1);
    let length = built.disk.content(&bundle).unwrap().len();
    assert_eq!(bent(&bundle, 100).index(), Some(256));
    assert_eq!(bent(&bundle, length - 1).index(), Some(511));
    assert!(
        matches!(bent(&built.layout.hashes(0, 1), 40), OpenError::TileDiffers(p) if p == built.layout.hashes(0, 1))
    );
    assert!(matches!(bent(&built.layout.head(), 20), OpenError::HeadNotOurs { .. }));
    let disk = built.disk.copied();
    disk.take(&bundle);
    assert_eq!(check(&disk).fault.unwrap().index(), Some(256));
    let disk = built.disk.copied();
    disk.take(&built.layout.hashes(0, 2));
    assert!(matches!(check(&disk).fault, Some(OpenError::TileMissing(p)) if p == built.layout.hashes(0, 2)));
}

#[test]
fn fsck_refuses_a_handover_that_the_format_does_not_allow() {
    for wrong in ["", "not a note"] {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = open(dir.path()).unwrap();
        let text = next_key().verifier().to_string();
        let named = Body::KeyNamed(KeyNamed { key: text.clone() });
        let taken = Body::KeyTaken(contract::record::KeyTaken { handover: wrong.into(), key: text });
        // One group: a writer that knows no better.
        log.append(vec![Draft { body: named, ..draft(1) }, Draft { body: taken, ..draft(1) }]).unwrap();
        drop(log);
        let found = fsck(dir.path(), &[key().verifier().clone()], |_, _| ()).unwrap();
        assert_eq!(found.fault.unwrap().index(), Some(1), "{wrong}");
    }
}

#[test]
fn fsck_leaves_a_running_writer_alone_and_a_torn_tail_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    log.append(vec![draft(0)]).unwrap();
    assert!(matches!(fsck(dir.path(), &[], |_, _| ()), Err(OpenError::InUse(_))));
    drop(log);
    let tail = dir.path().join("writer/tail-0");
    let torn = [std::fs::read(&tail).unwrap(), b"torn".to_vec()].concat();
    std::fs::write(&tail, &torn).unwrap();
    let found = fsck(dir.path(), &[key().verifier().clone()], |_, _| ()).unwrap();
    assert_eq!((found.size, found.torn_bytes, found.fault.is_none()), (1, 4, true));
    assert_eq!(std::fs::read(&tail).unwrap(), torn);
}

#[test]
fn many_threads_share_groups_and_each_has_its_own_records() {
    let dir = tempfile::tempdir().unwrap();
    let (writer, _) = open(dir.path()).unwrap();
    let (log, thread) = SharedLog::start(writer).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..8 {
            let log = log.clone();
            scope.spawn(move || {
                for n in 0..20 {
                    let mine = caller * 1000 + n;
                    let appended = log.append(vec![draft(mine), draft(mine)]).unwrap();
                    let records: Vec<&Record> = appended.records().iter().collect();
                    assert_eq!(records.len(), 2);
                    assert!(records.iter().all(|r| r.time == draft(mine).time), "another's records");
                    assert_eq!(appended.seq(), records[1].seq);
                }
                let too_long = Draft { subject: "x".repeat(200), ..draft(0) };
                assert!(matches!(log.append(vec![too_long]), Err(SharedError::Record(_))));
            });
        }
    });
    let writer = thread.stop().unwrap();
    assert_eq!(writer.size(), 8 * 20 * 2);
    assert!(matches!(log.append(vec![draft(0)]), Err(SharedError::Closed)));
    drop(writer);
    assert_eq!(open(dir.path()).unwrap().1.size, 320);
}
