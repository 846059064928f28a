//! The packet of a month with 150 000 records, from the logs to every form but print; and how long verifying them takes, apart. Red where a bar is missed.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "whatever fails here is shown as it is, and so is what was measured"
)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use contract::digest::Digest;
use packet::sample::{Log, Scene};
use packet::{
    Cosigned, Logged, Paper, Sheet, Walk, assessment_results, document, html, incidents_csv, ocsf,
    plan_of_action,
};
use tlog::leaf_hash;

/// As many records as there have to be, at the least.
const RECORDS: u64 = 150_000;
const WRITTEN_MAX: Duration = Duration::from_secs(1);
const MEMORY_MAX_KB: u64 = 200 * 1024;

fn main() {
    // A machine of whom there is something to tell each hour; and as many like it as it takes.
    let scene = Scene { hosts: vec!["m".into()], incidents: 120, every_hours: 1, ..Scene::default() };
    let log = scene.logs().remove(0);
    let machines = RECORDS.div_ceil(log.entries.len() as u64);
    let baseline = scene.baseline();
    let controls: BTreeSet<_> = baseline.controls().iter().map(|control| control.id.clone()).collect();
    let marks = Scene::marks();
    let (mut walked, mut hashed, mut bytes) = (Duration::ZERO, Duration::ZERO, 0);
    let mut logged = Vec::new();
    for n in 0..machines {
        let log = renamed(&scene, n);
        let head = log.head();
        bytes += log.entries.iter().map(Vec::len).sum::<usize>();
        let began = Instant::now();
        let mut walk = Walk::new(
            log.whose.clone(),
            log.origin(),
            Scene::month().span(&Scene::zone()),
            controls.clone(),
            marks.iter().map(|(_, mark)| *mark).collect(),
        );
        log.entries.iter().for_each(|entry| walk.entry(entry).unwrap());
        let machine = walk.end(&head).unwrap();
        walked += began.elapsed();
        let began = Instant::now();
        for entry in &log.entries {
            std::hint::black_box(leaf_hash(entry));
        }
        hashed += began.elapsed();
        let cosigned =
            Cosigned { by: "hub.example/witness".into(), time: Scene::month().span(&Scene::zone()).to() };
        logged.push(Logged { machine, head, cosigned: vec![cosigned], retired: None });
    }
    let began = Instant::now();
    let packet = scene.packet_of(logged, marks);
    let json = packet.to_json().unwrap();
    let digest = Digest::of(&json);
    let page = html(&document(&packet, &Scene::brand()).unwrap());
    let others = [
        ocsf(&packet),
        incidents_csv(&packet),
        assessment_results(&packet, digest).to_string(),
        plan_of_action(&packet, digest).unwrap().to_string(),
    ];
    let written = began.elapsed();
    // For whoever sets it: beside this, and not within.
    if let Some(path) = std::env::var_os("SUTURE_SHEET") {
        let document = document(&packet, &Scene::brand()).unwrap();
        let sheet = Sheet { document, paper: Paper::Letter, attached: Vec::new() };
        std::fs::write(path, serde_json::to_vec(&sheet).unwrap()).unwrap();
    }
    let records: u64 = packet.logs.iter().map(|log| log.size).sum();
    let memory = peak_kb();
    println!("  {records} records of {machines} machines, {} MB", bytes / 1_000_000);
    println!(
        "  verified and folded, one core: {walked:.2?}, {:.0} % of the speed of SHA-256 alone",
        100.0 * hashed.as_secs_f64() / walked.as_secs_f64()
    );
    println!(
        "  written down as JSON, HTML, OSCAL, OCSF and CSV: {written:.2?} (bar {WRITTEN_MAX:?}); {} incidents",
        packet.incidents.len()
    );
    println!(
        "  sizes: JSON {} kB, HTML {} kB, the others {} kB",
        json.len() / 1000,
        page.len() / 1000,
        others.iter().map(String::len).sum::<usize>() / 1000
    );
    println!(
        "  peak memory, one log at a time in it: {} MB (bar {} MB)",
        memory / 1024,
        MEMORY_MAX_KB / 1024
    );
    assert!(records >= RECORDS && written <= WRITTEN_MAX && memory <= MEMORY_MAX_KB, "a bar is missed");
}

/// The same month, of a machine of its own.
fn renamed(scene: &Scene, n: u64) -> Log {
    Scene { hosts: vec![format!("m-{n:03}")], ..scene.clone() }.logs().remove(0)
}

/// The most memory that this process had, in kilobytes (proc(5), `VmHWM`).
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
