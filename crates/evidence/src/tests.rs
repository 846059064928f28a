use std::fs;
use std::path::Path;

use contract::record::{Body, Digests, Recovered};
use contract::time::{ClockOffset, UtcTime};
use tlog::note::{SignatureType, SigningKey};
use tlog::tile::{Tile, TileKind};

use crate::{AppendError, Draft, LogWriter, OpenError, Recovery};

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
    let (size, root) = (log.size(), log.range.root());
    drop(log);
    let mut seen = Vec::new();
    let (log, recovery) = LogWriter::open(dir.path(), key(), |r| seen.push(r.seq)).unwrap();
    assert_eq!(seen, (0..600).collect::<Vec<_>>());
    assert_eq!((log.size(), log.range.root()), (size, root));
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

#[test]
fn a_torn_tail_above_the_signed_size_is_cut_and_counted() {
    for torn in [&b"\x00"[..], b"\x00\x05ab", b"\x00\x02{}"] {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = open(dir.path()).unwrap();
        fill(&mut log, 3);
        drop(log);
        let tail = dir.path().join("writer/tail-0");
        let mut bytes = fs::read(&tail).unwrap();
        bytes.extend_from_slice(torn);
        fs::write(&tail, bytes).unwrap();
        let (mut log, recovery) = open(dir.path()).unwrap();
        assert_eq!(recovery, Recovery { size: 3, torn_bytes: torn.len() as u64 });
        assert_eq!(log.append(vec![draft(9)]).unwrap().size(), 4);
        drop(log);
        assert_eq!(open(dir.path()).unwrap().1, Recovery { size: 4, torn_bytes: 0 });
    }
}

#[test]
fn a_first_commit_that_never_got_its_head_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    fill(&mut log, 1);
    drop(log);
    fs::remove_file(dir.path().join("writer/head")).unwrap();
    assert!(matches!(open(dir.path()), Ok((_, Recovery { size: 0, torn_bytes: 1.. }))));
}

#[test]
fn every_flipped_byte_below_the_signed_size_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    fill(&mut log, 3);
    drop(log);
    let tail = dir.path().join("writer/tail-0");
    let honest = fs::read(&tail).unwrap();
    for at in 0..honest.len() {
        let mut bent = honest.clone();
        bent[at] ^= 0x04;
        fs::write(&tail, &bent).unwrap();
        assert!(open(dir.path()).is_err(), "byte {at} was flipped and the log opened");
    }
    fs::write(&tail, &honest[..honest.len() - 1]).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::EntryMissing { .. })));
    fs::write(&tail, &honest).unwrap();
    open(dir.path()).unwrap();
}

#[test]
fn a_lost_or_old_or_foreign_head_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let head = dir.path().join("writer/head");
    let (mut log, _) = open(dir.path()).unwrap();
    fill(&mut log, 2);
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
fn a_roll_over_that_was_interrupted_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    fill(&mut log, 256);
    drop(log);
    let (tail, bundle) = (dir.path().join("writer/tail-0"), dir.path().join("tile/entries/000"));
    // As if the machine had stopped before the bundle was written, and then before the tail was removed.
    fs::rename(&bundle, &tail).unwrap();
    drop(open(dir.path()).unwrap());
    assert!(bundle.exists() && !tail.exists());
    fs::copy(&bundle, &tail).unwrap();
    let (mut log, recovery) = open(dir.path()).unwrap();
    assert_eq!(recovery, Recovery { size: 256, torn_bytes: 0 });
    assert!(!tail.exists());
    fill(&mut log, 1);
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
    fs::remove_file(dir.path().join("writer/head")).unwrap();
    fs::create_dir(dir.path().join("writer/head")).unwrap();
    assert!(matches!(log.append(vec![draft(1)]), Err(AppendError::File(_))));
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
    assert_eq!(log.package(301).unwrap(), None);
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
