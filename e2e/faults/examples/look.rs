//! Makes the lab's site ready and runs one line of shell in a copy of it: `cargo run -p faults --example look -- BINARIES PACKAGE 'journalctl -u suture-agent'`.

use faults::{Lab, Programs};

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("look BINARIES PACKAGE SCRIPT");
    let programs = Programs { binaries: next()?.into(), package: next()?.into() };
    let script = next()?;
    let lab = Lab::make(programs)?;
    println!("{} incidents stand:", lab.standing.len());
    for incident in &lab.standing {
        println!("  {:?} {:?} {:?}", incident.what, incident.state, incident.why);
    }
    let mut site = lab.site()?;
    let ran = site.machine.sh(&script)?;
    println!("{}{}", ran.out, ran.err);
    Ok(())
}
