//! `command.run`: the pinned program and no other.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use contract::digest::Digest;
use contract::record::Count;
use hands::HandError;
use serde_json::{Value, json};

use crate::here::Here;

/// A step that runs a copy of a real program.
fn step(here: &Here, program: &str, arguments: &[&str]) -> Value {
    let path = here.at("program");
    fs::copy(program, &path).unwrap();
    let digest = Digest::of(&fs::read(&path).unwrap());
    json!({"command.run": {
        "program": path, "digest": digest, "arguments": arguments, "profile": "strict", "time_limit_ms": 10_000,
    }})
}

#[test]
fn a_pinned_program_runs_and_its_status_is_counted() {
    let here = Here::new();
    let done = here.act(&step(&here, "/bin/true", &[])).unwrap();
    assert_eq!(done.counts, [(Count::ExitStatus, 0)]);
}

#[test]
fn a_status_other_than_0_is_no_success() {
    let here = Here::new();
    let failed = here.act(&step(&here, "/bin/false", &[])).unwrap_err();
    assert!(matches!(&failed, HandError::Program { why, .. } if why == "status 1"), "{failed:?}");
}

#[test]
fn a_program_with_other_bytes_does_not_start_even_when_they_change_after_arming() {
    let here = Here::new();
    let proof = here.at("proof");
    let step = step(&here, "/usr/bin/touch", &[proof.to_str().unwrap()]);
    let armed = hands::arm(&crate::here::action(&step), &here.place()).unwrap();
    let program = here.at("program");
    let mut bytes = fs::read(&program).unwrap();
    bytes.push(0);
    fs::write(&program, bytes).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(armed.act(&here.place()).is_err(), "it was started with other bytes");
    assert!(matches!(here.act(&step), Err(HandError::Program { .. })), "it was armed with other bytes");
    assert!(!proof.exists());
}

#[test]
fn a_link_in_the_way_and_a_missing_program_are_refused() {
    let here = Here::new();
    let step = step(&here, "/bin/true", &[]);
    fs::rename(here.at("program"), here.at("real")).unwrap();
    assert!(matches!(here.act(&step), Err(HandError::File { .. })));
    std::os::unix::fs::symlink(here.at("real"), here.at("program")).unwrap();
    assert!(matches!(here.act(&step), Err(HandError::File { .. })));
}

#[test]
fn it_ends_at_its_limit_and_does_not_begin_after_the_deadline() {
    let mut here = Here::new();
    let mut step = step(&here, "/bin/sleep", &["30"]);
    step["command.run"]["time_limit_ms"] = json!(100);
    let began = std::time::Instant::now();
    assert!(matches!(here.act(&step), Err(HandError::Program { .. })));
    assert!(began.elapsed().as_secs() < 10);
    here.deadline = contract::time::MonoNs(0);
    assert!(matches!(here.act(&step), Err(HandError::TooLate)));
}
