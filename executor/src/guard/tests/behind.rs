//! A clock that is behind the log judges nothing.

use super::*;

#[test]
fn no_order_is_fresh_by_a_clock_that_is_behind_the_log() {
    let site = site();
    let mut ledger = Ledger::default();
    // Withheld until its time was over, which the log says.
    let mut later = record(contract::record::Body::Recovered(contract::record::Recovered {
        torn_bytes: 0,
        unfinished: vec![],
    }));
    later.time = utc(NOW + 2 * 900_000);
    ledger.apply(&later, None);
    let behind = Refusal::ClockBehind { at: later.time };
    assert_eq!(behind.guardrail(), Some(Guardrail::Freshness));
    assert_eq!(ask(&site, &ledger, &own_order(&site)), Err(behind.clone()));
    for (arrival, refused) in [
        (Arrival::New, true),
        (Arrival::InLine, true),
        (Arrival::Waited, true),
        (Arrival::Resumed, true),
        (Arrival::Settled, false),
    ] {
        let verified = SignedOrder(&sign(&own_order(&site))).verify(&site, utc(NOW)).unwrap();
        let fresh = verified.fresh(&site, &ledger, &around().moment, arrival);
        assert_eq!(fresh.err().map(|denied| denied.refusal), refused.then(|| behind.clone()), "{arrival:?}");
    }
}
