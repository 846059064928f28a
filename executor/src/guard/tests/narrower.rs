//! What a site narrows for itself, and the data that the tests on NixOS go by too.

use super::*;

/// What the tests that boot NixOS machines go by too.
pub(super) fn scenarios() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../../nixosTests/scenarios.json")).unwrap()
}

/// Seconds, as milliseconds.
pub(super) fn ms(seconds: &serde_json::Value) -> i64 {
    seconds.as_i64().unwrap() * 1000
}

#[test]
fn an_order_that_was_held_back_is_refused() {
    let expired = &scenarios()["expired-order"]["data"];
    let (lifetime_ms, late_ms) = (ms(&expired["lifetime_s"]), ms(&expired["late_s"]));
    let held_back =
        |o: &mut Order| (o.issued, o.expires) = (utc(NOW - late_ms), utc(NOW - late_ms + lifetime_ms));
    assert!(matches!(refused(held_back), Refusal::Expired { .. }));
}

#[test]
fn a_site_may_ask_for_younger_orders_and_a_better_clock() {
    let mut site = site_of_changed(&[("disruptive: false", "disruptive: true")]);
    site.window = Some(window("07:00", "09:00"));
    let at = |clock| Surroundings { moment: Moment { clock, ..around().moment }, ..around() };
    let off = |ms| at(ClockOffset::SynchronisedWithinMs(ms));
    let issued = |site: &Site, ago| Order { issued: utc(NOW - ago), ..own_order(site) };
    let asked = |site: &Site, ago, ms| ask_at(site, &Ledger::default(), &off(ms), &sign(&issued(site, ago)));
    assert_eq!(asked(&site, 300_000, 5000), Ok(()));
    site.order_lifetime_ms_max = Some(299_999);
    assert_eq!(asked(&site, 300_000, 5000), Err(Refusal::Expired { at: utc(NOW - 1) }));
    assert_eq!(asked(&site, 299_999, 5000), Ok(()));
    site.clock_error_ms_max = 1000;
    assert_eq!(asked(&site, 1000, 1001), Err(Refusal::ClockUnsynchronised));
    assert_eq!(asked(&site, 1000, 1000), Ok(()));
}
