mod build;
mod crash;
mod deeds;
mod memory;
mod opening;
mod world;

use std::fs;
use std::path::Path;

use contract::record::{Body, Digests, Recovered};
use contract::time::{ClockOffset, UtcTime};
use tlog::note::{SignatureType, SigningKey};
use tlog::tile::{Tile, TileKind};

use crate::{AppendError, Draft, LogWriter, OpenError, Recovery, seal};

fn key() -> SigningKey {
    SigningKey::from_seed("hub.example/h-1".parse().unwrap(), SignatureType::Ed25519, &[3; 32]).unwrap()
}

fn draft(n: u64) -> Draft {
    Draft {
        time: UtcTime::from_unix_ms(1_000_000 + i64::try_from(n).unwrap()).unwrap(),
        clock: ClockOffset::Unknown,
        subject: "log".into(),
        digests: Digests::default(),
        body: Body::Recovered(Recovered { torn_bytes: n, unfinished: vec![] }),
    }
}

fn open(dir: &Path) -> Result<(LogWriter, Recovery), OpenError> {
    LogWriter::open(dir, key(), |_| ())
}

/// Appends `n` records one by one.
fn fill(log: &mut LogWriter, n: u64) {
    for i in 0..n {
        log.append(vec![draft(i)]).unwrap();
    }
}

#[test]
fn what_was_appended_is_there_again_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    fill(&mut log, 3);
    // One group commit across two bundle ends.
    log.append((3..600).map(draft).collect()).unwrap();
    let (size, root) = (log.size(), log.frontier.root());
    drop(log);
    let mut seen = Vec::new();
    let (log, recovery) = LogWriter::open(dir.path(), key(), |r| seen.push(r.seq)).unwrap();
    assert_eq!(seen, (0..600).collect::<Vec<_>>());
    assert_eq!((log.size(), log.frontier.root()), (size, root));
    assert_eq!(recovery, Recovery { size: 600, torn_bytes: 0 });
}

#[test]
fn the_published_directory_is_whole_and_holds_no_superseded_width() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    for n in [1, 2, 250, 10, 300] {
        fill(&mut log, n);
        log.publish().unwrap();
    }
    let size = tlog::tree::TreeSize::new(563);
    let mut expected: Vec<String> = tlog::tile::hash_tiles(tlog::tree::TreeSize::EMPTY, size)
        .chain(tlog::tile::entry_bundles(tlog::tree::TreeSize::EMPTY, size))
        .map(|t| t.to_string())
        .collect();
    expected.sort();
    let mut found = Vec::new();
    walk(&dir.path().join("tile"), "tile", &mut found);
    found.sort();
    assert_eq!(found, expected);
    let level_0 = Tile::new(TileKind::Hashes { level: 0 }, 1, 256).unwrap().to_string();
    assert_eq!(fs::read(dir.path().join(level_0)).unwrap().len(), 256 * 32);
}

fn walk(dir: &Path, name: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() { walk(&entry.path(), &name, found) } else { found.push(name) }
    }
}

/// The frames of the tail, without the room after them.
fn frames(dir: &Path) -> Vec<u8> {
    let bytes = fs::read(dir.join("writer/tail-0")).unwrap();
    let mut end = 0;
    while let Some(frame) = seal::decode(&bytes[end..]) {
        end += frame.length;
    }
    bytes[..end].to_vec()
}

#[test]
fn a_torn_tail_above_the_signed_size_is_cut_and_counted() {
    for (torn, counted) in [(&b"\x01"[..], 1), (b"\x00\x05ab", 3), (b"\x00\x00\x00", 0), (&seal::MARK, 4)] {
        for room in [0, 100] {
            let dir = tempfile::tempdir().unwrap();
            let (mut log, _) = open(dir.path()).unwrap();
            fill(&mut log, 3);
            drop(log);
            let bytes = [frames(dir.path()), torn.to_vec(), vec![0; room]].concat();
            fs::write(dir.path().join("writer/tail-0"), bytes).unwrap();
            let (mut log, recovery) = open(dir.path()).unwrap();
            assert_eq!(recovery, Recovery { size: 3, torn_bytes: counted });
            assert_eq!(log.append(vec![draft(9)]).unwrap().size(), 4);
            drop(log);
            assert_eq!(open(dir.path()).unwrap().1, Recovery { size: 4, torn_bytes: 0 });
        }
    }
}

#[test]
fn a_group_of_which_the_disk_kept_a_part_has_no_head_and_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    fill(&mut log, 2);
    let before = frames(dir.path()).len();
    log.append((2..5).map(draft).collect()).unwrap();
    drop(log);
    let honest = frames(dir.path());
    let tail = dir.path().join("writer/tail-0");
    for at in (before..honest.len()).step_by(7) {
        let mut torn = honest.clone();
        torn[at..].fill(0);
        fs::write(&tail, &torn).unwrap();
        assert_eq!(open(dir.path()).unwrap().1.size, 2, "torn at {at}");
        assert_eq!(frames(dir.path()).len(), before);
        torn = honest.clone();
        torn[before..=at].fill(0);
        fs::write(&tail, &torn).unwrap();
        assert_eq!(open(dir.path()).unwrap().1.size, 2, "begins at {at}");
    }
}

#[test]
fn every_flipped_byte_below_the_signed_size_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    fill(&mut log, 3);
    // The head is written down beside the tail: at each publishing, and so at each stop.
    log.publish().unwrap();
    drop(log);
    let tail = dir.path().join("writer/tail-0");
    let honest = frames(dir.path());
    let mut refused = 0;
    for at in 0..honest.len() {
        let mut bent = honest.clone();
        bent[at] ^= 0x04;
        fs::write(&tail, &bent).unwrap();
        let mut seen = Vec::new();
        match LogWriter::open(dir.path(), key(), |r| seen.push(r.seq)) {
            // The older heads in the tail are not asked: the newest covers their entries.
            Ok((log, recovery)) => {
                assert_eq!((log.size(), recovery.torn_bytes, seen), (3, 0, vec![0, 1, 2]), "{at}");
            }
            Err(_) => refused += 1,
        }
    }
    let notes = 2 * log_note_length(dir.path());
    assert!(refused >= honest.len() - notes, "{refused} of {} were refused", honest.len());
    fs::write(&tail, &honest[..honest.len() - 1]).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::EntryMissing { .. })));
    fs::write(&tail, &honest).unwrap();
    open(dir.path()).unwrap();
}

fn log_note_length(dir: &Path) -> usize {
    fs::read(dir.join("writer/head")).unwrap().len()
}

#[test]
fn what_is_spoilt_below_a_later_head_of_the_tail_is_never_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    fill(&mut log, 3);
    drop(log);
    let tail = dir.path().join("writer/tail-0");
    let honest = frames(dir.path());
    let first = seal::decode(&honest).unwrap().length;
    for at in 0..first {
        let mut bent = honest.clone();
        bent[at] ^= 0x20;
        fs::write(&tail, &bent).unwrap();
        if let Ok((log, recovery)) = open(dir.path()) {
            assert_eq!(
                (log.size(), recovery.torn_bytes),
                (3, 0),
                "byte {at} was flipped and entries were cut"
            );
        }
        fs::write(&tail, &honest).unwrap();
    }
    fs::write(&tail, &honest[first..]).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::TailAltered { from: 0, signed: 3, .. })));
}

#[test]
fn a_lost_or_old_or_foreign_head_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let head = dir.path().join("writer/head");
    let (mut log, _) = open(dir.path()).unwrap();
    fill(&mut log, 2);
    log.publish().unwrap();
    let old = fs::read(&head).unwrap();
    fill(&mut log, 2);
    log.publish().unwrap();
    drop(log);
    fs::write(&head, old).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::RolledBack { published: 4, head: 2 })));
    fs::remove_file(&head).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::HeadMissing(_))));
    let stranger =
        SigningKey::from_seed(key().verifier().label().name.clone(), SignatureType::Ed25519, &[4; 32])
            .unwrap();
    let note = fs::read(dir.path().join("checkpoint")).unwrap();
    fs::write(&head, note).unwrap();
    assert!(matches!(LogWriter::open(dir.path(), stranger, |_| ()), Err(OpenError::HeadNotOurs { .. })));
}

#[test]
fn two_writers_are_one_too_many() {
    let dir = tempfile::tempdir().unwrap();
    let (_log, _) = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::InUse(_))));
}

#[test]
fn after_an_error_the_writer_does_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    fill(&mut log, 1);
    // The head cannot be replaced by a file while a directory stands in its place.
    fs::create_dir(dir.path().join("writer/head")).unwrap();
    assert!(log.publish().is_err());
    fs::remove_dir(dir.path().join("writer/head")).unwrap();
    assert!(matches!(log.append(vec![draft(1)]), Err(AppendError::Stopped)));
}

#[test]
fn a_record_that_does_not_fit_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    let mut too_long = draft(0);
    too_long.subject = "x".repeat(200);
    assert!(matches!(log.append(vec![draft(0), too_long]), Err(AppendError::Record(_))));
    assert_eq!(log.size(), 0);
    assert_eq!(log.append(vec![draft(0)]).unwrap().size(), 1);
}

#[test]
fn packages_hand_over_the_whole_log_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    log.append((0..300).map(draft).collect()).unwrap();
    let mut from = 0;
    loop {
        let package = log.package(from).unwrap().unwrap();
        assert_eq!(package.from, from);
        from += package.entries.len() as u64;
        if package.entries.is_empty() {
            break;
        }
    }
    assert_eq!(from, 300);
    assert!(log.package(301).unwrap().is_none());
}

#[test]
fn a_log_that_is_shorter_or_other_than_its_receipt_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    fill(&mut log, 2);
    let old = copy(dir.path());
    fill(&mut log, 2);
    let receipt = log.head.as_ref().unwrap().checkpoint().clone();
    fill(&mut log, 1);
    drop(log);
    let opened = |at: &Path| LogWriter::open_receipted(at, key(), Some(&receipt), |_| ()).map(|_| ());
    opened(dir.path()).unwrap();
    // The whole directory put back as it was, or gone: nothing inside it contradicts itself.
    assert!(matches!(opened(old.path()), Err(OpenError::Shortened { size: 2, receipt: 4 })));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(opened(empty.path()), Err(OpenError::Shortened { size: 0, receipt: 4 })));
    let (mut other, _) = open(old.path()).unwrap();
    other.append((7..12).map(draft).collect()).unwrap();
    drop(other);
    assert!(matches!(opened(old.path()), Err(OpenError::Exchanged { size: 4 })));
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    walk(from, ".", &mut files);
    for file in files {
        let target = to.path().join(&file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(from.join(&file), target).unwrap();
    }
    to
}
