//! The journal, through a script in the place of journalctl.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use agent::detectors::{self, SiteKey};
use agent::logs::{Reading, journal};
use agent::thread::Thread;
use edge::trace::Tracer;
use tokio::sync::mpsc::unbounded_channel;

use crate::rig::until_blocking;

/// Writes a `journalctl` that notes its arguments, prints `lines`, and then follows for ever or ends.
fn script(dir: &std::path::Path, lines: &[String], end: &str) -> PathBuf {
    let path = dir.join("journalctl");
    let printed = lines.iter().map(|l| format!("printf '%s\\n' '{l}'\n")).collect::<Vec<_>>().concat();
    let text = format!("#!/bin/sh\necho \"$@\" >> '{}/arguments'\n{printed}{end}\n", dir.display());
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn entry(cursor: u32, age_s: i64, message: &str) -> String {
    let us = (edge::clock::utc().unix_ms() - age_s * 1_000) * 1_000;
    format!(
        r#"{{"__CURSOR":"c={cursor}","__REALTIME_TIMESTAMP":"{us}","_BOOT_ID":"x","_UID":"0","_EXE":"/usr/sbin/sshd","SYSLOG_IDENTIFIER":"sshd","MESSAGE":{message}}}"#
    )
}

/// Follows until `is_done`; the signals' detectors.
fn follow(dir: &std::path::Path, program: PathBuf, is_done: impl Fn(&[String]) -> bool) -> Vec<String> {
    let (signals, mut received) = unbounded_channel();
    let cursor = dir.join("cursor");
    let thread = Thread::begin("journal", move |stop| {
        let mut reading =
            Reading::new(detectors::built_in(SiteKey::new(&[7; 32])).unwrap(), signals, Tracer::new(false));
        journal::follow(&program, &cursor, &mut reading, &stop);
    });
    let mut seen = Vec::new();
    until_blocking("the journal", || {
        seen.extend(std::iter::from_fn(|| received.try_recv().ok()).map(|s| s.detector.to_string()));
        is_done(&seen).then_some(())
    });
    thread.unwrap().end();
    seen
}

#[test]
fn entries_are_counted_and_the_cursor_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let text = r#""Failed password for root from 192.0.2.1 port 1 ssh2""#;
    let mut lines: Vec<_> = (1..=5).map(|n| entry(n, 0, text)).collect();
    // Bytes that are not UTF-8, a field that was too long, one that stands there twice: none of it stops us.
    lines.extend([entry(6, 0, "[70,255,10]"), entry(7, 0, "null"), entry(8, 0, r#"["a","b"]"#)]);
    lines.push(entry(9, 0, r#""x: No space left on device""#));
    let program = script(dir.path(), &lines, "exec sleep 60");
    let seen = follow(dir.path(), program, |seen| seen.len() == 2);
    assert_eq!(seen, ["ssh.failed-logins", "disk.full"]);
    until_blocking("the cursor", || {
        std::fs::read_to_string(dir.path().join("cursor")).ok().filter(|c| c == "c=9")
    });

    follow(dir.path(), script(dir.path(), &[], "exec sleep 60"), |_| {
        std::fs::read_to_string(dir.path().join("arguments")).unwrap().lines().count() == 2
    });
    let arguments = std::fs::read_to_string(dir.path().join("arguments")).unwrap();
    let (first, second) = arguments.trim().split_once('\n').unwrap();
    assert!(first.contains("--lines=0") && !first.contains("cursor"), "{first}");
    assert!(second.contains("--after-cursor=c=9") && second.contains("--no-tail"), "{second}");
}

#[test]
fn what_piled_up_over_days_is_not_taken_for_a_burst() {
    let dir = tempfile::tempdir().unwrap();
    let text = r#""Failed password for root from 192.0.2.1 port 1 ssh2""#;
    let mut lines: Vec<_> = (1..=8).map(|n| entry(n, 3_600 * i64::from(9 - n), text)).collect();
    lines.push(entry(9, 0, r#""x: No space left on device""#));
    let program = script(dir.path(), &lines, "exec sleep 60");
    assert_eq!(follow(dir.path(), program, |seen| !seen.is_empty()), ["disk.full"]);
}

#[test]
fn a_journal_that_forgot_the_cursor_is_followed_anew_and_the_gap_is_said() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("cursor"), "c=gone").unwrap();
    let end = "case \"$*\" in *after-cursor*) exit 1;; esac\nexec sleep 60";
    let program = script(dir.path(), &[], end);
    let arguments = dir.path().join("arguments");
    let anew = || std::fs::read_to_string(&arguments).is_ok_and(|a| a.contains("--lines=0"));
    assert_eq!(follow(dir.path(), program, |seen| !seen.is_empty() && anew()), ["agent.log-gap"]);
}
