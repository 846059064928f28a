use std::fs;

use super::*;

fn owned() -> Owned {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    Owned { mode: FileMode::from_st_mode(0o600), uid, gid }
}

#[test]
fn nobody_takes_or_removes_a_candidate_that_somebody_else_is_writing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("file");
    // Two of them, as two runs have it.
    let (one, other) = (Spot::open_anyones(&path).unwrap(), Spot::open_anyones(&path).unwrap());
    let written = one.candidate(b"one", owned()).unwrap();
    assert!(matches!(other.candidate(b"other", owned()), Err(HandError::File { .. })));
    written.put_in_place().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one");
    other.candidate(b"other", owned()).unwrap().put_in_place().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"other");
}

#[test]
fn what_was_undone_does_not_come_to_its_place_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("file");
    let (act, undoing) = (Spot::open_anyones(&path).unwrap(), Spot::open_anyones(&path).unwrap());
    // An act that hangs, while somebody else's time to undo it has come.
    let late = act.candidate(b"new", owned()).unwrap();
    undoing.withdraw_candidate().unwrap();
    undoing.put(b"old", owned()).unwrap();
    assert!(matches!(late.put_in_place(), Err(HandError::File { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_a_power_cut_left_is_nobodys_and_goes() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let spot = Spot::open_anyones(&root.join("file")).unwrap();
    fs::write(root.join(".file.suture-new"), "half").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join(".file.suture-back")).unwrap();
    spot.candidate(b"whole", owned()).unwrap().put_in_place().unwrap();
    spot.put(b"back", owned()).unwrap();
    assert_eq!(fs::read(root.join("file")).unwrap(), b"back");
    assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
}
