//! The program as a person runs it: exit status, words, JSON.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::logs::{key, key_of, load, log, log_with, witness};

fn run(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_suture-verify")).arg(dir).args(arguments).output().unwrap()
}

fn status(dir: &Path, arguments: &[&str]) -> i32 {
    run(dir, arguments).status.code().unwrap()
}

/// A log in a directory of its own, as the writer left it.
fn directory(size: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    crate::logs::write(dir.path(), key(), size, 0);
    dir
}

fn vkey() -> String {
    key().verifier().to_string()
}

#[test]
fn every_verdict_has_its_exit_status() {
    let (dir, outside) = (directory(257), tempfile::tempdir().unwrap());
    let (log_dir, vkey) = (dir.path(), vkey());
    let file = |name: &str, bytes: &[u8]| {
        let path = outside.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let hub = witness("hub.example/witness");
    let hub_key = hub.verifier().to_string();
    let receipt = file("receipt", load(log_dir).cosigned(&hub).to_string().as_bytes());
    let witnessed = ["--key", &vkey, "--witness", &hub_key, "--receipt", &receipt];
    assert_eq!(status(log_dir, &witnessed), 0);
    assert_eq!(status(log_dir, &["--key", &vkey]), 10);
    let key_file = file("key", format!("{vkey}\n").as_bytes());
    assert_eq!(status(log_dir, &["--key-file", &key_file]), 10);
    let later = file("later", &log(300).0["checkpoint"]);
    assert_eq!(status(log_dir, &["--checkpoint", &later]), 20);
    let fork = file("fork", &log_with(key(), 3, 1_000).0["checkpoint"]);
    assert_eq!(status(log_dir, &["--key", &vkey, "--checkpoint", &fork]), 40);
    assert_eq!(status(log_dir, &[]), 50);
    let wrong = key_of("hub.example/h-1", 4).verifier().to_string();
    assert_eq!(status(log_dir, &["--key", &wrong]), 50);
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(status(empty.path(), &["--key", &vkey]), 50);
    assert_eq!(status(&empty.path().join("absent"), &["--key", &vkey]), 50);
    let bundle = log_dir.join("tile/entries/001.p/1");
    let mut bytes = fs::read(&bundle).unwrap();
    bytes[40] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    assert_eq!(status(log_dir, &["--key", &vkey]), 30);
}

#[test]
fn trust_that_lies_in_the_log_is_not_used() {
    let dir = directory(3);
    let inside = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(dir.path().join("writer/key"), vkey()).unwrap();
    for arguments in [["--key-file", &inside("writer/key")], ["--checkpoint", &inside("checkpoint")]] {
        let output = run(dir.path(), &[arguments[0], arguments[1], "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), report["reason"].as_str()), (Some(50), Some("trust_from_inside")));
    }
}

#[test]
fn what_cannot_be_used_is_said_with_file_and_line() {
    let (dir, outside) = (directory(1), tempfile::tempdir().unwrap());
    let path = outside.path().join("key");
    let name = path.to_str().unwrap();
    let refused = |arguments: &[&str], words: &str| {
        let output = run(dir.path(), arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(output.stdout.is_empty());
    };
    refused(&["--key-file", name], "cannot read it");
    fs::write(&path, "").unwrap();
    refused(&["--key-file", name], "line 1: a key file holds one line");
    fs::write(&path, format!("{}\n\n", vkey())).unwrap();
    refused(&["--key-file", name], "line 1: a key file holds one line");
    fs::write(&path, "hub.example/h-1+00000000+AAAA").unwrap();
    refused(&["--key-file", name], "key: line 1: ");
    refused(&["--checkpoint", name], "key: not a head");
    refused(&["--key", "nonsense"], "invalid value 'nonsense'");
    refused(&["--key", &vkey(), "--key-file", name], "cannot be used with");
    refused(&["--key", &vkey(), "--receipt", name], "--witness");
    refused(&["--frobnicate"], "unexpected argument");
}

#[test]
fn json_has_all_its_keys_whatever_the_verdict() {
    let dir = directory(3);
    let good = run(dir.path(), &["--key", &vkey(), "--json"]);
    let bad = run(dir.path(), &["--json"]);
    let parse = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let (good, bad) = (parse(&good), parse(&bad));
    let keys = |report: &Value| report.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&good), keys(&bad));
    assert_eq!(good["verdict"], "intact_unwitnessed_tail");
    assert_eq!((&good["exit_code"], &good["size"], &good["unwitnessed"]), (&10.into(), &3.into(), &3.into()));
    assert_eq!(good["root"], load(dir.path()).head().root.to_base64());
    assert_eq!(good["records_by_kind"]["recovered"], 3);
    assert_eq!(good["first_time"], "2026-11-21T05:54:23.120Z");
    assert_eq!(good["trust"][0]["kind"], "key");
    assert_eq!((&bad["verdict"], &bad["size"]), (&"nothing_verified".into(), &Value::Null));
}

#[test]
fn words_begin_with_the_verdict_and_end_with_what_it_does_not_show() {
    let dir = directory(3);
    let output = run(dir.path(), &["--key", &vkey()]);
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.starts_with("INTACT, with an unwitnessed tail of 3\n"), "{words}");
    assert!(words.contains("It does not show that what a record says is true."), "{words}");
    assert!(words.contains(&vkey()[..24]), "{words}");
    assert!(!words.contains('\x1b'), "no colours but on a terminal: {words}");
    assert!(output.stderr.is_empty());
    let quiet = run(dir.path(), &["--key", &vkey(), "--quiet"]);
    assert_eq!((quiet.status.code(), quiet.stdout.len(), quiet.stderr.len()), (Some(10), 0, 0));
    for banned in ["ensure", "guarantee", "compliant", "certified", "audit-ready"] {
        assert!(!words.to_lowercase().contains(banned), "{banned}");
    }
}

#[test]
fn the_writers_own_directory_changes_nothing() {
    let dir = directory(3);
    let before = run(dir.path(), &["--key", &vkey(), "--json"]).stdout;
    fs::remove_dir_all(dir.path().join("writer")).unwrap();
    fs::write(dir.path().join(".DS_Store"), "x").unwrap();
    assert_eq!(run(dir.path(), &["--key", &vkey(), "--json"]).stdout, before);
}

#[test]
fn files_that_are_not_plain_are_missing_evidence() {
    let dir = directory(3);
    let bundle = dir.path().join("tile/entries/000.p/3");
    let away = dir.path().join("away");
    fs::rename(&bundle, &away).unwrap();
    std::os::unix::fs::symlink(&away, &bundle).unwrap();
    assert_eq!(status(dir.path(), &["--key", &vkey()]), 20);
    fs::remove_file(&bundle).unwrap();
    fs::rename(&away, &bundle).unwrap();
    assert_eq!(status(dir.path(), &["--key", &vkey()]), 10);
    fs::set_permissions(&bundle, fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads it all the same.
    assert!([10, 20].contains(&status(dir.path(), &["--key", &vkey()])));
}
