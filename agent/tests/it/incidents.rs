//! The outbox: what is kept survives a crash, what is lost is counted, and nothing unreadable blocks the rest.

use std::path::Path;

use agent::deliver::{Incidents, Pinned, deliver};
use agent::outbox::{BLOCK_BYTES, Outbox};
use agent::ship::Shipping;
use contract::baseline::Severity;
use contract::fact::FactValue;
use contract::incident::{Incident, What};
use contract::signal::{About, Signal, SignalKind};
use contract::time::UtcTime;
use edge::trace::Tracer;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::{Machine, uid};
use crate::rig::until;

fn at(ms: i64) -> UtcTime {
    UtcTime::from_unix_ms(ms).unwrap()
}

fn incident(n: u32) -> Incident {
    let what = What::Drift {
        control: format!("a.b{n}").parse().unwrap(),
        fact: "own:evidence".parse().unwrap(),
        observed: FactValue::Flag(false),
    };
    Incident { incident: format!("inc-{n}").parse().unwrap(), found: at(i64::from(n)), what }
}

fn open(dir: &Path, capacity: u64) -> Outbox {
    Outbox::open(&dir.join("outbox"), capacity * BLOCK_BYTES, at(1)).unwrap()
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut all: Vec<_> =
        dir.join("outbox").read_dir().unwrap().flatten().map(|e| e.path()).filter(|p| p.is_file()).collect();
    all.sort();
    all
}

/// All that is in it, newest first, as the hub would get it.
fn drain(outbox: &mut Outbox) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some((slot, incident)) = outbox.newest(at(9)).unwrap() {
        ids.push(incident.incident.to_string());
        outbox.taken(slot).unwrap();
    }
    ids
}

#[test]
fn what_is_kept_survives_a_crash_and_leaves_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 10);
    for n in [3, 1, 2, 2] {
        outbox.put(&incident(n), at(1)).unwrap();
    }
    drop(outbox);
    // A write that was cut short leaves a temporary file and no more.
    std::fs::write(dir.path().join("outbox/00000000000000000009_inc-9.tmp"), "{").unwrap();
    let mut outbox = open(dir.path(), 10);
    assert_eq!(outbox.len(), 3, "the same incident was kept twice");
    assert_eq!(drain(&mut outbox), ["inc-2", "inc-1", "inc-3"]);
    assert!(outbox.gap().is_none());
    assert_eq!(files(dir.path()), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn signals_that_are_put_off_are_passed_over_and_read_once_at_most() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 10);
    outbox.put(&incident(1), at(1)).unwrap();
    outbox.put(&signal(2), at(1)).unwrap();
    let past = |outbox: &mut Outbox| {
        outbox.newest_but_signals(at(9)).unwrap().map(|(_, incident)| incident.incident.to_string())
    };
    let newest = |outbox: &mut Outbox| {
        outbox.newest(at(9)).unwrap().map(|(_, incident)| incident.incident.to_string())
    };
    assert_eq!(
        (newest(&mut outbox).as_deref(), past(&mut outbox).as_deref()),
        (Some("inc-2"), Some("inc-1"))
    );
    // What another start finds it has to read, once.
    let mut outbox = open(dir.path(), 10);
    assert_eq!(past(&mut outbox).as_deref(), Some("inc-1"));
    outbox.put(&signal(3), at(1)).unwrap();
    // Whoever read these would put them aside, and count them.
    for signal in &files(dir.path())[1..] {
        std::fs::write(signal, "\0").unwrap();
    }
    assert_eq!(past(&mut outbox).as_deref(), Some("inc-1"));
    assert_eq!((outbox.len(), outbox.gap()), (3, None), "a signal was read again");
    assert_eq!(newest(&mut outbox).as_deref(), Some("inc-1"));
    assert_eq!((outbox.len(), outbox.gap().unwrap().lost), (1, 2));
}

#[test]
fn a_full_outbox_drops_the_oldest_and_says_so_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 3);
    for n in 0..5 {
        outbox.put(&incident(n), at(1_000 + i64::from(n) * 1_000)).unwrap();
    }
    drop(outbox);
    let mut outbox = open(dir.path(), 3);
    let gap = outbox.gap().unwrap().clone();
    assert_eq!((gap.lost, gap.first, gap.last), (2, at(4_000), at(5_000)));
    let What::Signal(told) = gap.incident().what else { panic!("not a signal") };
    assert_eq!((told.detector.as_str(), told.count, told.window_s), ("agent.outbox-gap", 2, 1));
    assert_eq!(gap.incident(), outbox.gap().unwrap().incident(), "telling it twice must not count twice");

    // What is lost while the hub is being told remains to be told, under another id.
    outbox.put(&incident(7), at(9_000)).unwrap();
    outbox.gap_told(&gap).unwrap();
    let rest = outbox.gap().unwrap().clone();
    assert_eq!(rest.lost, 1);
    assert_ne!(rest.incident().incident, gap.incident().incident);
    outbox.gap_told(&rest).unwrap();
    assert!(open(dir.path(), 3).gap().is_none());
}

#[test]
fn an_unreadable_file_is_put_aside_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 10);
    for n in 1..=3 {
        outbox.put(&incident(n), at(1)).unwrap();
    }
    drop(outbox);
    std::fs::write(&files(dir.path())[2], b"\0\0\0").unwrap();
    std::fs::write(dir.path().join("outbox/stray.txt"), b"?").unwrap();
    // Another incident's content under this one's name is no better than noise.
    std::fs::copy(&files(dir.path())[0], &files(dir.path())[1]).unwrap();
    let mut outbox = open(dir.path(), 10);
    assert_eq!(drain(&mut outbox), ["inc-1"]);
    assert_eq!(outbox.gap().unwrap().lost, 3);
    assert_eq!(dir.path().join("outbox/aside").read_dir().unwrap().count(), 3);
}

#[test]
fn what_the_hub_refuses_is_no_loss_and_is_offered_again_after_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 10);
    for n in 1..=2 {
        outbox.put(&incident(n), at(1)).unwrap();
    }
    let (slot, refused) = outbox.newest(at(9)).unwrap().unwrap();
    outbox.refused(slot, at(9)).unwrap();
    assert_eq!(refused.incident.as_str(), "inc-2");
    assert!(outbox.gap().is_none(), "it is still here");
    assert_eq!(outbox.aside(), 1);
    assert_eq!(drain(&mut outbox), ["inc-1"]);
    drop(outbox);
    let mut outbox = open(dir.path(), 10);
    assert_eq!(drain(&mut outbox), ["inc-2"]);
    assert!(outbox.gap().is_none());
}

#[test]
fn a_gap_that_grew_is_told_under_another_id() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 1);
    let mut told = std::collections::BTreeSet::new();
    for n in 0..4 {
        outbox.put(&incident(n), at(1)).unwrap();
        told.extend(outbox.gap().map(|gap| (gap.lost, gap.incident().incident.to_string())));
    }
    let ids: std::collections::BTreeSet<_> = told.iter().map(|(_, id)| id).collect();
    assert_eq!(
        (told.len(), ids.len()),
        (3, 3),
        "the hub would take the second for a contradiction of the first: {told:?}"
    );
}

#[test]
fn an_unreadable_gap_is_not_read_as_none() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), 1));
    std::fs::write(dir.path().join("outbox/gap.json"), "nonsense").unwrap();
    assert_eq!(open(dir.path(), 1).gap().unwrap().lost, 1);
}

/// A machine's connection to `hub`, and an outbox in `dir`.
async fn delivering(machine: &Machine, hub: &FakeHub) -> (Incidents, agent::hub::Hub) {
    machine.enrol(hub).await;
    let places = agent::site::Places::of(&machine.path("agent"));
    let identity = agent::site::read_identity(&places).unwrap();
    let tls = agent::site::read_tls(&places, &identity).unwrap();
    let connection = agent::hub::Hub::new(hub.url.clone().try_into().unwrap(), tls, None).unwrap();
    let pinned = Pinned::of(&identity);
    (Incidents::new(open(&machine.path("agent"), 5), Tracer::new(false), pinned), connection)
}

/// A made-up executor, and a way to ask it.
fn executor(machine: &Machine) -> (FakeExecutor, agent::executor::Executor) {
    let made_up = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let (executor, questions) = agent::executor::channel();
    let seat = agent::executor::Seat { socket: machine.socket(), uid: uid(), host: "h-1".parse().unwrap() };
    tokio::spawn(agent::executor::converse(seat, questions, |_| ()));
    (made_up, executor)
}

#[tokio::test]
async fn a_reply_that_was_lost_is_no_reply_and_the_incident_goes_again() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    let (incidents, connection) = delivering(&machine, &hub).await;
    hub.with(|s| s.replies_lost = 1);
    incidents.keep(incident(1)).await.unwrap();
    let delivery = tokio::spawn(deliver(incidents, connection, executor(&machine).1, Shipping::default()));
    until("the second try", || hub.with(|s| (s.incidents.len() == 2).then_some(()))).await;
    until("an empty outbox", || files(&machine.path("agent")).is_empty().then_some(())).await;
    assert!(hub.with(|s| s.incidents.iter().all(|i| *i == incident(1))));
    delivery.abort();
}

#[tokio::test]
async fn an_outage_drains_newest_first_with_its_gap_at_the_end() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    let (incidents, connection) = delivering(&machine, &hub).await;
    let (executor, asked) = executor(&machine);
    hub.with(|s| s.broken = Some(503));
    for n in 1..=7 {
        incidents.keep(incident(n)).await.unwrap();
    }
    incidents.remind(vec![incident(1)]);
    let shipping = Shipping::default();
    let alone_after = std::time::Duration::ZERO;
    let (hub_too, asked_too, tracer) = (connection.clone(), asked.clone(), Tracer::new(false));
    tokio::spawn(agent::ship::ship(shipping.clone(), asked_too, hub_too, tracer, alone_after));
    let delivery = tokio::spawn(deliver(incidents, connection, asked, shipping));
    until("a try", || hub.with(|s| s.raw.iter().any(|r| r.starts_with("POST /v1/incidents")).then_some(())))
        .await;
    hub.with(|s| s.broken = None);
    until("everything", || hub.with(|s| (s.incidents.len() == 7).then_some(()))).await;
    let subjects: Vec<_> = hub.with(|s| s.incidents.iter().map(|i| i.what.subject()).collect());
    let expected = ["a.b7", "a.b6", "a.b5", "a.b4", "a.b3"].map(|c| format!("control:{c}"));
    assert_eq!(subjects[..5], expected);
    assert_eq!(subjects[5..], ["detector:agent.outbox-gap", "control:a.b1"]);
    assert_eq!(executor.with(|s| s.gaps.clone()), [2], "the gap is evidence, once");
    delivery.abort();
}

fn signal(n: u32) -> Incident {
    let what = What::Signal(Signal {
        detector: format!("c.d{n}").parse().unwrap(),
        kind: SignalKind::LogLoss,
        severity: Severity::High,
        count: 1,
        window_s: 1,
        about: About::default(),
    });
    Incident { what, ..incident(n) }
}

#[tokio::test]
async fn signals_that_the_hub_puts_off_are_kept_and_hold_up_no_control() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    let (incidents, connection) = delivering(&machine, &hub).await;
    hub.with(|s| s.signals_again_s = Some(1));
    for kept in [incident(1), signal(2), incident(3), signal(4)] {
        incidents.keep(kept).await.unwrap();
    }
    let delivery =
        tokio::spawn(deliver(incidents.clone(), connection, executor(&machine).1, Shipping::default()));
    let told = |n| hub.with(|s| (s.incidents.len() == n).then(|| s.incidents.clone()));
    assert_eq!(until("the controls", || told(2)).await, [incident(3), incident(1)]);
    // What the hub took is let go of a moment later; what was put off is still here then.
    let is_file = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "json");
    let waiting = || files(&machine.path("agent")).into_iter().filter(is_file).collect::<Vec<_>>();
    let left = until("their receipts", || Some(waiting()).filter(|left| left.len() < 3)).await;
    let names: Vec<_> =
        left.iter().map(|path| path.to_string_lossy().rsplit('_').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["inc-2.json", "inc-4.json"]);
    assert_eq!(machine.path("agent/outbox/aside").read_dir().unwrap().count(), 0);
    // Nobody stirs it: it comes again by itself.
    hub.with(|s| s.signals_again_s = None);
    assert_eq!(until("the signals", || told(4)).await[2..], [signal(4), signal(2)]);
    delivery.abort();
}

#[tokio::test]
async fn an_incident_that_the_hub_refuses_does_not_block_the_others() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    let (incidents, connection) = delivering(&machine, &hub).await;
    hub.with(|s| s.broken = Some(422));
    incidents.keep(incident(1)).await.unwrap();
    let delivery =
        tokio::spawn(deliver(incidents.clone(), connection, executor(&machine).1, Shipping::default()));
    let aside = machine.path("agent/outbox/aside");
    until("the refused one", || (aside.read_dir().unwrap().count() == 1).then_some(())).await;
    hub.with(|s| s.broken = None);
    incidents.keep(incident(2)).await.unwrap();
    until("the next one", || hub.with(|s| s.incidents.iter().any(|i| *i == incident(2)).then_some(()))).await;
    delivery.abort();
}
