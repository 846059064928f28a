//! Files that are renamed, copied, cut, exchanged and deleted, while we look and while we do not.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;

use super::{Followed, append, pause};

fn truncate(path: &std::path::Path) {
    OpenOptions::new().write(true).truncate(true).open(path).unwrap();
}

#[test]
fn it_begins_at_the_end_and_goes_on_where_it_stopped() {
    let mut f = Followed::new();
    append(&f.log(), 18..20);
    f.follow(3, |f| append(&f.log(), 0..3));
    append(&f.log(), 3..5);
    f.follow(6, |f| append(&f.log(), 5..6));
    f.check(6);
}

#[test]
fn rotation_by_rename_while_it_runs() {
    let mut f = Followed::begun();
    f.follow(6, |f| {
        append(&f.log(), 0..2);
        let old = f.path("app.log.1");
        fs::rename(f.log(), &old).unwrap();
        // The writer has not let go of the old file yet.
        append(&old, 2..3);
        append(&f.log(), 3..5);
        pause(200);
        append(&old, 5..6);
    });
    f.check(6);
}

#[test]
fn rotation_to_another_logs_name_reads_nothing_twice() {
    let mut f = Followed::begun();
    f.follow(6, |f| {
        append(&f.log(), 0..2);
        fs::rename(f.log(), f.path("app.1.log")).unwrap();
        append(&f.path("app.1.log"), 2..3);
        append(&f.log(), 3..5);
        pause(100);
        append(&f.path("app.1.log"), 5..6);
    });
    append(&f.log(), 6..7);
    fs::rename(f.path("app.1.log"), f.path("app.2.log")).unwrap();
    fs::rename(f.log(), f.path("app.1.log")).unwrap();
    append(&f.path("app.1.log"), 7..8);
    append(&f.log(), 8..10);
    f.follow(11, |f| append(&f.path("app.2.log"), 10..11));
    f.check(11);
}

#[test]
fn rotation_while_it_is_down() {
    let mut f = Followed::begun();
    f.follow(2, |f| append(&f.log(), 0..2));
    // Rotated twice: the rest of the old file, the whole of the one between, and the new one.
    append(&f.log(), 2..4);
    fs::rename(f.log(), f.path("app.log.2")).unwrap();
    pause(20);
    append(&f.path("app.log.1"), 4..6);
    append(&f.log(), 6..8);
    // Its writer still holds the oldest.
    f.follow(9, |f| append(&f.path("app.log.2"), 8..9));
    f.check(9);
}

#[test]
fn copy_and_truncate_while_it_runs_and_while_it_is_down() {
    let mut f = Followed::begun();
    f.follow(4, |f| {
        append(&f.log(), 0..2);
        pause(200);
        fs::copy(f.log(), f.path("app.log.1")).unwrap();
        truncate(&f.log());
        append(&f.log(), 2..4);
    });
    append(&f.log(), 4..6);
    fs::rename(f.path("app.log.1"), f.path("app.log.2")).unwrap();
    fs::copy(f.log(), f.path("app.log.1")).unwrap();
    truncate(&f.log());
    // Longer than before: only the fingerprints tell that it is not the same content.
    append(&f.log(), 6..16);
    f.follow(16, |_| ());
    f.check(16);
}

#[test]
fn a_copy_with_a_logs_name_is_not_read_twice() {
    let mut f = Followed::begun();
    f.follow(6, |f| {
        append(&f.log(), 0..2);
        pause(100);
        fs::copy(f.log(), f.path("app.1.log")).unwrap();
        pause(100);
        truncate(&f.log());
        append(&f.log(), 2..4);
        pause(100);
        fs::copy(f.log(), f.path("app.2.log")).unwrap();
        truncate(&f.log());
        append(&f.log(), 4..6);
    });
    f.check(6);
}

#[test]
fn a_file_that_was_cut_and_grew_again_with_the_same_beginning_is_seen_to_be_another() {
    let mut f = Followed::begun();
    let banner = format!("{}\n", "=".repeat(300));
    f.follow(3, |f| {
        let write = |lines: std::ops::Range<u32>| {
            fs::write(f.log(), &banner).unwrap();
            append(&f.log(), lines);
        };
        write(0..1);
        pause(150);
        // Same head, and longer: what was read last is not there any more.
        write(1..3);
    });
    assert_eq!(f.seen, ["mark.n0", "mark.n1", "mark.n2", "agent.log-gap.truncated"]);
}

#[test]
fn two_files_that_are_exchanged_are_each_read_on() {
    let mut f = Followed::begun();
    append(&f.path("other.log"), 0..0);
    let swap = |f: &Followed| {
        fs::rename(f.log(), f.path("aside")).unwrap();
        fs::rename(f.path("other.log"), f.log()).unwrap();
        fs::rename(f.path("aside"), f.path("other.log")).unwrap();
    };
    f.follow(8, |f| {
        append(&f.log(), 0..2);
        append(&f.path("other.log"), 2..4);
        pause(100);
        swap(f);
        append(&f.log(), 4..6);
        append(&f.path("other.log"), 6..8);
    });
    append(&f.log(), 8..10);
    swap(&f);
    append(&f.log(), 10..12);
    f.follow(12, |_| ());
    f.check(12);
}

#[test]
fn an_inode_that_another_file_has_now_is_not_taken_for_the_old_one() {
    let mut f = Followed::begun();
    f.follow(3, |f| append(&f.log(), 0..3));
    let inode = f.log().metadata().unwrap().ino();
    fs::remove_file(f.log()).unwrap();
    // The kernel gives a number out again at its own pace.
    let fresh = (0..10_000).map(|n| f.path(&format!("try{n}"))).find(|path| {
        fs::write(path, "").unwrap();
        path.metadata().unwrap().ino() == inode
    });
    let Some(fresh) = fresh else { return eprintln!("not run: this file system does not reuse inodes soon") };
    append(&fresh, 3..9);
    fs::rename(fresh, f.path("new.log")).unwrap();
    f.follow(9, |_| ());
    assert_eq!(f.seen.iter().filter(|s| *s == "agent.log-gap.rotated-away").count(), 1, "{:?}", f.seen);
    f.seen.retain(|s| s.starts_with("mark"));
    f.check(9);
}

#[test]
fn a_file_that_is_written_to_without_end_is_read_whole_through_its_rotations() {
    let f = Followed::begun();
    let at = f.begin();
    let (log, mut written) = (f.log(), 0);
    for rotation in 0..5 {
        let mut file = OpenOptions::new().append(true).create(true).open(&log).unwrap();
        for n in 0..2_000 {
            writeln!(file, "an ordinary line, the {n}th").unwrap();
            written += 1;
            // Renamed in the middle; it is gone on with for a while.
            if n == 1_000 {
                fs::rename(&log, f.path(&format!("app.log.{rotation}"))).unwrap();
            }
        }
    }
    at.until_lines(written);
    assert_eq!(at.end().1.lost.len(), 0);
}

#[test]
fn a_deleted_file_is_read_to_its_end_and_made_anew() {
    let mut f = Followed::begun();
    f.follow(6, |f| {
        let mut file = OpenOptions::new().append(true).open(f.log()).unwrap();
        append(&f.log(), 0..2);
        fs::remove_file(f.log()).unwrap();
        pause(50);
        writeln!(file, "line 2").unwrap();
        append(&f.log(), 3..6);
    });
    f.check(6);
}

#[test]
fn a_line_is_read_when_it_is_whole() {
    let mut f = Followed::begun();
    f.follow(2, |f| {
        let mut file = OpenOptions::new().append(true).open(f.log()).unwrap();
        write!(file, "line").unwrap();
        pause(120);
        write!(file, " 0\nline 1\n").unwrap();
    });
    f.check(2);
}

#[test]
fn a_file_that_was_empty_when_we_looked_last_is_found_in_its_copy() {
    let mut f = Followed::begun();
    let rotate = |copy: &str| {
        fs::copy(f.log(), f.path(copy)).unwrap();
        truncate(&f.log());
    };
    pause(20);
    append(&f.log(), 0..2);
    rotate("app.log.1");
    append(&f.log(), 2..3);
    f.follow(3, |_| ());
    f.check(3);
    let mut f = Followed::begun();
    f.follow(3, |f| {
        // All of it between two looks.
        append(&f.log(), 0..2);
        fs::copy(f.log(), f.path("app.log.1")).unwrap();
        truncate(&f.log());
        append(&f.log(), 2..3);
    });
    f.check(3);
}
