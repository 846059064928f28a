//! The packet of a month with 150 000 records, from the logs to every form; and how long verifying them takes, apart. Red where a bar is missed.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "whatever fails here is shown as it is, and so is what was measured"
)]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use contract::blob::Blob;
use contract::digest::Digest;
use packet::sample::{Log, Scene};
use packet::{
    Attached, Cosigned, Logged, Paper, Sheet, Walk, assessment_results, document, html, incidents_csv, ocsf,
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
        logged.push(Logged { machine, head, cosigned: vec![cosigned], outside: None, retired: None });
    }
    let began = Instant::now();
    let packet = scene.packet_of(logged, marks);
    let json = packet.to_json().unwrap();
    let digest = Digest::of(&json);
    let document = document(&packet, &Scene::brand()).unwrap();
    // As the hub does it: a process prints while the other forms are written.
    let attached = vec![Attached {
        name: "packet.json".into(),
        media_type: "application/json".into(),
        description: "The packet for machines".into(),
        is_source: true,
        bytes: Blob(json.clone()),
    }];
    let sheet = Sheet { document, paper: Paper::Letter, attached };
    let printing = std::env::var_os("SUTURE_TYPESETTER").map(|program| print(program, sheet.clone()));
    let page = html(&sheet.document);
    let others = [
        ocsf(&packet),
        incidents_csv(&packet),
        assessment_results(&packet, digest).to_string(),
        plan_of_action(&packet, digest).unwrap().to_string(),
    ];
    let written = began.elapsed();
    let printed = printing.map(|printing| (printing.join().unwrap(), began.elapsed()));
    let records: u64 = packet.logs.iter().map(|log| log.size).sum();
    let memory = peak_kb("/proc/self/status").unwrap();
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
    let mut held = true;
    if let Some(((pdf, memory), all)) = &printed {
        println!("  all of that and the PDF, {} kB: {all:.2?} (bar {WRITTEN_MAX:?})", pdf.len() / 1000);
        println!(
            "  peak memory of the process that prints: {} MB (bar {} MB)",
            memory / 1024,
            MEMORY_MAX_KB / 1024
        );
        held = pdf.starts_with(b"%PDF-") && *all <= WRITTEN_MAX && *memory <= MEMORY_MAX_KB;
    } else {
        println!("  the PDF is not measured: let SUTURE_TYPESETTER name a suture-typeset");
    }
    assert!(
        held && records >= RECORDS && written <= WRITTEN_MAX && memory <= MEMORY_MAX_KB,
        "a bar is missed"
    );
}

/// The same month, of a machine of its own.
fn renamed(scene: &Scene, n: u64) -> Log {
    Scene { hosts: vec![format!("m-{n:03}")], ..scene.clone() }.logs().remove(0)
}

/// Prints in a process of its own: the PDF, and the most memory that the process had, in kilobytes.
fn print(program: OsString, sheet: Sheet) -> JoinHandle<(Vec<u8>, u64)> {
    std::thread::spawn(move || {
        let input = serde_json::to_vec(&sheet).unwrap();
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        std::thread::spawn(move || stdin.write_all(&input).unwrap());
        let pdf = std::thread::spawn(move || {
            let mut pdf = Vec::new();
            stdout.read_to_end(&mut pdf).unwrap();
            pdf
        });
        let (status, mut peak) = (format!("/proc/{}/status", child.id()), 0);
        while child.try_wait().unwrap().is_none() {
            peak = peak_kb(&status).unwrap_or(peak);
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(child.wait().unwrap().success(), "it is not printed");
        (pdf.join().unwrap(), peak)
    })
}

/// The most memory that a process had, in kilobytes (proc(5), `VmHWM`); none of one that has ended.
fn peak_kb(status: &str) -> Option<u64> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
