//! Looking at the machine: all of it, what changed alone, and the one fact that has to be walked for. `bench/sweep` starts these beside the peers.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use agent::look::{Eyes, Looker};
use agent::observe::News;
use agent::thread::Thread;
use agent::watch::Watch;
use contract::allowlist::Allowlist;
use contract::baseline::{Baseline, Users};
use contract::exception::Exceptions;
use contract::fact::FactId;
use facts::{Config, OwnDirectories, Reader, Root};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{row, setting};

/// What the watch waits for further events of the same change.
const SETTLING_MS: f64 = 20.0;

fn config(root: &Path) -> Config {
    let own = root.join("own");
    let own = OwnDirectories { evidence: own.clone(), executor_keys: own.clone(), agent_keys: own };
    // Everything that a list can be held against, so that all of it is looked for.
    let allowed = "listening: { tcp: [], udp: [] }\nsetuid: []\nadministrators: []\nssh_keys: []\n";
    Config {
        root: Root::new(root),
        allowed: Ok(Allowlist::parse("bench.yaml", allowed).unwrap()),
        limit: Duration::from_secs(10),
        ..Config::new(own)
    }
}

fn looker(config: Config) -> Looker {
    let baseline =
        Baseline::parse("hipaa-v1.yaml", include_str!("../../../../baseline/hipaa-v1.yaml")).unwrap();
    Looker {
        baseline,
        exceptions: Exceptions::default(),
        users: Users::one(0),
        eyes: Eyes::Live(Reader::new(config)),
    }
}

/// Processor time of this process, and of the programs that it started and that have ended, in milliseconds. The latter comes in steps of ten.
fn processor_ms() -> f64 {
    let own = clock_gettime(ClockId::ProcessCPUTime);
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let ticks = |n: usize| -> f64 {
        stat.rsplit(") ").next().unwrap().split(' ').nth(n - 3).unwrap().parse().unwrap()
    };
    #[expect(clippy::cast_precision_loss, reason = "a measure for people")]
    let own = own.tv_sec as f64 * 1e3 + own.tv_nsec as f64 / 1e6;
    own + (ticks(16) + ticks(17)) * 10.0
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn ms(ms: f64) -> String {
    format!("{ms:.2} ms")
}

/// What one look takes: wall and processor, of `runs` looks after one that warms.
fn looks(looker: &Looker, wanted: &[FactId], runs: u32) -> (f64, f64) {
    let now = edge::clock::utc();
    looker.look(wanted, now, |_| ());
    let before = processor_ms();
    let walls = (0..runs).map(|_| {
        let began = Instant::now();
        assert!(!looker.look(wanted, now, |_| ()).findings.is_empty());
        began.elapsed().as_secs_f64() * 1e3
    });
    let wall = median(walls.collect());
    (wall, (processor_ms() - before) / f64::from(runs))
}

#[test]
fn whole() {
    if !super::is_asked() {
        return;
    }
    let looker = looker(config("/".as_ref()));
    let runs = u32::try_from(setting("SUTURE_RUNS", 20)).unwrap();
    let (wall, processor) = looks(&looker, &looker.all(), runs);
    row("whole sweep within the running agent, wall, median", &ms(wall), "bar: 100 ms");
    row("of it processor time, the programs it starts included", &ms(processor), "bar: 100 ms");
}

#[test]
fn each_fact() {
    if !super::is_asked() {
        return;
    }
    let looker = looker(config("/".as_ref()));
    let all: Vec<_> = looker.all();
    let each: Vec<_> = all.iter().map(|fact| (fact, looks(&looker, std::slice::from_ref(fact), 5))).collect();
    let slow: Vec<_> = each.iter().filter(|(_, (wall, _))| *wall > 5.0).collect();
    row(
        "one changed fact, looked at and judged: below 5 ms",
        &format!("{} of {}", each.len() - slow.len(), each.len()),
        "bar: 5 ms",
    );
    row("the same, median of them", &ms(median(each.iter().map(|(_, (wall, _))| *wall).collect())), "");
    // Those of one program's output cost the same.
    let mut seen = BTreeSet::new();
    for (fact, (wall, processor)) in slow.iter().filter(|(fact, _)| seen.insert(fact.source())) {
        row(&format!("the slow ones: {fact}"), &ms(*wall), &format!("processor {}", ms(*processor)));
    }
}

/// This machine with an `/etc` of its own, which may be changed.
fn machine() -> TempDir {
    let machine = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-a").arg("/etc").arg(machine.path()).status().unwrap();
    assert!(copied.success());
    for entry in fs::read_dir("/").unwrap().flatten().filter(|entry| entry.file_name() != "etc") {
        symlink(entry.path(), machine.path().join(entry.file_name())).unwrap();
    }
    machine
}

/// From a change to its findings, through the watch as it runs in the agent.
async fn changes(name: &str, change: impl Fn(&Path, u32)) {
    let machine = machine();
    let looker = looker(config(machine.path()));
    let watch = Watch::arm(config(machine.path()), looker.all()).unwrap();
    let (observer, mut news) = mpsc::channel(64);
    let thread = Thread::begin("watch", move |stop| watch.follow(&observer, &stop).unwrap()).unwrap();
    let (mut heard, mut judged, mut processor, mut facts) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for n in 0..30 {
        // As rare as changes are: a busy machine is waited for.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        while news.try_recv().is_ok() {}
        let before = processor_ms();
        let began = Instant::now();
        change(machine.path(), n);
        let Some(News::Changed(changed)) = news.recv().await else { panic!("the watch ended") };
        heard.push(began.elapsed().as_secs_f64() * 1e3 - SETTLING_MS);
        let began = Instant::now();
        let wanted: Vec<_> = changed.into_iter().collect();
        facts = wanted.len();
        assert!(!looker.look(&wanted, edge::clock::utc(), |_| ()).findings.is_empty());
        judged.push(began.elapsed().as_secs_f64() * 1e3);
        processor.push(processor_ms() - before);
    }
    news.close();
    thread.end();
    row(&format!("{name}: {facts} facts looked at and judged, median"), &ms(median(judged)), "bar: 5 ms");
    row("  heard of, beyond the 20 ms that a change is let settle", &ms(median(heard)), "");
    row("  processor time of hearing, arming anew, looking, judging", &ms(median(processor)), "bar: 5 ms");
}

#[tokio::test]
async fn incremental() {
    if !super::is_asked() {
        return;
    }
    changes("a setting is written", |root, n| {
        let at = root.join("etc/login.defs");
        let text = fs::read_to_string(&at).unwrap();
        fs::write(&at, format!("{text}# {n}\n")).unwrap();
    })
    .await;
    changes("a mode is changed", |root, n| {
        let mode = fs::Permissions::from_mode(if n % 2 == 0 { 0o644 } else { 0o640 });
        fs::set_permissions(root.join("etc/shadow"), mode).unwrap();
    })
    .await;
}

/// What is walked for once a minute, whatever happens.
#[test]
fn set_uid() {
    if !super::is_asked() {
        return;
    }
    let looker = looker(config("/".as_ref()));
    let fact: FactId = "path:unlisted_setuid_files".parse().unwrap();
    let (wall, processor) = looks(&looker, std::slice::from_ref(&fact), 20);
    row("the walk for set-uid programs, once a minute, wall", &ms(wall), "");
    row("of it processor time", &ms(processor), "bar: 30 ms (0.05 %)");
}
