//! The reading alone: lines a second, and the time from a line to its incident.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agent::deliver::{Incidents, Pinned};
use agent::detectors::{Detectors, Library};
use agent::in_force::InForce;
use agent::logs::{Inlet, Reading, Scope, Shared, Told, files, outlet};
use agent::look::{Eyes, Looker};
use agent::looks::Looks;
use agent::outbox::{CAPACITY_BYTES, Outbox};
use agent::signals;
use agent::thread::Thread;
use agent::unwritten::Unwritten;
use contract::baseline::{Baseline, Users};
use contract::dsse::HubSigner;
use contract::exception::Exceptions;
use contract::fact::FactSet;
use contract::heartbeat::LogSource;
use edge::trace::Tracer;

use super::{row, setting};
use crate::logs::{built_in, detector, parsed};
use crate::rig::machine::HUB_SEED;
use crate::rig::until_blocking;

fn follow(dir: &Path, detectors: Detectors) -> (Thread, agent::logs::Pulse, Inlet) {
    let (outlet, inlet) = outlet();
    let reading = Reading::resume(detectors, &dir.join("kept.json"), outlet, Tracer::new(false));
    let (pulse, shared) = (reading.pulse(), reading.shared());
    let scope = Scope::Directories(vec![dir.join("logs")]);
    let thread =
        Thread::begin("logs", move |stop| files::follow(&scope, &Shared::clone(&shared), &stop).unwrap());
    until_blocking("the first look", || dir.join("kept.json").exists().then_some(()));
    std::thread::sleep(Duration::from_millis(100));
    (thread.unwrap(), pulse, inlet)
}

fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("logs")).unwrap();
    fs::write(dir.path().join("logs/first.log"), "one line\n").unwrap();
    dir
}

#[test]
fn lines_a_second() {
    if !super::is_asked() {
        return;
    }
    let lines = setting("SUTURE_LINES", 5_000_000);
    let dir = directory();
    let path = dir.path().join("sample");
    {
        let mut file = std::io::BufWriter::new(File::create(&path).unwrap());
        for n in 0..lines {
            writeln!(
                file,
                "2026-11-21T06:20:01.{:06}+00:00 host app[{}]: request {n} took 12 ms, 200, 4711 bytes",
                n % 1_000_000,
                n % 32_768
            )
            .unwrap();
        }
        file.into_inner().unwrap().sync_all().unwrap();
    }
    let bytes = path.metadata().unwrap().len();
    let say = |name: &str, took: Duration| {
        #[expect(clippy::cast_precision_loss, reason = "a measure for people")]
        let (rate, speed) =
            (lines as f64 / took.as_secs_f64() / 1e6, bytes as f64 / took.as_secs_f64() / 1e6);
        row(name, &format!("{rate:.2} M lines/s"), &format!("{speed:.0} MB/s"));
    };
    let nothing = parsed(&detector("a.b", "zzzzzzzz", 1, 1));
    for (name, detectors) in [
        ("tail alone (one pattern that is never there)", nothing),
        ("tail and the built-in detectors", built_in()),
    ] {
        let dir = directory();
        // Both are below the temporary directory, and so on one file system.
        fs::hard_link(&path, dir.path().join("sample")).unwrap();
        let (thread, pulse, _inlet) = follow(dir.path(), detectors);
        let began = Instant::now();
        fs::rename(dir.path().join("sample"), dir.path().join("logs/sample.log")).unwrap();
        until_blocking("all lines", || (pulse.now().sources[&LogSource::Files].lines >= lines).then_some(()));
        say(name, began.elapsed());
        thread.end();
    }
    let began = Instant::now();
    let mut tail =
        Command::new("tail").args(["-n", "+1", "-F"]).arg(&path).stdout(Stdio::piped()).spawn().unwrap();
    let count = Command::new("sh")
        .args(["-c", &format!("head -n {lines} | wc -l")])
        .stdin(tail.stdout.take().unwrap())
        .output()
        .unwrap();
    let took = began.elapsed();
    assert_eq!(String::from_utf8_lossy(&count.stdout).trim(), lines.to_string());
    tail.kill().unwrap();
    tail.wait().unwrap();
    say("beside it: tail -F | wc -l", took);
}

/// So many detectors, in turn, so that each of the lines that count makes an incident.
const MARKS: u64 = 200;

#[test]
fn from_line_to_incident() {
    if !super::is_asked() {
        return;
    }
    let (seconds, rate, each) = (setting("SUTURE_SECONDS", 30), 2_000, 100);
    let one = |n| detector(&format!("mark.n{n}"), &format!("mark {n} "), 1, 1);
    let text: String = (0..MARKS).map(one).collect();
    let dir = directory();
    let (thread, _pulse, inlet) = follow(dir.path(), parsed(&text));
    let (arrived, kept) = kept(inlet, dir.path());
    let writer = std::thread::spawn({
        let path = dir.path().join("logs/first.log");
        move || write(&path, seconds, rate, each)
    });
    let mut told = BTreeMap::new();
    while let Ok((id, at)) = arrived.recv_timeout(Duration::from_secs(5)) {
        told.insert(id, at);
    }
    let written = writer.join().unwrap();
    let detectors = kept.lock().unwrap().clone();
    // The k-th incident of a detector is of its k-th line.
    let mut waits = Vec::new();
    let mut nth: BTreeMap<u64, usize> = BTreeMap::new();
    for (id, mark) in detectors {
        let nth = nth.entry(mark).or_default();
        waits.push(told[&id].duration_since(written[&mark][*nth]));
        *nth += 1;
    }
    assert_eq!(waits.len(), written.values().map(Vec::len).sum::<usize>(), "an incident for each");
    waits.sort();
    let at = |percent: usize| {
        format!("{:.1} ms", waits[(waits.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1e3)
    };
    row(&format!("line to incident in the outbox at 2 000 lines/s, p50 of {}", waits.len()), &at(50), "");
    row("the same, p99", &at(99), "bar: 50 ms");
    row("the same, slowest", &at(100), "");
    thread.end();
}

type Kept = std::sync::Arc<std::sync::Mutex<Vec<(String, u64)>>>;

/// Keeps what is told in a real outbox, with its real path; when each was kept, and of which detector it is, in the order of telling.
fn kept(mut inlet: Inlet, dir: &Path) -> (std::sync::mpsc::Receiver<(String, Instant)>, Kept) {
    let outbox = Outbox::open(&dir.join("outbox"), CAPACITY_BYTES, edge::clock::utc()).unwrap();
    let unwritten = Unwritten::open(&dir.join("unwritten.json"), edge::clock::utc()).unwrap();
    let (to_signals, told) = tokio::sync::mpsc::unbounded_channel();
    let (arrive, arrived) = std::sync::mpsc::channel();
    let (stamp, stamped) = std::sync::mpsc::channel();
    let order = Kept::default();
    let (real, kept) = (inlet.arrived.clone(), Kept::clone(&order));
    std::thread::spawn(move || {
        for id in arrived {
            let at = Instant::now();
            let _ = real.send(contract::ids::IncidentId::clone(&id));
            let _ = stamp.send((id.to_string(), at));
        }
    });
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (losses, _lost) = tokio::sync::mpsc::unbounded_channel();
        let incidents = Incidents::new(outbox, Tracer::new(false), pinned());
        let looks = nothing_looked_at();
        runtime.spawn(async move {
            while let Some(told) = inlet.told.recv().await {
                if let Told::Signal(incident) = &told {
                    let name = crate::logs::name(&told);
                    let mark = name.trim_start_matches("mark.n").parse().unwrap();
                    kept.lock().unwrap().push((incident.incident.to_string(), mark));
                }
                let _ = to_signals.send(told);
            }
        });
        let inlet = Inlet { told, arrived: arrive };
        runtime.block_on(signals::follow(inlet, incidents, looks, unwritten, losses));
    });
    (stamped, order)
}

/// Nothing is delivered: there is no hub whose receipts are to be known.
fn pinned() -> Pinned {
    Pinned { hub_key: HubSigner::from_seed(&HUB_SEED).public(), host: "h-1".parse().unwrap() }
}

/// Nothing is looked at, and nobody would.
fn nothing_looked_at() -> Looks {
    let library = Library::parse(&[("d", &detector("a.b", "zzzzzzzz", 1, 1))]).unwrap();
    let baseline =
        Baseline::parse("hipaa-v1.yaml", include_str!("../../../../baseline/hipaa-v1.yaml")).unwrap();
    let (exceptions, eyes) = (Exceptions::default(), Eyes::Recorded(FactSet::default()));
    let in_force = InForce::new(Looker { baseline, exceptions, users: Users::one(0), eyes });
    Looks::of(&library, in_force, tokio::sync::mpsc::channel(1).0)
}

/// Writes `rate` lines a second, one at a time, every `each`th of them marked; when each mark was written.
fn write(path: &Path, seconds: u64, rate: u64, each: u64) -> BTreeMap<u64, Vec<Instant>> {
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    let (began, mut written) = (Instant::now(), BTreeMap::<u64, Vec<Instant>>::new());
    for n in 0..seconds * rate {
        let due = began + Duration::from_nanos(n * 1_000_000_000 / rate);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let mark = n / each % MARKS;
        let word = if n % each == 0 { format!("mark {mark} ") } else { "an ordinary line ".to_owned() };
        let line = format!("2026-11-21T06:20:01 host app[1]: {word}of some length, as they are, the {n}th\n");
        if n % each == 0 {
            written.entry(mark).or_default().push(Instant::now());
        }
        file.write_all(line.as_bytes()).unwrap();
    }
    written
}
