//! `faults`: does each fault of the catalogue to a fresh copy of one machine, and writes down what came of it; or many of them to one machine, for long.
//!
//! Exit status: 0 all came as it had to; 1 something did not; 2 it could not run.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use faults::{Came, Fault, Lab, Peer, Peers, Programs, Results, Site, labelled, long, page, read, run, soak};

/// Breaks a real machine on which Suture is installed, and writes down what comes of it.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the programs are.
    binaries: PathBuf,
    /// The package of the site's machine.
    package: PathBuf,
    /// The directory of the catalogue.
    #[arg(long, default_value = "faults")]
    catalogue: PathBuf,
    /// These faults only, by their ids.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where the page of results is written.
    #[arg(long)]
    page: Option<PathBuf>,
    /// Where the page about the soak is written.
    #[arg(long)]
    long: Option<PathBuf>,
    /// Where what came of the soak is written as JSON.
    #[arg(long)]
    soak_json: Option<PathBuf>,
    /// Where the results are written as JSON. Those of other faults that are there already are kept.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the incidents are written, with the answers that are right.
    #[arg(long)]
    labelled: Option<PathBuf>,
    /// Use a container on this machine, set up anew for each fault, and do those faults that need no machine of their own.
    #[arg(long, conflicts_with_all = ["beside", "soak", "labelled"])]
    contained: bool,
    /// Measure other programs beside us, where they can express a fault.
    #[arg(long)]
    beside: bool,
    /// So many minutes on one machine with a fault every twenty seconds; before that, only what `--only` names.
    #[arg(long)]
    soak: Option<u64>,
    /// What the soak's chances come from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}
fn main() -> ExitCode {
    match all(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("faults: {why}");
            ExitCode::from(2)
        }
    }
}

fn catalogue(arguments: &Arguments) -> faults::Result<Vec<(String, Fault)>> {
    let mut catalogue = read(&arguments.catalogue)?;
    if let Some(unknown) = arguments.only.iter().find(|id| catalogue.iter().all(|(_, f)| f.id != **id)) {
        return Err(format!("{unknown} is not in the catalogue"));
    }
    catalogue.retain(|(_, fault)| arguments.only.is_empty() || arguments.only.contains(&fault.id));
    catalogue.retain(|(_, fault)| fault.contained || !arguments.contained);
    if catalogue.is_empty() {
        return Err("no fault is to be done: nothing would be shown".to_owned());
    }
    Ok(catalogue)
}

fn programs(arguments: &Arguments) -> Programs {
    Programs { binaries: arguments.binaries.clone(), package: arguments.package.clone() }
}

fn lab(arguments: &Arguments) -> faults::Result<Lab> {
    let lab = Lab::make(programs(arguments))?;
    for incident in &lab.standing {
        let why = incident.why.as_deref().unwrap_or_default();
        eprintln!("stands before all: {:?} ({:?}; {why})", incident.what, incident.state);
    }
    Ok(lab)
}

fn all(arguments: &Arguments) -> faults::Result<bool> {
    // Before the machine is made: a name that is wrong is told at once.
    catalogue(arguments)?;
    if arguments.contained {
        let programs = programs(arguments);
        return each(arguments, &|| Site::contained(&programs));
    }
    let lab = lab(arguments)?;
    let one_by_one = arguments.soak.is_none() || !arguments.only.is_empty();
    let mut is_good = true;
    if one_by_one {
        is_good &= each(arguments, &|| lab.site())?;
    }
    if let Some(minutes) = arguments.soak {
        is_good &= soaked(arguments, &lab, minutes)?;
    }
    Ok(is_good)
}

fn each(arguments: &Arguments, site: &dyn Fn() -> faults::Result<Site>) -> faults::Result<bool> {
    let (all, chosen) = (read(&arguments.catalogue)?, catalogue(arguments)?);
    let peers = if arguments.beside { Some(Peers::make()?) } else { None };
    let machine = if arguments.contained { CONTAINED.to_owned() } else { accelerator() };
    let mut results = match arguments.json.as_deref().filter(|file| file.exists()) {
        None => Results::none(machine),
        Some(file) => {
            let before = Results::read(file)?;
            if before.machine() != machine {
                return Err(format!(
                    "{}: had on another kind of machine: {}",
                    file.display(),
                    before.machine()
                ));
            }
            before
        }
    };
    let (mut is_good, total) = (true, chosen.len());
    for (n, (_, fault)) in chosen.iter().enumerate() {
        let begun = Instant::now();
        let mut one =
            site().and_then(|mut site| run(&mut site, fault)).unwrap_or_else(|why| Came::not_run(fault, why));
        for peer in peers.iter().flat_map(|_| fault.beside.iter().copied()) {
            if let Some(peers) = &peers {
                one.beside.insert(peer, peers.repairs(peer, fault)?);
            }
        }
        told(n + 1, total, &one, begun);
        is_good &= one.is_good();
        results.add(one);
        // After each: what stops halfway has still shown something.
        keep(arguments, &results, &all)?;
    }
    Ok(is_good)
}

/// On which kind of machine it was done.
const CONTAINED: &str = "The machine is a container on the one that measures: no instruction is translated; kernel and clock are that one's, its own files lie in memory, and Suture's on that one's disk.";

/// What makes the page.
const fn command(arguments: &Arguments) -> &'static str {
    if arguments.contained { "just faults-contained" } else { "just faults" }
}

fn accelerator() -> String {
    format!("Accelerator: {}.", lab::Accelerator::probe().words())
}

fn keep(arguments: &Arguments, results: &Results, catalogue: &[(String, Fault)]) -> faults::Result<()> {
    let all = results.of(catalogue);
    if let Some(file) = &arguments.page {
        write(file, &page(command(arguments), results.machine(), &all))?;
    }
    if let Some(file) = &arguments.labelled {
        write(file, &labelled(all.iter().map(|(_, fault, came)| (*fault, *came)))?)?;
    }
    if let Some(file) = &arguments.json {
        write(file, &results.json(catalogue)?)?;
    }
    Ok(())
}

fn told(n: usize, total: usize, one: &Came, begun: Instant) {
    let mark = if one.is_good() { "ok" } else { "NOT AS IT HAS TO BE" };
    let ms = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    let beside: String = Peer::ALL
        .iter()
        .filter_map(|peer| Some(format!(", {} {}", peer.word(), ms(*one.beside.get(peer)?))))
        .collect();
    eprintln!(
        "{n:>3}/{total} {:<28} {:<10} noticed {}, over {}, bare {}{beside}, {}, {:.0} s: {mark}",
        one.id,
        one.ended,
        ms(one.detected_ms),
        ms(one.ended_ms),
        ms(one.bare_ms),
        one.evidence,
        begun.elapsed().as_secs_f64()
    );
    for why in one.failed.iter().chain(&one.wrong) {
        eprintln!("        {why}");
    }
}

fn soaked(arguments: &Arguments, lab: &Lab, minutes: u64) -> faults::Result<bool> {
    let all = read(&arguments.catalogue)?.into_iter().map(|(_, fault)| fault);
    let faults: Vec<Fault> = all.filter(Fault::soaks).collect();
    let came = soak(lab, &faults, minutes, arguments.seed)?;
    let text = serde_json::to_string_pretty(&came).map_err(|e| e.to_string())?;
    println!("{text}");
    let machine = accelerator();
    if let Some(file) = &arguments.long {
        write(file, &long(&machine, &came))?;
    }
    if let Some(file) = &arguments.soak_json {
        write(file, &(text.clone() + "\n"))?;
    }
    Ok(came.wrong.is_empty())
}

fn write(file: &Path, text: &str) -> faults::Result<()> {
    std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}
