//! How much a hub carries: a real one as a process of its own, real TLS 1.3 with a certificate for each host, on loopback, bounded in time.
//!
//! `cargo bench -p hub --bench load -- HOSTS SECONDS` (default 1000 and 60). Each host does what an agent does: one connection long-polls for orders,
//! another has a heartbeat every 48 to 56 s, and one host in a hundred reports an incident each minute. Then all of them report as fast as the hub
//! acknowledges; then the hub is killed under load and begun again, and what was acknowledged is counted in its database.
//!
//! It ends with 1 where something that was acknowledged is lost, a receipt was for something else, an order was given twice, or somebody did not come
//! back in time; with 10000 hosts or more also where any other goal was missed.
//!
//! **Absent:** evidence. Its cost is measured with the log itself; here it is what many peers cost.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot go on has nothing to say")]
#![allow(clippy::print_stdout, reason = "that is what it is for")]

mod fleet;
mod host;
mod measured;
mod process;
mod wire;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use fleet::{Fleet, count};
use host::{Bench, beat, poll, report, storm};
use measured::{Goals, Measured, row};
use process::{Hub, cpu_of};

/// What may be under way at once while all report as fast as they can.
const STORM_AT_ONCE: usize = 512;
/// How long that lasts.
const STORM: Duration = Duration::from_secs(10);
/// Within which all have to be back after a restart.
const BACK_MAX: Duration = Duration::from_secs(90);
/// What the generator, which is one thread, may take of its core before it is what limits the flood.
const BUSY: f64 = 90.0;

fn main() -> ExitCode {
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if runtime.block_on(run(hosts, Duration::from_secs(seconds))) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whether all goals were met.
async fn run(hosts: usize, steady: Duration) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let mut goals = Goals::new(hosts);
    let began = Instant::now();
    let fleet = Fleet::enrol(directory.path(), hosts);
    println!("{hosts} hosts of {} tenants, put into the registry in {:.1?}", fleet.tenants, began.elapsed());
    let hub = Hub::begin(directory.path(), fleet.port);
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
        elsewhere: AtomicU64::new(0),
    });
    let mut tasks = JoinSet::new();
    for n in 0..hosts {
        tasks.spawn(poll(Arc::clone(&bench), n));
        tasks.spawn(beat(Arc::clone(&bench), n, n % 100 == 0));
    }
    all_poll(&bench, "all connected and polling", Instant::now(), &mut goals).await;
    // All begin at once here; what is measured is a day like any other.
    sleep(Duration::from_secs(5)).await;
    a_day(&bench, &hub, steady, &mut tasks, &mut goals).await;
    as_fast_as_it_goes(&bench, &hub, &mut goals).await;
    let mut hub = killed(&bench, hub, directory.path(), &mut goals).await;
    bench.go_on.store(false, Ordering::SeqCst);
    tasks.abort_all();
    hub.kill();
    let counted = count(directory.path(), &bench.hosts);
    let elsewhere = bench.elsewhere.load(Ordering::Relaxed);
    row("acknowledged incidents", &counted.acknowledged.to_string(), "");
    let mut none = |name, many: u64| goals.always(name, &many.to_string(), "0", many == 0);
    none("of these lost", counted.lost);
    none("receipts for another than was reported", elsewhere);
    none("orders given twice for one incident", counted.orders_twice);
    goals.end()
}

/// A steady load, for as long as `steady`.
async fn a_day(bench: &Arc<Bench>, hub: &Hub, steady: Duration, tasks: &mut JoinSet<()>, goals: &mut Goals) {
    for measured in [&bench.ingest, &bench.delivery, &bench.heartbeats] {
        measured.clear();
    }
    bench.failures.store(0, Ordering::Relaxed);
    let (before, began) = (hub.cpu(), Instant::now());
    // What an idle hundredth does not do often enough to be measured is done by others, two a second: few enough to disturb nobody.
    let mut extra = 0;
    while began.elapsed() < steady {
        sleep(Duration::from_millis(500)).await;
        let n = (extra * 7 + 1) % bench.hosts.len();
        if !n.is_multiple_of(100) && extra < bench.hosts.len() {
            let bench = Arc::clone(bench);
            tasks.spawn(async move { report(&bench, n).await });
        }
        extra += 1;
    }
    let share = (hub.cpu() - before) / began.elapsed().as_secs_f64() / 2.0 * 100.0;
    println!("steady, {:.0} s", began.elapsed().as_secs_f64());
    let rss = hub.rss_mb();
    goals.of_a_full_fleet("hub's memory (RSS)", &format!("{rss} MB"), "< 1024 MB", rss < 1024);
    goals.of_a_full_fleet("hub's CPU, of two cores", &format!("{share:.1} %"), "< 60 %", share < 60.0);
    let within = |measured: &Measured, ms: f64| measured.p99().is_some_and(|p99| p99 < ms);
    let (ingest, delivery) = (&bench.ingest, &bench.delivery);
    goals.of_a_full_fleet("ingest, p50 and p99", &ingest.told(), "p99 < 100 ms", within(ingest, 100.0));
    let met = within(delivery, 250.0);
    goals.of_a_full_fleet("order delivery, p50 and p99", &delivery.told(), "p99 < 250 ms", met);
    row("heartbeat, p50 and p99", &bench.heartbeats.told(), "");
    row("requests without an answer", &bench.failures.swap(0, Ordering::Relaxed).to_string(), "");
}

/// All hosts report as fast as they are acknowledged.
async fn as_fast_as_it_goes(bench: &Arc<Bench>, hub: &Hub, goals: &mut Goals) {
    bench.ingest.clear();
    let own = || cpu_of(std::process::id());
    let (hub_before, own_before, began) = (hub.cpu(), own(), Instant::now());
    let acknowledged = flood(bench, STORM).await;
    let share = |burnt: f64| burnt / began.elapsed().as_secs_f64() * 100.0;
    let (by_hub, by_us) = (share(hub.cpu() - hub_before) / 2.0, share(own() - own_before));
    println!("all report as fast as they are acknowledged, {STORM:?}, {STORM_AT_ONCE} at once");
    let each = acknowledged / STORM.as_secs_f64();
    goals.of_a_full_fleet("acknowledged, each synced", &format!("{each:.0}/s"), "2000/s", each >= 2000.0);
    row("ingest, p50 and p99", &bench.ingest.told(), "");
    row("hub's CPU, of two cores", &format!("{by_hub:.1} %"), "");
    let limits = if by_us >= BUSY { "the generator is the limit: the hub may carry more" } else { "" };
    row("generator's CPU, of its one core", &format!("{by_us:.1} %"), limits);
    row("put off by its tenant's measure", &bench.put_off.load(Ordering::Relaxed).to_string(), "");
    row("requests without an answer", &bench.failures.swap(0, Ordering::Relaxed).to_string(), "");
    row("hub's memory (RSS)", &format!("{} MB", hub.rss_mb()), "");
}

/// The hub is killed under load and begun again.
async fn killed(bench: &Arc<Bench>, mut hub: Hub, directory: &Path, goals: &mut Goals) -> Hub {
    println!("killed under load, and begun again");
    let flooding = {
        let bench = Arc::clone(bench);
        tokio::spawn(async move { flood(&bench, Duration::from_secs(4)).await })
    };
    sleep(Duration::from_secs(2)).await;
    hub.kill();
    bench.generation.fetch_add(1, Ordering::SeqCst);
    bench.polling.store(0, Ordering::SeqCst);
    let began = Instant::now();
    let hub = Hub::begin(directory, bench.address.port());
    row("ready again", &format!("{:.1} s", began.elapsed().as_secs_f64()), "");
    all_poll(bench, "all back", began, goals).await;
    let _ = flooding.await;
    row("requests without an answer", &bench.failures.load(Ordering::Relaxed).to_string(), "");
    hub
}

/// Waits until all hosts poll, or they had their time.
async fn all_poll(bench: &Bench, name: &str, began: Instant, goals: &mut Goals) {
    let hosts = bench.hosts.len() as u64;
    let polling = || bench.polling.load(Ordering::SeqCst);
    while polling() < hosts && began.elapsed() < BACK_MAX {
        sleep(Duration::from_millis(50)).await;
    }
    let all = polling() >= hosts;
    let told = if all {
        format!("{:.1} s", began.elapsed().as_secs_f64())
    } else {
        format!("{} of {hosts} hosts", polling())
    };
    goals.always(name, &told, "90 s", all);
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
