//! Scans this machine with the project's baseline: one line for each control, then the numbers and the time it took. With `--record`, prints the
//! facts as JSON instead, in the shape that tests replay.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use contract::baseline::{Baseline, Users};
use contract::exception::Exceptions;
use contract::finding::{Tally, Verdict};
use facts::{Config, OwnDirectories, Reader};

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../baseline/hipaa-v1.yaml");
    let baseline = Baseline::parse("baseline/hipaa-v1.yaml", &std::fs::read_to_string(path)?)?;
    let mut own = std::env::args().skip(1).filter(|a| a != "--record").map(PathBuf::from);
    let mut next = || own.next().unwrap_or_else(|| PathBuf::from("/var/lib/suture"));
    let reader = Reader::new(Config::new(OwnDirectories {
        evidence: next(),
        executor_keys: next(),
        agent_keys: next(),
    }));
    let start = Instant::now();
    let mut arrivals = Vec::new();
    let facts = reader.read_all(&baseline.facts(), |id, _| arrivals.push((id.clone(), start.elapsed())));
    let elapsed = start.elapsed();
    if std::env::args().any(|a| a == "--record") {
        println!("{}", serde_json::to_string_pretty(&facts)?);
        return Ok(());
    }
    let findings = baseline.evaluate(&facts, &Exceptions::default(), edge::clock::utc(), Users::one(uid()));
    for finding in &findings {
        let verdict = match &finding.verdict {
            Verdict::Pass(seen) => format!("pass          {seen}"),
            Verdict::Fail(seen) => format!("fail          {seen}"),
            Verdict::Excepted(seen) => format!("excepted      {seen}"),
            Verdict::NotAssessed(why) => format!("not assessed  {why}"),
        };
        let arrived = arrivals.iter().find(|(id, _)| *id == finding.fact).map(|(_, at)| at.as_millis());
        println!("{:<32} {:>5} ms  {verdict}", finding.control, arrived.unwrap_or_default());
    }
    let tally = Tally::of(&findings);
    println!(
        "{} of {} assessed controls pass; {} of {} assessed; scan took {elapsed:?}",
        tally.pass,
        tally.assessed(),
        tally.assessed(),
        tally.total()
    );
    Ok(())
}

fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
