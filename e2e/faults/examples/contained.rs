//! Makes the site ready in a container and runs one line of shell in it: `cargo run -p faults --example contained -- BINARIES PACKAGE 'systemctl --failed'`.

use faults::{Programs, Site};

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("contained BINARIES PACKAGE SCRIPT");
    let programs = Programs { binaries: next()?.into(), package: next()?.into() };
    let script = next()?;
    let mut site = Site::contained(&programs)?;
    for incident in site.hub.incidents()? {
        println!("  {:?} {:?} {:?}", incident.what, incident.state, incident.why);
    }
    let ran = site.machine.sh(&script)?;
    println!("{}{}", ran.out, ran.err);
    Ok(())
}
