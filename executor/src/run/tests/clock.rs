//! A clock that jumps a day ahead or back: what depends on it refuses, says so, and works again once the clock is right and, where it had been ahead,
//! the hub's receipt has said so; what only takes time is not fooled.

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
fn behind_by_a_day_nothing_is_judged_by_the_clock_until_it_is_right() {
    let site = fixtures::site();
    let (early, late) = (order(&site, AGENT, 1), order(&site, AGENT, 2));
    let rig = Rig::new(site);
    rig.loosen("agent-keys");
    rig.clock.jump_ms(-DAY_MS);
    let answer = sent(&rig, &early);
    assert_eq!(answer.refusal, Some(Refusal::ClockBehind { at: fixtures::utc(fixtures::NOW) }));
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
    // What was written down a day ahead has not been: but that only the hub can say.
    let answer = sent(&rig, &late);
    assert!(matches!(answer.refusal, Some(Refusal::ClockBehind { .. })), "{answer:?}");
    assert_eq!(answer.outcome, Outcome::Deferred);
    heard(&rig);
    assert_eq!((sent(&rig, &late).outcome, rig.is_loose("agent-keys")), (Outcome::Healed, false));
}

/// The hub acknowledges everything, by its own clock, which is right.
fn heard(rig: &Rig) {
    let since = i64::try_from(rig.clock.since_ms.load(Ordering::SeqCst)).unwrap();
    acknowledged(rig, fixtures::utc(fixtures::NOW + since));
}

/// The hub acknowledges everything, and its clock agrees with this one: whatever was later never was.
fn believed(rig: &Rig) {
    acknowledged(rig, rig.clock.utc());
}

fn acknowledged(rig: &Rig, at: UtcTime) {
    rig.runner.machine.about_the_log(vec![Body::Gap(gap(rig))]).unwrap();
    let entries = rig.records().len() as u64;
    let heard = |recorder: &mut Recorder| recorder.heard(&receipt(entries, at), rig.clock.mono());
    rig.runner.machine.with_log(heard).unwrap();
}

#[test]
fn an_order_that_was_withheld_past_its_time_does_not_run_because_the_clock_is_put_back() {
    for restart in [false, true] {
        let site = fixtures::site();
        let withheld = order(&site, AGENT, 1);
        let rig = Rig::new(site);
        rig.loosen("agent-keys");
        // Its time passes, and something is written down meanwhile.
        rig.clock.advance_ms(2 * 900_000);
        rig.runner.machine.about_the_log(vec![Body::Gap(gap(&rig))]).unwrap();
        rig.clock.jump_ms(-2 * 900_000);
        let rig = if restart { rig.restarted(fixtures::site()) } else { rig };
        let answer = sent(&rig, &withheld);
        assert!(matches!(answer.refusal, Some(Refusal::ClockBehind { .. })), "{restart}: {answer:?}");
        assert!(rig.is_loose("agent-keys") && intents(&rig) == 0, "{restart}: it ran");
        rig.clock.jump_ms(2 * 900_000);
        assert_eq!(sent(&rig, &withheld).refusal, Some(Refusal::Expired { at: withheld.expires }));
    }
}

#[test]
fn within_one_start_a_clock_that_is_put_back_is_noticed_though_nothing_was_written() {
    let site = fixtures::site();
    let withheld = order(&site, AGENT, 1);
    let rig = Rig::new(site);
    rig.loosen("agent-keys");
    rig.clock.advance_ms(2 * 900_000);
    rig.clock.jump_ms(-2 * 900_000);
    let answer = sent(&rig, &withheld);
    assert!(matches!(answer.refusal, Some(Refusal::ClockBehind { .. })), "{answer:?}");
}

fn gap(rig: &Rig) -> contract::record::Gap {
    let now = rig.clock.utc();
    let (reason, lost) = (contract::record::GapReason::OutboxFull, contract::record::Lost::Unknown);
    contract::record::Gap { reason, from: now, until: now, lost }
}

#[test]
fn by_a_clock_that_is_behind_no_wait_ends_and_no_signature_is_lost() {
    let site = || fixtures::site_of_changed(&[("approval: none", "approval: one_person")]);
    let envelope = fixtures::sign(&order(&site(), AGENT, 1));
    let rig = Rig::new(site());
    rig.loosen("agent-keys");
    assert_eq!(rig.send(&envelope).refusal, Some(Refusal::NeedsApproval { have: 0, need: 1 }));
    rig.clock.jump_ms(-DAY_MS);
    let approved = fixtures::jane().approve(&envelope).unwrap();
    let answer = rig.send(&approved);
    assert!(matches!(answer.refusal, Some(Refusal::ClockBehind { .. })), "{answer:?}");
    rig.runner.tick();
    waiting::settled(&rig);
    assert!(rig.is_loose("agent-keys"));
    rig.clock.jump_ms(DAY_MS);
    waiting::settled(&rig);
    waiting::settled(&rig);
    assert!(!rig.is_loose("agent-keys"), "the signature that came meanwhile was lost");
}

#[test]
fn break_glass_is_not_broken_by_a_clock_that_is_behind() {
    let rig = Rig::new(fixtures::site());
    let grant = grants::signed(&grants::glass("jane", 1, 1));
    rig.clock.advance_ms(2 * 3_600_000);
    rig.clock.jump_ms(-2 * 3_600_000);
    assert!(rig.runner.break_glass(&grant).is_err(), "a grant of yesterday was taken");
    assert_eq!(rig.kinds(), [Kind::Refused]);
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
        believed(&rig);
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
    let answer = sent(&rig, &second);
    assert!(matches!(answer.refusal, Some(Refusal::ClockBehind { .. })), "{answer:?}");
    believed(&rig);
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
