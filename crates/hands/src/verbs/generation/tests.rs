use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::garbage::{InUse, superfluous};
use super::last_healthy;
use super::profile::Profile;
use crate::HandError;
use crate::place::Generation;

fn generation(number: u64) -> Generation {
    Generation { number, closure: PathBuf::from(format!("/nix/store/{number}-nixos-system")) }
}

/// A tree of links like NixOS's, below a directory.
fn tree(numbers: &[u64], default: u64) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let profiles = root.path().join("nix/var/nix/profiles");
    fs::create_dir_all(&profiles).unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    fs::create_dir_all(root.path().join("run")).unwrap();
    fs::write(root.path().join("etc/NIXOS"), "").unwrap();
    for number in numbers {
        symlink(generation(*number).closure, profiles.join(format!("system-{number}-link"))).unwrap();
    }
    symlink(format!("system-{default}-link"), profiles.join("system")).unwrap();
    root
}

fn link(root: &Path) -> PathBuf {
    fs::read_link(root.join("nix/var/nix/profiles/system")).unwrap()
}

#[test]
fn the_newest_healthy_one_is_gone_to_and_never_one_that_was_only_built() {
    let there: Vec<_> = (40..=45).map(generation).collect();
    let healthy = vec![generation(41), generation(43), generation(45)];
    assert_eq!(last_healthy(&there, &healthy, 45), Some(generation(43)), "the one that failed was chosen");
    assert_eq!(last_healthy(&there, &healthy, 44), Some(generation(45)));
    assert_eq!(last_healthy(&there, &[], 45), None);
    // A number that was given again leads to another system.
    let other = Generation { closure: PathBuf::from("/nix/store/other"), ..generation(43) };
    assert_eq!(last_healthy(&there, &[other], 45), None);
}

#[test]
fn what_runs_boots_was_booted_or_would_be_gone_to_never_goes() {
    let there: Vec<_> = (1..=10).map(generation).collect();
    let in_use =
        InUse { default: 8, running: Some(generation(7).closure), booted: Some(generation(3).closure) };
    assert_eq!(superfluous(&there, &[generation(2)], &in_use, 2), [1, 4, 5, 6]);
    assert_eq!(superfluous(&there, &[], &in_use, 20), Vec::<u64>::new());
}

#[test]
fn the_link_is_exchanged_whole_and_under_nix_s_lock() {
    let root = tree(&[1, 2], 2);
    let profile = Profile::open(root.path()).unwrap();
    assert_eq!(profile.default_number().unwrap(), 2);
    let held = edge::file::lock(&root.path().join("nix/var/nix/profiles/system.lock")).unwrap();
    assert!(profile.point_at(1).is_err(), "somebody else was changing the profile");
    drop(held);
    // What an interrupted exchange left behind is no obstacle.
    symlink("nowhere", root.path().join("nix/var/nix/profiles/system.suture")).unwrap();
    profile.point_at(1).unwrap();
    assert_eq!(link(root.path()), Path::new("system-1-link"));
    assert!(!root.path().join("nix/var/nix/profiles/system.suture").is_symlink());
}

#[test]
fn what_runs_is_told_by_its_closure_and_the_one_that_boots_is_meant() {
    let root = tree(&[1, 2, 3], 2);
    let running = || super::running_generation(root.path()).unwrap();
    assert_eq!(running(), None, "nothing says what runs");
    let current = root.path().join("run/current-system");
    symlink(generation(3).closure, &current).unwrap();
    assert_eq!(running(), Some(generation(3)));
    // Built twice: two numbers, one closure.
    let profiles = root.path().join("nix/var/nix/profiles");
    for number in [2, 3] {
        fs::remove_file(profiles.join(format!("system-{number}-link"))).unwrap();
        symlink(generation(9).closure, profiles.join(format!("system-{number}-link"))).unwrap();
    }
    fs::remove_file(&current).unwrap();
    symlink(generation(9).closure, &current).unwrap();
    assert_eq!(running(), Some(Generation { number: 2, ..generation(9) }));
    assert_eq!(super::running_generation(&root.path().join("nix")).unwrap(), None);
}

#[test]
fn a_malformed_link_stops_everything() {
    let root = tree(&[1, 2], 2);
    symlink("/nix/store/x", root.path().join("nix/var/nix/profiles/system-03-link")).unwrap();
    let profile = Profile::open(root.path()).unwrap();
    assert!(matches!(profile.generations(), Err(HandError::File { .. })));
}

#[test]
fn where_there_is_no_nixos_there_is_nothing_to_do() {
    let root = tempfile::tempdir().unwrap();
    assert!(matches!(Profile::open(root.path()), Err(HandError::NothingToDo(_))));
}
