//! A directory with a very large number of files: a sample here, a million by `just crowd`.

use std::fs::{self, File};
use std::io::Write as _;
use std::time::Instant;

use contract::heartbeat::{Following, LogSource};
use contract::record::LineLoss;

use super::{Followed, append, pause};
use crate::rig::until_blocking;

fn files() -> u32 {
    std::env::var("SUTURE_FILES").map_or(5_000, |n| n.parse().unwrap())
}

/// Resident kilobytes of this process.
fn resident_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Processor time of this process, in milliseconds.
fn processor_ms() -> u128 {
    let stat = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse::<u128>().ok()).unwrap_or(0) / 1_000_000
}

#[test]
fn a_crowd_of_other_files_does_not_hold_up_the_log() {
    let f = Followed::begun();
    for n in 0..files() {
        File::create(f.path(&format!("upload-{n:07}"))).unwrap();
    }
    let before = resident_kb();
    let began = Instant::now();
    let at = f.begin();
    append(&f.log(), 0..1);
    at.until_lines(1);
    println!("{} files: first line after {:?} (100 ms of waiting included)", files(), began.elapsed());
    let began = Instant::now();
    append(&f.log(), 1..2);
    until_blocking("the line", || (at.lines() == 2).then_some(()));
    let took = began.elapsed();
    append(&f.path("later.log"), 2..3);
    at.until_lines(3);
    let grown = resident_kb().saturating_sub(before);
    println!(
        "  a line after {took:?}, {grown} kB more, {} ms of processor time on this thread",
        processor_ms()
    );
    assert!(took.as_millis() < 1_000, "{took:?}");
    assert!(grown < 20_000, "{grown} kB");
    assert_eq!(at.end().1.lost.len(), 0);
}

#[test]
fn of_a_crowd_of_logs_the_newest_are_followed_and_one_that_is_written_to_takes_a_place() {
    let mut f = Followed::new();
    for n in 0..files() {
        writeln!(File::create(f.path(&format!("app-{n:07}.log"))).unwrap(), "line 20").unwrap();
    }
    let before = resident_kb();
    let mut at = f.begin();
    let health = at.pulse.now().sources[&LogSource::Files].clone();
    assert_eq!(health.state, Following::Streams(512));
    assert_eq!(health.unfollowed, u64::from(files()) - 512);
    let grown = resident_kb().saturating_sub(before);
    println!("{} logs: {grown} kB more", files());
    assert!(grown < 20_000, "{grown} kB");
    // Made now: nothing of it is missed, once one of the others was idle for long enough.
    at.told();
    at.end();
    // After a restart all that was not written to may go.
    let at = f.begin();
    append(&f.path("new.log"), 0..3);
    at.until_lines(3);
    // One that was left out is followed from here on, and that its line was missed is said.
    append(&f.path("app-0000000.log"), 3..4);
    until_blocking("the loss", || (at.lost(LineLoss::TooManyFiles) > 0).then_some(()));
    pause(50);
    append(&f.path("app-0000000.log"), 4..5);
    at.until_lines(4);
    f.seen.extend(at.end().0);
    assert!(f.seen.contains(&"agent.log-gap.too-many-files".to_owned()), "{:?}", f.seen);
}
