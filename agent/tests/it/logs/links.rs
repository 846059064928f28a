//! Names that lead to files elsewhere, and files with two names.

use std::fs;
use std::os::unix::fs::symlink;

use super::{Followed, append, pause};

#[test]
fn a_link_is_followed_to_where_it_leads_through_rotations_there_and_to_another_file() {
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("current");
    append(&target, 20..22);
    let mut f = Followed::new();
    symlink(&target, f.log()).unwrap();
    let began = std::time::Instant::now();
    f.follow(8, |f| {
        append(&target, 0..2);
        pause(100);
        fs::rename(&target, elsewhere.path().join("old")).unwrap();
        pause(50);
        append(&target, 2..4);
        pause(100);
        append(&elsewhere.path().join("next"), 4..5);
        symlink(elsewhere.path().join("next"), f.path("fresh")).unwrap();
        fs::rename(f.path("fresh"), f.log()).unwrap();
        pause(100);
        append(&elsewhere.path().join("next"), 5..8);
    });
    f.check(8);
    assert!(began.elapsed().as_secs() < 4, "it was found by a look at everything, and not told");
}

#[test]
fn a_link_that_leads_to_nothing_yet_is_followed_once_it_does() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut f = Followed::begun();
    f.follow(2, |f| {
        symlink(elsewhere.path().join("later"), f.path("link.log")).unwrap();
        pause(50);
        append(&elsewhere.path().join("later"), 0..1);
        pause(50);
        append(&elsewhere.path().join("later"), 1..2);
    });
    f.check(2);
}

#[test]
fn a_file_with_two_names_is_read_once() {
    let mut f = Followed::begun();
    f.follow(4, |f| {
        symlink("app.log", f.path("current.log")).unwrap();
        fs::hard_link(f.log(), f.path("second.log")).unwrap();
        append(&f.log(), 0..2);
        pause(100);
        append(&f.path("second.log"), 2..3);
        // The first name goes: the second is the file's now.
        fs::remove_file(f.log()).unwrap();
        pause(50);
        append(&f.path("second.log"), 3..4);
    });
    append(&f.path("second.log"), 4..5);
    f.follow(5, |_| ());
    f.check(5);
}
