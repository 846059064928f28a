//! A drift is healed, proven and written down; an interruption at any moment is settled.

use std::fs;

use contract::outcome::Outcome;
use contract::record::{Body, Kind};
use contract::refusal::{Mode, Refusal};

use super::rig::{BEGINNING, HEALED, Rig, send};

#[test]
fn a_drift_is_healed_and_every_step_stands_in_the_log() {
    let rig = Rig::new();
    let running = rig.start();
    rig.loosen();
    let answer = rig.send(&mut rig.agent(), &rig.own_order(1));
    assert_eq!((answer.outcome, answer.refusal), (Outcome::Healed, None));
    assert_eq!(rig.mode(), 0o700);
    drop(running);
    let records = rig.records();
    let kinds: Vec<Kind> = records.iter().map(|r| r.body.kind()).collect();
    assert_eq!(kinds[..BEGINNING], [Kind::Opened, Kind::PolicyTaken, Kind::Confined]);
    assert_eq!(kinds[BEGINNING..], HEALED);
    assert_eq!(records.last().unwrap().seq, answer.seq);
    // Everything about the run names the order, the runbook, the catalogue and the baseline that it was made under.
    for record in &records[BEGINNING..] {
        let d = record.digests;
        assert!(d.order.is_some() && d.runbook.is_some() && d.catalogue.is_some() && d.baseline.is_some());
    }
}

#[test]
fn an_order_that_is_handed_out_again_gets_its_first_answer_and_runs_once() {
    let rig = Rig::new();
    let running = rig.start();
    rig.loosen();
    let order = rig.own_order(1);
    let mut agent = rig.agent();
    let first = rig.send(&mut agent, &order);
    rig.loosen();
    assert_eq!(rig.send(&mut agent, &order), first);
    assert_eq!(rig.mode(), 0o755, "the copy acted");
    drop(running);
    // Also by an executor that was started again in between.
    let running = rig.start();
    assert_eq!(rig.send(&mut rig.agent(), &order), first);
    drop(running);
    assert_eq!(rig.records().len(), BEGINNING + HEALED.len());
}

#[test]
fn a_counter_is_spent_for_good_also_across_a_restart() {
    let rig = Rig::new();
    let running = rig.start();
    rig.loosen();
    assert_eq!(rig.send(&mut rig.agent(), &rig.own_order(5)).outcome, Outcome::Healed);
    drop(running);
    let _running = rig.start();
    let mut old = rig.own_order(5);
    old.order = "o-other".parse().unwrap();
    let answer = rig.send(&mut rig.agent(), &old);
    assert_eq!(answer.refusal, Some(Refusal::Replayed { counter: 5, highest: 5 }));
}

#[test]
fn the_same_repair_waits_for_its_cooldown() {
    let rig = Rig::new();
    let _running = rig.start();
    let mut agent = rig.agent();
    rig.loosen();
    assert_eq!(rig.send(&mut agent, &rig.own_order(1)).outcome, Outcome::Healed);
    rig.loosen();
    let answer = rig.send(&mut agent, &rig.own_order(2));
    assert!(matches!(answer.refusal, Some(Refusal::CoolingDown { left_ms: 1..=1000 })), "{answer:?}");
    assert_eq!((answer.outcome, rig.mode()), (Outcome::Deferred, 0o755));
}

#[test]
fn nothing_is_done_where_nothing_fails_or_where_the_site_observes() {
    let rig = Rig::new();
    let _running = rig.start();
    let mut agent = rig.agent();
    assert_eq!(rig.send(&mut agent, &rig.own_order(1)).refusal, Some(Refusal::NoFailingCheck));
    let observed = rig.send(&mut agent, &rig.order("files.passwd", "RB-FILE-002-system-files", 2));
    assert_eq!((observed.outcome, observed.refusal), (Outcome::Observed, Some(Refusal::Mode(Mode::Observe))));
}

#[test]
fn forged_bytes_are_refused_and_written_down() {
    let rig = Rig::new();
    let running = rig.start();
    rig.loosen();
    let mut envelope = rig.sign(&rig.own_order(1));
    let middle = envelope.len() / 4;
    envelope[middle] ^= 1;
    let answer = send(&mut rig.agent(), &envelope);
    assert_eq!(answer.outcome, Outcome::Refused);
    assert_eq!(answer.order, None, "something unsigned was quoted");
    assert_eq!(rig.mode(), 0o755);
    drop(running);
    assert!(matches!(rig.records().last().unwrap().body, Body::Refused(Outcome::Refused, _)));
}

#[test]
fn a_repair_that_does_not_hold_is_undone() {
    let rig = Rig::new();
    let _running = rig.start();
    rig.loosen();
    let (evidence, mut agent, order) = (rig.evidence(), rig.agent(), rig.own_order(1));
    // Something else opens the directory up once more while the hold-down lasts, and differently.
    let fight = std::thread::spawn(move || {
        use std::os::unix::fs::PermissionsExt as _;
        while fs::metadata(&evidence).unwrap().permissions().mode() & 0o7777 != 0o700 {
            std::thread::yield_now();
        }
        fs::set_permissions(&evidence, fs::Permissions::from_mode(0o711)).unwrap();
    });
    let answer = rig.send(&mut agent, &order);
    assert_eq!(answer.outcome, Outcome::Reverted);
    fight.join().unwrap();
    assert_eq!(rig.mode(), 0o755, "what was undone is not as it was");
}
