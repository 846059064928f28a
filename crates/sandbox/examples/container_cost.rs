//! What a container costs: `/usr/bin/true` of an image, through the container backend, beside a plain spawn in turn.
//!
//!     container_cost PODMAN NAME@sha256:DIGEST [runs]

use std::process::{Command, Stdio, exit};
use std::time::{Duration, Instant};

use sandbox::container::Podman;
use sandbox::{Confinement, Exit, LaunchError, Profile};

const PROGRAM: &str = "/usr/bin/true";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [program, image, rest @ ..] = args.as_slice() else {
        eprintln!("container_cost PODMAN NAME@sha256:DIGEST [runs]");
        exit(2);
    };
    let runs = rest.first().and_then(|runs| runs.parse().ok()).unwrap_or(40);
    if let Err(why) = measure(program, image, runs) {
        eprintln!("container_cost: {why}");
        exit(1);
    }
}

fn measure(program: &str, image: &str, runs: usize) -> Result<(), LaunchError> {
    let podman = Podman::new(program.into(), image.to_owned())?;
    let confinement = Confinement::new(Profile::Standard);
    let (mut plain, mut contained, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let began = Instant::now();
        let output = Command::new(PROGRAM).stdin(Stdio::null()).output();
        assert!(output.is_ok_and(|output| output.status.success()), "{PROGRAM} does not run");
        plain.push(began.elapsed());
        let began = Instant::now();
        let finished = podman.run(&[PROGRAM.to_owned()], &confinement)?;
        assert_eq!(finished.exit, Exit::Code(0), "{}", String::from_utf8_lossy(&finished.stderr));
        contained.push(began.elapsed());
        missing = finished.missing;
    }
    for (feature, absence) in missing {
        println!("container: {feature} unavailable ({absence})");
    }
    let (p50, p95) = (percentile(&contained, 50), percentile(&contained, 95));
    let over = |p| percentile(&contained, p) - percentile(&plain, p);
    println!(
        "{:<34} p50 {p50:>6.1} ms   p95 {p95:>6.1} ms   over plain: {:>6.1} and {:>6.1} ms   ({runs} runs)",
        "podman",
        over(50),
        over(95)
    );
    Ok(())
}

/// In milliseconds.
fn percentile(times: &[Duration], p: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = (times.len() * p).div_ceil(100).saturating_sub(1);
    times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}
