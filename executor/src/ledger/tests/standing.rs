//! A start from the last `standing` record knows what a start from the first record knows.

use contract::fact::FileMode;
use contract::finding::Tally;
use contract::record::{Before, FindingsTaken, RECORD_MAX_BYTES, Trigger};
use contract::runbook::Verb;
use proptest::prelude::*;

use super::*;

const RUNBOOKS: [&str; 2] = ["RB-X-001-x", "RB-Y-002-y"];
const CONTROLS: [&str; 3] = ["x", "y", "z"];
const ORDERS: u8 = 6;

#[derive(Debug, Clone)]
enum Step {
    Accept { order: u8, runbook: usize, control: usize, counter: u64 },
    Intend { order: u8 },
    End { order: u8, control: usize, healed: bool },
    Refuse { order: u8, counter: Option<u64> },
    Find { control: usize, passes: Option<bool> },
    Health { number: u64, closure: u8 },
    Stand,
}

fn step() -> impl Strategy<Value = Step> {
    let (order, control, counter) = (0..ORDERS, 0..CONTROLS.len(), 1..50u64);
    prop_oneof![
        (order.clone(), 0..RUNBOOKS.len(), control.clone(), counter.clone())
            .prop_map(|(order, runbook, control, counter)| Step::Accept { order, runbook, control, counter }),
        order.clone().prop_map(|order| Step::Intend { order }),
        (order.clone(), control.clone(), any::<bool>()).prop_map(|(order, control, healed)| Step::End {
            order,
            control,
            healed
        }),
        (order, proptest::option::of(counter)).prop_map(|(order, counter)| Step::Refuse { order, counter }),
        (control, proptest::option::of(any::<bool>()))
            .prop_map(|(control, passes)| Step::Find { control, passes }),
        (0..20u64, 0..3u8).prop_map(|(number, closure)| Step::Health { number, closure }),
        Just(Step::Stand),
    ]
}

fn thing(control: &str) -> Resource {
    Resource::Unit(format!("{control}.service").parse().unwrap())
}

fn order(n: u8) -> OrderId {
    format!("o-{n}").parse().unwrap()
}

fn body(step: &Step, ledger: &Ledger) -> Option<Body> {
    let id = |n: &usize| CONTROLS[*n].parse().unwrap();
    Some(match step {
        Step::Accept { order: n, runbook, control, counter } => {
            let Body::Accepted(mut accepted) = accepted(*counter) else { return None };
            accepted.order = order(*n);
            accepted.runbook = RUNBOOKS[*runbook].parse().unwrap();
            accepted.control = id(control);
            accepted.targets = vec![thing(CONTROLS[*control])];
            Body::Accepted(accepted)
        }
        Step::Intend { order: n } => Body::Intent(Intent {
            order: order(*n),
            step: 0,
            verb: Verb::FileRestore,
            target: Resource::OwnDirectory(contract::runbook::OwnDirectory::Evidence),
            before: Before::FileMode { mode: FileMode::from_st_mode(0o755), device: 1, inode: 2 },
        }),
        Step::End { order: n, control, healed } => {
            let Body::Ended(_, mut ended) = ended() else { return None };
            ended.order = order(*n);
            ended.control = id(control);
            Body::Ended(if *healed { Outcome::Healed } else { Outcome::Failed }, ended)
        }
        Step::Refuse { order: n, counter } => {
            let Body::Refused(outcome, mut refused) = refused(*counter) else { return None };
            refused.order = Some(order(*n));
            Body::Refused(outcome, refused)
        }
        Step::Find { control, passes } => {
            let seen = FactValue::Flag(true);
            let verdict = match passes {
                Some(true) => Verdict::Pass(seen),
                Some(false) => Verdict::Fail(seen),
                None => Verdict::NotAssessed(contract::fact::Absence::Unsupported),
            };
            let finding = Finding { control: id(control), fact: "own:evidence".parse().unwrap(), verdict };
            let tally = Tally::of([&finding]);
            let (part, parts, findings) = (1, 1, vec![finding]);
            Body::Findings(FindingsTaken { trigger: Trigger::Change, part, parts, tally, findings })
        }
        Step::Health { number, closure } => Body::GenerationHealthy(GenerationHealthy {
            number: *number,
            closure: format!("/nix/store/{closure}-nixos-system").parse().unwrap(),
        }),
        Step::Stand => Body::Standing(ledger.standing()?),
    })
}

/// Everything that anybody can ask of a ledger, at one moment after a restart.
#[derive(Debug, PartialEq)]
struct Seen {
    highest: u64,
    unfinished: Vec<(Accepted, Vec<Intent>)>,
    failing: Vec<bool>,
    since_run: Vec<Option<u64>>,
    flaps: Vec<Option<Flap>>,
    answers: Vec<Option<OrderAnswer>>,
    healthy: Vec<GenerationHealthy>,
}

fn seen(ledger: &Ledger) -> Seen {
    let at = moment(1_000_000, 0);
    let pairs = RUNBOOKS.iter().flat_map(|r| CONTROLS.iter().map(move |c| (r, c)));
    Seen {
        highest: ledger.highest_counter(),
        unfinished: ledger.unfinished().map(|u| (u.accepted.clone(), u.intents.clone())).collect(),
        failing: CONTROLS.iter().map(|c| ledger.fails(&c.parse().unwrap())).collect(),
        flaps: CONTROLS.iter().map(|c| ledger.flapping(&c.parse().unwrap(), at.now)).collect(),
        since_run: pairs.map(|(r, c)| ledger.ms_since_run(&r.parse().unwrap(), &thing(c), &at)).collect(),
        healthy: ledger.healthy().cloned().collect(),
        answers: (0..ORDERS).map(|n| ledger.answer(&order(n)).cloned()).collect(),
    }
}

fn replay<'a>(records: impl IntoIterator<Item = &'a Record>) -> Ledger {
    let mut ledger = Ledger::default();
    records.into_iter().for_each(|record| ledger.apply(record, None));
    ledger
}

proptest! {
    #[test]
    fn a_replay_from_the_last_standing_record_knows_what_a_whole_one_knows(
        steps in proptest::collection::vec(step(), 0..120)
    ) {
        let (mut live, mut records) = (Ledger::default(), Vec::new());
        for step in &steps {
            let Some(body) = body(step, &live) else { continue };
            let seq = records.len() as u64;
            let record = record(seq, 1000 * i64::try_from(seq).unwrap(), body);
            live.apply(&record, Some(MonoNs(0)));
            records.push(record);
        }
        let stands = |r: &Record| matches!(r.body, Body::Standing(_));
        let last = records.iter().rposition(stands).unwrap_or(0);
        let from_last = seen(&replay(&records[last..]));
        prop_assert_eq!(&from_last, &seen(&replay(&records)));
        // As if no such record had ever been written.
        prop_assert_eq!(&from_last, &seen(&replay(records.iter().filter(|r| !stands(r)))));
        // While it runs, too, apart from the clock that cooldowns go by.
        let (mut live, mut from_last) = (seen(&live), from_last);
        (live.since_run, from_last.since_run) = (vec![], vec![]);
        prop_assert_eq!(live, from_last);
    }
}

#[test]
fn there_is_no_standing_record_while_a_run_is_unfinished() {
    let mut ledger = Ledger::default();
    ledger.apply(&record(0, 0, accepted(7)), None);
    assert_eq!(ledger.standing(), None);
    ledger.apply(&record(1, 0, ended()), None);
    assert_eq!(ledger.standing().unwrap().highest_counter, 7);
}

#[test]
fn a_cooldown_goes_by_the_monotonic_clock_across_a_standing_record() {
    let (runbook, target) = ("RB-X-001-x".parse().unwrap(), target());
    let mut ledger = Ledger::default();
    ledger.apply(&record(0, 1000, accepted(1)), Some(MonoNs(0)));
    ledger.apply(&record(1, 1000, ended()), Some(MonoNs(0)));
    let standing = Body::Standing(ledger.standing().unwrap());
    ledger.apply(&record(2, 1000, standing), Some(MonoNs(0)));
    assert_eq!(ledger.ms_since_run(&runbook, &target, &moment(9_000_000, 5_000_000)), Some(5));
}

#[test]
fn however_many_answers_there_are_the_record_fits_and_holds_the_newest() {
    let mut ledger = Ledger::default();
    for n in 0..2000u64 {
        let Body::Refused(outcome, mut refused) = refused(Some(n)) else { panic!() };
        refused.order = Some(format!("o-{n}").parse().unwrap());
        ledger.apply(&record(n, 0, Body::Refused(outcome, refused)), None);
    }
    let standing = ledger.standing().unwrap();
    let kept = standing.answers.len();
    assert!(kept > 100, "only {kept} answers found room");
    let standing = record(2000, 0, Body::Standing(standing));
    let bytes = standing.to_value().unwrap().to_string().len();
    assert!(bytes <= RECORD_MAX_BYTES, "{bytes}");
    ledger.apply(&standing, None);
    assert!(ledger.answer(&"o-1999".parse().unwrap()).is_some());
    assert!(ledger.answer(&"o-0".parse().unwrap()).is_none());
}

#[test]
fn more_cooldowns_than_a_record_holds_give_none_rather_than_a_part_of_them() {
    let mut ledger = Ledger::default();
    for n in 0..400u64 {
        let (Body::Accepted(mut accepted), Body::Ended(outcome, mut ended)) = (accepted(n), ended()) else {
            panic!()
        };
        (accepted.order, ended.order) = (order(1), order(1));
        accepted.targets = vec![thing(&format!("control-{n}"))];
        ledger.apply(&record(2 * n, 0, Body::Accepted(accepted)), None);
        ledger.apply(&record(2 * n + 1, 0, Body::Ended(outcome, ended)), None);
    }
    assert_eq!(ledger.standing(), None);
}
