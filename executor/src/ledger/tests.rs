//! What the log says is what the ledger knows, whether it is written or read again.

use contract::blob::Blob;
use contract::decision::Provenance;
use contract::digest::Digest;
use contract::fact::FactValue;
use contract::record::{Digests, Ended, Refused, Resolution};
use contract::refusal::{Mode, Refusal};
use contract::time::ClockOffset;

use super::*;

mod standing;

fn record(seq: u64, ms: i64, body: Body) -> Record {
    Record {
        origin: "hub.example/h-1".into(),
        seq,
        time: UtcTime::from_unix_ms(ms).unwrap(),
        clock: ClockOffset::Unknown,
        prev: None,
        subject: "control:x".into(),
        digests: Digests::default(),
        body,
    }
}

fn accepted(counter: u64) -> Body {
    Body::Accepted(Box::new(Accepted {
        order: "o-1".parse().unwrap(),
        incident: "i-1".parse().unwrap(),
        control: "x".parse().unwrap(),
        runbook: "RB-X-001-x".parse().unwrap(),
        target: vec![],
        counter,
        provenance: Provenance::Rules { table: Digest::of(b""), rule: None },
        guardrails: vec![],
        measured: FactValue::Flag(false),
        envelope: Blob(vec![]),
    }))
}

fn ended() -> Body {
    Body::Ended(
        Outcome::Healed,
        Ended {
            order: "o-1".parse().unwrap(),
            incident: "i-1".parse().unwrap(),
            control: "x".parse().unwrap(),
            resolution: Resolution::Passes(FactValue::Flag(true)),
            resumed: false,
            acted_ms: 0,
            verified_ms: 0,
        },
    )
}

/// The two records of a run that carried `order` out.
pub(crate) fn a_run(order: &contract::order::Order) -> [Record; 2] {
    let (mut accepted, mut ended) = (accepted(order.counter), ended());
    if let (Body::Accepted(accepted), Body::Ended(_, ended)) = (&mut accepted, &mut ended) {
        accepted.control.clone_from(&order.control);
        accepted.runbook.clone_from(&order.runbook);
        ended.control.clone_from(&order.control);
    }
    [record(0, 0, accepted), record(1, 0, ended)]
}

fn refused(counter: Option<u64>) -> Body {
    let refused = Refused {
        order: Some("o-2".parse().unwrap()),
        incident: None,
        runbook: None,
        counter,
        envelope: Digest::of(b""),
        refusal: Refusal::Mode(Mode::Observe),
    };
    Body::Refused(Outcome::Observed, refused)
}

fn moment(ms: i64, mono: u64) -> Moment {
    Moment { now: UtcTime::from_unix_ms(ms).unwrap(), mono: MonoNs(mono), clock: ClockOffset::Unknown }
}

#[test]
fn a_run_is_unfinished_between_its_acceptance_and_its_end() {
    let mut ledger = Ledger::default();
    ledger.apply(&record(0, 0, accepted(7)), None);
    assert_eq!((ledger.highest_counter(), ledger.unfinished().count()), (7, 1));
    assert_eq!(ledger.answer(&"o-1".parse().unwrap()), None);
    ledger.apply(&record(1, 0, ended()), None);
    assert_eq!(ledger.unfinished().count(), 0);
    let answer = ledger.answer(&"o-1".parse().unwrap()).unwrap();
    assert_eq!((answer.outcome, answer.seq), (Outcome::Healed, 1));
}

#[test]
fn a_refused_order_spends_its_counter_and_a_mere_copy_changes_nothing() {
    let mut ledger = Ledger::default();
    ledger.apply(&record(0, 0, refused(Some(9))), None);
    assert_eq!(ledger.highest_counter(), 9);
    ledger.apply(&record(1, 0, refused(None)), None);
    assert_eq!(ledger.highest_counter(), 9);
    assert_eq!(ledger.answer(&"o-2".parse().unwrap()).unwrap().seq, 0);
}

#[test]
fn cooldowns_go_by_the_monotonic_clock_and_after_a_restart_by_the_log() {
    let (runbook, control) = ("RB-X-001-x".parse().unwrap(), "x".parse().unwrap());
    let mut ledger = Ledger::default();
    ledger.apply(&record(0, 1000, accepted(1)), Some(MonoNs(0)));
    ledger.apply(&record(1, 1000, ended()), Some(MonoNs(0)));
    // The wall clock jumped; the monotonic one tells.
    assert_eq!(ledger.ms_since_run(&runbook, &control, &moment(9_000_000, 5_000_000)), Some(5));
    let mut restarted = Ledger::default();
    restarted.apply(&record(0, 1000, accepted(1)), None);
    restarted.apply(&record(1, 1000, ended()), None);
    assert_eq!(restarted.ms_since_run(&runbook, &control, &moment(1600, 0)), Some(600));
    // A wall clock that was set back counts as no time at all: the cooldown holds.
    assert_eq!(restarted.ms_since_run(&runbook, &control, &moment(5, 0)), Some(0));
}
