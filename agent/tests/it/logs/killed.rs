//! Killed at any moment, between reading a line and writing down that it was read among them: nothing is lost, and nothing comes of a line twice.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::child::{self, MARKS};
use super::{append, pause};
use crate::rig::until_blocking;

fn start(directory: &Path) -> std::process::Child {
    child::command(Command::new(child::program()), directory, "files").spawn().unwrap()
}

/// A few numbers that look random, the same each time.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn a_kill_between_reading_and_writing_down_loses_nothing_and_makes_nothing_twice() {
    let kills: u32 = std::env::var("SUTURE_LOG_KILLS").map_or(25, |n| n.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("logs/app.log");
    fs::create_dir(dir.path().join("logs")).unwrap();
    append(&log, 0..0);
    let mut child = start(dir.path());
    until_blocking("its first look", || dir.path().join("kept.json").exists().then_some(()));
    let (mut seed, mut written) = (4_711, 0);
    for kill in 0..kills {
        let lines = u64::from((MARKS - written).min(MARKS / kills + 1));
        for n in 0..lines {
            let n = u32::try_from(n).unwrap();
            append(&log, written + n..written + n + 1);
            pause(random(&mut seed) % 4);
        }
        written += u32::try_from(lines).unwrap();
        pause(random(&mut seed) % 60);
        child.kill().unwrap();
        child.wait().unwrap();
        if kill % 3 == 1 {
            fs::rename(&log, log.with_extension(format!("log.{kill}"))).unwrap();
            append(&log, 0..0);
        }
        child = start(dir.path());
    }
    until_blocking("all lines", || (child::told(dir.path()).len() >= written as usize).then_some(()));
    pause(200);
    child.kill().unwrap();
    child.wait().unwrap();
    let mut told: Vec<_> = child::told(dir.path()).into_iter().map(|(_, detector)| detector).collect();
    let mut expected: Vec<_> = (0..written).map(|n| format!("mark.n{n}")).collect();
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
}
