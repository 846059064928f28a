//! The journal, through a script in the place of journalctl.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use agent::logs::{Health, Reading, journal, outlet};
use agent::thread::Thread;
use contract::heartbeat::LogSource;
use contract::record::LineLoss;
use edge::trace::Tracer;

use crate::logs::built_in;
use crate::rig::until_blocking;

/// Writes a `journalctl` that notes its arguments, prints `lines`, and then follows for ever or ends.
pub(crate) fn script(dir: &std::path::Path, lines: &[String], end: &str) -> PathBuf {
    let path = dir.join("journalctl");
    let printed = lines.iter().map(|l| format!("printf '%s\\n' '{l}'\n")).collect::<Vec<_>>().concat();
    let text = format!("#!/bin/sh\necho \"$@\" >> '{}/arguments'\n{printed}{end}\n", dir.display());
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

pub(crate) fn entry(cursor: u32, age_s: i64, message: &str) -> String {
    from("0", "/usr/sbin/sshd", cursor, age_s, message)
}

fn from(uid: &str, program: &str, cursor: u32, age_s: i64, message: &str) -> String {
    let us = (edge::clock::utc().unix_ms() - age_s * 1_000) * 1_000;
    format!(
        r#"{{"__CURSOR":"c={cursor}","__REALTIME_TIMESTAMP":"{us}","_BOOT_ID":"x","_TRANSPORT":"syslog","_UID":"{uid}","_EXE":"{program}","SYSLOG_IDENTIFIER":"sshd","MESSAGE":{message}}}"#
    )
}

/// Follows until `is_done`; the detectors of what was told, and how the journal is.
fn follow(
    dir: &std::path::Path,
    program: PathBuf,
    is_done: impl Fn(&[String], &Health) -> bool,
) -> (Vec<String>, Health) {
    let (outlet, mut inlet) = outlet();
    let detectors = crate::logs::built_in();
    let reading = Reading::resume(detectors, &dir.join("kept.json"), outlet, Tracer::new(false));
    let (pulse, shared) = (reading.pulse(), reading.shared());
    let thread = Thread::begin("journal", move |stop| journal::follow(&program, &shared, &stop));
    let mut seen = Vec::new();
    until_blocking("the journal", || {
        while let Ok(told) = inlet.told.try_recv() {
            inlet.arrived.send(told.id().clone()).unwrap();
            seen.push(crate::logs::name(&told));
        }
        is_done(&seen, &pulse.now()).then_some(())
    });
    thread.unwrap().end();
    (seen, pulse.now())
}

fn cursor(dir: &std::path::Path) -> Option<String> {
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(dir.join("kept.json")).ok()?).ok()?;
    Some(kept["cursor"].as_str()?.to_owned())
}

const FAILED: &str = r#""Failed password for root from 192.0.2.1 port 1 ssh2""#;
const FULL: &str = r#""x: No space left on device""#;

#[test]
fn entries_are_counted_and_the_cursor_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut lines: Vec<_> = (1..=5).map(|n| entry(n, 0, FAILED)).collect();
    // Bytes that are not UTF-8, one that stands there twice: none of it stops us.
    lines.extend([entry(6, 0, "[70,255,10]"), entry(8, 0, r#"["a","b"]"#), entry(9, 0, FULL)]);
    let program = script(dir.path(), &lines, "exec sleep 60");
    let (seen, _) = follow(dir.path(), program, |seen, _| seen.len() == 2);
    assert_eq!(seen, ["ssh.failed-logins", "disk.full"]);
    assert_eq!(cursor(dir.path()).unwrap(), "c=9");

    // The entry that was read last comes again, and is not read again.
    let program = script(dir.path(), &[entry(9, 0, FULL), entry(10, 0, r#""x""#)], "exec sleep 60");
    let (seen, health) = follow(dir.path(), program, |_, h| h.sources.values().any(|s| s.lines > 0));
    assert_eq!((seen, health.lost.len(), health.sources[&LogSource::Journal].lines), (vec![], 0, 1));
    let arguments = std::fs::read_to_string(dir.path().join("arguments")).unwrap();
    let (first, second) = arguments.trim().split_once('\n').unwrap();
    assert!(first.contains("--lines=0") && !first.contains("cursor"), "{first}");
    assert!(second.contains("--cursor=c=9") && second.contains("--no-tail"), "{second}");
}

#[test]
fn what_piled_up_over_days_is_not_taken_for_a_burst() {
    let dir = tempfile::tempdir().unwrap();
    let mut lines: Vec<_> = (1..=8).map(|n| entry(n, 3_600 * i64::from(9 - n), FAILED)).collect();
    lines.push(entry(9, 0, FULL));
    let program = script(dir.path(), &lines, "exec sleep 60");
    assert_eq!(follow(dir.path(), program, |seen, _| !seen.is_empty()).0, ["disk.full"]);
}

#[test]
fn a_user_who_forges_another_programs_lines_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let forged = r#""sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2""#;
    let mut lines: Vec<_> = (1..=6).map(|n| from("1000", "/usr/bin/logger", n, 0, FAILED)).collect();
    lines.extend((7..=12).map(|n| from("1000", "/home/u/sshd", n, 0, forged)));
    lines.extend((13..=18).map(|n| from("1000", "", n, 0, r#""a\nsshd-session: Failed password for x""#)));
    lines.push(entry(19, 0, FULL));
    let program = script(dir.path(), &lines, "exec sleep 60");
    assert_eq!(follow(dir.path(), program, |seen, _| !seen.is_empty()).0, ["disk.full"]);
}

#[test]
fn a_journal_that_forgot_the_entry_read_last_is_followed_on_and_the_gap_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let program = script(dir.path(), &[entry(1, 0, FULL)], "exec sleep 60");
    follow(dir.path(), program, |seen, _| !seen.is_empty());
    // It goes on with what comes next, as journalctl does.
    let program = script(dir.path(), &[entry(7, 0, FULL)], "exec sleep 60");
    let (mut seen, health) = follow(dir.path(), program, |seen, _| seen.len() == 2);
    seen.sort();
    assert_eq!(seen, ["agent.log-gap.journal-forgot", "disk.full"]);
    assert_eq!(health.lost[&LineLoss::JournalForgot], 1);
    // Or refuses.
    let end = "case \"$*\" in *--cursor*) exit 1;; esac\nexec sleep 60";
    let program = script(dir.path(), &[], end);
    let arguments = dir.path().join("arguments");
    let anew =
        || std::fs::read_to_string(&arguments).is_ok_and(|a| a.lines().last().unwrap().contains("--lines=0"));
    let (seen, _) = follow(dir.path(), program, |seen, _| !seen.is_empty() && anew());
    assert_eq!(seen, ["agent.log-gap.journal-forgot"]);
}

#[test]
fn what_is_too_long_or_bent_or_was_dropped_by_the_journal_is_counted_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join("long");
    // An entry of 5 MB, and behind its first megabyte what would be an entry of its own.
    let text = format!("{{\"MESSAGE\":\"{}{}\"}}\n", "x".repeat(1 << 20), entry(5, 0, FULL).repeat(20_000));
    std::fs::write(&long, text).unwrap();
    let dropped = r#"{"__CURSOR":"c=3","_TRANSPORT":"driver","_UID":"0","MESSAGE_ID":"a596d6fe7bfa4994828e72309e95d61e","N_DROPPED":"17","MESSAGE":"Suppressed 17 messages from x.service"}"#;
    // The same from a user is no word of the journal's.
    let claimed = dropped.replace("driver", "journal").replace("c=3", "c=4");
    let lines = [entry(1, 0, "null"), "{bent".to_owned(), dropped.to_owned(), claimed];
    let end = format!("cat '{}'\nprintf '%s\\n' '{}'\nexec sleep 60", long.display(), entry(6, 0, FULL));
    let program = script(dir.path(), &lines, &end);
    let (seen, health) = follow(dir.path(), program, |seen, _| seen.iter().any(|s| s == "disk.full"));
    assert_eq!(seen.iter().filter(|s| *s == "disk.full").count(), 1);
    let lost = [(LineLoss::TooLong, 2), (LineLoss::JournalDropped, 17), (LineLoss::JournalBent, 1)];
    assert_eq!(health.lost.into_iter().collect::<Vec<_>>(), lost);
}

#[test]
fn a_journalctl_that_cannot_be_begun_costs_no_place_in_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept.json");
    std::fs::write(
        &kept,
        r#"{"places":[],"cursor":"c=7","untold":[],"losses":{"total":{},"waiting":{}},"resumed":true}"#,
    )
    .unwrap();
    let (out, _inlet) = outlet();
    let reading = Reading::resume(built_in(), &kept, out, Tracer::new(false));
    let (pulse, shared) = (reading.pulse(), reading.shared());
    let program = dir.path().join("none");
    let thread = Thread::begin("journal", move |stop| journal::follow(&program, &shared, &stop)).unwrap();
    // Long enough for five tries in vain, with waits that double from half a second.
    std::thread::sleep(std::time::Duration::from_secs(9));
    thread.end();
    assert!(
        !pulse.now().lost.contains_key(&LineLoss::JournalForgot),
        "it was taken for a journal that forgot"
    );
}
