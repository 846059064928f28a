//! A step whose act and whose check do not coincide: the check passes before the act, or whatever the act came to. Killed at every write and sync of
//! such a run, nothing is called healed whose step did not end well, and what must not be done twice is done once at most.

use std::fs;
use std::path::Path;

use contract::blob::Blob;
use contract::digest::Digest;
use contract::frame;
use contract::outcome::Outcome;
use contract::record::{Body, Record};
use contract::runbook::CatalogueFile;
use contract::socket::{Answer, Question};

use super::crash::{CALLS_MAX, attach};
use super::rig::{Rig, replace_in};

const OWN: &str = include_str!("../../../runbooks/RB-FILE-001-own-directories.yaml");

/// A runbook whose first step makes the control pass, and whose second runs a program.
fn rig(program: &str, arguments: &str, writes: &Path) -> Rig {
    let program = fs::canonicalize(program).unwrap();
    let digest = Digest::of(&fs::read(&program).unwrap());
    let step = format!(
        "  - command.run:\n      program: {}\n      digest: \"{digest}\"\n      arguments: {arguments}\n      profile: strict\n      writes: [{}]\n      time_limit_ms: 4000\nverification:",
        program.display(),
        writes.display()
    );
    let text = OWN
        .replace("permissions: [file.restore]", "permissions: [file.restore, command.run]")
        .replace("hold_down_ms: 250", "hold_down_ms: 20")
        .replace("verification:", &step);
    let rig = Rig::with(vec![CatalogueFile { file: "RB-FILE-001-own-directories.yaml".into(), text }]);
    replace_in(&rig.path("executor/executor.yaml"), "mode: observe", "mode: enforce");
    let policy = format!(
        "policy: 1\nname: programs\nrules:\n  - id: program\n    match: {{ verbs: [command.run], programs: [{}] }}\n    answer: allow\n    why: The test's.\n  - id: counted\n    match: {{ verbs: [command.run], paths: [{}] }}\n    answer: allow\n    why: The test's.\n",
        program.display(),
        writes.display()
    );
    fs::write(rig.path("executor/policy.yaml"), policy).unwrap();
    rig
}

/// Runs the order to its end, or to the moment in which it is killed, and settles it. How the run ended, where it began, and whether it was killed.
fn killed(rig: &Rig, call: &str, nth: u32) -> (Option<Outcome>, bool) {
    let mut running = rig.start();
    rig.loosen();
    let mut agent = rig.agent();
    let (mut strace, _words) = attach(&running, &format!("inject={call}:signal=SIGKILL:when={nth}"));
    let question = Question::Order { envelope: Blob(rig.sign(&rig.own_order(1))) };
    let died = frame::write(&mut agent, &question).and_then(|()| frame::read::<Answer>(&mut agent)).is_err();
    running.stop();
    let _ = strace.kill();
    let _ = strace.wait();
    drop(rig.start());
    (end(&rig.records()), died)
}

fn end(records: &[Record]) -> Option<Outcome> {
    let ended = |r: &Record| if let Body::Ended(outcome, _) = r.body { Some(outcome) } else { None };
    let ends: Vec<Outcome> = records.iter().filter_map(ended).collect();
    let accepted = records.iter().filter(|r| matches!(r.body, Body::Accepted(_))).count();
    assert_eq!(ends.len(), accepted, "a run has no end");
    ends.first().copied()
}

#[test]
fn killed_anywhere_a_step_that_must_not_be_done_twice_is_done_once_and_healed_only_where_it_was() {
    let (mut healed, mut undone) = (0, 0);
    for call in ["pwrite64", "fdatasync"] {
        for nth in 1..CALLS_MAX {
            // Each run of the program leaves one file more.
            let counted = tempfile::tempdir().unwrap();
            let arguments = format!("[\"-p\", \"{}\"]", counted.path().display());
            let rig = rig("/usr/bin/mktemp", &arguments, counted.path());
            let (outcome, died) = killed(&rig, call, nth);
            let times = fs::read_dir(&counted).unwrap().count();
            let place = format!("killed on {call} number {nth}: {outcome:?} after {times} times");
            assert!(times <= 1, "{place}");
            assert!(outcome != Some(Outcome::Healed) || times == 1, "{place}");
            healed += u32::from(outcome == Some(Outcome::Healed));
            undone += u32::from(outcome == Some(Outcome::Failed));
            if !died {
                assert_eq!(outcome, Some(Outcome::Healed), "{place}");
                break;
            }
        }
    }
    assert!(healed >= 2 && undone >= 2, "healed {healed}, undone {undone}");
}

#[test]
fn killed_anywhere_a_step_that_fails_is_never_healed_though_the_check_passes() {
    let mut killed_at = 0;
    for call in ["pwrite64", "fdatasync"] {
        for nth in 1..CALLS_MAX {
            let nowhere = tempfile::tempdir().unwrap();
            let rig = rig("/usr/bin/false", "[]", nowhere.path());
            let (outcome, died) = killed(&rig, call, nth);
            assert_ne!(outcome, Some(Outcome::Healed), "killed on {call} number {nth}");
            if !died {
                break;
            }
            killed_at += 1;
        }
    }
    assert!(killed_at >= 5, "only {killed_at} places were found to kill it at");
}
