//! What an evidence record means to the hub's incidents. Pure: the record goes in, consequences come out.
//!
//! An incident is closed by an observation that stands in a record, and by nothing else: not by an answer of the agent, not by time, not by the
//! absence of further reports.

use contract::attest::closure_hash;
use contract::fact::Word;
use contract::finding::Verdict;
use contract::ids::{ControlId, IncidentId, OrderId};
use contract::outcome::Outcome;
use contract::record::{
    Accepted, Body, Ended, Escalated, Intent, Record, Refused, Resolution, Waiting, WaitingFor,
};
use contract::refusal::Refusal;
use contract::runbook::Verb;
use contract::time::UtcTime;

/// What a record changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// The executor measured for this order that the control passes, after a run or in place of one: its incident is closed.
    Passes { order: OrderId, record: u64, run: Option<Run> },
    /// The order ended otherwise: its incident stays open.
    NotHealed { order: OrderId, outcome: Outcome, record: u64, retry: Option<Retry>, run: Option<Run> },
    /// The order waits on its host until then at most: it is neither dead nor done.
    Waits { order: OrderId, waiting_for: WaitingFor, until: UtcTime },
    /// The order is being carried out: it ends before then, or a person was told. Until then nothing but its end says whether it healed.
    Begun { order: OrderId, until: UtcTime, run: Run },
    /// The executor asks for a person.
    Person { order: OrderId, record: u64 },
    /// The control was seen to pass: an incident about it that was found before `time` is closed.
    ///
    /// Findings travel with the log and incidents do not wait for it, so a pass from before the drift can arrive after the incident.
    Passed { control: ControlId, time: UtcTime, record: u64 },
    /// The executor found this closure healthy, and may go back to it.
    Healthy { closure: Word },
    /// The executor is about to go back to one of those: the closure may be another from now on.
    Switched,
}

/// What the beginning and the end of a run say of it. Where this hub did not order the run, the site did under its standing order, and only this tells
/// what it answered: an incident that may not have come here yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) incident: IncidentId,
    pub(crate) control: ControlId,
    pub(crate) time: UtcTime,
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
/// No run goes on for longer: a runbook's own limits are below it.
const RUN_MAX_MS: u64 = 48 * 60 * 60 * 1000;

/// The consequences of one record.
pub(crate) fn of(record: &Record) -> Vec<Consequence> {
    let (seq, time) = (record.seq, record.time);
    match &record.body {
        Body::Ended(outcome, ended) => vec![end(*outcome, ended, seq, time)],
        Body::Refused(outcome, refused) => refusal(*outcome, refused, seq).into_iter().collect(),
        Body::Waiting(waiting) => {
            let Waiting { order, waiting_for, until, .. } = &**waiting;
            vec![Consequence::Waits { order: order.clone(), waiting_for: waiting_for.clone(), until: *until }]
        }
        Body::Accepted(accepted) => {
            let Accepted { order, incident, control, .. } = &**accepted;
            let run = Run { incident: incident.clone(), control: control.clone(), time };
            vec![Consequence::Begun { order: order.clone(), until: time.plus_ms(RUN_MAX_MS), run }]
        }
        Body::Escalated(Escalated { order, incident: _, trouble: _ }) => {
            vec![Consequence::Person { order: order.clone(), record: seq }]
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
        Body::GenerationHealthy(healthy) => {
            let name = healthy.closure.as_str().rsplit('/').next();
            let closure = name.and_then(closure_hash);
            closure.map(|closure| Consequence::Healthy { closure }).into_iter().collect()
        }
        Body::Intent(Intent { verb: Verb::GenerationSwitch, .. }) => vec![Consequence::Switched],
        Body::Opened(_)
        | Body::Signals(_)
        | Body::Intent(_)
        | Body::Moved(_)
        | Body::Resumed(_)
        | Body::Connection(_)
        | Body::StandingTaken(_)
        | Body::BreakGlass(_)
        | Body::PolicyTaken(_)
        | Body::Confined(_)
        | Body::Intruded(_)
        | Body::DeadManFired(_)
        | Body::PaperTaken(_)
        | Body::Recovered(_)
        | Body::Standing(_)
        | Body::Gap(_)
        | Body::Restored(_)
        | Body::KeyNamed(_)
        | Body::KeyTaken(_)
        | Body::Acted(_)
        | Body::LoggedIn(_)
        | Body::Device(_)
        | Body::Packet(_) => Vec::new(),
    }
}

fn end(outcome: Outcome, ended: &Ended, record: u64, time: UtcTime) -> Consequence {
    let Ended { order, incident, control, resolution, .. } = ended;
    let order = order.clone();
    let run = Some(Run { incident: incident.clone(), control: control.clone(), time });
    // An interrupted run that found nothing left to do is one, too: the executor saw the control pass.
    let nothing_left = matches!(outcome, Outcome::Refused | Outcome::Observed)
        && matches!(resolution, Resolution::Passes(_));
    if outcome == Outcome::Healed || nothing_left {
        Consequence::Passes { order, record, run }
    } else {
        // Cancelled for something urgent, and undone: it is ordered again when that is over.
        let retry = (outcome == Outcome::Deferred).then_some(Retry { after_ms: AFTER_ANOTHER_RUN_MS });
        Consequence::NotHealed { order, outcome, record, retry, run }
    }
}

fn refusal(outcome: Outcome, refused: &Refused, record: u64) -> Option<Consequence> {
    let order = refused.order.clone()?;
    Some(match &refused.refusal {
        Refusal::NoFailingCheck => Consequence::Passes { order, record, run: None },
        other => Consequence::NotHealed { order, outcome, record, retry: retry_after(other), run: None },
    })
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
    use contract::record::{Digests, FindingsTaken, Opponent, PreviousLeaf, Trigger, Trouble};
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
            Refused { order, incident: None, runbook: None, counter: None, envelope, refusal, policy: None },
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
        let passes = Consequence::Passes { order: "o-1".parse().unwrap(), record: 3, run: None };
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
                counts: vec![],
            };
            of(&record(Body::Ended(Outcome::Refused, ended)))
        };
        let run = Run {
            incident: "i-1".parse().unwrap(),
            control: "a.b".parse().unwrap(),
            time: UtcTime::from_unix_ms(5).unwrap(),
        };
        let passes = Consequence::Passes { order: "o-1".parse().unwrap(), record: 3, run: Some(run) };
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

    #[test]
    fn what_fights_back_is_a_persons_and_is_not_tried_again() {
        let flapping = Refusal::Flapping {
            control: "a.b".parse().unwrap(),
            transitions: 6,
            days: 7,
            opponent: Opponent::Unknown,
        };
        let done = of(&refused(Some("o-1"), flapping));
        let [Consequence::NotHealed { outcome: Outcome::Escalated, retry: None, .. }] = done.as_slice()
        else {
            panic!("{done:?}")
        };
        let escalated = Escalated {
            order: "o-1".parse().unwrap(),
            incident: "i-1".parse().unwrap(),
            trouble: Trouble::Stuck,
        };
        let person = Consequence::Person { order: "o-1".parse().unwrap(), record: 3 };
        assert_eq!(of(&record(Body::Escalated(escalated))), [person]);
    }

    #[test]
    fn an_order_that_waits_is_neither_closed_nor_ended() {
        let until = UtcTime::from_unix_ms(9).unwrap();
        for waiting_for in [
            WaitingFor::Window { opens: until },
            WaitingFor::Approval { have: 0, need: 1 },
            WaitingFor::Clock,
            WaitingFor::Turn,
        ] {
            let waiting = Waiting {
                order: "o-1".parse().unwrap(),
                incident: "i-1".parse().unwrap(),
                control: "a.b".parse().unwrap(),
                runbook: "RB-X-001-x".parse().unwrap(),
                counter: 1,
                waiting_for: waiting_for.clone(),
                until,
                envelope: contract::blob::Blob(vec![]),
            };
            let waits = Consequence::Waits { order: "o-1".parse().unwrap(), waiting_for, until };
            assert_eq!(of(&record(Body::Waiting(Box::new(waiting)))), [waits]);
        }
    }
}
