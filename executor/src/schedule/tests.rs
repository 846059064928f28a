//! The schedule as a model: whatever comes, one run on a target, no more than its room, and everybody's turn comes.

use proptest::prelude::*;

use super::*;

fn id(n: u8) -> OrderId {
    format!("o-{n}").parse().unwrap()
}

fn runbook(n: u8) -> RunbookId {
    format!("RB-X-{n:03}-x").parse().unwrap()
}

fn entry(priority: u8, target: u8) -> Entry {
    Entry {
        priority: Priority::try_from(priority).unwrap(),
        when_urgent: WhenUrgent::GoOn,
        targets: BTreeSet::from([Resource::Unit(format!("u{target}.service").parse().unwrap())]),
        runbook: runbook(target),
        after: Vec::new(),
        since: MonoNs(0),
    }
}

fn after_ms(ms: u64) -> MonoNs {
    MonoNs(ms * 1_000_000)
}

/// Makes moves until there is none, and says which.
fn settle(schedule: &mut Schedule, now: MonoNs) -> Vec<Move> {
    let mut moves = Vec::new();
    while let Some(next) = schedule.next(now) {
        schedule.made(&next);
        moves.push(next);
        assert!(moves.len() < 100, "it never settles: {moves:?}");
    }
    moves
}

#[test]
fn the_most_urgent_goes_first_and_within_one_priority_who_came_first() {
    let mut schedule = Schedule::new(1);
    for (n, priority) in [(1, 3), (2, 3), (3, 1)] {
        assert!(schedule.enter(id(n), entry(priority, n)));
    }
    let mut order = Vec::new();
    while let Some(Move::Start(next)) = schedule.next(after_ms(0)) {
        schedule.made(&Move::Start(next.clone()));
        schedule.leave(&next, true);
        order.push(next);
    }
    assert_eq!(order, [id(3), id(1), id(2)]);
}

#[test]
fn waiting_raises_a_run_by_two_at_the_most() {
    let first = |waited_ms, priority| {
        let mut schedule = Schedule::new(1);
        schedule.enter(id(1), entry(5, 1));
        let fresh = Entry { since: after_ms(waited_ms), ..entry(priority, 2) };
        schedule.enter(id(2), fresh);
        schedule.next(after_ms(waited_ms))
    };
    assert_eq!(first(0, 4), Some(Move::Start(id(2))));
    assert_eq!(first(2 * AGEING_MS, 4), Some(Move::Start(id(1))));
    // However long it waits, it never passes what is more urgent by three.
    assert_eq!(first(1000 * AGEING_MS, 2), Some(Move::Start(id(2))));
}

#[test]
fn one_target_is_touched_by_one_run_at_a_time() {
    let mut schedule = Schedule::new(4);
    schedule.enter(id(1), entry(3, 1));
    schedule.enter(id(2), entry(1, 1));
    schedule.enter(id(3), entry(5, 2));
    assert_eq!(settle(&mut schedule, after_ms(0)), [Move::Start(id(2)), Move::Start(id(3))]);
    schedule.leave(&id(2), true);
    assert_eq!(settle(&mut schedule, after_ms(0)), [Move::Start(id(1))]);
}

#[test]
fn a_run_waits_for_what_it_comes_after_and_fails_with_it() {
    let mut schedule = Schedule::new(4);
    schedule.enter(id(1), entry(5, 1));
    schedule.enter(id(2), Entry { after: vec![runbook(1)], ..entry(1, 2) });
    assert_eq!(settle(&mut schedule, after_ms(0)), [Move::Start(id(1))]);
    schedule.leave(&id(1), false);
    assert_eq!(settle(&mut schedule, after_ms(0)), [Move::Fail(id(2), runbook(1))]);
    assert!(!schedule.holds(&id(2)));

    schedule.enter(id(3), entry(5, 1));
    schedule.enter(id(4), Entry { after: vec![runbook(1)], ..entry(1, 2) });
    settle(&mut schedule, after_ms(0));
    schedule.leave(&id(3), true);
    assert_eq!(settle(&mut schedule, after_ms(0)), [Move::Start(id(4))]);
}

#[test]
fn an_urgent_run_pauses_or_cancels_only_what_lets_it() {
    for (when_urgent, expected) in [
        (WhenUrgent::GoOn, vec![]),
        (WhenUrgent::Pause, vec![Move::Pause(id(1)), Move::Start(id(2))]),
        (WhenUrgent::Cancel, vec![Move::Cancel(id(1))]),
    ] {
        let mut schedule = Schedule::new(1);
        schedule.enter(id(1), Entry { when_urgent, ..entry(4, 1) });
        settle(&mut schedule, after_ms(0));
        schedule.enter(id(2), entry(1, 2));
        assert_eq!(settle(&mut schedule, after_ms(0)), expected, "{when_urgent:?}");
        if when_urgent == WhenUrgent::Pause {
            // The paused one holds its target, and goes on as soon as there is room.
            schedule.enter(id(3), entry(1, 1));
            assert_eq!(settle(&mut schedule, after_ms(0)), []);
            schedule.leave(&id(2), true);
            assert_eq!(settle(&mut schedule, after_ms(0)), [Move::GoOn(id(1))]);
        }
    }
    let mut schedule = Schedule::new(1);
    schedule.enter(id(1), Entry { when_urgent: WhenUrgent::Pause, ..entry(4, 1) });
    settle(&mut schedule, after_ms(0));
    schedule.enter(id(2), entry(2, 2));
    assert_eq!(settle(&mut schedule, after_ms(0)), [], "priority 2 is not urgent");
}

#[test]
fn a_flood_is_turned_away() {
    let mut schedule = Schedule::new(1);
    for n in 0..u8::try_from(QUEUE_MAX).unwrap() {
        assert!(schedule.enter(id(n), entry(3, n)));
    }
    assert!(!schedule.enter(id(200), entry(1, 200)));
}

#[derive(Debug, Clone)]
enum Event {
    Enter { priority: u8, target: u8, after: Option<u8>, urgent: u8 },
    End { which: usize, healed: bool },
    Tick,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (1..=5u8, 0..4u8, proptest::option::of(0..4u8), 0..3u8)
            .prop_map(|(priority, target, after, urgent)| Event::Enter { priority, target, after, urgent }),
        (0..4usize, any::<bool>()).prop_map(|(which, healed)| Event::End { which, healed }),
        Just(Event::Tick),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_targets_are_locked_room_is_kept_and_all_end(
        events in proptest::collection::vec(event(), 0..60),
        runs_max in 1..4usize,
    ) {
        let mut schedule = Schedule::new(runs_max);
        let (mut next_id, mut now) = (0u8, 0u64);
        for event in events {
            match event {
                Event::Enter { priority, target, after, urgent } => {
                    let when_urgent = [WhenUrgent::GoOn, WhenUrgent::Pause, WhenUrgent::Cancel][usize::from(urgent)];
                    let after = after.filter(|a| *a != target).map(runbook).into_iter().collect();
                    let since = after_ms(now);
                    schedule.enter(id(next_id), Entry { when_urgent, after, since, ..entry(priority, target) });
                    next_id = next_id.wrapping_add(1);
                }
                Event::End { which, healed } => {
                    let running: Vec<_> =
                        schedule.places.iter().filter(|(_, p)| p.state == State::Running).map(|(o, _)| o.clone()).collect();
                    if let Some(order) = running.get(which % running.len().max(1)) {
                        schedule.leave(order, healed);
                    }
                }
                Event::Tick => now += AGEING_MS / 2,
            }
            settle(&mut schedule, after_ms(now));
            check(&schedule);
        }
        // Everything that is here gets its turn once the others end.
        for _ in 0..300 {
            settle(&mut schedule, after_ms(now));
            let running = schedule.places.iter().find(|(_, p)| p.state == State::Running).map(|(o, _)| o.clone());
            match running {
                Some(order) => schedule.leave(&order, true),
                None => break,
            }
        }
        prop_assert!(schedule.places.is_empty(), "somebody waits for ever: {:?}", schedule.places);
    }
}

fn check(schedule: &Schedule) {
    assert!(schedule.active() <= schedule.runs_max, "more run than there is room for");
    let begun: Vec<_> = schedule.places.values().filter(|p| p.state != State::Queued).collect();
    for (n, one) in begun.iter().enumerate() {
        for other in &begun[n + 1..] {
            assert!(one.entry.targets.is_disjoint(&other.entry.targets), "two runs on one target");
        }
    }
}
