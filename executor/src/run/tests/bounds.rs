//! What cannot be believed, or comes again and again, fills no log; and none of it goes uncounted.

use contract::record::Intrusion;

use super::turned_away::EACH_MAX;
use super::*;

/// Records of single refusals, and the counts of the others.
fn told(rig: &Rig) -> (u64, Vec<u64>) {
    let mut each = 0;
    let mut counts = Vec::new();
    for record in rig.records() {
        match record.body {
            Body::Refused(..) => each += 1,
            Body::Intruded(intruded) => {
                assert_eq!(intruded.what, Intrusion::Refused);
                counts.push(intruded.count);
            }
            other => panic!("{other:?}"),
        }
    }
    (each, counts)
}

#[test]
fn garbage_without_end_is_a_few_records_a_minute_and_an_exact_count() {
    let rig = Rig::new(fixtures::site());
    let each = u64::from(EACH_MAX);
    for n in 0..200u32 {
        let answer = rig.send(format!("garbage {n}").as_bytes());
        assert_eq!(answer.outcome, Outcome::Refused, "it is answered all the same");
    }
    assert_eq!(told(&rig), (each, vec![]));
    rig.clock.advance_ms(60_000);
    rig.runner.tick();
    rig.runner.tick();
    assert_eq!(told(&rig), (each, vec![200 - each]));
    // The next minute is like the first, and an end of the process loses nothing.
    for n in 0..50u32 {
        rig.send(format!("more {n}").as_bytes());
    }
    rig.runner.close(0);
    assert_eq!(told(&rig), (2 * each, vec![200 - each, 50 - each]));
}

#[test]
fn an_order_whose_time_is_over_fills_no_log_and_keeps_no_honest_one_out() {
    let site = fixtures::site();
    let expired = fixtures::sign(&Order {
        expires: fixtures::utc(fixtures::NOW - 1),
        ..order(&site, "suture.agent-keys", 1)
    });
    let honest = fixtures::sign(&order(&site, "suture.agent-keys", 2));
    let rig = Rig::new(site);
    for _ in 0..50 {
        assert_eq!(rig.send(&expired).outcome, Outcome::Expired);
    }
    assert_eq!(told(&rig), (u64::from(EACH_MAX), vec![]));
    rig.loosen("agent-keys");
    assert_eq!(rig.send(&honest).outcome, Outcome::Healed);
}

#[test]
fn whom_nobody_can_ask_about_is_not_taken_for_one_without_dependants() {
    let unit = |name: &str| name.parse::<UnitName>().unwrap();
    let actions = [
        Action::UnitRestart(unit("cron.service")),
        Action::UnitStop(unit("late.service")),
        Action::UnitStart(unit("other.service")),
    ];
    let known = super::super::known_dependants(&actions, |asked| {
        if asked.as_str() == "late.service" {
            return Err(std::io::Error::from(std::io::ErrorKind::TimedOut));
        }
        Ok(vec![(unit("app.service"), true), (unit("ill.service"), false)])
    });
    let running = BTreeSet::from([unit("app.service")]);
    assert_eq!(known, BTreeMap::from([(unit("cron.service"), running)]));
}
