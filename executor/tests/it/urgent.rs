//! An urgent run on a machine whose only place is taken: the patient one is frozen where its runbook allows it, or cancelled and undone, and the urgent one
//! is done at once.

use contract::blob::Blob;
use contract::digest::Digest;
use contract::outcome::Outcome;
use contract::record::{Body, RunState};
use contract::runbook::CatalogueFile;
use contract::socket::{Answer, Question};

use super::rig::{Rig, ask, replace_in};

const OWN: &str = include_str!("../../../runbooks/RB-FILE-001-own-directories.yaml");

/// A runbook that takes its time, by a program that sleeps in the sandbox or by waiting; and the urgent one.
fn rig(when_urgent: &str, program: bool) -> Rig {
    let sleep = std::fs::canonicalize("/bin/sleep").unwrap();
    let digest = Digest::of(&std::fs::read(&sleep).unwrap());
    let step = if program {
        format!(
            "  - command.run:\n      program: {}\n      digest: \"{digest}\"\n      arguments: [\"5\"]\n      profile: strict\n      time_limit_ms: 50000\n",
            sleep.display()
        )
    } else {
        "  - wait: { ms: 40000 }\n".to_owned()
    };
    let slow = OWN
        .replace("RB-FILE-001-own-directories", "RB-FILE-009-slow")
        .replace("priority: 2", "priority: 5")
        .replace("when_urgent: go_on", &format!("when_urgent: {when_urgent}"))
        .replace(
            "permissions: [file.restore]",
            &format!("permissions: [file.restore, {}]", if program { "command.run" } else { "wait" }),
        )
        .replace("time_limit_ms: 5000", "time_limit_ms: 60000")
        .replace("escalate_after_ms: 20000", "escalate_after_ms: 120000")
        .replace("verification:", &format!("{step}verification:"));
    let urgent = OWN.replace("priority: 2", "priority: 1");
    let files = vec![
        CatalogueFile { file: "RB-FILE-001-own-directories.yaml".into(), text: urgent },
        CatalogueFile { file: "RB-FILE-009-slow.yaml".into(), text: slow },
    ];
    let rig = Rig::with(files);
    replace_in(&rig.path("executor/executor.yaml"), "mode: observe", "mode: enforce\nruns_max: 1");
    let policy = format!(
        "policy: 1\nname: slow\nrules:\n  - id: sleep\n    match: {{ verbs: [command.run], programs: [{}] }}\n    answer: allow\n    why: It sleeps.\n",
        sleep.display()
    );
    std::fs::write(rig.path("executor/policy.yaml"), policy).unwrap();
    rig
}

/// Has the slow run begin, then sends the urgent one. What became of the urgent one, and the states of the slow one.
fn meet(rig: &Rig) -> (Outcome, Outcome, Vec<RunState>) {
    let mut running = rig.start();
    rig.loosen();
    rig.loosen_also("agent-keys");
    let slow = rig.order("suture.evidence-directory", "RB-FILE-009-slow", 1);
    let urgent = rig.order("suture.agent-keys", "RB-FILE-001-own-directories", 2);
    let mut first = rig.agent();
    let question = Question::Order { envelope: Blob(rig.sign(&slow)) };
    assert!(matches!(ask(&mut first, &question), Answer::UnderWay { .. }), "the slow run is no slow run");
    let at_once = rig.send(&mut rig.agent(), &urgent).outcome;
    let slow = rig.send(&mut first, &slow).outcome;
    assert!(running.stop().success());
    let moved = rig.records().into_iter().filter_map(|r| match r.body {
        Body::Moved(moved) if moved.order.as_str() == "o-1" => Some(moved.to),
        _ => None,
    });
    (at_once, slow, moved.collect())
}

#[test]
fn a_patient_run_is_frozen_for_an_urgent_one_and_goes_on_afterwards() {
    let (urgent, slow, states) = meet(&rig("pause", true));
    assert_eq!(urgent, Outcome::Healed);
    assert_eq!(slow, Outcome::Healed);
    assert_eq!(states[..2], [RunState::Paused, RunState::GoingOn], "{states:?}");
}

#[test]
fn a_patient_run_is_cancelled_and_undone_for_an_urgent_one() {
    let rig = rig("cancel", false);
    let (urgent, slow, states) = meet(&rig);
    assert_eq!(urgent, Outcome::Healed);
    // Deferred: the hub orders it again. Nobody has to look.
    assert_eq!(slow, Outcome::Deferred);
    assert_eq!(states, [RunState::Reverting]);
    assert_eq!(rig.mode(), 0o755, "the step before was not undone");
    assert!(!rig.records().iter().any(|r| matches!(r.body, Body::Escalated(_))));
}
