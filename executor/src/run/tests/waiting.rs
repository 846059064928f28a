//! What waits, and for what: a window, people, a clock. A wait outlives a restart, ends when it is over or in vain, and never runs twice.

use contract::record::WaitingFor;

use super::*;

pub(super) fn window(from: &str, to: &str) -> crate::guard::Window {
    let days =
        "mon tue wed thu fri sat sun".split(' ').map(|d| serde_json::from_value(d.into()).unwrap()).collect();
    let word = |text: &str| text.to_owned().try_into().unwrap();
    let declared =
        contract::window::DeclaredWindow { zone: word("UTC"), days, from: word(from), to: word(to) };
    crate::guard::Window::new(&declared, jiff::tz::TimeZone::UTC).unwrap()
}

fn disruptive() -> Site {
    // NOW is 08:00.
    let site = fixtures::site_of_changed(&[("disruptive: false", "disruptive: true")]);
    Site { window: Some(window("20:00", "21:00")), ..site }
}

const HOUR_MS: u64 = 60 * 60 * 1000;

pub(super) fn settled(rig: &Rig) {
    rig.runner.tick();
    rig.runner.close_for_test();
}

impl Runner {
    /// Waits until nothing is under way.
    fn close_for_test(&self) {
        let mut line = self.lock();
        while line.schedule.begun() > 0 {
            line = self.moved.wait(line).unwrap();
        }
    }
}

#[test]
fn what_is_disruptive_waits_for_the_window_also_across_a_restart_and_then_runs_once() {
    let site = disruptive();
    let envelope = fixtures::sign(&order(&site, "suture.agent-keys", 1));
    let rig = Rig::new(site);
    rig.loosen("agent-keys");
    let answer = rig.send(&envelope);
    assert_eq!(answer.outcome, Outcome::Deferred);
    assert!(matches!(answer.refusal, Some(Refusal::OutsideWindow { .. })), "{answer:?}");
    let waits = rig.runner.machine.with_ledger(|l| l.waiting()[0].waiting.waiting_for.clone()).unwrap();
    assert_eq!(waits, WaitingFor::Window { opens: fixtures::utc(fixtures::NOW + 12 * 3_600_000) });
    settled(&rig);
    assert!(rig.is_loose("agent-keys"), "it did not wait");

    let rig = rig.restarted(disruptive());
    rig.clock.advance_ms(12 * HOUR_MS + 1);
    settled(&rig);
    settled(&rig);
    assert!(!rig.is_loose("agent-keys"), "the window is open, and nothing happened");
    let again = rig.send(&envelope);
    assert_eq!(again.outcome, Outcome::Healed, "the order's answer is the run's");
    assert_eq!(rig.kinds().iter().filter(|kind| **kind == Kind::Accepted).count(), 1);
}

#[test]
fn a_wait_in_vain_ends_as_expired() {
    let site = disruptive();
    let envelope = fixtures::sign(&order(&site, "suture.agent-keys", 1));
    let rig = Rig::new(site);
    rig.loosen("agent-keys");
    rig.send(&envelope);
    rig.clock.advance_ms(72 * HOUR_MS);
    settled(&rig);
    let answer = rig.send(&envelope);
    assert_eq!((answer.outcome, rig.is_loose("agent-keys")), (Outcome::Expired, true));
    assert!(rig.runner.machine.with_ledger(|l| l.waiting().is_empty()).unwrap());
}

#[test]
fn what_is_gone_when_the_window_opens_is_observed_and_not_repaired() {
    let site = disruptive();
    let envelope = fixtures::sign(&order(&site, "suture.agent-keys", 1));
    let rig = Rig::new(site);
    rig.loosen("agent-keys");
    rig.send(&envelope);
    fs::set_permissions(rig.path("agent-keys"), Permissions::from_mode(0o700)).unwrap();
    rig.clock.advance_ms(12 * HOUR_MS + 1);
    settled(&rig);
    let answer = rig.send(&envelope);
    assert_eq!((answer.outcome, answer.refusal), (Outcome::Observed, Some(Refusal::NoFailingCheck)));
    assert!(!rig.kinds().contains(&Kind::Intent));
}

#[test]
fn an_order_waits_for_a_persons_signature_over_the_same_bytes_and_takes_no_other_bytes() {
    let site = || fixtures::site_of_changed(&[("approval: none", "approval: one_person")]);
    let one = order(&site(), "suture.agent-keys", 1);
    let envelope = fixtures::sign(&one);
    let rig = Rig::new(site());
    rig.loosen("agent-keys");
    let answer = rig.send(&envelope);
    assert_eq!(answer.refusal, Some(Refusal::NeedsApproval { have: 0, need: 1 }));
    assert_eq!(rig.send(&envelope).outcome, Outcome::Deferred, "handed out again, it still waits");
    // The hub may not exchange what the person is going to sign.
    let other = fixtures::sign(&Order { incident: "i-9".parse().unwrap(), ..one });
    assert!(matches!(rig.send(&other).refusal, Some(Refusal::Replayed { .. })));
    assert!(rig.is_loose("agent-keys"));
    // Hours later, long after the order's own time.
    rig.clock.advance_ms(30 * HOUR_MS);
    let approved = fixtures::jane().approve(&envelope).unwrap();
    assert_eq!((rig.send(&approved).outcome, rig.is_loose("agent-keys")), (Outcome::Healed, false));
    let accepted = rig.records().into_iter().find_map(|r| match r.body {
        Body::Accepted(accepted) => Some(accepted),
        _ => None,
    });
    assert_eq!(accepted.unwrap().approvals, ["jane".parse().unwrap()]);
}

#[test]
fn a_run_that_takes_too_long_is_told_once() {
    let site = fixtures::site();
    let rig = Rig::new(site);
    let begun = Begun {
        digest: Digest::of(b"o-1"),
        since: rig.clock.mono(),
        escalate_after_ms: 1000,
        incident: "i-1".parse().unwrap(),
        control: "suture.agent-keys".parse().unwrap(),
        told: false,
    };
    rig.runner.lock().begun.insert("o-1".parse().unwrap(), begun);
    rig.clock.advance_ms(1000);
    rig.runner.tick();
    assert_eq!(rig.kinds(), []);
    rig.clock.advance_ms(1);
    rig.runner.tick();
    rig.runner.tick();
    assert_eq!(rig.kinds(), [Kind::Moved, Kind::Escalated]);
}
