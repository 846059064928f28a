//! A hub that is killed under load, again and again: what it acknowledged is there, once.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use contract::plane::{EvidenceHeld, EvidenceTaken, OrdersWaiting};
use contract::socket::EntryPackage;
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use crate::process::{ready_with, serve};
use crate::stage::{Device, Stage, client, drift};

/// How often, unless `SUTURE_HUB_KILLS` says more.
const KILLS: usize = 5;
const REPORTERS: usize = 3;

/// The answer to a request that may meet a hub that is not there.
async fn ask<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Option<T> {
    let answer = request.timeout(Duration::from_secs(5)).send().await.ok()?;
    if answer.status() != StatusCode::OK {
        return None;
    }
    answer.json().await.ok()
}

/// Reports one incident after the other, each until it is acknowledged, and says which were.
async fn report(device: Arc<Device>, go_on: Arc<AtomicBool>, acknowledged: Arc<AtomicUsize>) -> usize {
    let mut next = 0;
    while go_on.load(Ordering::Relaxed) {
        let incident = drift(&format!("i-{next}"), &format!("made-up.n{next}"));
        let asked = device.client.post(format!("{}/v1/incidents", device.url)).json(&incident);
        if ask::<contract::plane::IncidentTaken>(asked).await.is_some() {
            next += 1;
            acknowledged.fetch_add(1, Ordering::Relaxed);
        } else {
            sleep(Duration::from_millis(20)).await;
        }
    }
    next
}

/// Ships evidence, and says how much of it was acknowledged.
async fn ship(mut device: Device, go_on: Arc<AtomicBool>) -> (Device, u64) {
    let (mut held, mut acknowledged) = (0, 0);
    while go_on.load(Ordering::Relaxed) {
        device.log.write_filler();
        let asked = device.client.post(format!("{}/v1/evidence", device.url));
        match ask::<EvidenceTaken>(asked.json(&device.log.package(held))).await {
            Some(taken) => (held, acknowledged) = (taken.size, taken.size),
            None => {
                sleep(Duration::from_millis(20)).await;
                let asked = device.client.get(format!("{}/v1/evidence", device.url));
                if let Some(EvidenceHeld { size }) = ask(asked).await {
                    assert!(size >= acknowledged, "{size} entries are left of {acknowledged}");
                    held = size;
                }
            }
        }
    }
    (device, acknowledged)
}

fn begin(directory: &Path, port: u16) -> Child {
    let mut command = serve(directory);
    command.args(["--device", &format!("127.0.0.1:{port}")]).stderr(std::process::Stdio::null());
    ready_with(command).0
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The devices as they reach a hub on that port.
fn at(port: u16, device: Device) -> Device {
    let url = format!("https://localhost:{port}");
    Device { client: client(&device.sheet, &device.certificate, &device.key.pem()), url, ..device }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_all_that_was_acknowledged_is_there_once() {
    let kills = std::env::var("SUTURE_HUB_KILLS").map_or(KILLS, |times| times.parse().unwrap());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let stage = Stage::start().await;
    let shipping = at(port, stage.enrolled("a").await);
    let ordered = at(port, stage.enrolled("a").await);
    let mut reporting = Vec::new();
    for _ in 0..REPORTERS {
        reporting.push(Arc::new(at(port, stage.enrolled("b").await)));
    }
    let Stage { directory, running } = stage;
    running.stop().await;

    let (go_on, acknowledged) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let mut hub = begin(directory.path(), port);
    let shipped = tokio::spawn(ship(shipping, Arc::clone(&go_on)));
    let reported: Vec<_> = reporting
        .iter()
        .map(|device| tokio::spawn(report(Arc::clone(device), Arc::clone(&go_on), Arc::clone(&acknowledged))))
        .collect();
    for n in 0..kills {
        let before = acknowledged.load(Ordering::Relaxed);
        // Something is acknowledged between any two kills, and then at any moment of it.
        while acknowledged.load(Ordering::Relaxed) == before {
            sleep(Duration::from_millis(5)).await;
        }
        let order = drift(&format!("again-{n}"), "suture.evidence-directory");
        let _ = ordered.client.post(format!("{}/v1/incidents", ordered.url)).json(&order).send().await;
        sleep(Duration::from_millis(u64::from(edge::random::bytes::<1>().unwrap()[0]) * 2)).await;
        kill(hub);
        hub = begin(directory.path(), port);
    }
    sleep(Duration::from_millis(500)).await;
    go_on.store(false, Ordering::Relaxed);
    let (shipping, entries) = shipped.await.unwrap();
    let mut told = BTreeMap::new();
    for (device, reported) in reporting.iter().zip(reported) {
        told.insert(device.sheet.host.to_string(), reported.await.unwrap());
    }
    // The copy of the log is the log, entry by entry.
    let mut from = 0;
    while from < entries {
        let asked = shipping.client.get(format!("{}/v1/evidence/entries?from={from}", shipping.url));
        let package: EntryPackage = ask(asked).await.unwrap();
        let (at, count) = (usize::try_from(from).unwrap(), package.entries.len());
        assert!(count > 0 && package.entries == shipping.log.entries[at..at + count], "from {from}");
        from += count as u64;
    }
    let waiting: OrdersWaiting = ask(ordered.client.get(format!("{}/v1/orders", ordered.url))).await.unwrap();
    assert_eq!(waiting.orders.len(), 1, "one drift is one order, however often it was reported");
    kill(hub);

    let database = rusqlite::Connection::open(directory.path().join("hub.db")).unwrap();
    let mut all = database.prepare("SELECT host, incident FROM incident").unwrap();
    let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap() {
        let (host, incident) = row.unwrap();
        held.entry(host).or_default().push(incident);
    }
    let mut sum = 0;
    for (host, reported) in &told {
        let of_host = held.get(host).cloned().unwrap_or_default();
        let lost: Vec<_> = (0..*reported).filter(|n| !of_host.contains(&format!("i-{n}"))).collect();
        assert!(lost.is_empty(), "{host}: {lost:?} of {reported} were acknowledged and are not there");
        // One more may be there than was acknowledged: its answer was lost.
        assert!(of_host.len() <= reported + 1, "{host} reported {reported}: {of_host:?}");
        sum += reported;
    }
    assert!(entries > 0 && sum > kills, "{sum} incidents and {entries} entries under {kills} kills");
    println!("{kills} kills: {sum} incidents and {entries} entries acknowledged, all there, none twice");
}
