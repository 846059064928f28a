//! The log of heads on a disk.

use tlog::note::SignatureType;
use tlog::tree::{LeafIndex, TreeSize, verify_consistency, verify_inclusion};
use tlog::{Checkpoint, CompactRange, SigningKey, leaf_hash};

use crate::heads::log::{Log, LogError};
use crate::heads::state::State;

fn key() -> SigningKey {
    SigningKey::from_seed("h/heads".parse().unwrap(), SignatureType::Ed25519, &[1; 32]).unwrap()
}

fn entry(index: usize) -> String {
    format!("h/h-1\n{index}\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
}

#[test]
fn it_grows_reopens_and_proves_every_entry() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("heads");
    let mut log = Log::open(path.clone(), key().verifier()).unwrap();
    let (mut range, mut heads) = (CompactRange::new(), vec![]);
    for grow in [1, 2, 3, 250, 1, 300, 256, 5] {
        let begin = usize::try_from(log.size().get()).unwrap();
        let entries: Vec<String> = (begin..begin + grow).map(entry).collect();
        for entry in &entries {
            range.append(leaf_hash(entry.as_bytes()));
        }
        let note = log.append(&entries, &key()).unwrap();
        let head: Checkpoint = note.text().parse().unwrap();
        assert_eq!((head.size, head.root), (range.size(), range.root()));
        heads.push((head.size, head.root));
        log = Log::open(path.clone(), key().verifier()).unwrap();
        assert_eq!(log.size(), range.size());
    }
    let (size, root) = (range.size(), range.root());
    for pair in heads.windows(2) {
        let proof = log.consistency(pair[0].0, pair[1].0).unwrap();
        verify_consistency((pair[0].0, &pair[0].1), (pair[1].0, &pair[1].1), &proof).unwrap();
    }
    for index in [0, 5, 255, 256, 511, 512, 800, 817] {
        let found = log.entries(index).unwrap().into_iter().next().unwrap();
        assert_eq!(found, entry(usize::try_from(index).unwrap()));
        for (size, root) in heads.iter().filter(|(size, _)| size.get() > index) {
            let proof = log.inclusion(LeafIndex::new(index), *size).unwrap();
            let leaf = leaf_hash(found.as_bytes());
            verify_inclusion(LeafIndex::new(index), *size, &leaf, &proof, root).unwrap();
        }
    }
    assert_eq!(log.consistency(TreeSize::EMPTY, size).unwrap(), []);
    assert_eq!(heads.last(), Some(&(size, root)));
    let partials = std::fs::read_dir(path.join("tile/entries/003.p")).unwrap().count();
    assert_eq!(partials, 1, "narrower bundles were left behind");
}

#[test]
fn what_is_damaged_or_foreign_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("heads");
    let mut log = Log::open(path.clone(), key().verifier()).unwrap();
    log.append(&(0..5).map(entry).collect::<Vec<_>>(), &key()).unwrap();
    let other = SigningKey::from_seed("h/heads".parse().unwrap(), SignatureType::Ed25519, &[2; 32]).unwrap();
    assert!(matches!(Log::open(path.clone(), other.verifier()), Err(LogError::Damaged { .. })));
    for file in ["checkpoint", "tile/0/000.p/5"] {
        let file = path.join(file);
        let bytes = std::fs::read(&file).unwrap();
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        std::fs::write(&file, flipped).unwrap();
        assert!(
            matches!(Log::open(path.clone(), key().verifier()), Err(LogError::Damaged { .. })),
            "{file:?}"
        );
        std::fs::write(&file, bytes).unwrap();
    }
    assert!(Log::open(path, key().verifier()).is_ok());
}

#[test]
fn after_an_error_nothing_more_is_signed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("heads");
    let log = Log::open(path.clone(), key().verifier()).unwrap();
    let mut state = State::new(log, None, key().verifier()).unwrap();
    state.append(&[entry(0)], &key()).unwrap();
    // A file where a directory belongs.
    std::fs::rename(path.join("tile"), path.join("away")).unwrap();
    std::fs::write(path.join("tile"), b"").unwrap();
    assert!(state.append(&[entry(1)], &key()).is_err());
    std::fs::remove_file(path.join("tile")).unwrap();
    std::fs::rename(path.join("away"), path.join("tile")).unwrap();
    assert!(matches!(state.append(&[entry(2)], &key()), Err(LogError::Stopped)));
    assert!(state.is_stopped() && state.size() == 1);
    let log = Log::open(path, key().verifier()).unwrap();
    let mut state = State::new(log, None, key().verifier()).unwrap();
    state.append(&[entry(2)], &key()).unwrap();
}

#[test]
fn a_cut_before_the_head_is_written_leaves_the_old_log() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("heads"), directory.path().join("copy"));
    let mut log = Log::open(path.clone(), key().verifier()).unwrap();
    log.append(&(0..250).map(entry).collect::<Vec<_>>(), &key()).unwrap();
    copy_into(&path, &copy);
    log.append(&(250..300).map(entry).collect::<Vec<_>>(), &key()).unwrap();
    // The tiles of the longer log, and the head of the shorter one.
    let head = std::fs::read(copy.join("checkpoint")).unwrap();
    copy_into(&path, &copy);
    std::fs::write(copy.join("checkpoint"), head).unwrap();
    let mut cut = Log::open(copy.clone(), key().verifier()).unwrap();
    assert_eq!(cut.size().get(), 250);
    cut.append(&(500..520).map(entry).collect::<Vec<_>>(), &key()).unwrap();
    let again = Log::open(copy, key().verifier()).unwrap();
    assert_eq!(again.size().get(), 270);
    assert_eq!(again.entries(250).unwrap(), (500..506).map(entry).collect::<Vec<_>>());
    assert_eq!(again.entries(256).unwrap(), (506..520).map(entry).collect::<Vec<_>>());
}

/// Copies a directory's files into another, over what is there.
fn copy_into(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(|file| file.unwrap()) {
        let target = to.join(file.file_name());
        if file.path().is_dir() {
            copy_into(&file.path(), &target);
        } else {
            std::fs::copy(file.path(), target).unwrap();
        }
    }
}
