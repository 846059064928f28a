//! Scans of the real machine, as root and as nobody; and of one where everything hangs.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use contract::fact::Absence;
use facts::{Config, OwnDirectories, Reader};

use crate::baseline::baseline;
use crate::tree::{Tree, id, number};

/// Set in the child that runs the scan as nobody.
const AS_NOBODY: &str = "SUTURE_TEST_SCAN_AS_NOBODY";
const NOBODY: u32 = 65534;

fn scan_this_machine() -> (Reader, Duration) {
    let none = "/nonexistent/suture";
    let own = OwnDirectories { evidence: none.into(), executor_keys: none.into(), agent_keys: none.into() };
    let reader = Reader::new(Config::new(own));
    let wanted = baseline().facts();
    let mut heard = Vec::new();
    let start = Instant::now();
    let facts = reader.read_all(&wanted, |id, _| heard.push(id.clone()));
    let elapsed = start.elapsed();
    heard.sort();
    let mut all = wanted.clone();
    all.sort();
    assert_eq!(heard, all, "each fact is heard of once");
    for id in &wanted {
        assert_ne!(facts.observation(id), Err(Absence::Malformed), "{id} made no sense on a real machine");
    }
    (reader, elapsed)
}

#[test]
fn a_real_machine_is_scanned_within_the_limit() {
    let (reader, elapsed) = scan_this_machine();
    assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
    let shadow = reader.read(&id("accounts:empty_passwords"));
    if rustix::process::geteuid().is_root() {
        assert!(shadow.is_ok(), "{shadow:?}");
    } else {
        assert_eq!(shadow, Err(Absence::NeedsRoot));
    }
}

/// Runs the test above once more, as a child that is nobody. The program is copied to where nobody can reach it.
#[test]
fn a_real_machine_is_scanned_as_nobody() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let program = directory.path().join("it");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let out = Command::new(&program)
        .args(["--exact", "scan::this_is_nobody"])
        .env(AS_NOBODY, std::fs::read_to_string(crate::map::folder().join("hipaa-v1.yaml")).unwrap())
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// Says something only as the child of the test above.
#[test]
fn this_is_nobody() {
    let Ok(text) = std::env::var(AS_NOBODY) else { return };
    assert_eq!(rustix::process::geteuid().as_raw(), NOBODY);
    let wanted = contract::baseline::Baseline::parse("b.yaml", &text).unwrap().facts();
    let none = "/nonexistent/suture";
    let own = OwnDirectories { evidence: none.into(), executor_keys: none.into(), agent_keys: none.into() };
    let facts = Reader::new(Config::new(own)).read_all(&wanted, |_, _| ());
    let refused = ["accounts:empty_passwords", "accounts:weak_password_hashes"];
    for fact in refused {
        assert_eq!(facts.observation(&id(fact)), Err(Absence::NeedsRoot), "{fact}");
    }
    assert!(facts.observation(&id("accounts:uid_zero")).is_ok());
    assert_eq!(facts.len(), wanted.len());
}

#[test]
fn programs_that_hang_are_killed_and_hold_nothing_else_up() {
    let limit = Duration::from_millis(300);
    // The first ends, but leaves a grandchild that keeps its output open; the others never end.
    let tree = Tree::new()
        .program("/usr/sbin/sshd", "sleep 60 & echo port 22")
        .program("/usr/bin/chronyc", "sleep 60")
        .program("/usr/bin/apt-config", "exec sleep 60")
        .file("/proc/sys/fs/suid_dumpable", "0\n")
        .limit(limit);
    let reader = tree.reader();
    let hanging = [id("sshd:permitrootlogin"), id("time:synchronised"), id("updates:automatic")];
    let wanted: Vec<_> = hanging.iter().cloned().chain([id("sysctl:fs.suid_dumpable")]).collect();
    let start = Instant::now();
    let facts = reader.read_all(&wanted, |_, _| ());
    // Not a measurement: it tells an end from waiting for the sleepers.
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert_eq!(facts.observation(&wanted[3]), number(0));
    for fact in &hanging {
        assert_eq!(facts.observation(fact), Err(Absence::TimedOut), "{fact}");
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_holds_nothing_up() {
    let tree = Tree::new().directory("/etc");
    let pipe = tree.path("/etc/passwd");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    assert_eq!(tree.read("accounts:uid_zero"), Err(Absence::Unreadable));
}

#[test]
fn a_second_scan_finds_every_source_free_again() {
    let tree = Tree::of(&[("/proc/sys/fs/suid_dumpable", "0\n")]);
    let reader = tree.reader();
    for _ in 0..200 {
        assert_eq!(reader.read(&id("sysctl:fs.suid_dumpable")), number(0));
    }
}

#[test]
fn a_source_that_somebody_else_reads_just_now_is_waited_for() {
    let tree = Tree::new()
        .program("/usr/sbin/sshd", "sleep 0.5; echo port 22; echo permitrootlogin no")
        .limit(Duration::from_secs(20));
    let reader = tree.reader();
    let both = std::thread::scope(|scope| {
        let one = || reader.read(&id("sshd:permitrootlogin"));
        let (first, second) = (scope.spawn(one), scope.spawn(one));
        [first.join().unwrap(), second.join().unwrap()]
    });
    assert!(both.iter().all(Result::is_ok), "{both:?}");
}
