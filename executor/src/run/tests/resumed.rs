//! What an interrupted run stands on when it is taken up again is written down before anything acts on it.

use contract::policy::PolicyAnswer;

use super::*;

/// A log that ends with the acceptance of an order: the power went before its first intent.
fn cut(rig: &Rig, envelope: &[u8]) {
    assert_eq!(rig.send(envelope).outcome, Outcome::Healed);
    let accepted = rig.records().into_iter().find_map(|r| match r.body {
        Body::Accepted(accepted) => Some(accepted),
        _ => None,
    });
    rig.runner.machine.about_the_log(vec![Body::Accepted(accepted.unwrap())]).unwrap();
    rig.loosen("agent-keys");
    // Past the cooldown of the run that gave its acceptance away.
    rig.clock.advance_ms(2000);
}

#[test]
fn the_policys_second_answer_is_durable_before_anything_acts() {
    let site = fixtures::site;
    let envelope = fixtures::sign(&order(&site(), "suture.agent-keys", 1));
    let rig = Rig::new(site());
    rig.loosen("agent-keys");
    cut(&rig, &envelope);
    let rig = rig.restarted(site());
    assert!(!rig.is_loose("agent-keys"), "it was not taken up again");
    let records = rig.records();
    let from = records.iter().position(|r| r.body.kind() == Kind::Recovered).unwrap();
    let kinds: Vec<Kind> = records[from..].iter().map(|r| r.body.kind()).collect();
    assert_eq!(kinds[..3], [Kind::Recovered, Kind::Resumed, Kind::Intent]);
    let Body::Resumed(resumed) = &records[from + 1].body else { panic!("no answer") };
    assert_eq!((resumed.order.as_str(), resumed.policy.answer), ("o-1", PolicyAnswer::Allow));
    assert!(!resumed.policy.asked.is_empty());
}

#[test]
fn a_denial_is_in_the_refusal() {
    let site = fixtures::site;
    let envelope = fixtures::sign(&order(&site(), "suture.agent-keys", 1));
    let rig = Rig::new(site());
    rig.loosen("agent-keys");
    cut(&rig, &envelope);
    let Rig { directory, runner, clock } = rig;
    drop(runner.machine.give_up());
    let disciplined = ClockOffset::SynchronisedWithinMs(1);
    let runner = stand(&directory, site(), mutation::NOTHING, &clock, disciplined);
    let rig = Rig { directory, runner, clock };
    let refused = rig.records().into_iter().find_map(|r| match r.body {
        Body::Refused(_, refused) => Some(refused),
        _ => None,
    });
    let decided = refused.unwrap().policy.expect("the policy's denial is nowhere");
    assert_eq!(decided.answer, PolicyAnswer::Deny);
}
