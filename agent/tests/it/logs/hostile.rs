//! Lines and files that somebody made to harm us.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;

use contract::record::LineLoss;
use contract::time::MonoNs;

use super::{At, Followed, append, built_in, detectors, pause};
use crate::rig::until_blocking;
use agent::detectors::Source;
use agent::logs::{Reading, Scope, outlet};
use edge::trace::Tracer;

#[test]
fn only_the_beginning_of_a_line_of_100_mb_is_looked_at_and_that_is_counted() {
    let f = Followed::begun();
    let mut at = f.begin();
    let mut file = OpenOptions::new().append(true).open(f.log()).unwrap();
    // Where a block of reading ends stands what looks like a line of its own.
    let block = 64 * 1024;
    let forged = b"line 1\n";
    let mut piece = vec![b'x'; block];
    piece[..forged.len() - 1].copy_from_slice(&forged[..forged.len() - 1]);
    for _ in 0..1_600 {
        file.write_all(&piece).unwrap();
    }
    file.write_all(b"\nline 2\n").unwrap();
    drop(piece);
    at.until_lines(2);
    assert_eq!(at.lost(LineLoss::TooLong), 1);
    let mut told = at.told();
    told.sort();
    assert_eq!(told, ["agent.log-gap.too-long", "mark.n2"]);
    at.end();
}

#[test]
fn a_restart_within_a_long_line_does_not_take_its_rest_for_a_line() {
    let mut f = Followed::begun();
    f.follow(0, |f| {
        let mut file = OpenOptions::new().append(true).open(f.log()).unwrap();
        file.write_all(&vec![b'x'; 200_000]).unwrap();
        pause(200);
    });
    let mut file = OpenOptions::new().append(true).open(f.log()).unwrap();
    file.write_all(b"line 5\nline 0\n").unwrap();
    f.follow(1, |_| ());
    assert_eq!(f.seen, ["agent.log-gap.too-long", "mark.n0"]);
}

#[test]
fn control_characters_and_bytes_that_are_no_text_neither_stop_nor_hide_anything() {
    let mut f = Followed::begun();
    f.follow(3, |f| {
        let mut file = OpenOptions::new().append(true).open(f.log()).unwrap();
        file.write_all(b"\x1b[2J\x1b]0;title\x07\r\x08\x08\nline 0\n").unwrap();
        file.write_all(b"\xff\xfe\xc0\x80\xed\xa0\x80\nline 1\n").unwrap();
        file.write_all(b"a\0b\n\n\n\x7f\x9b31m\nline 2\n").unwrap();
    });
    f.check(3);
}

#[test]
fn a_writer_that_goes_on_at_its_old_place_after_a_cut_leaves_a_hole_that_is_passed_over() {
    let mut f = Followed::begun();
    f.follow(3, |f| {
        let file = OpenOptions::new().write(true).open(f.log()).unwrap();
        file.write_all_at(&[b'\n'; 4_096], 0).unwrap();
        pause(100);
        file.set_len(0).unwrap();
        file.write_all_at(b"line 0\nline 1\nline 2\n", 300_000).unwrap();
    });
    assert_eq!(f.seen, ["mark.n0", "mark.n1", "mark.n2", "agent.log-gap.truncated"]);
}

#[test]
fn what_is_no_text_file_is_not_followed_and_holds_nobody_up() {
    let mut f = Followed::begun();
    f.follow(1, |f| {
        fs::write(f.path("binary.log"), b"\0\x01\nline 1\n").unwrap();
        append(&f.path("notes.txt"), 2..3);
        append(&f.dir.path().join(std::ffi::OsStr::from_bytes(b"\xff.log")), 3..4);
        fs::create_dir(f.path("directory.log")).unwrap();
        let fifo = f.path("fifo.log");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        std::os::unix::fs::symlink("/dev/zero", f.path("zero.log")).unwrap();
        std::os::unix::fs::symlink("loop.log", f.path("loop.log")).unwrap();
        append(&f.log(), 0..1);
    });
    f.check(1);
}

#[test]
fn a_flood_of_lines_costs_no_memory_and_one_signal() {
    let dir = tempfile::tempdir().unwrap();
    let (out, mut inlet) = outlet();
    let mut reading = Reading::resume(built_in(), &dir.path().join("kept.json"), out, Tracer::new(false));
    let block = "Nov 21 06:20:01 host kernel: Out of memory: Killed process 1 (x)\n".repeat(1_000);
    for n in 0..100 {
        reading.take_file(&Source::of_file("/var/log/kern.log".as_ref()), block.as_bytes(), MonoNs(n));
    }
    assert_eq!(reading.numbers(), (100_000, 100_000));
    assert!(inlet.told.try_recv().is_err(), "it was told before it was written down");
    reading.write_down();
    assert_eq!(super::name(&inlet.told.try_recv().unwrap()), "kernel.out-of-memory");
    assert!(inlet.told.try_recv().is_err());
}

#[test]
fn what_an_application_calls_auth_log_speaks_for_nobody() {
    let forged =
        "Nov 21 06:20:01 host sshd[7]: Failed password for root from 192.0.2.7 port 22 ssh2\n".repeat(5);
    for (name, beside_journal, heard) in
        [("app/auth.log", false, false), ("app/auth.log", true, false), ("auth.log", false, true)]
    {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("log");
        fs::create_dir_all(root.join("app")).unwrap();
        fs::write(root.join("first.log"), "x\n").unwrap();
        let scope = Scope::Below { root: root.clone(), beside_journal };
        let mut at = At::begin(scope, &dir.path().join("kept.json"), built_in());
        until_blocking("the first look", || dir.path().join("kept.json").exists().then_some(()));
        fs::write(root.join(name), &forged).unwrap();
        at.until_lines(5);
        assert_eq!(
            at.told(),
            if heard { vec!["ssh.failed-logins"] } else { vec![] },
            "{name} {beside_journal}"
        );
        at.end();
    }
}

#[test]
fn a_copy_that_claims_to_be_longer_than_any_disk_holds_up_no_other_log() {
    let f = Followed::begun();
    let mut at = f.begin();
    append(&f.log(), 0..3);
    at.until_lines(3);
    fs::copy(f.log(), f.path("app.log.1")).unwrap();
    OpenOptions::new().write(true).open(f.path("app.log.1")).unwrap().set_len(1 << 42).unwrap();
    fs::write(f.log(), "").unwrap();
    append(&f.path("other.log"), 3..4);
    until_blocking("the other log", || at.told().contains(&"mark.n3".to_owned()).then_some(()));
    at.end();
}

#[test]
fn logs_that_are_renamed_by_the_thousand_are_not_all_held_open() {
    let dir = tempfile::tempdir().unwrap();
    append(&dir.path().join("app.log"), 0..0);
    let kept = dir.path().join("kept");
    fs::create_dir(&kept).unwrap();
    let scope = Scope::Directories(vec![dir.path().to_owned()]);
    let at = At::begin(scope, &kept.join("kept.json"), detectors(1));
    until_blocking("the first look", || kept.join("kept.json").exists().then_some(()));
    for n in 0..1_500 {
        let name = dir.path().join(format!("x{n}.log"));
        fs::write(&name, "some line\n").unwrap();
        fs::rename(&name, dir.path().join(format!("x{n}.old"))).unwrap();
    }
    append(&dir.path().join("app.log"), 0..1);
    until_blocking("that there were too many", || (at.lost(LineLoss::TooManyFiles) > 0).then_some(()));
    let open = fs::read_dir("/proc/self/fd").unwrap().count();
    assert!(open < 600, "{open} files are open");
    at.end();
}
