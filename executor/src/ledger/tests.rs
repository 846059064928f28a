//! What the log says is what the ledger knows, whether it is written or read again.

use contract::blob::Blob;
use contract::decision::Provenance;
use contract::digest::Digest;
use contract::fact::FactValue;
use contract::policy::{PolicyAnswer, PolicyDecided};
use contract::record::{Authority, Digests, Ended, Refused, Resolution};
use contract::refusal::{Mode, Refusal};
use contract::time::ClockOffset;

use super::*;

mod standing;

pub(crate) fn record(seq: u64, ms: i64, body: Body) -> Record {
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

fn target() -> Resource {
    Resource::Unit("x.service".parse().unwrap())
}

pub(crate) fn accepted(counter: u64) -> Body {
    Body::Accepted(Box::new(Accepted {
        order: "o-1".parse().unwrap(),
        incident: "i-1".parse().unwrap(),
        control: "x".parse().unwrap(),
        runbook: "RB-X-001-x".parse().unwrap(),
        targets: vec![target()],
        counter,
        authority: Authority::Hub,
        approvals: vec![],
        break_glass: None,
        provenance: Provenance::Rules { table: Digest::of(b""), rule: None },
        guardrails: vec![],
        policy: PolicyDecided {
            policy: Digest::of(b""),
            asked: vec![],
            answer: PolicyAnswer::Allow,
            rules: vec![],
        },
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
            counts: vec![],
        },
    )
}

/// The two records of a run that carried `order` out.
pub(crate) fn a_run(order: &contract::order::Order) -> [Record; 2] {
    let (mut accepted, mut ended) = (accepted(order.counter), ended());
    if let (Body::Accepted(accepted), Body::Ended(_, ended)) = (&mut accepted, &mut ended) {
        accepted.control.clone_from(&order.control);
        accepted.runbook.clone_from(&order.runbook);
        accepted.targets = vec![own_target(order)];
        ended.control.clone_from(&order.control);
    }
    [record(0, 0, accepted), record(1, 0, ended)]
}

/// The own directory that `order` is about.
fn own_target(order: &contract::order::Order) -> Resource {
    let own = order.parameters.values().find_map(|value| match value {
        contract::runbook::ParameterValue::OwnDirectory(own) => Some(*own),
        _ => None,
    });
    own.map_or_else(target, Resource::OwnDirectory)
}

fn refused(counter: Option<u64>) -> Body {
    let refused = Refused {
        order: Some("o-2".parse().unwrap()),
        incident: None,
        runbook: None,
        counter,
        envelope: Digest::of(b""),
        refusal: Refusal::Mode(Mode::Observe),
        policy: None,
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
    let (runbook, target) = ("RB-X-001-x".parse().unwrap(), target());
    let mut ledger = Ledger::default();
    ledger.apply(&record(0, 1000, accepted(1)), Some(MonoNs(0)));
    ledger.apply(&record(1, 1000, ended()), Some(MonoNs(0)));
    // The wall clock jumped; the monotonic one tells.
    assert_eq!(ledger.ms_since_run(&runbook, &target, &moment(9_000_000, 5_000_000)), Some(5));
    let mut restarted = Ledger::default();
    restarted.apply(&record(0, 1000, accepted(1)), None);
    restarted.apply(&record(1, 1000, ended()), None);
    assert_eq!(restarted.ms_since_run(&runbook, &target, &moment(1600, 0)), Some(600));
    // A wall clock that was set back counts as no time at all: the cooldown holds.
    assert_eq!(restarted.ms_since_run(&runbook, &target, &moment(5, 0)), Some(0));
}

#[test]
fn an_order_that_waits_has_spent_its_counter_and_waits_until_it_is_accepted_or_refused() {
    let waiting = || {
        Body::Waiting(Box::new(Waiting {
            order: "o-1".parse().unwrap(),
            incident: "i-1".parse().unwrap(),
            control: "x".parse().unwrap(),
            runbook: "RB-X-001-x".parse().unwrap(),
            counter: 4,
            waiting_for: contract::record::WaitingFor::Clock,
            until: UtcTime::from_unix_ms(9).unwrap(),
            envelope: Blob(vec![1]),
        }))
    };
    let mut ledger = Ledger::default();
    ledger.apply(&record(0, 0, waiting()), None);
    assert_eq!((ledger.highest_counter(), ledger.waiting().len()), (4, 1));
    assert!(ledger.standing().is_none(), "replay may not begin after an order that waits");
    ledger.apply(&record(1, 0, accepted(4)), None);
    assert_eq!((ledger.waiting().len(), ledger.unfinished().count()), (0, 1));
    let mut ledger = Ledger::default();
    ledger.apply(&record(0, 0, waiting()), None);
    let Body::Refused(outcome, mut refused) = refused(Some(4)) else { panic!("not a refusal") };
    refused.order = Some("o-1".parse().unwrap());
    ledger.apply(&record(1, 0, Body::Refused(outcome, refused)), None);
    assert_eq!(ledger.waiting().len(), 0);
}
