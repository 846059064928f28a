//! How fast the built-in detectors read a log file: `cargo run --release -p agent --example detector-speed -- FILE`.

use agent::detectors::Detectors;

/// As much as a tail reads at once.
const BLOCK_BYTES: usize = 64 * 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("name a log file")?;
    let text = std::fs::read(path)?;
    let mut detectors = Detectors::built_in()?;
    let began = edge::clock::mono();
    let (mut lines, mut matched, mut rest) = (0, 0, text.as_slice());
    while !rest.is_empty() {
        let block = &rest[..rest.len().min(BLOCK_BYTES)];
        let whole = block.iter().rposition(|&b| b == b'\n').map_or(block.len(), |n| n + 1);
        let observed = detectors.observe(&rest[..whole], edge::clock::mono());
        lines += observed.lines;
        matched += observed.matched;
        rest = &rest[whole..];
    }
    let took_us = (edge::clock::mono().0 - began.0) / 1_000;
    let rate = text.len() as u64 * 1_000_000 / took_us.max(1) / (1 << 20);
    println!("{lines} lines, {matched} matched, {took_us} us, {rate} MiB/s");
    Ok(())
}
