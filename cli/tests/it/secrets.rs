//! What must never leave the machine: two hundred secrets and identifiers of patients and staff are planted wherever the agent looks, the whole loop runs
//! between real processes, and none of them is found in anything that leaves or stays behind as ours.
//!
//! What crosses the wire is read between two ends of TLS: the test holds the hub's own authority and the device's own key, and stands in between.

mod plant;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use contract::event::{Event, Traced};
use contract::record::{Body, Signalled};
use contract::signal::SignalKind;

use super::stage::Stage;
use plant::Secret;
use wire::Wire;

/// Longer than the whole of it takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(100);
/// The detector that fires over the planted lines.
const GUESSED: &str = "ssh.failed-logins";

fn until(what: &str, mut look: impl FnMut() -> bool) {
    let began = Instant::now();
    while !look() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A process that ends with the test.
struct Ours(Child);

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(stage: &Stage, name: &str, arguments: &[&str]) -> Ours {
    let (out, err) = (stage.path(&format!("traces/{name}.out")), stage.path(&format!("traces/{name}.err")));
    let mut command = Command::new(stage.program(name));
    command.args(arguments).arg("--events").stdin(Stdio::null());
    Ours(command.stdout(File::create(out).unwrap()).stderr(File::create(err).unwrap()).spawn().unwrap())
}

fn events(stage: &Stage, name: &str) -> Vec<Event> {
    let file = File::open(stage.path(&format!("traces/{name}.out"))).unwrap();
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    lines.filter_map(|line| Some(serde_json::from_str::<Traced>(&line).ok()?.event)).collect()
}

#[test]
fn none_of_two_hundred_planted_secrets_leaves_the_machine_or_stays_in_what_is_ours() {
    let stage = Stage::new();
    // Enrolled, and its processes gone: they are started again, by way of somebody who reads along.
    stage.try_once().succeeded();
    for directory in ["traces", "logs", "home", "snapshot"] {
        fs::create_dir(stage.path(directory)).unwrap();
    }
    let secrets = plant::secrets();
    assert_eq!(secrets.len(), 200);
    let running = plant::in_files_and_processes(&stage, &secrets);

    let text = |path: PathBuf| path.display().to_string();
    let hub_dir = text(stage.data().join("hub"));
    let hub = start(
        &stage,
        "suture-hub",
        &["serve", "--dir", &hub_dir, "--device", "127.0.0.1:0", "--operator", "127.0.0.1:0"],
    );
    let mut device = None;
    until("the hub", || {
        device = events(&stage, "suture-hub").into_iter().find_map(|event| match event {
            Event::HubReady { device, operator: _ } => Some(device),
            _ => None,
        });
        device.is_some()
    });
    let wire = Wire::new(&stage, device.unwrap().parse().unwrap());
    let config = write_config(&stage, wire.port());
    let executor_config = text(stage.data().join("site/executor/executor.yaml"));
    let executor = start(&stage, "suture-executor", &["run", "--config", &executor_config]);
    until("the executor", || {
        events(&stage, "suture-executor").iter().any(|e| matches!(e, Event::ExecutorReady { .. }))
    });
    let agent = start(&stage, "suture-agent", &["run", "--config", &text(config)]);
    until("the agent", || events(&stage, "suture-agent").iter().any(|e| matches!(e, Event::Tailing { .. })));

    // The hub does not answer yet: what is found waits on the disk, where it can be looked at.
    plant::in_logs(&stage, &secrets);
    fs::set_permissions(stage.evidence(), Permissions::from_mode(0o755)).unwrap();
    let outbox = stage.data().join("site/agent/outbox");
    let waits = |words: &str| contents(&outbox).windows(words.len()).any(|w| w == words.as_bytes());
    until("the signal of failed logins in the outbox", || waits("ssh.failed-logins"));
    until("the drift in the outbox", || waits("suture.evidence-directory"));
    fs::write(stage.path("snapshot/outbox"), contents(&outbox)).unwrap();

    wire.open();
    let seen = |words: &str| wire.bytes().windows(words.len()).any(|w| w == words.as_bytes());
    until("the signal on the wire", || seen("ssh.failed-logins"));
    until("the answer to an order", || seen("/answer"));
    until("the heal", || fs::metadata(stage.evidence()).unwrap().permissions().mode() & 0o7777 == 0o700);
    until("an empty outbox", || {
        fs::read_dir(&outbox).unwrap().flatten().all(|e| e.path().extension().is_none_or(|x| x != "json"))
    });
    // What is told of the heal.
    until("the heal on the wire", || seen("\"outcome\":\"healed\""));
    // What is published comes some seconds after the record, and where more fired than one record holds, the next comes a quarter of a minute later.
    until("the signal in the evidence", || signals(&stage).iter().any(|s| s.detector.as_str() == GUESSED));
    until("the signal in the hub's archive", || {
        holds(&contents(&stage.data().join("hub/archive")), GUESSED.as_bytes())
    });
    std::thread::sleep(Duration::from_secs(3));
    drop((agent, executor, hub));
    the_signals_are_evidence(&stage);

    let corpora = BTreeMap::from([
        ("the outbox", fs::read(stage.path("snapshot/outbox")).unwrap()),
        ("the wire", wire.bytes()),
        ("the evidence", contents(&stage.data().join("site/executor"))),
        ("the hub", contents(&stage.data().join("hub"))),
        ("our traces", contents(&stage.path("traces"))),
    ]);
    for (place, bytes) in &corpora {
        // The look is at what it says it is: a word that belongs there is there, in the clear.
        assert!(
            holds(bytes, b"suture.evidence-directory"),
            "{place}: {} bytes and not one word",
            bytes.len()
        );
    }
    the_search_finds_what_is_there(&stage, &corpora, &secrets, &running);
    let leaked: Vec<String> = corpora
        .iter()
        .flat_map(|(place, bytes)| {
            let found = secrets.iter().filter(|secret| secret.is_in(bytes));
            found.map(move |secret| format!("{place}: {secret:?}"))
        })
        .collect();
    assert!(leaked.is_empty(), "{leaked:#?}");
}

/// What the published evidence says that detectors told.
fn signals(stage: &Stage) -> Vec<Signalled> {
    let taken = stage.records().into_iter().filter_map(|record| match record.body {
        Body::Signals(taken) => Some(taken.signals),
        _ => None,
    });
    taken.flatten().collect()
}

/// What detectors made of the planted lines: typed, and each under an incident of its own.
fn the_signals_are_evidence(stage: &Stage) {
    let signals = signals(stage);
    let guessed: Vec<_> = signals.iter().filter(|signal| signal.detector.as_str() == GUESSED).collect();
    assert!(!guessed.is_empty() && guessed.iter().all(|s| s.kind == SignalKind::FailedLogins));
    let incidents: BTreeSet<_> = signals.iter().map(|signal| &signal.incident).collect();
    assert_eq!(incidents.len(), signals.len(), "one stands there twice");
}

/// Each secret is where it was planted, and would be found in each place in each of its forms.
fn the_search_finds_what_is_there(
    stage: &Stage,
    corpora: &BTreeMap<&str, Vec<u8>>,
    secrets: &[Secret],
    running: &plant::Running,
) {
    let sources =
        [contents(&stage.path("logs")), plant::names(&stage.path("home")), running.arguments()].concat();
    for secret in secrets {
        assert!(secret.is_in(&sources), "{secret:?} was planted nowhere");
    }
    for bytes in corpora.values() {
        let end = &bytes[bytes.len().saturating_sub(64)..];
        for secret in secrets {
            for form in secret.forms() {
                let spoilt = [end, &form, b" and more"].concat();
                assert!(
                    secret.is_in(&spoilt),
                    "{secret:?} is not found as {:?}",
                    String::from_utf8_lossy(&form)
                );
            }
        }
    }
}

fn holds(all: &[u8], words: &[u8]) -> bool {
    all.windows(words.len()).any(|w| w == words)
}

/// The names and the bytes of all files below a directory.
fn contents(directory: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        writeln!(all, "{}", path.display()).unwrap();
        // One may vanish under our eyes: it was delivered.
        if path.is_dir() {
            all.extend(contents(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            all.extend(bytes);
        }
    }
    all
}

/// The trial's own, by way of the test's wire and over the planted logs and files.
fn write_config(stage: &Stage, port: u16) -> PathBuf {
    let text = fs::read_to_string(stage.data().join("site/agent.yaml")).unwrap();
    let rest: Vec<&str> = text.lines().filter(|line| !line.starts_with("hub:")).collect();
    let here = stage.path("").display().to_string();
    let first = plant::first_name(&stage.path("home"));
    let more = format!(
        "hub: https://localhost:{port}\nlogs:\n  directories: [\"{here}/logs\"]\ncertificates: [{first}]\ncertificate_keys: [{first}]\n\
         stamps:\n  backup: {first}\nalone_after_s: 0\n"
    );
    let path = stage.path("agent.yaml");
    fs::write(&path, rest.join("\n") + "\n" + &more).unwrap();
    path
}
