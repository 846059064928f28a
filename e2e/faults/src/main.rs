//! `faults`: does each fault of the catalogue to a fresh copy of one machine, and writes down what came of it.
//!
//! faults BINARIES PACKAGE CATALOGUE [PAGE [JSON]] [--only ID,ID]
//! Exit status: 0 all came as it had to; 1 something did not; 2 it could not run.

use std::path::PathBuf;
use std::process::ExitCode;

use faults::{Lab, Programs, page, read, run};

fn main() -> ExitCode {
    match all() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("faults: {why}");
            ExitCode::from(2)
        }
    }
}

fn all() -> faults::Result<bool> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let only: Option<Vec<String>> = words.iter().position(|word| word == "--only").map(|at| {
        let given: Vec<String> = words.drain(at..).collect();
        given.iter().skip(1).flat_map(|ids| ids.split(',')).map(str::to_owned).collect()
    });
    let mut words = words.into_iter().map(PathBuf::from);
    let usage = "faults BINARIES PACKAGE CATALOGUE [PAGE [JSON]] [--only ID,ID]";
    let (binaries, package) = words.next().zip(words.next()).ok_or(usage)?;
    let mut catalogue = read(&words.next().ok_or(usage)?)?;
    if let Some(only) = &only {
        catalogue.retain(|(_, fault)| only.contains(&fault.id));
    }
    if catalogue.is_empty() {
        return Err("no fault is to be done: nothing would be shown".to_owned());
    }
    let lab = Lab::make(Programs { binaries, package })?;
    for incident in &lab.standing {
        eprintln!("stands before all: {:?} ({:?})", incident.what, incident.state);
    }
    let (mut came, total) = (Vec::new(), catalogue.len());
    for (n, (area, fault)) in catalogue.into_iter().enumerate() {
        let begun = std::time::Instant::now();
        let one = lab
            .site()
            .and_then(|mut site| run(&mut site, &fault))
            .map_err(|e| format!("{}: {e}", fault.id))?;
        let mark = if one.is_good() { "ok" } else { "NOT AS IT HAS TO BE" };
        let (noticed, over) = (one.detected_ms.unwrap_or_default(), one.ended_ms.unwrap_or_default());
        eprintln!(
            "{:>3}/{total} {:<28} {:<10} noticed {noticed} ms, over {over} ms, bare {:?}, {}, {:.0} s: {mark}",
            n + 1,
            fault.id,
            one.ended,
            one.bare_ms,
            one.evidence,
            begun.elapsed().as_secs_f64()
        );
        if let Some(why) = &one.failed {
            eprintln!("        {why}");
        }
        for wrong in &one.wrong {
            eprintln!("        wrong: {wrong}");
        }
        came.push((area, fault, one));
    }
    let good = came.iter().all(|(.., one)| one.is_good());
    let machine = format!("Accelerator: {}.", lab::Accelerator::probe().words());
    if let Some(file) = words.next() {
        std::fs::write(&file, page(&machine, &came)).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    if let Some(file) = words.next() {
        let json: Vec<_> = came.iter().map(|(.., one)| one).collect();
        let text = serde_json::to_string_pretty(&json).map_err(|e| e.to_string())?;
        std::fs::write(&file, text + "\n").map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(good)
}
