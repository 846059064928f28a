//! The program as a person runs it: exit status, words, JSON.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::logs::{key, key_of, load, log, log_with, witness};
use crate::zip::SAMPLE;

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
    refused(&["--key-file", name], "line 1: a key file holds one key on each line");
    fs::write(&path, format!("{}\n\n", vkey())).unwrap();
    refused(&["--key-file", name], "key: line 2: ");
    fs::write(&path, "hub.example/h-1+00000000+AAAA").unwrap();
    refused(&["--key-file", name], "key: line 1: ");
    refused(&["--checkpoint", name], "key: not a head");
    refused(&["--key", "nonsense"], "invalid value 'nonsense'");
    refused(&["--head", "hub.example/h-1:3"], "not a head");
    refused(&["--key-log", name], "key: line 1: a key log begins with");
    refused(&["--policy", name], "key: line 1: ");
    fs::copy(dir.path().join("checkpoint"), &path).unwrap();
    refused(&["--key", &vkey(), "--receipt", name], "add --witness or --policy");
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

/// A kit in a file, and beside it what an auditor was handed.
fn kit() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    put("kit.zip", &SAMPLE.zip);
    put("keys", SAMPLE.log_keys.as_bytes());
    put("policy", SAMPLE.policy.as_bytes());
    put("key-log", SAMPLE.key_logs.values().next().unwrap().as_bytes());
    put("head", SAMPLE.heads[0].as_bytes());
    dir
}

#[test]
fn a_kit_is_judged_by_whatever_was_brought() {
    let dir = kit();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let zip = dir.path().join("kit.zip");
    let witness = SAMPLE.keys.witness.verifier().to_string();
    let heads = SAMPLE.keys.heads.verifier().to_string();
    let kits = SAMPLE.keys.kits.verifier().to_string();
    let (keys, key_log, head, policy) = (path("keys"), path("key-log"), path("head"), path("policy"));
    assert_eq!(status(&zip, &["--key-file", &keys]), 10);
    assert_eq!(status(&zip, &["--key-log", &key_log]), 10);
    assert_eq!(status(&zip, &["--checkpoint", &head]), 10);
    let typed = SAMPLE.heads[0].trim_end().replace('\n', ":");
    assert_eq!(status(&zip, &["--head", &typed]), 10);
    assert_eq!(status(&zip, &["--policy", &policy]), 10);
    // The hub's own keys are known by their names.
    let by_name = ["--policy", &policy, "--key", &heads, "--key", &kits, "--json"];
    let output = run(&zip, &by_name);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &said["cover"]["signed"]), (Some(0), &true.into()));
    assert_eq!((&said["verdict"], &said["reason"]), (&"intact_witnessed".into(), &Value::Null));
    assert_eq!(said["logs"][0]["witnessed_size"], 700);
    assert_eq!(status(&zip, &["--key-file", &keys, "--witness", &witness]), 0);
    assert_eq!(status(&zip, &[]), 50);
    assert_eq!(status(&zip, &["--kit-key", &kits]), 50, "the cover's key vouches for no record");
    assert_eq!(status(&dir.path().join("keys"), &["--key-file", &keys]), 50, "the file that is verified");
    assert_eq!(status(&dir.path().join("head"), &["--key-file", &keys]), 30, "no kit");
    for arguments in [["--kit-key", &witness], ["--kit-key", &heads], ["--heads-key", &kits]] {
        let output = run(&zip, &["--key-file", &keys, arguments[0], arguments[1], "--json"]);
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), said["reason"].as_str()), (Some(50), Some("wrong_kind_of_key")));
    }
}

#[test]
fn a_head_can_be_typed() {
    let dir = kit();
    let typed = |text: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_suture-verify"));
        let program = program.arg(dir.path().join("kit.zip")).args(["--checkpoint", "-"]);
        let mut running =
            program.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        running.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        running.wait().unwrap().code()
    };
    assert_eq!(typed(&SAMPLE.heads[0]), Some(10));
    assert_eq!(typed(&SAMPLE.heads[0].replacen("700", "699", 1)), Some(40));
    assert_eq!(typed("what is a head?"), Some(2));
}

#[test]
fn words_on_a_kit_name_the_log_and_what_nobody_vouches_for() {
    let dir = kit();
    let keys = dir.path().join("keys");
    let output = run(&dir.path().join("kit.zip"), &["--key-file", keys.to_str().unwrap()]);
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.starts_with("INTACT, with an unwitnessed tail of 700\n"), "{words}");
    for said in [
        "tenant       clinic-7",
        "not vouched for",
        "key_taken 2",
        "the key of the log of heads was not given",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }
}

#[test]
fn a_shell_completes_its_options() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_suture-verify")).args(["--completions", "bash"]).output().unwrap();
    let script = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && script.contains("--key-log"), "{script}");
}

#[test]
fn nothing_that_could_reach_a_network_is_linked() {
    let tree = ["tree", "--offline", "--locked", "-p", "verify", "-e", "normal,build", "--prefix", "none"];
    let output = Command::new(env!("CARGO")).args(tree).output().unwrap();
    let crates = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = crates.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"tlog") && names.contains(&"contract"), "the tree was read: {crates}");
    let worlds = [
        "tokio",
        "mio",
        "async",
        "futures",
        "hyper",
        "http",
        "reqwest",
        "ureq",
        "rustls",
        "ring",
        "openssl",
        "native-tls",
        "socket",
        "curl",
        "url",
        "quinn",
        "dns",
        "hickory",
        "zbus",
    ];
    let found = names.iter().find(|name| worlds.iter().any(|world| name.starts_with(world)));
    assert_eq!(found, None, "{crates}");
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
