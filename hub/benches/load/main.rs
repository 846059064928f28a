//! How much a hub carries: a real one as a process of its own, real TLS 1.3 with a certificate for each host, on loopback, bounded in time.
//!
//! `cargo bench -p hub --bench load -- HOSTS SECONDS` (default 1000 and 60). Each host does what an agent does: one connection long-polls for orders,
//! another has a heartbeat every 48 to 56 s, and one host in a hundred reports an incident each minute. Then all of them report as fast as the hub
//! acknowledges; then the hub is killed under load and begun again, and what was acknowledged is counted in its database.
//!
//! **Absent:** evidence. Its cost is measured with the log itself; here it is what many peers cost.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot go on has nothing to say")]
#![allow(clippy::print_stdout, reason = "that is what it is for")]

mod fleet;
mod host;
mod measured;
mod process;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use fleet::{Fleet, count};
use host::{Bench, beat, poll, report, storm};
use measured::{Measured, row};
use process::Hub;

/// What may be under way at once while all report as fast as they can.
const STORM_AT_ONCE: usize = 512;
/// How long that lasts.
const STORM: Duration = Duration::from_secs(10);
/// Within which all have to be back after a restart.
const BACK_MAX: Duration = Duration::from_secs(120);

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let hosts = usize::try_from(numbers.first().copied().unwrap_or(1_000)).unwrap();
    let seconds = numbers.get(1).copied().unwrap_or(60);
    let limit = getrlimit(Resource::Nofile);
    let wanted = 3 * hosts as u64 + 1_000;
    // Root may raise it; anybody else gets what there is.
    let raised = Rlimit { current: Some(wanted), maximum: Some(wanted.max(limit.maximum.unwrap_or(wanted))) };
    if setrlimit(Resource::Nofile, raised).is_err() {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(run(hosts, Duration::from_secs(seconds)));
}

async fn run(hosts: usize, steady: Duration) {
    let directory = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let fleet = Fleet::enrol(directory.path(), hosts);
    println!("{hosts} hosts of {} tenants, put into the registry in {:.1?}", fleet.tenants, began.elapsed());
    let mut hub = Hub::begin(directory.path(), fleet.port);
    let bench = Arc::new(Bench {
        hosts: fleet.hosts,
        address: ([127, 0, 0, 1], fleet.port).into(),
        go_on: AtomicBool::new(true),
        polling: AtomicU64::new(0),
        generation: AtomicU64::new(0),
        ingest: Measured::default(),
        delivery: Measured::default(),
        heartbeats: Measured::default(),
        failures: AtomicU64::new(0),
        put_off: AtomicU64::new(0),
    });
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for n in 0..hosts {
        tasks.spawn(poll(Arc::clone(&bench), n));
        tasks.spawn(beat(Arc::clone(&bench), n, n % 100 == 0));
    }
    all_poll(&bench, hosts, began).await;
    row("all connected and polling", &format!("{:.1} s", began.elapsed().as_secs_f64()), "");
    // All begin at once here; what is measured is a day like any other.
    sleep(Duration::from_secs(5)).await;

    bench.ingest.clear();
    bench.delivery.clear();
    let (before, began) = (hub.cpu(), Instant::now());
    // What an idle hundredth does not do often enough to be measured is done by others, one a second: few enough to disturb nobody.
    let mut extra = 0;
    while began.elapsed() < steady {
        sleep(Duration::from_millis(500)).await;
        let n = (extra * 7 + 1) % hosts;
        if !n.is_multiple_of(100) && extra < hosts {
            let bench = Arc::clone(&bench);
            tasks.spawn(async move { report(&bench, n).await });
        }
        extra += 1;
    }
    let share = (hub.cpu() - before) / began.elapsed().as_secs_f64() / 2.0 * 100.0;
    println!("steady, {:.0} s", began.elapsed().as_secs_f64());
    row("hub's memory (RSS)", &format!("{} MB", hub.rss_mb()), "goal with 10000: < 1024 MB");
    row("hub's CPU, of two cores", &format!("{share:.1} %"), "goal with 10000: < 60 %");
    row("ingest, p50 and p99", &bench.ingest.told(), "goal: p99 < 100 ms");
    row("order delivery, p50 and p99", &bench.delivery.told(), "goal: p99 < 250 ms");
    row("heartbeat, p50 and p99", &bench.heartbeats.told(), "");

    bench.ingest.clear();
    let acknowledged = flood(&bench, STORM).await;
    println!("all report as fast as they are acknowledged, {STORM:?}, {STORM_AT_ONCE} at once");
    row("acknowledged, each synced", &format!("{:.0}/s", acknowledged / STORM.as_secs_f64()), "goal: 2000/s");
    row("ingest, p50 and p99", &bench.ingest.told(), "");
    row("put off by its tenant's measure", &bench.put_off.load(Ordering::Relaxed).to_string(), "");
    row("hub's memory (RSS)", &format!("{} MB", hub.rss_mb()), "");

    println!("killed under load, and begun again");
    let flooding = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { flood(&bench, Duration::from_secs(4)).await })
    };
    sleep(Duration::from_secs(2)).await;
    hub.kill();
    bench.generation.fetch_add(1, Ordering::SeqCst);
    bench.polling.store(0, Ordering::SeqCst);
    let began = Instant::now();
    hub = Hub::begin(directory.path(), bench.address.port());
    row("ready again", &format!("{:.1} s", began.elapsed().as_secs_f64()), "");
    all_poll(&bench, hosts, began).await;
    row("all back", &format!("{:.1} s", began.elapsed().as_secs_f64()), "goal: 90 s");
    let _ = flooding.await;
    bench.go_on.store(false, Ordering::SeqCst);
    tasks.abort_all();
    hub.kill();
    let counted = count(directory.path(), &bench.hosts);
    row("acknowledged incidents", &counted.acknowledged.to_string(), "");
    row("of these lost", &counted.lost.to_string(), "goal: 0");
    row("held twice", &counted.twice.to_string(), "goal: 0");
    row("orders given twice for one incident", &counted.orders_twice.to_string(), "goal: 0");
}

async fn all_poll(bench: &Bench, hosts: usize, began: Instant) {
    while bench.polling.load(Ordering::SeqCst) < hosts as u64 {
        let polling = bench.polling.load(Ordering::SeqCst);
        assert!(began.elapsed() < BACK_MAX, "only {polling} of {hosts} hosts came in within {BACK_MAX:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// All hosts report, and how much was acknowledged.
async fn flood(bench: &Arc<Bench>, lasts: Duration) -> f64 {
    let (turns, began) = (Arc::new(Semaphore::new(STORM_AT_ONCE)), Instant::now());
    let (mut next, mut under_way) = (0, JoinSet::new());
    let mut acknowledged = 0_u32;
    while began.elapsed() < lasts {
        let turn = Arc::clone(&turns).acquire_owned().await.unwrap();
        let (bench, n) = (Arc::clone(bench), next % bench.hosts.len());
        next += 1;
        under_way.spawn(async move {
            let done = storm(&bench, n).await;
            drop(turn);
            done
        });
        while let Some(done) = under_way.try_join_next() {
            acknowledged += u32::from(done.unwrap_or(false));
        }
    }
    let late = tokio::time::timeout(Duration::from_secs(10), async {
        while let Some(done) = under_way.join_next().await {
            acknowledged += u32::from(done.unwrap_or(false));
        }
    });
    let _ = late.await;
    f64::from(acknowledged)
}
