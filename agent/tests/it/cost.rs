//! What reading logs costs, measured: `bench/run` and `just soak` start these by name, in a release build. Each prints what it measured; none is
//! part of the gates.

mod reading;
mod running;
mod sweep;

/// Whether measures are asked for (`SUTURE_MEASURE`): they take minutes, and say nothing of correctness.
fn is_asked() -> bool {
    std::env::var_os("SUTURE_MEASURE").is_some()
}

/// A number from the environment, else `usual`.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |n| n.parse().unwrap())
}

fn row(name: &str, value: &str, bar: &str) {
    println!("  {name:<58} {value:>14}   {bar}");
}
