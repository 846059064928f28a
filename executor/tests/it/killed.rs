//! Killed at random moments, over and over: no act without its intent, no run lost, none run twice, the log whole, and things as the outcome says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use contract::blob::Blob;
use contract::frame;
use contract::ids::OrderId;
use contract::outcome::Outcome;
use contract::record::{Body, Record};
use contract::refusal::Refusal;
use contract::socket::Question;

use super::rig::{Rig, send};

/// Moments at which it is killed: within a run, mostly; the longest run takes this long.
const RUN_MS: u64 = 320;

/// What is opened up and closed again, in turn: none of them meets its own cooldown.
const TARGETS: [(&str, &str); 3] = [
    ("suture.evidence-directory", "executor/evidence"),
    ("suture.executor-keys", "executor/keys"),
    ("suture.agent-keys", "agent-keys"),
];

/// Kills over one log: it is read from its last standing record on, and the first of those comes at 1024 records.
const LOG_KILLS: u64 = 50;

/// How often. `SUTURE_KILLS` says otherwise.
fn kills() -> u64 {
    std::env::var("SUTURE_KILLS").ok().map_or(200, |n| n.parse().unwrap())
}

/// Numbers that look random and are the same each time.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[test]
fn killed_at_200_random_moments_every_run_is_settled_once_and_the_log_is_whole() {
    let mut seed = 0x5eed_2026_1126_u64;
    let (mut done, mut within_a_run) = (0, 0);
    while done < kills() {
        let more = LOG_KILLS.min(kills() - done);
        within_a_run += killed_over_one_log(more, &mut seed);
        done += more;
    }
    assert!(within_a_run * 4 >= kills(), "only {within_a_run} of {} kills were within a run", kills());
}

/// Kills and starts again, `kills` times, and looks at the log. How many of them were within a run.
fn killed_over_one_log(kills: u64, seed: &mut u64) -> u64 {
    let rig = Rig::new();
    rig.pin_a_person();
    let (mut counter, mut within_a_run) = (0, 0);
    for (control, directory) in TARGETS.into_iter().cycle().take(usize::try_from(kills).unwrap()) {
        let mut running = rig.start();
        rig.loosen_also(directory);
        counter += 1;
        let order = rig.order(control, "RB-FILE-001-own-directories", counter);
        let mode = || fs::metadata(rig.path(directory)).unwrap().permissions().mode() & 0o7777;
        let question = Question::Order { envelope: Blob(rig.sign_with_a_person(&order)) };
        let mut agent = rig.agent();
        frame::write(&mut agent, &question).unwrap();
        std::thread::sleep(Duration::from_micros(next(seed) % (RUN_MS * 1000)));
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        // What the interruption left is settled by a start, and asking again answers without acting a second time.
        let running = rig.start();
        let answer = send(&mut rig.agent(), &rig.sign_with_a_person(&order));
        match (answer.outcome, &answer.refusal) {
            (Outcome::Healed, None) => assert_eq!(mode(), 0o700, "{answer:?}"),
            // Killed before it was read, and handed out again within the cooldown of the run before.
            (Outcome::Deferred, Some(Refusal::CoolingDown { .. })) => {
                assert_eq!(mode(), 0o755, "{answer:?}");
            }
            other => panic!("{other:?}"),
        }
        drop(running);
        within_a_run += u64::from(interrupted(&rig.records(), &order.order));
    }
    check(&rig.records(), counter);
    within_a_run
}

/// Whether a run was taken up again after it was killed.
fn interrupted(records: &[Record], order: &OrderId) -> bool {
    records.iter().any(|r| matches!(&r.body, Body::Ended(_, ended) if ended.order == *order && ended.resumed))
}

fn check(records: &[Record], orders: u64) {
    assert_eq!(records[0].seq, 0, "the log was not read from its first record on");
    for n in 1..=orders {
        let id: OrderId = format!("o-{n}").parse().unwrap();
        let of = |wanted: &dyn Fn(&Body) -> bool| records.iter().filter(|r| wanted(&r.body)).count();
        let accepted = of(&|b| matches!(b, Body::Accepted(a) if a.order == id));
        let ended = of(&|b| matches!(b, Body::Ended(_, e) if e.order == id));
        let refused =
            of(&|b| matches!(b, Body::Refused(_, r) if r.order.as_ref() == Some(&id) && r.counter.is_some()));
        assert!(accepted <= 1, "{id} was accepted twice");
        assert_eq!(accepted, ended, "{id} has no end");
        assert!(accepted + refused >= 1, "{id} is lost");
        let healed = of(&|b| matches!(b, Body::Ended(Outcome::Healed, e) if e.order == id));
        let intents = of(&|b| matches!(b, Body::Intent(i) if i.order == id));
        assert!(healed == 0 || intents >= 1, "{id} healed without an act");
    }
}
