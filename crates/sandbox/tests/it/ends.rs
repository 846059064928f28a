use std::time::{Duration, Instant};

use sandbox::{Exit, Feature, FreezeError, Profile};

use crate::stage::{Stage, stdout};

fn size(path: &std::path::Path) -> u64 {
    std::fs::metadata(path).map_or(0, |about| about.len())
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn another_thread_cancels() {
    let stage = Stage::new();
    let file = stage.writable.join("count");
    let program = stage.program("count", &file.display().to_string());
    let running = stage.launcher.start(&program, &stage.confinement(Profile::Strict)).unwrap();
    until("it never began", || size(&file) > 3);
    let handle = running.handle();
    std::thread::spawn(move || handle.kill()).join().unwrap();
    let began = Instant::now();
    let finished = running.wait().unwrap();
    assert_eq!(finished.exit, Exit::Cancelled);
    assert!(began.elapsed() < Duration::from_secs(2));
    stage.nobody_is_left();
    let counted = size(&file);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(size(&file), counted);
}

#[test]
fn a_handle_that_is_dropped_ends_the_tree() {
    let stage = Stage::new();
    let running = stage.launcher.start(&stage.program("sleep", "30"), &stage.confinement(Profile::Strict));
    drop(running.unwrap());
    stage.nobody_is_left();
}

#[test]
fn a_frozen_tree_stands_still_with_its_clock_and_goes_on() {
    let stage = Stage::new();
    let file = stage.writable.join("count");
    let program = stage.program("count", &file.display().to_string());
    let mut confinement = stage.confinement(Profile::Strict);
    confinement.limits.wall = Duration::from_secs(3);
    let began = Instant::now();
    let running = stage.launcher.start(&program, &confinement).unwrap();
    until("it never began", || size(&file) > 3);
    if let Err(absence) = stage.launcher.features().level(Feature::Freeze) {
        println!("not run: freezing ({absence})");
        assert!(matches!(running.freeze(), Err(FreezeError::Unavailable(told)) if told == absence));
        return;
    }
    running.freeze().unwrap();
    let stood = size(&file);
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(size(&file), stood, "it went on while it was frozen");
    running.thaw().unwrap();
    until("it did not go on", || size(&file) > stood + 3);
    let finished = running.wait().unwrap();
    assert_eq!(finished.exit, Exit::WallClock);
    assert!(began.elapsed() > Duration::from_millis(4100), "the clock went on: {:?}", began.elapsed());
}

#[test]
fn a_frozen_tree_can_be_killed() {
    let stage = Stage::new();
    let running =
        stage.launcher.start(&stage.program("sleep", "30"), &stage.confinement(Profile::Strict)).unwrap();
    if running.freeze().is_err() {
        println!("not run: no freezer here");
    }
    running.kill();
    assert_eq!(running.wait().unwrap().exit, Exit::Cancelled);
    stage.nobody_is_left();
}

#[test]
fn no_child_is_left_to_be_waited_for() {
    let stage = Stage::new();
    let mut short = stage.confinement(Profile::Strict);
    short.limits.wall = Duration::from_millis(1);
    for _ in 0..5 {
        let program = stage.program("sleep", "30");
        // Its time is up, or it is cancelled, before or after we are told of its tree.
        assert_eq!(stage.launcher.run(&program, &short).unwrap().exit, Exit::WallClock);
        let running = stage.launcher.start(&program, &stage.confinement(Profile::Strict)).unwrap();
        running.kill();
        assert_eq!(running.wait().unwrap().exit, Exit::Cancelled);
    }
    assert_eq!(stage.run(Profile::Strict, "sleep", "0").exit, Exit::Code(0));
    // The launcher was our child, and init is.
    let left = rustix::process::wait(rustix::process::WaitOptions::NOHANG);
    assert_eq!(left.unwrap_err(), rustix::io::Errno::CHILD);
    stage.nobody_is_left();
}

#[test]
fn the_tree_dies_with_us() {
    let stage = Stage::new();
    let file = stage.writable.join("count");
    // A process of its own that starts a step and then dies without a chance to clean up.
    let mut outer = std::process::Command::new(env!("CARGO_BIN_EXE_sandbox-hostile"))
        .args(["outer", &file.display().to_string(), &stage.writable.display().to_string(), &stage.token])
        .spawn()
        .unwrap();
    until("the step never began", || size(&file) > 3);
    assert!(!stage.left().is_empty());
    outer.kill().unwrap();
    outer.wait().unwrap();
    until("something is left", || stage.left().is_empty());
}

#[test]
fn many_steps_at_once_do_not_meet() {
    let stage = Stage::new();
    std::thread::scope(|scope| {
        let run = |n: u32| {
            let mut confinement = stage.confinement(Profile::Standard);
            confinement.stdin = n.to_string().into_bytes();
            (n, stage.run_in(&confinement, "harmless", ""))
        };
        let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || run(n))).collect();
        for thread in threads {
            let (n, finished) = thread.join().unwrap();
            assert!(stdout(&finished).contains(&format!("stdin={n}\n")), "{n}");
            assert_eq!(finished.exit, Exit::Code(0));
        }
    });
    stage.nobody_is_left();
}
