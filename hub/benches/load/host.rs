//! What one host does, as an agent would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use contract::plane::{IncidentTaken, OrdersWaiting};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::fleet::Host;
use crate::measured::Measured;
use crate::wire::{Answer, Wire};

/// An agent gives up on a connection after five seconds, and on an answer after fifteen.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);

pub(crate) struct Bench {
    pub(crate) hosts: Vec<Host>,
    pub(crate) address: SocketAddr,
    pub(crate) go_on: AtomicBool,
    /// Hosts that have been answered since the hub began.
    pub(crate) polling: AtomicU64,
    /// How often the hub was begun.
    pub(crate) generation: AtomicU64,
    pub(crate) ingest: Measured,
    pub(crate) delivery: Measured,
    pub(crate) heartbeats: Measured,
    pub(crate) failures: AtomicU64,
    pub(crate) put_off: AtomicU64,
    /// Receipts for another incident than the one that was reported: each is one that was counted to another, or held under two names.
    pub(crate) elsewhere: AtomicU64,
}

fn random(below: u64) -> u64 {
    edge::random::bytes::<8>().map_or(0, u64::from_le_bytes) % below.max(1)
}

/// From nothing to the step, which doubles from one second to sixty.
async fn pause(tries: &mut u32) {
    let step = 1_000_u64.saturating_mul(1 << (*tries).min(10)).min(60_000);
    *tries += 1;
    sleep(Duration::from_millis(random(step + 1))).await;
}

async fn open(bench: &Bench, host: &Host) -> Option<Wire> {
    timeout(CONNECT, Wire::open(bench.address, &host.tls)).await.ok()?.ok()
}

/// Long-polls for orders for as long as the bench lasts.
pub(crate) async fn poll(bench: Arc<Bench>, n: usize) {
    let host = &bench.hosts[n];
    let (mut tries, mut counted, mut known) = (0, None, String::new());
    while bench.go_on.load(Ordering::Relaxed) {
        let generation = bench.generation.load(Ordering::SeqCst);
        let Some(mut wire) = open(&bench, host).await else {
            pause(&mut tries).await;
            continue;
        };
        // The first asks for nothing but whether it is served.
        let mut wait_ms = 0;
        loop {
            let path = format!("/v1/orders?wait_ms={wait_ms}&known={known}");
            let asked = wire.ask("GET", &path, b"");
            let Ok(Ok(answer)) = timeout(Duration::from_millis(wait_ms) + ANSWER, asked).await else { break };
            if answer.status != 200 {
                break;
            }
            tries = 0;
            if counted != Some(generation) && generation == bench.generation.load(Ordering::SeqCst) {
                counted = Some(generation);
                bench.polling.fetch_add(1, Ordering::SeqCst);
            }
            known = take(&bench, host, &answer, known);
            wait_ms = 20_000 + random(4_000);
        }
        pause(&mut tries).await;
    }
}

/// Notes what came. What an executor would do with it takes its own time: it stays known.
fn take(bench: &Bench, host: &Host, answer: &Answer, known: String) -> String {
    let Ok(waiting) = serde_json::from_slice::<OrdersWaiting>(&answer.body) else { return known };
    let Some(order) = waiting.orders.into_iter().next() else { return known };
    if let Some(since) = host.ordered.lock().unwrap().take() {
        bench.delivery.add(since.elapsed());
    }
    order.order.to_string()
}

/// The heart beats; and one in a hundred reports an incident each minute.
pub(crate) async fn beat(bench: Arc<Bench>, n: usize, reports: bool) {
    sleep(Duration::from_millis(random(48_000))).await;
    while bench.go_on.load(Ordering::Relaxed) {
        let began = Instant::now();
        if let Some(answer) = say(&bench, n, "/v1/heartbeat", &heartbeat()).await
            && answer.status == 200
        {
            bench.heartbeats.add(began.elapsed());
        }
        if reports {
            report(&bench, n).await;
        }
        sleep(Duration::from_millis(48_000 + random(8_000))).await;
    }
}

/// On the host's second connection.
async fn say(bench: &Bench, n: usize, path: &str, body: &[u8]) -> Option<Answer> {
    let mut held = bench.hosts[n].wire.lock().await;
    say_on(bench, n, &mut held, path, body).await
}

/// It is opened anew where it broke; nothing where there was no answer.
async fn say_on(bench: &Bench, n: usize, held: &mut Option<Wire>, path: &str, body: &[u8]) -> Option<Answer> {
    if held.is_none() {
        *held = open(bench, &bench.hosts[n]).await;
    }
    match timeout(ANSWER, held.as_mut()?.ask("POST", path, body)).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(_)) | Err(_) => {
            *held = None;
            bench.failures.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

/// An incident of a control that a runbook repairs: it becomes an order, which is to reach the host. Once for each host.
pub(crate) async fn report(bench: &Bench, n: usize) {
    let (host, began) = (&bench.hosts[n], Instant::now());
    let body = incident("r-0", "suture.evidence-directory");
    let first = host.acknowledged.load(Ordering::SeqCst) == 0;
    let answer = say(bench, n, "/v1/incidents", &body).await;
    if answer.is_some_and(|answer| answer.status == 200) {
        bench.ingest.add(began.elapsed());
        // Only the first is an order; what comes again is counted to it.
        if first {
            *host.ordered.lock().unwrap() = Some(began);
        }
    }
}

/// A new incident, which is to be held once. True where it was acknowledged.
pub(crate) async fn storm(bench: &Bench, n: usize) -> bool {
    let host = &bench.hosts[n];
    // The connection is held until the answer is counted: no two report the same number.
    let mut held = host.wire.lock().await;
    let number = host.acknowledged.load(Ordering::SeqCst);
    let id = format!("n-{number}");
    let (body, began) = (incident(&id, &format!("made-up.n{number}")), Instant::now());
    let answer = say_on(bench, n, &mut held, "/v1/incidents", &body).await;
    match answer.as_ref().map(|answer| answer.status) {
        Some(200) => {
            bench.ingest.add(began.elapsed());
            if !answer.is_some_and(|answer| is_receipt_for(&answer, &id)) {
                bench.elsewhere.fetch_add(1, Ordering::Relaxed);
            }
            host.acknowledged.store(number + 1, Ordering::SeqCst);
            true
        }
        Some(429) => {
            bench.put_off.fetch_add(1, Ordering::Relaxed);
            false
        }
        Some(_) | None => false,
    }
}

fn is_receipt_for(answer: &Answer, id: &str) -> bool {
    serde_json::from_slice::<IncidentTaken>(&answer.body).is_ok_and(|taken| taken.incident.as_str() == id)
}

fn incident(id: &str, control: &str) -> Vec<u8> {
    json!({
        "incident": id,
        "found": "2026-11-21T06:00:00.000Z",
        "what": { "drift": { "control": control, "fact": "own:evidence", "observed": { "flag": false } } },
    })
    .to_string()
    .into_bytes()
}

fn heartbeat() -> Vec<u8> {
    json!({
        "at": edge::clock::utc(), "clock": { "synchronised_within_ms": 3 }, "log_size": 700,
        "outbox": { "waiting": 0, "bytes": 0, "lost": 0, "lost_in_all": 0, "aside": 0 },
        "lines": { "journal": 1_234 },
        "condition": { "now": {
            "agent": "0.1.0", "binary": contract::digest::Digest::of(b"agent"), "certificate_until": null,
            "executor": { "stands": {
                "software": "0.1.0", "binary": contract::digest::Digest::of(b"executor"),
                "mode": "enforce", "confinement": ["landlock", "seccomp"],
            } },
            "parts": {}, "troubles": {},
            "sources": { "journal": { "state": { "streams": 1 }, "unfollowed": 0 } },
            "losses": {}, "detectors": { "known": 60, "blind": {}, "fired": {} },
        } },
    })
    .to_string()
    .into_bytes()
}
