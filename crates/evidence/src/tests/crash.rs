//! Seeded crashes: random work on a disk that forgets, killed, failed or cut off at a random operation, opened again, and so on.
//!
//! `SUTURE_CRASH_RUNS=100000 cargo test --release -p evidence --lib seeded_crashes` runs as many as one likes; `SUTURE_CRASH_SEED=<n>` runs one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::draft;
use super::memory::{FAULTS, Fault, Random};
use super::world::{Deed, World, Writer, grown, nth_key};
use crate::OpenError;

fn deed(random: &mut Random) -> Deed {
    match random.below(12) {
        0..=6 => Deed::Append(1 + random.below(4)),
        7 => Deed::Append(1 + random.below(300)),
        8 | 9 => Deed::Publish,
        10 => Deed::Prune,
        _ => Deed::Rotate,
    }
}

fn run(seed: u64, bases: &[World]) {
    let mut random = Random(seed);
    let mut world = bases[usize::try_from(random.below(bases.len() as u64)).unwrap()].copied();
    for _ in 0..2 + random.below(5) {
        let fault = FAULTS[usize::try_from(random.below(4)).unwrap()];
        world.disk.plan(1 + random.below(60), fault);
        if let Ok(mut log) = world.open() {
            world.check(&log);
            for _ in 0..8 {
                if random.below(3) == 0 {
                    world.mirror(&log);
                }
                let done = deed(&mut random);
                // An interrupted rotation is finished first.
                let done = if log.named_key().is_some() { Deed::Rotate } else { done };
                if world.act(&mut log, done, &mut random).is_err() {
                    break;
                }
            }
        }
        // What lies in the page cache of a machine that goes on was shown to nobody: the next opening makes it durable first.
        if random.coin() {
            world.disk.power_cut(&mut random);
            world.look_for_heads();
        } else {
            world.disk.restart();
        }
    }
    world.disk.restart();
    let log = world.open().unwrap_or_else(|e| panic!("the log does not open again: {e}"));
    world.check(&log);
}

/// A quarter of the seeds.
fn seeds(quarter: u64) {
    let number = |name: &str| std::env::var(name).ok().map(|n| n.parse::<u64>().unwrap());
    let seeds = match number("SUTURE_CRASH_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SUTURE_CRASH_RUNS").unwrap_or(1000),
    };
    let bases = [0, 254, 511].map(grown);
    for seed in seeds.filter(|seed| seed % 4 == quarter) {
        let done = catch_unwind(AssertUnwindSafe(|| run(seed, &bases)));
        assert!(done.is_ok(), "seed {seed}: run SUTURE_CRASH_SEED={seed} alone");
    }
}

// Four tests, so that they run beside each other.

#[test]
fn seeded_crashes_lose_nothing_acknowledged_and_sign_no_second_root_0() {
    seeds(0);
}

#[test]
fn seeded_crashes_lose_nothing_acknowledged_and_sign_no_second_root_1() {
    seeds(1);
}

#[test]
fn seeded_crashes_lose_nothing_acknowledged_and_sign_no_second_root_2() {
    seeds(2);
}

#[test]
fn seeded_crashes_lose_nothing_acknowledged_and_sign_no_second_root_3() {
    seeds(3);
}

/// How a fault is followed.
const ENDS: [Option<u64>; 3] = [None, Some(0), Some(1)];

/// One deed, every operation of it, every fault, with and without a power cut after it.
fn table(name: &str, ready: &World, before: Option<Deed>, deed: Deed, least: u64) {
    let mut struck = 0;
    for fault in FAULTS {
        for end in ENDS {
            for nth in 1.. {
                let place = format!("{name}: {fault:?} at operation {nth}, power {end:?}");
                let mut world = ready.copied();
                let mut random = Random(nth);
                let mut log = world.open().unwrap();
                if let Some(deed) = before {
                    world.act(&mut log, deed, &mut random).unwrap();
                }
                world.disk.plan(nth, fault);
                let done = world.act(&mut log, deed, &mut random);
                let Some(operation) = world.disk.struck() else {
                    assert_eq!(done, Ok(()), "{place}: it failed without a fault");
                    break;
                };
                struck += 1;
                assert!(done.is_err(), "{place}: {operation} failed and nobody said so");
                // Nothing more is done by this writer.
                let operations = world.disk.operations();
                assert!(log.append(vec![draft(1)]).is_err(), "{place}");
                assert!(
                    log.publish().is_ok() && world.disk.operations() == operations,
                    "{place}: it went on"
                );
                drop(log);
                match end {
                    Some(seed) => world.disk.power_cut(&mut Random(seed * 1000 + nth)),
                    None => world.disk.restart(),
                }
                let mut log = world.open().unwrap_or_else(|e| panic!("{place}: {operation}: {e}"));
                world.check(&log);
                let again = if log.named_key().is_some() { Deed::Rotate } else { Deed::Append(1) };
                world
                    .act(&mut log, again, &mut random)
                    .unwrap_or_else(|e| panic!("{place}: {operation}: {e}"));
                world.check(&log);
            }
        }
    }
    assert!(struck >= least, "{name}: only {struck} faults were met");
}

#[test]
fn every_operation_of_an_append_fails_or_is_the_last() {
    table("append", &grown(3), None, Deed::Append(2), 4 * 12);
}

#[test]
fn whatever_the_disk_kept_of_a_group_there_is_no_second_root() {
    let ready = grown(3);
    let (mut kept, mut dropped) = (0, 0);
    for seed in 0..400 {
        let mut world = ready.copied();
        let mut random = Random(seed);
        let mut log = world.open().unwrap();
        // Room, frame; then the power goes before the sync.
        world.disk.plan(3, Fault::KilledBefore);
        assert!(world.act(&mut log, Deed::Append(8), &mut random).is_err());
        assert_eq!(world.disk.struck(), Some("fdatasync"));
        drop(log);
        world.disk.power_cut(&mut random);
        world.look_for_heads();
        let mut log = world.open().unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        if log.size() == 3 {
            dropped += 1;
        } else {
            kept += 1;
        }
        // Other entries in the same places, as far as those were cut.
        world.act(&mut log, Deed::Append(8), &mut random).unwrap();
        world.check(&log);
    }
    assert!(kept > 50 && dropped > 100, "{kept} kept, {dropped} dropped");
}

#[test]
fn every_operation_of_a_roll_over_fails_or_is_the_last() {
    table("roll-over", &grown(255), None, Deed::Append(2), 20 * 12);
}

#[test]
fn every_operation_of_a_publishing_fails_or_is_the_last() {
    table("publish", &grown(255), Some(Deed::Append(2)), Deed::Publish, 20 * 12);
}

#[test]
fn every_operation_of_pruning_fails_or_is_the_last() {
    let world = grown(1101);
    table("prune", &world, None, Deed::Prune, 5 * 12);
}

#[test]
fn every_operation_of_a_rotation_fails_or_is_the_last() {
    table("rotate", &grown(255), None, Deed::Rotate, 20 * 12);
}

#[test]
fn every_operation_of_taking_back_fails_or_is_the_last() {
    let earlier = grown(253);
    let mut world = earlier.copied();
    let mut log = world.open().unwrap();
    world.act(&mut log, Deed::Append(6), &mut Random(5)).unwrap();
    world.mirror(&log);
    drop(log);
    world.put_back(&earlier);
    table("take back", &world, None, Deed::TakeBack, 20 * 12);
}

#[test]
fn every_operation_of_an_opening_fails_or_is_the_last() {
    let mut struck = 0;
    for size in [0, 3, 256, 300] {
        let ready = grown(size);
        for fault in FAULTS {
            for end in ENDS {
                for nth in 1.. {
                    let mut world = ready.copied();
                    world.disk.plan(nth, fault);
                    let opened = world.open();
                    let Some(operation) = world.disk.struck() else { break };
                    struck += 1;
                    assert!(opened.is_err(), "{operation} failed and nobody said so");
                    match end {
                        Some(seed) => world.disk.power_cut(&mut Random(seed * 1000 + nth)),
                        None => world.disk.restart(),
                    }
                    let log =
                        world.open().unwrap_or_else(|e| panic!("{fault:?} at {nth} ({operation}): {e}"));
                    world.check(&log);
                }
            }
        }
    }
    assert!(struck >= 40 * 12, "only {struck} faults were met");
}

#[test]
fn a_disk_that_lies_about_a_sync_is_what_the_receipt_is_for() {
    // A disk that drops what it said was synced: nothing on the machine can tell, and the log is whole and shorter.
    let mut world = grown(5);
    let earlier = world.copied();
    let mut log = world.open().unwrap();
    world.act(&mut log, Deed::Append(3), &mut Random(2)).unwrap();
    let receipt = log.head().unwrap().checkpoint().clone();
    drop(log);
    let refused = Writer::open_on(earlier.disk, Path::new("/log"), nth_key(0), Some(&receipt), |_| ());
    assert!(matches!(refused, Err(OpenError::Shortened { size: 5, receipt: 8 })));
}
