//! A clock that jumps a day ahead or back: what depends on it refuses, says so, and works again once the clock is right; what only takes time is not
//! fooled.

use super::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const AGENT: &str = "suture.agent-keys";

fn sent(rig: &Rig, order: &Order) -> OrderAnswer {
    rig.send(&fixtures::sign(order))
}

fn intents(rig: &Rig) -> usize {
    rig.kinds().iter().filter(|kind| **kind == Kind::Intent).count()
}

#[test]
fn behind_by_a_day_every_order_is_from_the_future_until_the_clock_is_right() {
    let site = fixtures::site();
    let (early, late) = (order(&site, AGENT, 1), order(&site, AGENT, 2));
    let rig = Rig::new(site);
    rig.loosen("agent-keys");
    rig.clock.jump_ms(-DAY_MS);
    let answer = sent(&rig, &early);
    assert_eq!(answer.refusal, Some(Refusal::FromTheFuture { at: early.issued }));
    assert!(rig.is_loose("agent-keys") && rig.kinds() == [Kind::Refused]);
    rig.clock.jump_ms(DAY_MS);
    assert_eq!((sent(&rig, &late).outcome, rig.is_loose("agent-keys")), (Outcome::Healed, false));
}

#[test]
fn ahead_by_a_day_every_order_has_expired_until_the_clock_is_right() {
    let site = fixtures::site();
    let (early, late) = (order(&site, AGENT, 1), order(&site, AGENT, 2));
    let rig = Rig::new(site);
    rig.loosen("agent-keys");
    rig.clock.jump_ms(DAY_MS);
    let answer = sent(&rig, &early);
    assert_eq!(answer.refusal, Some(Refusal::Expired { at: early.expires }));
    assert!(rig.is_loose("agent-keys") && rig.kinds() == [Kind::Refused]);
    rig.clock.jump_ms(-DAY_MS);
    assert_eq!((sent(&rig, &late).outcome, rig.is_loose("agent-keys")), (Outcome::Healed, false));
}

#[test]
fn a_cooldown_lasts_as_long_as_it_lasts_whatever_the_clock_says() {
    for jump in [-DAY_MS, DAY_MS] {
        let site = fixtures::site();
        let now = fixtures::utc(fixtures::NOW + jump);
        let later = |counter| Order {
            issued: now,
            expires: fixtures::utc(fixtures::NOW + jump + 900_000),
            ..order(&site, AGENT, counter)
        };
        let (first, second, third) = (order(&site, AGENT, 1), later(2), later(3));
        let rig = Rig::new(fixtures::site());
        rig.loosen("agent-keys");
        assert_eq!(sent(&rig, &first).outcome, Outcome::Healed);
        rig.loosen("agent-keys");
        rig.clock.jump_ms(jump);
        let answer = sent(&rig, &second);
        let Some(Refusal::CoolingDown { left_ms }) = answer.refusal else { panic!("{jump}: {answer:?}") };
        assert!(rig.is_loose("agent-keys") && intents(&rig) == 1);
        rig.clock.advance_ms(left_ms);
        assert_eq!(
            sent(&rig, &third).outcome,
            Outcome::Healed,
            "{jump}: it does not end when its time is over"
        );
    }
}

#[test]
fn a_restart_on_a_clock_that_went_back_does_not_shorten_a_cooldown() {
    let site = fixtures::site();
    let issued = fixtures::utc(fixtures::NOW - DAY_MS);
    let expires = fixtures::utc(fixtures::NOW - DAY_MS + 900_000);
    let (first, second) = (order(&site, AGENT, 1), Order { issued, expires, ..order(&site, AGENT, 2) });
    let rig = Rig::new(fixtures::site());
    rig.loosen("agent-keys");
    assert_eq!(sent(&rig, &first).outcome, Outcome::Healed);
    rig.loosen("agent-keys");
    rig.clock.jump_ms(-DAY_MS);
    let rig = rig.restarted(site);
    assert!(matches!(sent(&rig, &second).refusal, Some(Refusal::CoolingDown { .. })));
    assert_eq!(intents(&rig), 1);
}

#[test]
fn a_window_does_not_open_because_an_undisciplined_clock_jumped_into_it() {
    // NOW is 08:00.
    let site = || Site { window: Some(waiting::window("20:00", "21:00")), ..disruptive() };
    let one = order(&site(), AGENT, 1);
    let late = Order { expires: fixtures::utc(fixtures::NOW + 2 * DAY_MS), ..one };
    let rig = Rig::with_clock(site(), crate::policy_verb::DEFAULT, ClockOffset::Unsynchronised);
    rig.loosen("agent-keys");
    assert_eq!(sent(&rig, &late).outcome, Outcome::Deferred);
    for jump in [DAY_MS / 2 + 60_000, DAY_MS, -2 * DAY_MS] {
        rig.clock.jump_ms(jump);
        rig.runner.tick();
        waiting::settled(&rig);
        assert!(
            rig.is_loose("agent-keys") && intents(&rig) == 0,
            "a clock that nobody disciplines opened the window"
        );
    }
}

fn disruptive() -> Site {
    fixtures::site_of_changed(&[("disruptive: false", "disruptive: true")])
}
