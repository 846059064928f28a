//! Heads and proofs on a disk.

use tlog::{SignedNote, SigningKey, note::SignatureType};
use witness::files::Files;
use witness::{ForkAttempt, Heads as _};

use crate::model::{History, ORIGIN};

#[test]
fn a_head_is_replaced_by_whoever_knows_it() {
    let directory = tempfile::tempdir().unwrap();
    let (log, history) = (ORIGIN.parse().unwrap(), History::new(0, 0, 9));
    let (one, two, three) = (history.head(1), history.head(2), history.head(3));
    let files = Files::open(directory.path()).unwrap();
    assert_eq!(files.newest(&log).unwrap(), None);
    assert!(!files.replace(&log, Some(&one), &two).unwrap(), "from a head that is not there");
    assert!(files.replace(&log, None, &one).unwrap());
    assert!(!files.replace(&log, None, &two).unwrap(), "as if there were none");
    assert!(files.replace(&log, Some(&one), &two).unwrap());
    assert!(!files.replace(&log, Some(&one), &three).unwrap(), "from one that was replaced");
    // Another log's head is another file, whatever characters its origin has.
    let other = "../../etc/passwd".parse().unwrap();
    assert!(files.replace(&other, None, &three).unwrap());
    let files = Files::open(directory.path()).unwrap();
    assert_eq!(files.newest(&log).unwrap(), Some(two));
    assert_eq!(files.newest(&other).unwrap(), Some(three));
    assert_eq!(std::fs::read_dir(directory.path().join("heads")).unwrap().count(), 2);
}

#[test]
fn a_proof_is_kept_once_and_one_log_takes_no_room_from_another() {
    let directory = tempfile::tempdir().unwrap();
    let files = Files::open(directory.path()).unwrap();
    let honest = History::new(0, 0, 3);
    let fork =
        |name: usize| ForkAttempt { held: honest.head(3), offered: History::new(name, 0, 3).request(3, 3) };
    let path = files.keep(&fork(1)).unwrap().unwrap();
    assert!(path.with_added_extension("held").exists() && path.with_added_extension("offered").exists());
    assert_eq!(files.keep(&fork(1)).unwrap(), None, "the same again");
    let kept = (2..200).filter(|name| files.keep(&fork(*name)).unwrap().is_some()).count();
    assert_eq!(kept, 63, "the proofs of one log are bounded");
    let key = SigningKey::from_seed("b".parse().unwrap(), SignatureType::Ed25519, &[7; 32]).unwrap();
    let mut other = fork(1);
    other.held = SignedNote::sign(&other.held.text().replace(ORIGIN, "b"), &key).unwrap();
    assert!(files.keep(&other).unwrap().is_some(), "another log's proof found no room");
}
