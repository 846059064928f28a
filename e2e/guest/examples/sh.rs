//! Runs one line of shell in a guest, to try something out: `cargo run -p guest --example sh -- 'systemctl status nginx'`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    if !guest::runnable() {
        std::process::exit(1);
    }
    let script = std::env::args().nth(1).unwrap_or_else(|| "systemctl status".into());
    let guest = guest::Guest::boot();
    let output = guest.sh(&script);
    std::io::stdout().write_all(&output.stdout)?;
    std::io::stderr().write_all(&output.stderr)?;
    drop(guest);
    std::process::exit(output.status.code().unwrap_or(1))
}
