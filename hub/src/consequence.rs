//! What an evidence record means to the hub's incidents. Pure: the record goes in, consequences come out.
//!
//! An incident is closed by an observation that stands in a record, and by nothing else: not by an answer of the agent, not by time, not by the
//! absence of further reports.

use contract::finding::Verdict;
use contract::ids::{ControlId, OrderId};
use contract::outcome::Outcome;
use contract::record::{Body, Record, Refused, Resolution};
use contract::refusal::Refusal;
use contract::time::UtcTime;

/// What a record changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// The executor measured for this order that the control passes, after a run or in place of one: its incident is closed.
    Passes { order: OrderId, record: u64 },
    /// The order ended otherwise: its incident stays open.
    NotHealed { order: OrderId, outcome: Outcome, record: u64, retry: Option<Retry> },
    /// The control was seen to pass: an incident about it that was found before `time` is closed.
    ///
    /// Findings travel with the log and incidents do not wait for it, so a pass from before the drift can arrive after the incident.
    Passed { control: ControlId, time: UtcTime, record: u64 },
}

/// Plan the incident again after this many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retry {
    pub(crate) after_ms: u64,
}

/// A little after a cooldown's end, so that the next order does not meet its last moment.
const AFTER_COOLDOWN_MS: u64 = 250;
/// When another run was under way.
const AFTER_ANOTHER_RUN_MS: u64 = 5_000;

/// The consequences of one record.
pub(crate) fn of(record: &Record) -> Vec<Consequence> {
    let (seq, time) = (record.seq, record.time);
    match &record.body {
        Body::Ended(Outcome::Healed, ended) => {
            vec![Consequence::Passes { order: ended.order.clone(), record: seq }]
        }
        // An interrupted run that found nothing left to do: the executor saw the control pass.
        Body::Ended(Outcome::Refused, ended) if matches!(ended.resolution, Resolution::Passes(_)) => {
            vec![Consequence::Passes { order: ended.order.clone(), record: seq }]
        }
        Body::Ended(outcome, ended) => {
            vec![Consequence::NotHealed {
                order: ended.order.clone(),
                outcome: *outcome,
                record: seq,
                retry: None,
            }]
        }
        Body::Refused(
            _,
            Refused {
                order,
                refusal: Refusal::NoFailingCheck,
                incident: _,
                runbook: _,
                counter: _,
                envelope: _,
            },
        ) => {
            let passes = |order| Consequence::Passes { order, record: seq };
            order.clone().map(passes).into_iter().collect()
        }
        Body::Refused(outcome, refused) => {
            let retry = retry_after(&refused.refusal);
            let not_healed = |order| Consequence::NotHealed { order, outcome: *outcome, record: seq, retry };
            refused.order.clone().map(not_healed).into_iter().collect()
        }
        Body::Findings(taken) => {
            let passed = |f: &contract::finding::Finding| match f.verdict {
                Verdict::Pass(_) => {
                    Some(Consequence::Passed { control: f.control.clone(), time, record: seq })
                }
                Verdict::Fail(_) | Verdict::Excepted(_) | Verdict::NotAssessed(_) => None,
            };
            taken.findings.iter().filter_map(passed).collect()
        }
        Body::Opened(_)
        | Body::Accepted(_)
        | Body::Intent(_)
        | Body::Recovered(_)
        | Body::Standing(_)
        | Body::Gap(_)
        | Body::Restored(_)
        | Body::KeyNamed(_)
        | Body::KeyTaken(_) => Vec::new(),
    }
}

/// Refusals that pass by themselves after a known time. Those that wait for a person or a window wait for the next report.
fn retry_after(refusal: &Refusal) -> Option<Retry> {
    match refusal {
        Refusal::CoolingDown { left_ms } => {
            Some(Retry { after_ms: left_ms.saturating_add(AFTER_COOLDOWN_MS) })
        }
        Refusal::AnotherRun => Some(Retry { after_ms: AFTER_ANOTHER_RUN_MS }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use contract::digest::Digest;
    use contract::fact::{Absence, FactValue};
    use contract::finding::{Finding, Tally};
    use contract::record::{Digests, Ended, FindingsTaken, PreviousLeaf, Trigger};
    use contract::refusal::Mode;
    use contract::time::ClockOffset;

    use super::*;

    fn record(body: Body) -> Record {
        Record {
            origin: "hub.example/h-1".into(),
            seq: 3,
            time: UtcTime::from_unix_ms(5).unwrap(),
            clock: ClockOffset::Unknown,
            prev: Some(PreviousLeaf([7; 32])),
            subject: "log".into(),
            digests: Digests::default(),
            body,
        }
    }

    fn refused(order: Option<&str>, refusal: Refusal) -> Record {
        let outcome = refusal.outcome();
        let order = order.map(|o| o.parse().unwrap());
        let envelope = Digest::of(b"");
        record(Body::Refused(
            outcome,
            Refused { order, incident: None, runbook: None, counter: None, envelope, refusal },
        ))
    }

    #[test]
    fn only_a_pass_closes() {
        let verdicts = [
            Verdict::Pass(FactValue::Flag(true)),
            Verdict::Fail(FactValue::Flag(false)),
            Verdict::Excepted(FactValue::Flag(false)),
            Verdict::NotAssessed(Absence::TimedOut),
        ];
        let finding = |(n, verdict): (usize, Verdict)| Finding {
            control: format!("c.{n}").parse().unwrap(),
            fact: "own:evidence".parse().unwrap(),
            verdict,
        };
        let findings: Vec<_> = verdicts.into_iter().enumerate().map(finding).collect();
        let taken = FindingsTaken {
            trigger: Trigger::Change,
            part: 1,
            parts: 1,
            tally: Tally::of(&findings),
            findings,
        };
        let passed = Consequence::Passed {
            control: "c.0".parse().unwrap(),
            time: UtcTime::from_unix_ms(5).unwrap(),
            record: 3,
        };
        assert_eq!(of(&record(Body::Findings(taken))), [passed]);
    }

    #[test]
    fn a_refusal_closes_only_where_the_executor_saw_the_control_pass() {
        let passes = Consequence::Passes { order: "o-1".parse().unwrap(), record: 3 };
        assert_eq!(of(&refused(Some("o-1"), Refusal::NoFailingCheck)), [passes]);
        let unmeasured = of(&refused(Some("o-1"), Refusal::CheckNotMeasured(Absence::TimedOut)));
        assert!(matches!(unmeasured.as_slice(), [Consequence::NotHealed { .. }]), "{unmeasured:?}");
    }

    #[test]
    fn an_interrupted_run_with_nothing_left_to_do_closes_by_what_was_measured() {
        let ended = |resolution| {
            let ended = Ended {
                order: "o-1".parse().unwrap(),
                incident: "i-1".parse().unwrap(),
                control: "a.b".parse().unwrap(),
                resolution,
                resumed: true,
                acted_ms: 0,
                verified_ms: 0,
            };
            of(&record(Body::Ended(Outcome::Refused, ended)))
        };
        let passes = Consequence::Passes { order: "o-1".parse().unwrap(), record: 3 };
        assert_eq!(ended(Resolution::Passes(FactValue::Flag(true))), [passes]);
        for open in [Resolution::Fails(FactValue::Flag(false)), Resolution::NotMeasured(Absence::TimedOut)] {
            assert!(matches!(ended(open).as_slice(), [Consequence::NotHealed { .. }]));
        }
    }

    #[test]
    fn what_passes_by_itself_is_tried_again_and_nothing_else() {
        let retry = |refusal: Refusal| match of(&refused(Some("o-1"), refusal)).as_slice() {
            [Consequence::NotHealed { retry, .. }] => retry.map(|r| r.after_ms),
            other => panic!("{other:?}"),
        };
        assert_eq!(retry(Refusal::CoolingDown { left_ms: 100 }), Some(100 + AFTER_COOLDOWN_MS));
        assert_eq!(retry(Refusal::CoolingDown { left_ms: u64::MAX }), Some(u64::MAX));
        assert_eq!(retry(Refusal::AnotherRun), Some(AFTER_ANOTHER_RUN_MS));
        assert_eq!(retry(Refusal::NoWindow), None);
        assert_eq!(retry(Refusal::Mode(Mode::Observe)), None);
        assert!(
            of(&refused(None, Refusal::RunbookNotApproved)).is_empty(),
            "bytes that no key signed changed something"
        );
    }
}
