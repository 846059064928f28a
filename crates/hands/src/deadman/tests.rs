//! On files below a directory of the test's own: in which order steps are undone, whoever's time is over first.

use std::fs;

use contract::runbook::Step;
use facts::OwnDirectories;
use serde_json::json;

use super::*;
use crate::{Program, Ran, Snapshots};

#[derive(Debug)]
struct NoPrograms;

impl Programs for NoPrograms {
    fn run(&self, program: &Program) -> Result<Ran, HandError> {
        Err(HandError::Program { program: program.path.clone(), why: "none is started".to_owned() })
    }
}

/// Arms and acts, and arms the timer, without a process that keeps the time.
fn step(root: &Path, number: u32, content: &str) -> UndoPlan {
    let none = || root.join("none");
    let own = OwnDirectories { evidence: none(), executor_keys: none(), agent_keys: none() };
    let interrupt = Interrupt::default();
    let place = Place {
        own: &own,
        snapshot: Snapshots::below(&root.join("snapshots")).of(&"or-1".parse().unwrap(), number),
        programs: &NoPrograms,
        deadline: MonoNs(u64::MAX),
        interrupt: &interrupt,
        scratch: root.join("scratch"),
        nixos: Nixos::default(),
    };
    let step = json!({"file.restore": {"target": root.join("file"), "content": content, "mode": "0644"}});
    let step: Step = serde_json::from_value(step).unwrap();
    let action = step.resolve(&std::collections::BTreeMap::new()).unwrap();
    let armed = verbs::arm(&action, &place).unwrap();
    let plan = UndoPlan {
        verb: action.verb(),
        target: action.resource(),
        before: armed.before().clone(),
        snapshot: place.snapshot.directory().to_owned(),
        own: OwnPlaces::from(&own),
        restart: Vec::new(),
    };
    Timed { plan: plan.clone(), due: MonoNs(0) }.write().unwrap();
    token::arm(&plan.snapshot).unwrap();
    armed.act(&place).unwrap();
    plan
}

#[test]
fn later_steps_are_undone_before_earlier_ones_whichever_fires_first() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can have files of root's");
        return;
    }
    for last_first in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::write(root.join("file"), "old\n").unwrap();
        // Ten and more: their order is that of numbers, not of names.
        let mut plans = vec![step(&root, 2, "two\n"), step(&root, 9, "nine\n"), step(&root, 10, "ten\n")];
        if last_first {
            plans.reverse();
        }
        for plan in &plans {
            fire(plan, &NoPrograms).unwrap();
        }
        assert_eq!(fs::read_to_string(root.join("file")).unwrap(), "old\n");
        assert!(plans.iter().all(|plan| State::of(&plan.snapshot) == State::Fired));
    }
}

#[test]
fn a_later_step_that_was_confirmed_stays() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can have files of root's");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    fs::write(root.join("file"), "old\n").unwrap();
    let (one, two) = (step(&root, 0, "one\n"), step(&root, 1, "two\n"));
    assert!(DeadMan { snapshot: two.snapshot.clone() }.confirm().unwrap());
    assert!(fire(&one, &NoPrograms).unwrap());
    assert_eq!(State::of(&two.snapshot), State::Confirmed);
    assert_eq!(fs::read_to_string(root.join("file")).unwrap(), "old\n");
}

#[test]
fn one_that_was_confirmed_leaves_later_ones_as_they_are() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can have files of root's");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    fs::write(root.join("file"), "old\n").unwrap();
    let (one, two) = (step(&root, 0, "one\n"), step(&root, 1, "two\n"));
    assert!(DeadMan { snapshot: one.snapshot.clone() }.confirm().unwrap());
    // What its process does when it sees that it is no longer needed.
    assert!(!fire(&one, &NoPrograms).unwrap());
    assert_eq!(State::of(&two.snapshot), State::Armed);
    assert_eq!(fs::read_to_string(root.join("file")).unwrap(), "two\n");
}
