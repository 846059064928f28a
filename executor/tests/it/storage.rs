//! A full disk, evidence that cannot be written, a key that cannot be read: the executor says so, changes nothing, and works again afterwards.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use contract::frame;
use contract::outcome::Outcome;
use contract::record::{Body, Kind, Trigger};
use contract::socket::{Answer, Question};

use super::rig::{Rig, replace_in, uid};

/// A small file system in the place of the executor's directory. It is gone before the rig is.
struct Small(PathBuf);

impl Small {
    /// With what was there before. None where nobody here may mount anything.
    fn under(rig: &Rig) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("not run: only root can mount a small disk");
            return None;
        }
        let (place, kept) = (rig.path("executor"), rig.path("kept"));
        sh(&format!("cp -a {} {}", place.display(), kept.display()));
        sh(&format!("mount -t tmpfs -o size=6m,mode=700 small {}", place.display()));
        let small = Self(place);
        sh(&format!("cp -a {}/. {}", kept.display(), small.0.display()));
        Some(small)
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }

    fn remount(&self, how: &str) {
        sh(&format!("mount -o remount,{how} {}", self.0.display()));
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn sh(line: &str) {
    assert!(Command::new("sh").args(["-c", line]).status().unwrap().success(), "{line}");
}

/// The executor works: it heals, and its log says so.
fn works_again(rig: &Rig, counter: u64) {
    let mut running = rig.start();
    rig.loosen();
    let answer = rig.send(&mut rig.agent(), &rig.own_order(counter));
    assert_eq!((answer.outcome, rig.mode()), (Outcome::Healed, 0o700), "{answer:?}");
    assert!(running.stop().success());
    assert!(matches!(rig.records().last().unwrap().body, Body::Ended(Outcome::Healed, _)));
}

#[test]
fn a_disk_that_fills_up_ends_it_with_words_and_nothing_is_repaired_that_cannot_be_written_down() {
    let rig = Rig::new();
    let Some(small) = Small::under(&rig) else { return };
    let mut running = rig.start();
    let mut agent = rig.agent();
    rig.loosen();
    small.fill();
    let findings = Question::Findings { trigger: Trigger::FullScan, findings: rig.all_not_assessed() };
    // What was set aside for the log is used up first.
    let mut taken = 0;
    let refused = loop {
        match frame::write(&mut agent, &findings).and_then(|()| frame::read::<Answer>(&mut agent)) {
            Ok(Answer::Recorded { .. }) => taken += 1,
            other => break other,
        }
        assert!(taken < 10_000, "the disk is not full");
    };
    println!("{taken} full scans were written on the full disk");
    let status = running.child.wait().unwrap();
    let mut words = String::new();
    running.child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert_eq!(status.code(), Some(74), "{refused:?}: {words}");
    let place = small.0.display().to_string();
    assert!(words.contains(&format!("the disk is full: free space for {place}")), "{words}");
    assert_eq!(rig.mode(), 0o755, "something was changed without a record");
    // Started again meanwhile, as a supervisor does.
    let (status, words) = rig.fails();
    assert!(status == Some(74) && words.contains(&place), "{status:?}: {words}");
    assert!(words.contains("full") || words.contains("No space left"), "{words}");
    assert_eq!(rig.mode(), 0o755);
    small.empty();
    works_again(&rig, 1);
    let scans = rig.records().iter().filter(|r| matches!(&r.body, Body::Findings(f) if f.part == 1)).count();
    assert!(scans >= taken, "{taken} were answered as written, and {scans} are");
}

#[test]
fn evidence_that_cannot_be_written_is_no_evidence() {
    let rig = Rig::new();
    let Some(small) = Small::under(&rig) else { return };
    assert!(rig.start().stop().success());
    rig.loosen();
    small.remount("ro");
    let (status, words) = rig.fails();
    assert_eq!(status, Some(74), "{words}");
    assert!(words.contains(&small.0.display().to_string()) && words.contains("Read-only"), "{words}");
    assert_eq!(rig.mode(), 0o755);
    small.remount("rw");
    works_again(&rig, 1);
}

#[test]
fn a_key_that_is_none_or_another_is_refused_and_not_repeated() {
    let rig = Rig::new();
    assert!(rig.start().stop().success());
    rig.loosen();
    let key = rig.path("executor/keys/evidence.key");
    let honest = fs::read_to_string(&key).unwrap();
    let short = &honest.trim()[..63];
    for garbage in ["", "garbage", short] {
        fs::write(&key, garbage).unwrap();
        let (status, words) = rig.fails();
        assert_eq!(status, Some(78), "{words}");
        assert!(words.contains("evidence.key") && words.contains("64 hexadecimal characters"), "{words}");
        assert!(!words.contains(&honest[..16]), "the key was said: {words}");
    }
    fs::write(&key, "0".repeat(64)).unwrap();
    let (status, words) = rig.fails();
    assert_eq!(status, Some(74), "another key's log was opened: {words}");
    fs::remove_file(&key).unwrap();
    let (status, words) = rig.fails();
    assert!(status == Some(78) && words.contains("suture-executor init"), "{words}");
    assert_eq!(rig.mode(), 0o755);
    fs::write(&key, honest).unwrap();
    works_again(&rig, 1);
}

#[test]
fn a_key_that_it_may_not_read_is_refused_until_it_may() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can run it as somebody else");
        return;
    }
    let rig = Rig::new();
    replace_in(&rig.path("executor/executor.yaml"), &format!("agent_uid: {}", uid()), "agent_uid: 65534");
    let program = rig.path("suture-executor");
    fs::copy(env!("CARGO_BIN_EXE_suture-executor"), &program).unwrap();
    let root = rig.path("");
    sh(&format!("chown -R 65534:65534 {}", root.display()));
    let key = rig.path("executor/keys/evidence.key");
    let command = || {
        let mut command = Command::new(&program);
        command.args(["run", "--events", "--config"]).arg(rig.path("executor/executor.yaml"));
        command.uid(65534).gid(65534).current_dir("/");
        command
    };
    fs::set_permissions(&key, Permissions::from_mode(0o000)).unwrap();
    let output = command().output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{words}");
    assert!(words.contains("evidence.key") && words.contains("Permission denied"), "{words}");
    assert!(!rig.evidence().join("checkpoint").exists(), "a log was begun all the same");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    assert!(Rig::ready(&mut command()).stop().success());
    sh(&format!("chown -R 0:0 {}", root.display()));
    assert!(rig.records().iter().any(|r| r.body.kind() == Kind::Opened));
}
