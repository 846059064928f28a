//! A hub that is broken in every way: each is tried again, and nothing is lost.

use contract::heartbeat::Part;
use contract::heartbeat::Trouble::{self, Broken, NotUnderstood, Refused, Unreachable};

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::{FakeHub, Receipts, Seen};
use crate::rig::machine::Machine;
use crate::rig::until;

fn waiting(machine: &Machine) -> usize {
    let outbox = machine.path("agent/outbox").read_dir();
    outbox
        .map_or(0, |all| all.flatten().filter(|e| e.path().extension().is_some_and(|x| x == "json")).count())
}

/// What breaks the hub, under a name, and what of it the heartbeat says afterwards.
type Breaks = (&'static str, Trouble, fn(&mut Seen));

fn says(s: &mut Seen, bytes: &[u8]) {
    s.garbage = Some(bytes.to_vec());
}

const BABBLES: [Breaks; 6] = [
    ("no HTTP", Unreachable, |s| says(s, b"\0\0\0\x7f what?")),
    ("a head without an end", Unreachable, |s| says(s, b"HTTP/1.1 200 OK\r\ncontent-")),
    ("half a body", Unreachable, |s| {
        says(s, b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"incident\":");
    }),
    ("no JSON", NotUnderstood, |s| says(s, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n<html")),
    ("other JSON", NotUnderstood, |s| {
        says(s, b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"colour\":\"x\"}");
    }),
    ("more than anybody reads", NotUnderstood, |s| {
        let mut body = b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n".to_vec();
        body.resize(9_000_100, b' ');
        s.garbage = Some(body);
    }),
];

const REFUSES: [Breaks; 5] = [
    ("closes before a word", Unreachable, |s| says(s, b"")),
    ("a redirect", Broken, |s| {
        says(s, b"HTTP/1.1 307 Go\r\nlocation: https://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
    }),
    ("500", Broken, |s| s.broken = Some(500)),
    ("403", Refused, |s| s.broken = Some(403)),
    ("429", Broken, |s| s.broken = Some(429)),
];

#[tokio::test]
async fn a_hub_that_babbles_is_asked_again_nothing_is_lost_and_the_heartbeat_tells() {
    for way in BABBLES {
        broken(way).await;
    }
}

#[tokio::test]
async fn a_hub_that_refuses_is_asked_again_nothing_is_lost_and_the_heartbeat_tells() {
    for way in REFUSES {
        broken(way).await;
    }
}

async fn broken((name, trouble, break_it): Breaks) {
    let (hub, mut machine) = (FakeHub::start().await, Machine::new());
    machine.more = "alone_after_s: 0\n";
    machine.enrol(&hub).await;
    machine.chmod("watched", 0o644);
    let _executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    hub.with(break_it);
    let running = machine.run(&hub);
    let told = || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("POST /v1/incidents")).count());
    until(name, || (told() >= 2 && waiting(&machine) == 1).then_some(())).await;
    hub.with(|s| {
        (s.garbage, s.broken) = (None, None);
        s.incidents.clear();
        s.heartbeats.clear();
    });
    until("an empty outbox", || (waiting(&machine) == 0).then_some(())).await;
    let said = until("a heartbeat", || hub.with(|s| s.heartbeats.first().cloned())).await;
    running.stop().await.unwrap();
    let troubles = &said.condition.now().unwrap().troubles;
    assert!(troubles.get(&trouble).is_some_and(|t| t.count >= 2), "{name}: {troubles:?}");
    let all = hub.with(|s| s.incidents.clone());
    assert!(!all.is_empty() && all.iter().all(|i| *i == all[0]), "{name}: {all:?}");
}

#[tokio::test]
async fn a_hub_that_says_when_to_come_again_is_not_asked_before_and_nothing_is_lost() {
    let (hub, mut machine) = (FakeHub::start().await, Machine::new());
    machine.more = "alone_after_s: 0\n";
    machine.enrol(&hub).await;
    machine.chmod("watched", 0o644);
    let _executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    hub.with(|s| says(s, b"HTTP/1.1 429 .\r\nretry-after: 5\r\ncontent-length: 0\r\n\r\n"));
    let running = machine.run(&hub);
    let told = || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("POST /v1/incidents")).count());
    until("a try", || (told() == 1).then_some(())).await;
    // Without it the third try would come within three seconds.
    tokio::time::sleep(std::time::Duration::from_millis(4_500)).await;
    assert_eq!(told(), 1, "it was asked before it said");
    hub.with(|s| s.garbage = None);
    until("an empty outbox", || (waiting(&machine) == 0).then_some(())).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_heartbeat_says_how_each_part_fares_and_how_full_the_outbox_is() {
    let (hub, mut machine) = (FakeHub::start().await, Machine::new());
    machine.more = "alone_after_s: 0\n";
    machine.enrol(&hub).await;
    machine.chmod("watched", 0o644);
    hub.with(|s| s.broken = Some(500));
    let _executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let running = machine.run(&hub);
    until("the incident on the disk", || (waiting(&machine) == 1).then_some(())).await;
    let told = || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("POST /v1/incidents")).count());
    until("a try", || (told() >= 1).then_some(())).await;
    hub.with(|s| (s.broken, s.refuses_incidents) = (None, true));
    let said = until("a heartbeat", || hub.with(|s| s.heartbeats.first().cloned())).await;
    running.stop().await.unwrap();
    assert_eq!((said.outbox.waiting, said.outbox.bytes, said.outbox.lost), (1, 4_096, 0));
    let condition = said.condition.now().unwrap();
    assert_eq!(condition.agent.as_str(), env!("CARGO_PKG_VERSION"));
    assert!(condition.certificate_until.is_some_and(|until| until > said.at));
    assert!(said.at.ms_since(edge::clock::utc()) == 0 && edge::clock::utc().ms_since(said.at) < 20_000);
    assert_eq!(condition.parts.get(&Part::Incidents).map(|p| p.well), Some(false));
    assert_eq!(condition.parts.get(&Part::Watch).map(|p| p.well), Some(true));
    assert_eq!(condition.parts.get(&Part::Certificate).map(|p| p.well), Some(true));
    // It holds nothing but numbers, instants and words of ours.
    let text = serde_json::to_string(&said).unwrap();
    assert!(!text.contains('/') && !text.contains("h-1"), "{text}");
}

#[tokio::test]
async fn a_hub_with_a_wrong_certificate_is_known_for_it() {
    let (hub, other, machine) = (FakeHub::start().await, FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let places = agent::site::Places::of(&machine.path("agent"));
    let identity = agent::site::read_identity(&places).unwrap();
    let tls = agent::site::read_tls(&places, &identity).unwrap();
    let connection = agent::hub::Hub::new(other.url.clone().try_into().unwrap(), tls, None).unwrap();
    let error = connection.evidence_held().await.unwrap_err();
    assert_eq!(error.trouble(), Some(Trouble::WrongCertificate), "{error:?}");
    assert_eq!(other.with(|s| s.raw.len()), 0);
}

#[tokio::test]
async fn what_is_no_receipt_of_the_pinned_key_for_this_incident_forgets_nothing() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    machine.chmod("watched", 0o644);
    let _executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    for kind in [
        Receipts::None,
        Receipts::OtherKey,
        Receipts::OtherKind,
        Receipts::OtherIncident,
        Receipts::OtherHost,
    ] {
        hub.with(|s| {
            s.receipts = kind;
            s.incidents.clear();
        });
        let running = machine.run(&hub);
        until("two tries", || hub.with(|s| (s.incidents.len() >= 2).then_some(()))).await;
        assert_eq!(waiting(&machine), 1, "{kind:?}");
        running.stop().await.unwrap();
    }
    hub.with(|s| s.receipts = Receipts::Good);
    let running = machine.run(&hub);
    until("an empty outbox", || (waiting(&machine) == 0).then_some(())).await;
    running.stop().await.unwrap();
}
