//! Another policy is put in place by its own verb, which shows what would change first; by nothing else.

use std::fs;
use std::process::{Command, Output};

use contract::outcome::Outcome;
use contract::record::{Body, PolicyState};
use contract::refusal::Refusal;
use contract::runbook::Verb;

use super::rig::{Rig, send};

const DENYING: &str = "policy: 1\nname: strict\nrules:\n  - id: nothing-of-ours\n    match: { own: [evidence] }\n    answer: deny\n    why: A test wants it so.\n";

fn verb(rig: &Rig, more: &[&str]) -> Output {
    let new = rig.path("new.yaml");
    fs::write(&new, DENYING).unwrap();
    Command::new(env!("CARGO_BIN_EXE_suture-executor"))
        .args(["policy", "--config"])
        .arg(rig.path("executor/executor.yaml"))
        .arg("--file")
        .arg(&new)
        .args(more)
        .output()
        .unwrap()
}

fn told(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// So many repairs of the evidence directory, each allowed by the policy of the beginning.
fn heal(rig: &Rig, times: u64) {
    rig.pin_a_person();
    let mut running = rig.start();
    for counter in 1..=times {
        rig.loosen();
        let envelope = rig.sign_with_a_person(&rig.own_order(counter));
        assert_eq!(send(&mut rig.agent(), &envelope).outcome, Outcome::Healed);
        // The cooldown of the shipped runbook.
        std::thread::sleep(std::time::Duration::from_millis(1050));
    }
    assert!(running.stop().success());
}

#[test]
fn a_new_policy_is_shown_against_the_last_decisions_then_holds_and_a_file_laid_in_its_place_does_not() {
    let rig = Rig::new();
    heal(&rig, 1);
    let before = fs::read(rig.path("executor/policy.yaml")).unwrap();
    let dry = told(&verb(&rig, &["--dry-run", "--json"]));
    assert_eq!(
        (&dry["replayed"], &dry["breaking"], &dry["in_force"]),
        (&1.into(), &1.into(), &serde_json::Value::Null)
    );
    assert_eq!(fs::read(rig.path("executor/policy.yaml")).unwrap(), before, "a dry run changed something");

    let placed = told(&verb(&rig, &["--json"]));
    assert!(placed["in_force"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(fs::read_to_string(rig.path("executor/policy.yaml")).unwrap(), DENYING);
    let mut running = rig.start();
    rig.loosen();
    let answer = rig.send(&mut rig.agent(), &rig.own_order(9));
    assert_eq!(answer.refusal, Some(Refusal::NotAllowed(Verb::FileRestore)));
    assert_eq!(rig.mode(), 0o755);
    // While it runs, the log is its own.
    assert_eq!(verb(&rig, &[]).status.code(), Some(78));
    assert!(running.stop().success());
    let taken: Vec<_> = rig
        .records()
        .into_iter()
        .filter_map(|r| match r.body {
            Body::PolicyTaken(taken) => Some((taken.state, taken.replayed, taken.breaking)),
            _ => None,
        })
        .collect();
    let expected =
        [(PolicyState::InForce, 0, 0), (PolicyState::Announced, 1, 1), (PolicyState::InForce, 1, 1)];
    assert_eq!(taken, expected);

    fs::write(rig.path("executor/policy.yaml"), before).unwrap();
    let (status, words) = rig.fails();
    assert!(status == Some(74) && words.contains("not put here by the policy verb"), "{status:?} {words}");
}

#[test]
fn more_than_five_decisions_that_break_want_a_typed_phrase() {
    let rig = Rig::new();
    heal(&rig, 6);
    let refused = verb(&rig, &[]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(78) && words.contains("deny 6 of strict"), "{words}");
    assert_ne!(fs::read_to_string(rig.path("executor/policy.yaml")).unwrap(), DENYING);
    assert!(verb(&rig, &["--phrase", "deny 6 of strict"]).status.success());
}
