//! The hub falls silent: real processes, the real five minutes. The site heals itself under its standing order, and when the hub is back it learns of it
//! and nothing runs twice.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use contract::outcome::Outcome;
use contract::record::{Authority, Body};
use rustix::process::{Pid, Signal, kill_process};

use super::stage::Stage;

/// Five minutes of silence, and as long again for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(600);

fn until(what: &str, mut look: impl FnMut() -> bool) {
    let began = Instant::now();
    while !look() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn process(stage: &Stage, name: &str) -> Pid {
    let all = stage.processes();
    let path = all.iter().find(|(_, line)| line.contains(name)).map(|(path, _)| path.clone());
    let pid = path.unwrap().file_name().unwrap().to_str().unwrap().parse().unwrap();
    Pid::from_raw(pid).unwrap()
}

#[test]
fn a_site_whose_hub_is_silent_heals_itself_once_and_the_hub_closes_by_that_record() {
    if std::env::var_os("SUTURE_SIX_MINUTES").is_none() {
        eprintln!(
            "not run: it takes six minutes, since a hub has to be silent for five; set SUTURE_SIX_MINUTES=1"
        );
        return;
    }
    let stage = Stage::new();
    let mut trial = stage.try_command().arg("--keep").stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(trial.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut operator = None;
    let watches = said.any(|line| {
        operator = operator.take().or_else(|| Some(line.split_once("operator plane ")?.1.to_owned()));
        line.contains("Watching. Ctrl-C stops it.")
    });
    assert!(watches, "the trial did not get so far");
    let operator = operator.unwrap();
    // What it says from here on must not fill the pipe.
    std::thread::spawn(move || said.for_each(drop));

    let hub = process(&stage, "suture-hub serve");
    kill_process(hub, Signal::STOP).unwrap();
    fs::set_permissions(stage.evidence(), Permissions::from_mode(0o755)).unwrap();
    let mode = || fs::metadata(stage.evidence()).unwrap().permissions().mode() & 0o7777;
    let began = Instant::now();
    until("the heal", || mode() == 0o700);
    let healed_after = began.elapsed();
    assert!(
        healed_after >= Duration::from_secs(299),
        "healed after {healed_after:?}: the hub was passed over"
    );

    kill_process(hub, Signal::CONT).unwrap();
    let status = || {
        let mut command = Command::new(stage.program("suture"));
        command.args(["status", "--json", "--operator", &operator, "--dir"]).arg(stage.data());
        let out = command.output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap_or_default()
    };
    let closed = || {
        let all = status()["incidents"].as_array()?.clone();
        let drifts = all.iter().filter(|i| i["what"]["drift"]["control"] == "suture.evidence-directory");
        let records: Option<Vec<u64>> = drifts.map(|i| i["state"]["closed"]["record"].as_u64()).collect();
        // The first one was the trial's own.
        records.filter(|records| records.len() >= 2)?.last().copied()
    };
    until("the incident to be closed", || closed().is_some());
    std::thread::sleep(Duration::from_secs(20));
    let record = usize::try_from(closed().unwrap()).unwrap();
    kill_process(Pid::from_child(&trial), Signal::TERM).unwrap();
    trial.wait().unwrap();

    let records = stage.records();
    let alone: Vec<_> = records
        .iter()
        .filter_map(|r| match &r.body {
            Body::Accepted(a) if matches!(a.authority, Authority::StandingOrder(_)) => Some(a),
            _ => None,
        })
        .collect();
    assert_eq!(alone.len(), 1, "the site decided more than once");
    let Body::Ended(Outcome::Healed, ended) = &records[record].body else {
        panic!("{:?}", records[record].body)
    };
    assert_eq!((&ended.order, &ended.incident), (&alone[0].order, &alone[0].incident));
    let runs = |r: &&contract::record::Record| matches!(&r.body, Body::Accepted(a) if a.incident == alone[0].incident);
    assert_eq!(records.iter().filter(runs).count(), 1, "something ran twice");
}
