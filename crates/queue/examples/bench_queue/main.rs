//! How fast messages become durable and are fetched, beside the disk itself.
//!
//! `cargo run --release -p queue --example bench_queue -- <directory on the disk to measure> [turns]`. Read ratios rather than rates: machines differ,
//! and disks are noisy, so everything is measured in turns and the median of the turns is shown. What is measured knows only the trait: each further
//! implementation is one more line in `main`.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made ends there")]

mod measure;
#[path = "../../tests/nats/rig.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod rig;
#[path = "../../tests/nats/server.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod server;

use std::path::Path;

use contract::time::UtcTime;
use queue::{Embedded, Limits};

use measure::{Rates, disk, from_many, from_one, latency, percentile};

/// Appends in a turn from one producer, and by the disk itself: few, and in turn, since a disk is not as quick now as it was a second ago.
const SINGLE: usize = 20;
/// Turns of them in a turn.
const ALTERNATING: usize = 25;
/// Messages in a turn from 64 producers, each.
const EACH: usize = 200;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().unwrap_or_else(|| ".".to_owned());
    let turns: usize = arguments.next().map_or(5, |n| n.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let scratch = tempfile::tempdir_in(&place).unwrap();
    runtime.block_on(async {
        let embedded = embedded(&scratch.path().join("queue.db")).await;
        measured("embedded", &embedded, scratch.path(), turns).await;
        drop(embedded);
        for (name, jetstream) in
            [("JetStream, sync always", "sync_interval: always"), ("JetStream, default", "")]
        {
            let (rig, queue) = nats(scratch.path(), jetstream).await;
            measured(name, &queue, scratch.path(), turns).await;
            drop((queue, rig));
        }
    });
}

async fn embedded(path: &Path) -> Embedded {
    let limits = Limits { pending_max: 10_000_000, ..Limits::default() };
    Embedded::open(path, limits, UtcTime::from_unix_ms(1_790_000_000_000).unwrap()).await.unwrap()
}

/// One server on this machine, storing on the same disk.
async fn nats(scratch: &Path, jetstream: &'static str) -> (rig::Rigged, queue::nats::Nats) {
    let how = server::How { program: server::program(), jetstream, under: vec![] };
    let mut rig = rig::Rigged::start_in(scratch, 1, &how);
    rig.keys.clear();
    for n in 0..measure::TENANTS {
        rig.keys.insert(format!("tenant-{n}").parse().unwrap(), queue::nats::Key::draw_account());
    }
    let limits = Limits { pending_max: 10_000_000, ..Limits::default() };
    rig.provision(&rig.plan(limits)).await;
    let queue = rig.queue(limits).await;
    (rig, queue)
}

pub(crate) fn now() -> UtcTime {
    edge::clock::utc()
}

/// One implementation, in turns with the disk.
async fn measured<Q: queue::Queue + 'static>(name: &str, queue: &Q, scratch: &Path, turns: usize) {
    let (mut raw, mut one, mut many) = (Rates::default(), Rates::default(), Rates::default());
    let mut syncs = Vec::new();
    for turn in 0..turns {
        for part in 0..ALTERNATING {
            raw.turn(SINGLE, || disk(scratch, SINGLE, &mut syncs));
            one.time(SINGLE, from_one(queue, turn * ALTERNATING + part, SINGLE)).await;
        }
        many.time(64 * EACH, from_many(queue, turn, EACH)).await;
        measure::drain(queue).await;
    }
    let share = one.beside(&raw) * 100.0;
    raw.row("append and fdatasync of the same bytes", "");
    one.row(&format!("{name}, one producer"), &format!("{share:.0} % of the disk, bar: 90 %"));
    many.row(&format!("{name}, 64 producers"), "bar: 5000/s");
    let sync = percentile(&mut syncs, 99);
    println!("  {:<58} {sync:>11.1} ms", "one sync of the disk, p99");
    let (p50, p99) = latency(queue).await;
    println!("  {:<58} {p50:>11.1} ms", format!("{name}, published to fetched at 1000/s, p50"));
    println!("  {:<58} {p99:>11.1} ms   bar: 20 ms", "the same, p99");
    // Nothing in a measurement may go wrong unseen.
    assert_eq!(queue.depth_of_all().await.unwrap().pending(), 0);
}
