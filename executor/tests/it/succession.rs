//! A log that cannot go on has a successor, which names it and says what is lost.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use contract::plane::EnrolmentSheet;
use contract::record::{Body, Gap, GapReason, Lost, Record, SuccessionReason};
use tlog::checkpoint;

use super::rig::{BEGINNING, Rig, uid};

/// A sheet of a new host for the same machine, as the hub's operator would make it.
fn new_sheet(rig: &Rig) {
    let mut sheet: EnrolmentSheet =
        serde_json::from_slice(&fs::read(rig.path("sheet.json")).unwrap()).unwrap();
    sheet.host = "h-2".parse().unwrap();
    sheet.origin = "hub.example/h-2".into();
    fs::write(rig.path("sheet-2.json"), serde_json::to_vec(&sheet).unwrap()).unwrap();
}

fn init(rig: &Rig, sheet: &str, more: &[&str]) -> Output {
    let path = |name: &str| rig.path(name).display().to_string();
    Command::new(env!("CARGO_BIN_EXE_suture-executor"))
        .args(["init", "--sheet", &path(sheet), "--dir", &path("successor")])
        .args(["--socket", &path("run/s2"), "--agent-uid", &uid(), "--agent-keys", &path("agent-keys")])
        .args(["--succeeds", &path("executor")])
        .args(more)
        .output()
        .unwrap()
}

/// Every file below a directory, with its bytes.
fn all(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(all(&path));
        } else {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

fn records(rig: &Rig) -> Vec<Record> {
    let key = executor::keystore::Place::current(&rig.path("successor/keys"), None)
        .load("hub.example/h-2")
        .unwrap();
    let mut records = Vec::new();
    evidence::LogWriter::open(&rig.path("successor/evidence"), key, |r| records.push(r.clone())).unwrap();
    records
}

#[test]
fn a_successor_names_the_last_known_head_of_the_log_before_it_and_what_is_lost() {
    let rig = Rig::new();
    assert!(rig.start().stop().success());
    let old = all(&rig.path("executor"));
    new_sheet(&rig);
    let output = init(&rig, "sheet-2.json", &["--reason", "log_damaged"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut command = Command::new(env!("CARGO_BIN_EXE_suture-executor"));
    command.args(["run", "--events", "--config"]).arg(rig.path("successor/executor.yaml"));
    assert!(Rig::ready(&mut command).stop().success());

    assert_eq!(all(&rig.path("executor")), old, "the old directory was touched");
    let records = records(&rig);
    let [Body::Opened(opened), Body::Gap(gap)] = [&records[0].body, &records[1].body] else {
        panic!("{records:?}")
    };
    let key =
        executor::keystore::Place::current(&rig.path("executor/keys"), None).load("hub.example/h-1").unwrap();
    let last = fs::read(rig.path("executor/evidence/checkpoint")).unwrap();
    let last = checkpoint::open(&last, key.verifier()).unwrap();
    let succeeds = opened.succeeds.clone().unwrap();
    assert_eq!((succeeds.origin.as_str(), succeeds.size), ("hub.example/h-1", BEGINNING as u64));
    assert_eq!(&succeeds.root.0, last.checkpoint().root.as_bytes());
    assert_eq!(succeeds.reason, SuccessionReason::LogDamaged);
    let Gap { reason, from, until, lost } = gap;
    assert_eq!((*reason, *lost), (GapReason::LogLost, Lost::Unknown));
    assert!(from <= until);
    // Only the beginning says so.
    assert!(Rig::ready(&mut command).stop().success());
    assert_eq!(self::records(&rig).len(), 4);
}

#[test]
fn a_successor_names_the_newest_head_wherever_it_stands() {
    let rig = Rig::new();
    assert!(rig.start().stop().success());
    let published = fs::read(rig.evidence().join("checkpoint")).unwrap();
    let mut running = rig.start();
    rig.loosen();
    let last = rig.send(&mut rig.agent(), &rig.own_order(1)).seq;
    assert!(running.stop().success());
    // As a power cut leaves it: what was published last, and no receipt, know of the first entry only.
    fs::write(rig.evidence().join("checkpoint"), published).unwrap();
    new_sheet(&rig);
    let output = init(&rig, "sheet-2.json", &["--reason", "log_damaged"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let left = executor::succession::read(&rig.path("successor")).unwrap().unwrap();
    assert!(last > 0);
    assert_eq!(left.succeeds.size, last + 1);
    // A log that cannot be read is no obstacle where a head is there.
    fs::write(rig.evidence().join("writer/tail-0"), "nothing").unwrap();
    fs::remove_dir_all(rig.path("successor")).unwrap();
    assert!(init(&rig, "sheet-2.json", &["--reason", "log_damaged"]).status.success());
}

#[test]
fn a_successor_has_another_origin_a_reason_and_a_head_to_name() {
    let rig = Rig::new();
    let fails = |sheet: &str, more: &[&str], status: i32, wanted: &str| {
        let output = init(&rig, sheet, more);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(status) && words.contains(wanted), "{words}");
        assert!(!rig.path("successor/keys").exists(), "a key was made all the same");
    };
    new_sheet(&rig);
    let reason = ["--reason", "log_lost"];
    fails("sheet-2.json", &reason, 78, "no head of the old log");
    assert!(rig.start().stop().success());
    fails("sheet.json", &reason, 78, "that of the old log");
    fails("sheet-2.json", &[], 2, "--reason");
    fails("sheet-2.json", &["--reason", "bored"], 2, "bored");
}
