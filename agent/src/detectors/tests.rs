use super::*;

fn at(seconds: u64) -> MonoNs {
    MonoNs(seconds * 1_000_000_000)
}

const FAILED: &[u8] =
    b"Nov 21 06:20:01 host sshd[4711]: Failed password for root from 192.0.2.1 port 4 ssh2\n";

#[test]
fn a_detector_fires_at_its_threshold_and_only_then() {
    let mut detectors = Detectors::built_in().unwrap();
    for second in 0..4 {
        assert_eq!(detectors.observe(FAILED, at(second)).signals, [], "line {second}");
    }
    let fired = detectors.observe(FAILED, at(4)).signals;
    let id: DetectorId = "auth.failed-logins".parse().unwrap();
    assert_eq!(fired, [Signal { detector: id, count: 5, window_s: 300 }]);
    // Quiet for one window; then again, with the count of the window that ends now.
    let mut counts = Vec::new();
    for second in 300..=310 {
        let fired = detectors.observe(FAILED, at(second)).signals;
        counts.extend(fired.iter().map(|s| (second, s.count)));
    }
    assert_eq!(counts, [(304, 5)]);
}

#[test]
fn matches_that_are_too_far_apart_never_fire() {
    let mut detectors = Detectors::built_in().unwrap();
    for n in 0..50 {
        assert_eq!(detectors.observe(FAILED, at(n * 76)).signals, [], "line {n}");
    }
}

#[test]
fn each_built_in_detector_knows_its_lines_from_file_and_journal() {
    let lines: &[(&str, &str)] = &[
        ("auth.failed-logins", "sshd: Failed password for invalid user x from 192.0.2.1 port 22 ssh2"),
        (
            "auth.failed-logins",
            "Nov 21 host sshd-session[1]: Failed keyboard-interactive/pam for root from ::1",
        ),
        (
            "auth.sudo-failures",
            "sudo: x : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
        ),
        ("auth.sudo-failures", "2026-11-21T06:20:00 host sudo[7]: x : user NOT in sudoers ; TTY=pts/0"),
        ("audit.stopped", "auditd[612]: The audit daemon is exiting."),
        ("audit.stopped", "auditd: Audit daemon is suspending logging due to low disk space."),
        ("audit.stopped", "Nov 21 host kernel: [ 12.5] audit: backlog limit exceeded"),
        ("kernel.oom", "kernel: Out of memory: Killed process 4711 (java) total-vm:1kB"),
        ("kernel.oom", "Nov 21 host kernel: [1.0] Memory cgroup out of memory: Killed process 1 (x)"),
        ("disk.io-errors", "kernel: blk_update_request: I/O error, dev sda, sector 12 op 0x0:(READ)"),
        ("disk.full", "nginx: write() failed (28: No space left on device)"),
        ("service.crashed", "systemd[1]: nginx.service: Failed with result 'exit-code'."),
        ("service.crashed", "systemd: backup@x.service: Failed with result 'timeout'."),
        ("time.step", "chronyd[3]: System clock was stepped by -12.000000 seconds"),
        ("time.step", "systemd-journald: Time jumped backwards, rotating."),
    ];
    for (id, line) in lines {
        let mut detectors = Detectors::built_in().unwrap();
        let threshold = detectors.definitions().find(|d| d.id.as_str() == *id).unwrap().threshold;
        let block = format!("{line}\n").repeat(threshold as usize);
        let observed = detectors.observe(block.as_bytes(), at(1));
        assert_eq!(observed.signals.iter().map(|s| s.detector.as_str()).collect::<Vec<_>>(), [*id], "{line}");
        assert_eq!((observed.lines, observed.matched), (u64::from(threshold), u64::from(threshold)));
    }
}

#[test]
fn ordinary_lines_match_nothing() {
    let mut detectors = Detectors::built_in().unwrap();
    let block = b"sshd[1]: Accepted publickey for x\nsystemd[1]: Started nginx.service.\n\xff\xfe\n\nkernel: audit: type=1400\nlast";
    assert_eq!(detectors.observe(block, at(1)), Observed { lines: 6, matched: 0, signals: vec![] });
}

#[test]
fn a_block_gives_what_its_lines_give_one_by_one() {
    // `\s` could cross a line's end: the line alone must decide, and the line after it must not be lost.
    let file = "- {id: a.b, title: t, patterns: ['one\\s+two', '^three$'], threshold: 1, window_s: 1}\n";
    let (mut whole, mut single) =
        (Detectors::parse(&[("d", file)]).unwrap(), Detectors::parse(&[("d", file)]).unwrap());
    let block = b"x one\ntwo\none two\n one\nthree\nthree!\nthree";
    let by_line: u64 =
        block.split_inclusive(|&b| b == b'\n').map(|line| single.observe(line, at(9)).matched).sum();
    assert_eq!((whole.observe(block, at(9)).matched, by_line), (3, 3));
}

#[test]
fn a_detector_that_makes_no_sense_is_named_with_its_line() {
    let good = "- {id: a.b, title: t, patterns: ['x'], threshold: 1, window_s: 1}\n";
    for (bad, line) in [
        ("- id: c.d\n  title: t\n  patterns: []\n  threshold: 1\n  window_s: 1\n", 2),
        ("- id: c.d\n  title: t\n  patterns: ['(']\n  threshold: 1\n  window_s: 1\n", 2),
        ("- id: c.d\n  title: t\n  patterns: ['x*']\n  threshold: 1\n  window_s: 1\n", 2),
        ("- id: c.d\n  title: t\n  patterns: ['x']\n  threshold: 0\n  window_s: 1\n", 2),
        ("- id: c.d\n  title: t\n  patterns: ['x']\n  threshold: 1\n  window_s: 1\n  extra: 1\n", 7),
    ] {
        let refused = Detectors::parse(&[("d.yaml", &format!("{good}{bad}"))]).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("d.yaml:{line}:")), "{refused}");
    }
    assert!(matches!(Detectors::parse(&[("d.yaml", "[]")]), Err(BadDetectors::None)));
}
