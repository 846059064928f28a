//! Runs one line of shell in a fresh machine, to try something out: `cargo run -p lab --example sh -- 'systemctl status nginx'`.

use std::process::ExitCode;

fn main() -> Result<ExitCode, String> {
    if !lab::runnable() {
        return Ok(ExitCode::FAILURE);
    }
    let script = std::env::args().nth(1).unwrap_or_else(|| "systemctl --no-pager status".into());
    let template = lab::Template::make(&lab::Image::ready()?, &|_: &mut lab::Machine| Ok(()))?;
    let mut machine = template.clone_machine()?;
    let ran = machine.sh(&script)?;
    print!("{}", ran.out);
    eprint!("{}", ran.err);
    Ok(ExitCode::from(ran.status.and_then(|status| u8::try_from(status).ok()).unwrap_or(1)))
}
