//! The whole loop, seen from the outside.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use contract::baseline::Baseline;
use contract::outcome::Outcome;
use contract::record::{Body, Kind, Resolution, Trigger};
use contract::refusal::{Mode, Refusal};
use rustix::process::{Pid, Signal, kill_process};

use super::sockets::reachable;
use super::stage::{Stage, Trial, is_root};

/// The user `nobody`.
const NOBODY: u32 = 65534;

fn baseline() -> Baseline {
    Baseline::parse("b", include_str!("../../../baseline/hipaa-v1.yaml")).unwrap()
}

#[test]
fn the_loop_closes_and_a_second_run_resumes_the_same_log() {
    let stage = Stage::new();
    let first = stage.try_once().succeeded();
    shows_the_whole_baseline(&first);
    shows_the_loop(&first);
    leaves_what_it_says(&stage);
    the_log_tells_the_story(&stage);
    let before = stage.records();
    let second = stage.try_once().succeeded();
    assert!(second.out.contains("its log goes on where it ended"), "{}", second.out);
    shows_the_loop(&second);
    let after = stage.records();
    assert!(after.len() > before.len());
    assert_eq!(after[..before.len()], before, "the log was begun anew");
    assert_eq!(stage.left_running(), [""; 0]);
}

/// Every control of the baseline has its line, and the numbers have their denominators.
fn shows_the_whole_baseline(trial: &Trial) {
    let controls = baseline();
    let section = trial.section("HIPAA baseline");
    for control in controls.controls() {
        let line = section.iter().find(|l| l.split_whitespace().nth(1) == Some(control.id.as_str()));
        let line = line.unwrap_or_else(|| panic!("{} has no line", control.id));
        assert!(line.contains(control.citations[0].as_str()), "{line}");
        assert!([" pass ", " fail ", " not assessed "].iter().any(|v| line.contains(v)), "{line}");
    }
    let total = controls.controls().len();
    let summary = section.iter().find(|l| l.contains("assessed controls pass")).unwrap();
    assert!(summary.contains(&format!("of {total} assessed")), "{summary}");
    assert!(trial.out.contains("  following "), "no log is followed");
    if !is_root() {
        assert!(trial.out.contains("needs root"));
    }
}

fn shows_the_loop(trial: &Trial) {
    let legs = trial.section("One real drift");
    for leg in [
        "loosened",
        "found",
        "incident kept",
        "on the queue",
        "planned",
        "order signed",
        "guardrails passed",
        "repaired",
        "same check passes",
        "recorded",
        "receipt kept",
    ] {
        let line = legs
            .iter()
            .find(|l| l.trim_start().starts_with(leg))
            .unwrap_or_else(|| panic!("no leg {leg}: {legs:?}"));
        assert!(!line.contains("not seen"), "{line}");
    }
    assert!(legs.iter().any(|l| l.contains("healed") && l.contains("incident closed by record")), "{legs:?}");
    let proof = trial.section("The evidence, verified");
    assert!(proof.iter().any(|l| l.contains("INTACT")), "{proof:?}");
    assert!(proof.iter().any(|l| l.contains("refused, and record")), "{proof:?}");
}

/// Keys are private, the repaired directory is, the verifier agrees, and the hub holds the same head.
fn leaves_what_it_says(stage: &Stage) {
    let mode = |path: &str| fs::metadata(stage.data().join(path)).unwrap().permissions().mode() & 0o7777;
    for directory in ["", "hub", "site/executor/evidence", "site/executor/keys", "site/agent/keys"] {
        assert_eq!(mode(directory), 0o700, "{directory}");
    }
    for secret in [
        "site/executor/keys/evidence.key",
        "site/agent/keys/device.key",
        "operator.token",
        "operator.password",
        "site/enrolment-sheet.json",
    ] {
        assert_eq!(mode(secret), 0o600, "{secret}");
    }
    assert!(matches!(stage.verify(&stage.evidence()).status.code(), Some(0 | 10)));
    assert_eq!(stage.verify(&stage.data().join("tampered-copy")).status.code(), Some(30));
    let head = |text: String| text.lines().take(3).map(str::to_owned).collect::<Vec<_>>();
    let receipt = head(fs::read_to_string(stage.data().join("site/executor/receipt")).unwrap());
    let archive = stage.data().join("hub/archive/local");
    let host = fs::read_dir(archive).unwrap().next().unwrap().unwrap().path();
    assert_eq!(head(fs::read_to_string(host.join("checkpoint")).unwrap()), receipt);
}

/// Opened, findings, orders observed, and one run: accepted, intended, verified, held, ended healed, with the observation that closed it.
fn the_log_tells_the_story(stage: &Stage) {
    let records = stage.records();
    assert_eq!(records[0].body.kind(), Kind::Opened);
    let scanned = records.iter().filter_map(|r| match &r.body {
        Body::Findings(f) if f.trigger == Trigger::FullScan => Some(f.findings.len()),
        _ => None,
    });
    assert_eq!(scanned.sum::<usize>(), baseline().controls().len());
    for record in &records {
        if let Body::Refused(outcome, refused) = &record.body {
            assert_eq!((*outcome, &refused.refusal), (Outcome::Observed, &Refusal::Mode(Mode::Observe)));
        }
    }
    let is_the_agents = |kind: Kind| matches!(kind, Kind::Findings | Kind::Signals);
    let accepted = records.iter().position(|r| r.body.kind() == Kind::Accepted).unwrap();
    // What the agent sees meanwhile stands between them.
    let run: Vec<_> = records[accepted..].iter().filter(|r| !is_the_agents(r.body.kind())).take(5).collect();
    let kinds: Vec<Kind> = run.iter().map(|r| r.body.kind()).collect();
    assert_eq!(kinds, [Kind::Accepted, Kind::Intent, Kind::Moved, Kind::Moved, Kind::Ended]);
    let Body::Ended(Outcome::Healed, ended) = &run[4].body else { panic!("{:?}", run[4]) };
    assert_eq!(ended.control.as_str(), "suture.evidence-directory");
    assert!(matches!(ended.resolution, Resolution::Passes(_)));
    let acted = records.iter().filter(|r| matches!(r.body, Body::Intent(_))).count();
    assert_eq!(acted, 1, "something else than the drift was touched");
}

#[test]
fn without_root_it_heals_all_the_same_and_says_what_it_could_not_assess() {
    if !is_root() {
        // The test above ran without root already.
        return;
    }
    let stage = Stage::new();
    let home = stage.path("home");
    fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(stage.program("suture"));
    command.arg("try").arg("--dir").arg(home.join("data")).current_dir("/").uid(NOBODY).gid(NOBODY);
    let trial = Trial::of(command.output().unwrap()).succeeded();
    shows_the_whole_baseline(&trial);
    shows_the_loop(&trial);
    let shadow = trial.out.lines().find(|l| l.contains("accounts.empty-passwords")).unwrap();
    assert!(shadow.contains("not assessed needs root"), "{shadow}");
    assert_eq!(fs::metadata(home.join("data/site/executor/evidence")).unwrap().uid(), NOBODY);
}

#[test]
fn it_goes_on_watching_until_it_is_told_to_stop_and_leaves_nothing_running() {
    let stage = Stage::new();
    let mut keep =
        stage.try_command().arg("--keep").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(keep.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("Ctrl-C") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended before it watched");
    }
    for program in ["suture-agent", "suture-executor"] {
        assert_eq!(listening(&stage, program), [""; 0], "{program} listens on a network");
    }
    assert!(listening(&stage, "suture-hub").len() >= 2, "the look at sockets sees nothing");
    // A drift that nobody announced, of another of its directories.
    let keys = stage.data().join("site/agent/keys");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o711)).unwrap();
    while !line.contains("healed:") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended before it healed");
    }
    assert_eq!(fs::metadata(&keys).unwrap().permissions().mode() & 0o7777, 0o700);
    let pid = Pid::from_raw(i32::try_from(keep.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let status = keep.wait().unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(status.code(), Some(0), "{rest}");
    assert_eq!(stage.left_running(), [""; 0]);
    assert!(matches!(stage.verify(&stage.evidence()).status.code(), Some(0 | 10)));
}

/// The network sockets on which the program can be reached.
fn listening(stage: &Stage, program: &str) -> Vec<String> {
    let (process, _) =
        stage.processes().into_iter().find(|(_, line)| line.contains(&format!("{program} "))).unwrap();
    reachable(&process)
}

#[test]
fn killed_outright_it_leaves_nothing_running() {
    let stage = Stage::new();
    let mut keep = stage.try_command().arg("--keep").stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(keep.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("Ctrl-C") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended before it watched");
    }
    keep.kill().unwrap();
    keep.wait().unwrap();
    for _ in 0..200 {
        if stage.left_running().is_empty() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("still running: {:?}", stage.left_running());
}
