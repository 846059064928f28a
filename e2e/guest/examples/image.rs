//! Builds the guest image where there is none, so that no test has to wait for it; boots it once, and says how long that took.

use std::time::Instant;

fn main() {
    if !guest::runnable() {
        std::process::exit(1);
    }
    let begun = Instant::now();
    let image = guest::Image::ready();
    println!("image ready after {:.1} s: {}", begun.elapsed().as_secs_f64(), image.root().display());
    let begun = Instant::now();
    let guest = guest::Guest::boot();
    println!("booted in {:.2} s: {}", begun.elapsed().as_secs_f64(), guest.ok("systemctl is-system-running"));
    let begun = Instant::now();
    drop(guest);
    println!("gone in {:.2} s", begun.elapsed().as_secs_f64());
}
