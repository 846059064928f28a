//! The executor on a systemd machine of its own, in whose files, units and journal it may do anything.

use contract::outcome::Outcome;
use contract::record::Kind;

use super::rig::{BEGINNING, HEALED, Rig};

#[test]
fn inside_a_guest_a_drift_is_healed_as_outside() {
    if !guest::runnable() {
        return;
    }
    let rig = Rig::in_guest();
    let guest = rig.guest.as_ref().unwrap();
    let mut running = rig.start();
    assert_eq!(guest.ok("pgrep --count --exact suture-executor"), "1", "it runs inside");
    rig.loosen();
    let answer = rig.send(&mut rig.agent(), &rig.own_order(1));
    assert_eq!((answer.outcome, answer.refusal), (Outcome::Healed, None));
    assert_eq!(rig.mode(), 0o700);
    assert!(running.stop().success(), "it stops when asked, as a child does");
    let kinds: Vec<Kind> = rig.records().iter().map(|r| r.body.kind()).collect();
    assert_eq!(kinds[BEGINNING..], HEALED);
    assert_eq!(guest.ok("systemctl is-system-running"), "running");
}
