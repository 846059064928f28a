//! The executor is killed with SIGKILL between any two records, and started again: the log verifies and the loop closes.
//!
//! A script stands in its place that runs the real program under strace the first time, which kills it on entry to the n-th fdatasync: one
//! record more each time, until the whole trial gets by without that many.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use contract::record::Body;

use super::stage::{Stage, Trial};

/// More syncs than a trial has.
const SYNCS_MAX: u32 = 60;

#[test]
fn killed_between_any_two_records_the_loop_still_closes() {
    let mut killed = 0;
    // Each of the first, which are the start and the first findings; then a sample: a trial has as many as there are findings with a runbook.
    for nth in (1..SYNCS_MAX).filter(|nth| *nth <= 14 || nth % 9 == 0) {
        let trial = trial_with_a_kill(nth);
        if !trial.out.contains("suture-executor died (signal: 9 (SIGKILL)) and was started again") {
            break;
        }
        killed += 1;
    }
    // Opened, findings, an observed order or none, the change, acceptance, intent, end.
    assert!(killed >= 6, "only {killed} places were found to kill it at");
}

fn trial_with_a_kill(nth: u32) -> Trial {
    let stage = Stage::new();
    let (script, real) = (stage.program("suture-executor"), stage.program("real-executor"));
    fs::rename(&script, &real).unwrap();
    let (real, once) = (real.display().to_string(), stage.path("once").display().to_string());
    let text = format!(
        "#!/bin/sh\n\
         if [ \"$1\" = run ] && mkdir {once} 2>/dev/null; then\n\
           exec strace -f -o /dev/null -e inject=fdatasync:signal=SIGKILL:when={nth} {real} \"$@\"\n\
         fi\n\
         exec {real} \"$@\"\n"
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let trial = stage.try_once();
    assert_eq!(trial.status, Some(0), "killed at sync {nth}: {}\n{}", trial.out, trial.err);
    assert!(matches!(stage.verify(&stage.evidence()).status.code(), Some(0 | 10)), "killed at sync {nth}");
    let records = stage.records();
    let count = |wanted: fn(&Body) -> bool| records.iter().filter(|r| wanted(&r.body)).count();
    let accepted = count(|b| matches!(b, Body::Accepted(_)));
    assert!(accepted >= 1, "killed at sync {nth}: nothing was accepted");
    assert_eq!(accepted, count(|b| matches!(b, Body::Ended(..))), "killed at sync {nth}: a run has no end");
    trial
}
