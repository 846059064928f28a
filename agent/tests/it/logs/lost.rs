//! What is lost: counted, named, an incident and a record; never silence.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use agent::logs::hold;
use contract::record::LineLoss;

use super::{Followed, append, pause};
use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::Machine;
use crate::rig::{until, until_blocking};

#[test]
fn what_is_lost_is_said() {
    let mut f = Followed::begun();
    f.follow(2, |f| append(&f.log(), 0..2));
    append(&f.log(), 2..4);
    // Deleted while nobody looked, and another file in its place.
    append(&f.path("fresh"), 4..6);
    fs::remove_file(f.log()).unwrap();
    fs::rename(f.path("fresh"), f.log()).unwrap();
    f.follow(4, |_| ());
    assert_eq!(f.seen, ["mark.n0", "mark.n1", "mark.n4", "mark.n5", "agent.log-gap.rotated-away"]);
}

#[test]
fn what_was_read_and_let_go_of_is_no_loss_when_it_is_deleted() {
    let mut f = Followed::begun();
    f.follow(3, |f| {
        append(&f.log(), 0..2);
        fs::rename(f.log(), f.path("app.log.1")).unwrap();
        append(&f.log(), 2..3);
        pause(100);
    });
    // It was followed to the end of that run, so its place is kept; it is let go of in this one.
    let at = f.begin();
    pause(12_000);
    append(&f.path("app.log.1"), 3..4);
    at.until_lines(1);
    pause(12_000);
    f.seen.extend(at.end().0);
    fs::remove_file(f.path("app.log.1")).unwrap();
    f.follow(5, |f| append(&f.log(), 4..5));
    f.check(5);
}

#[test]
fn events_that_the_kernel_dropped_are_counted_and_nothing_that_is_there_is_missed() {
    let f = Followed::begun();
    let at = f.begin();
    {
        // Nobody reads while this is held.
        let _reading = hold(&at.shared);
        append(&f.log(), 0..1);
        pause(50);
        for n in 0..9_000 {
            let path = f.path(&format!("n{n}"));
            fs::write(&path, "").unwrap();
            fs::remove_file(path).unwrap();
        }
        append(&f.log(), 1..3);
        append(&f.path("new.log"), 3..5);
    }
    at.until_lines(5);
    assert!(at.lost(LineLoss::EventsDropped) >= 1);
    let (told, _) = at.end();
    assert!(told.iter().any(|t| t == "agent.log-gap.events-dropped"), "{told:?}");
}

#[test]
fn places_that_are_unreadable_are_a_loss_and_no_reason_to_stop() {
    let mut f = Followed::begun();
    f.follow(1, |f| append(&f.log(), 0..1));
    fs::write(f.path("kept.json"), b"\0nonsense").unwrap();
    append(&f.log(), 1..2);
    f.follow(2, |f| append(&f.log(), 2..3));
    assert_eq!(f.seen, ["mark.n0", "agent.log-gap.places-lost", "mark.n2"]);
}

#[test]
fn places_as_they_were_written_before_are_understood() {
    let mut f = Followed::begun();
    f.follow(1, |f| append(&f.log(), 0..1));
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(f.path("kept.json")).unwrap()).unwrap();
    let old: serde_json::Map<String, serde_json::Value> = kept["places"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| {
            let mut place = pair[1].clone();
            for new in ["last", "last_bytes", "within", "over"] {
                place.as_object_mut().unwrap().remove(new);
            }
            (pair[0].as_str().unwrap().to_owned(), place)
        })
        .collect();
    fs::write(f.path("kept.json"), serde_json::to_vec(&old).unwrap()).unwrap();
    append(&f.log(), 1..3);
    f.follow(3, |_| ());
    f.check(3);
}

#[tokio::test]
async fn a_loss_reaches_the_hub_and_the_evidence() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run(&hub);
    until("its positions", || machine.path("agent/logs.json").exists().then_some(())).await;
    agent.stop().await.unwrap();
    fs::write(machine.path("logs/fresh"), "another file\n").unwrap();
    fs::rename(machine.path("logs/fresh"), machine.path("logs/app.log")).unwrap();
    let agent = machine.run(&hub);
    let record = until("the record", || executor.with(|s| s.lines_lost.first().copied())).await;
    assert_eq!(record, (LineLoss::RotatedAway, 1));
    let incident = until("the incident", || hub.with(|s| s.incidents.first().cloned())).await;
    assert_eq!(incident.what.subject(), "detector:agent.log-gap.rotated-away");
    // Once it is settled it is not told again.
    let settled =
        || fs::read_to_string(machine.path("agent/logs.json")).is_ok_and(|k| k.contains(r#""untold":[]"#));
    until("its settling", || settled().then_some(())).await;
    agent.stop().await.unwrap();
    let agent = machine.run(&hub);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    agent.stop().await.unwrap();
    assert_eq!(executor.with(|s| s.lines_lost.len()), 1);
}

#[tokio::test]
async fn a_line_with_a_secret_never_leaves_the_machine() {
    const SECRET: &str = "hunter2-patient-4711";
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run(&hub);
    until("the first scan", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let mut log = OpenOptions::new().append(true).create(true).open(machine.path("logs/auth.log")).unwrap();
    for _ in 0..6 {
        writeln!(
            log,
            "Nov 21 06:20:01 host sshd[1]: Failed password for {SECRET} from 192.0.2.1 port 1 ssh2"
        )
        .unwrap();
    }
    let signal = until("the signal", || hub.with(|s| s.incidents.first().cloned())).await;
    assert!(signal.what.subject().starts_with("detector:ssh.failed-logins:"), "{}", signal.what.subject());
    machine.chmod("own/evidence", 0o755);
    until("evidence", || hub.with(|s| (s.evidence.len() >= 2).then_some(()))).await;
    agent.stop().await.unwrap();
    for text in hub.with(|s| s.raw.clone()).iter().chain(&executor.with(|s| s.raw.clone())) {
        assert!(!text.contains(SECRET) && !text.contains("192.0.2.1"), "{text}");
    }
    // Nor does it lie in the agent's own directory.
    for entry in ["open.json", "logs.json"] {
        let bytes = fs::read_to_string(machine.path("agent").join(entry)).unwrap_or_default();
        assert!(!bytes.contains(SECRET), "{entry}");
    }
}

#[test]
fn a_file_that_can_no_longer_be_opened_stops_no_other() {
    let f = Followed::begun();
    let at = f.begin();
    append(&f.path("a.log"), 0..1);
    until_blocking("the file", || (at.lines() == 1).then_some(()));
    fs::remove_file(f.path("a.log")).unwrap();
    fs::create_dir(f.path("a.log")).unwrap();
    append(&f.log(), 1..3);
    at.until_lines(3);
    at.end();
}
