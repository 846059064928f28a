//! Directories and files that come later.

use std::fs;

use agent::logs::Scope;
use contract::heartbeat::{Following, LogSource};

use super::{At, Followed, append, detectors, pause};
use crate::rig::until_blocking;

#[test]
fn a_file_that_is_made_later_is_read_from_its_start() {
    let mut f = Followed::new();
    // Nothing is there at all at first.
    f.follow(4, |f| {
        append(&f.log(), 0..2);
        pause(50);
        append(&f.path("syslog"), 2..4);
    });
    f.check(4);
}

#[test]
fn directories_that_are_made_later_or_anew_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("var");
    fs::create_dir(&root).unwrap();
    append(&root.join("app.log"), 20..21);
    let scope = Scope::Below { root: root.clone(), beside_journal: false };
    let at = At::begin(scope, &dir.path().join("kept.json"), detectors(24));
    until_blocking("the first look", || dir.path().join("kept.json").exists().then_some(()));
    fs::create_dir(root.join("nginx")).unwrap();
    append(&root.join("nginx/access.log"), 0..2);
    fs::create_dir(root.join("journal")).unwrap();
    append(&root.join("journal/no.log"), 10..12);
    at.until_lines(2);
    fs::remove_dir_all(root.join("nginx")).unwrap();
    pause(50);
    fs::create_dir(root.join("nginx")).unwrap();
    pause(50);
    append(&root.join("nginx/access.log"), 2..5);
    at.until_lines(5);
    let (mut told, _) = at.end();
    told.sort();
    assert_eq!(told, ["mark.n0", "mark.n1", "mark.n2", "mark.n3", "mark.n4"]);
}

#[test]
fn beside_the_journal_what_was_copied_out_of_it_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("var");
    fs::create_dir_all(root.join("app")).unwrap();
    let scope = Scope::Below { root: root.clone(), beside_journal: true };
    let at = At::begin(scope, &dir.path().join("kept.json"), detectors(24));
    until_blocking("the first look", || dir.path().join("kept.json").exists().then_some(()));
    for name in ["syslog", "auth.log", "messages", "kern.log"] {
        append(&root.join(name), 0..3);
    }
    append(&root.join("dpkg.log"), 3..4);
    append(&root.join("app/auth.log"), 4..5);
    at.until_lines(2);
    assert_eq!(at.end().1.sources[&LogSource::Files].state, Following::Streams(2));
}
