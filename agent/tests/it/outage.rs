//! Three days without a hub, and the drain after them.

use std::collections::BTreeSet;
use std::sync::Arc;

use agent::deliver::{Incidents, Pinned, deliver};
use agent::hub::Hub;
use agent::outbox::{CAPACITY_BYTES, Outbox};
use agent::ship::Shipping;
use contract::fact::FactValue;
use contract::incident::{Incident, What};
use contract::time::UtcTime;
use edge::trace::Tracer;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::{Machine, uid};
use crate::rig::until;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// The incident of the `n`-th twenty minutes.
fn incident(n: i64) -> Incident {
    let what = What::Drift {
        control: format!("a.b{n}").parse().unwrap(),
        fact: "own:evidence".parse().unwrap(),
        observed: FactValue::Flag(false),
    };
    let found = UtcTime::from_unix_ms(n * HOUR_MS / 3).unwrap();
    Incident { incident: format!("inc-{n}").parse().unwrap(), found, what }
}

#[tokio::test]
async fn after_72_hours_without_a_hub_all_is_drained_newest_first_and_nothing_is_lost() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let places = agent::site::Places::of(&machine.path("agent"));
    let identity = agent::site::read_identity(&places).unwrap();
    let pinned = Pinned::of(&identity);
    let open = || Outbox::open(&places.outbox(), CAPACITY_BYTES, UtcTime::from_unix_ms(0).unwrap()).unwrap();
    hub.with(|s| s.broken = Some(500));

    let all = 72 * 3;
    let mut outbox = open();
    for n in 0..all {
        // The machine loses power every seven hours.
        if n % 21 == 20 {
            outbox = open();
        }
        outbox.put(&incident(n), UtcTime::from_unix_ms(n * HOUR_MS / 3).unwrap()).unwrap();
    }
    drop(outbox);
    let outbox = open();
    assert_eq!((outbox.len(), outbox.gap()), (usize::try_from(all).unwrap(), None));

    let incidents = Incidents::new(outbox, Tracer::new(false), pinned);
    let connection = Hub::new(
        hub.url.clone().try_into().unwrap(),
        agent::site::read_tls(&places, &identity).unwrap(),
        None,
    );
    let _made_up = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let (executor, questions) = agent::executor::channel();
    let seat = agent::executor::Seat { socket: machine.socket(), uid: uid(), host: identity.host };
    tokio::spawn(agent::executor::converse(seat, questions, |_| ()));
    let delivery =
        tokio::spawn(deliver(incidents.clone(), connection.unwrap(), executor, Shipping::default()));
    until("a try", || hub.with(|s| (!s.raw.is_empty()).then_some(()))).await;
    // It comes back, loses an answer now and then, and breaks once more in between.
    hub.with(|s| (s.broken, s.replies_lost) = (None, 1));
    let taken = |hub: &FakeHub| hub.with(|s| s.incidents.len());
    until("a part", || (taken(&hub) >= 40).then_some(())).await;
    hub.with(|s| s.broken = Some(503));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    hub.with(|s| (s.broken, s.replies_lost) = (None, 1));
    let incidents = Arc::new(incidents);
    let began = std::time::Instant::now();
    while !incidents.waiting().await.unwrap().is_empty() {
        assert!(began.elapsed() < std::time::Duration::from_secs(50), "{} of {all}", taken(&hub));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    delivery.abort();

    let told: Vec<i64> =
        hub.with(|s| s.incidents.iter().map(|i| i.incident.as_str()[4..].parse().unwrap()).collect());
    let once: BTreeSet<i64> = told.iter().copied().collect();
    assert_eq!(once, (0..all).collect::<BTreeSet<_>>(), "lost");
    // Only what an answer was lost of goes again, under its own id, by which the hub knows it.
    assert_eq!(told.len(), once.len() + 2, "told twice");
    let firsts: Vec<i64> = {
        let mut seen = BTreeSet::new();
        told.iter().copied().filter(|n| seen.insert(*n)).collect()
    };
    assert!(firsts.is_sorted_by(|a, b| a > b), "not the newest first: {firsts:?}");
}
