//! The log of all sites' heads, and the witnesses outside.

use std::path::Path;

use contract::plane::EvidenceTaken;
use hub::config::Outside;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tlog::proof::Proof;
use tlog::witness::AddCheckpoint;
use tlog::{Checkpoint, SignedNote, VerifiedCheckpoint, VerifierKey, cosignature, leaf_hash};
use witness::ForkAttempt;

use crate::outside::{Outsider, quick, until};
use crate::process::{ready_with, serve, terminate};
use crate::stage::{Device, Stage, parsed, plain};

pub(crate) fn key(heads: &Value) -> VerifierKey {
    heads["key"].as_str().unwrap().parse().unwrap()
}

async fn deliver(device: &mut Device) -> u64 {
    let from = device.log.entries.len() as u64;
    device.log.write_filler();
    let held: contract::plane::EvidenceHeld = parsed(device.get("/v1/evidence").await).await;
    assert!(held.size <= from);
    parsed::<EvidenceTaken>(device.deliver(held.size).await).await.size
}

async fn proof(stage: &Stage, origin: &str, size: u64) -> Option<Proof> {
    let path = format!("/api/v1/heads/proof?origin={origin}&size={size}");
    let response = stage.operate(Method::GET, &path, None).await;
    match response.status() {
        StatusCode::OK => Some(Proof::parse(&response.bytes().await.unwrap()).unwrap()),
        StatusCode::NOT_FOUND => None,
        other => panic!("{other}"),
    }
}

/// Checks a proof as an auditor would, and says which head of the site it is of.
fn proven(proof: &Proof, log: &VerifierKey) -> Checkpoint {
    let checkpoint = VerifiedCheckpoint::from_note(proof.checkpoint.clone(), log).unwrap();
    let entry = proof.extra.clone().unwrap();
    proof.verify_leaf(&leaf_hash(&entry), checkpoint.checkpoint()).unwrap();
    String::from_utf8(entry).unwrap().parse().unwrap()
}

pub(crate) fn policy(directory: &Path, text: &str) -> Outside {
    let path = directory.join("outside.policy");
    std::fs::write(&path, text).unwrap();
    Outside { witnesses: Some(path), ..quick() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cosigned_head_is_taken_up_once_and_proven() {
    let stage = Stage::start_told(quick()).await;
    let mut device = stage.enrolled("clinic-7").await;
    let origin = device.sheet.origin.clone();
    assert!(proof(&stage, &origin, 99).await.is_none());
    for _ in 0..3 {
        let size = deliver(&mut device).await;
        let heads = until(&stage, "the head taken up", |_| true).await;
        let log = key(&heads);
        assert_eq!(log.label().name.as_str(), "localhost/heads");
        let mut found = None;
        until(&stage, "taken up", |heads| heads["size"].as_u64() >= Some(size - 1)).await;
        for _ in 0..500 {
            found =
                proof(&stage, &origin, size).await.map(|p| proven(&p, &log)).filter(|c| c.size.get() == size);
            if found.is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let head = found.unwrap();
        assert_eq!(
            head.to_string(),
            SignedNote::parse(device.log.checkpoint(usize::try_from(size).unwrap()).as_bytes())
                .unwrap()
                .text()
        );
    }
    let size = stage.status().await["heads"]["size"].clone();
    // An older head is found by its size; the same head sent again is no new entry.
    let log = key(&stage.status().await["heads"]);
    assert_eq!(proven(&proof(&stage, &origin, 3).await.unwrap(), &log).size.get(), 3);
    assert!(proof(&stage, "localhost/h-unknown", 9).await.is_none());
    parsed::<EvidenceTaken>(device.deliver(device.log.entries.len() as u64).await).await;
    let stage = stage.restart_told(quick()).await;
    let heads = until(&stage, "open again", |_| true).await;
    assert_eq!(heads["size"], size, "a head was taken up twice");
    assert_eq!((&heads["quorum_met"], &heads["witnessed"]), (&Value::Null, &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cosigned_and_not_appended_is_taken_up_at_the_next_start() {
    let stage = Stage::start_told(quick()).await;
    let mut device = stage.enrolled("clinic-7").await;
    deliver(&mut device).await;
    until(&stage, "taken up", |heads| heads["size"] == 1).await;
    // As if the hub had been cut off between the cosignature and the entry; and the index with it.
    let Stage { directory, running } = stage;
    running.stop().await;
    std::fs::remove_dir_all(directory.path().join("heads")).unwrap();
    std::fs::remove_file(directory.path().join("heads.db")).unwrap();
    let stage = Stage::start_in(directory, quick()).await;
    until(&stage, "taken up again", |heads| heads["size"] == 1).await;
    let heads = stage.status().await["heads"].clone();
    assert_eq!(heads["alarms"], serde_json::json!([]));
    assert!(proof(&stage, &device.sheet.origin, 9).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_witnesses_cosign_and_one_that_is_down_delays_nobody() {
    let (mut one, mut two) = (Outsider::new("one.example"), Outsider::new("two.example"));
    let stage = Stage::start_told(quick()).await;
    let log = key(&stage.status().await["heads"]);
    let files = tempfile::tempdir().unwrap();
    one.start(&log.to_string());
    let any = format!("log {log}\n{}{}group g any one two\nquorum g\n", one.line("one"), two.line("two"));
    let stage = stage.restart_told(policy(files.path(), &any)).await;
    let mut device = stage.enrolled("clinic-7").await;
    deliver(&mut device).await;
    // The size is remembered a moment after the cosignature is kept.
    let known = |heads: &Value| heads["witnessed"] == 1 && heads["witnesses"][0]["cosigned"] == 1;
    let heads = until(&stage, "witnessed by one", known).await;
    assert_eq!(heads["quorum_met"], true);
    let heads =
        until(&stage, "in trouble with two", |heads| heads["witnesses"][1]["trouble"].is_string()).await;
    assert_eq!(heads["alarms"], serde_json::json!([]));
    let found = proof(&stage, &device.sheet.origin, 9).await.unwrap();
    proven(&found, &log);
    cosignature::verify(&found.checkpoint, &one.key).unwrap();
    assert!(cosignature::verify(&found.checkpoint, &two.key).is_err());

    // All of them: not met while one is down, met once it is there; and proofs are made under what is witnessed.
    let all = any.replace("g any", "g all");
    let stage = stage.restart_told(policy(files.path(), &all)).await;
    let mut device = device.moved(&stage);
    deliver(&mut device).await;
    let heads = until(&stage, "grown", |heads| heads["witnesses"][0]["cosigned"] == 2).await;
    assert_eq!((&heads["quorum_met"], &heads["witnessed"]), (&false.into(), &Value::Null));
    assert!(
        proof(&stage, &device.sheet.origin, 9).await.is_none(),
        "a proof under a head that is not witnessed"
    );
    two.start(&log.to_string());
    until(&stage, "met by all", |heads| heads["witnessed"] == 2).await;
    let found = proof(&stage, &device.sheet.origin, 9).await.unwrap();
    assert_eq!(proven(&found, &log).size.get(), 3);
    for outsider in [&one, &two] {
        cosignature::verify(&found.checkpoint, &outsider.key).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_saw_more_than_the_hub_remembers_is_gone_on_from() {
    let mut one = Outsider::new("one.example");
    let stage = Stage::start_told(quick()).await;
    let log = key(&stage.status().await["heads"]).to_string();
    one.start(&log);
    let files = tempfile::tempdir().unwrap();
    let told = policy(files.path(), &format!("{}quorum one\n", one.line("one")));
    let stage = stage.restart_told(told.clone()).await;
    let mut device = stage.enrolled("clinic-7").await;
    deliver(&mut device).await;
    until(&stage, "witnessed", |heads| heads["witnessed"] == 1).await;
    // The hub forgets how far the witness is, and the log grows meanwhile.
    let Stage { directory, running } = stage;
    running.stop().await;
    std::fs::remove_file(directory.path().join("heads.db")).unwrap();
    let stage = Stage::start_in(directory, told).await;
    let mut device = device.moved(&stage);
    deliver(&mut device).await;
    let heads = until(&stage, "witnessed again", |heads| heads["witnessed"] == 2).await;
    assert_eq!(heads["alarms"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_rolled_back_and_rewritten_is_refused_outside_and_an_alarm_here() {
    let mut one = Outsider::new("one.example");
    let stage = Stage::start_told(quick()).await;
    let log = key(&stage.status().await["heads"]);
    one.start(&log.to_string());
    let files = tempfile::tempdir().unwrap();
    let told = policy(files.path(), &format!("{}quorum one\n", one.line("one")));
    let stage = stage.restart_told(told.clone()).await;
    let mut device = stage.enrolled("clinic-7").await;
    for size in 1..=3 {
        deliver(&mut device).await;
        until(&stage, "witnessed", |heads| heads["witnessed"] == size).await;
    }
    let forged = copy_of(&stage.directory.path().join("heads"));
    // Everything of the log of heads is thrown away, and begun anew with what the hub holds now: one entry.
    let Stage { directory, running } = stage;
    running.stop().await;
    std::fs::remove_dir_all(directory.path().join("heads")).unwrap();
    let stage = Stage::start_in(directory, told.clone()).await;
    let mut device = device.moved(&stage);
    let alarmed =
        |heads: &Value, kind: &str| heads["alarms"].as_array().unwrap().iter().any(|a| a["kind"] == kind);
    let says = |heads: &Value, what: &str| {
        let alarms = heads["alarms"].as_array().unwrap().iter();
        alarms
            .filter(|a| a["kind"] == "heads_rolled_back")
            .any(|a| a["detail"].as_str().unwrap().contains(what))
    };
    until(&stage, "caught here", |heads| says(heads, "an older copy was put back")).await;
    until(&stage, "caught outside", |heads| says(heads, "witness one: it cosigned 3 entries")).await;
    // It grows to the size that was witnessed, and is another tree.
    for size in 2..=3 {
        deliver(&mut device).await;
        until(&stage, "grown", |heads| heads["size"] == size).await;
    }
    let heads = until(&stage, "caught rewritten", |heads| alarmed(heads, "heads_forked")).await;
    assert_eq!((&heads["witnessed"], &heads["quorum_met"]), (&Value::Null, &false.into()));
    // The witness keeps both heads, and they prove it to anybody with the log's public key.
    let held = one.forks().pop().expect("the witness kept no proof");
    let fork = ForkAttempt {
        held: SignedNote::parse(&std::fs::read(&held).unwrap()).unwrap(),
        offered: AddCheckpoint::parse(&std::fs::read(held.with_extension("offered")).unwrap()).unwrap(),
    };
    assert!(fork.is_proven(&[log]));
    assert_eq!(fork.held.text(), SignedNote::parse(&forged).unwrap().text());
}

fn copy_of(heads: &Path) -> Vec<u8> {
    std::fs::read(heads.join("checkpoint")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_that_is_not_met_for_a_day_is_an_alarm() {
    let one = Outsider::new("one.example");
    let files = tempfile::tempdir().unwrap();
    let mut told = policy(files.path(), &format!("{}quorum one\n", one.line("one")));
    told.pace.day = std::time::Duration::from_millis(300);
    let stage = Stage::start_told(told).await;
    let mut device = stage.enrolled("clinic-7").await;
    deliver(&mut device).await;
    let heads = until(&stage, "an alarm", |heads| heads["alarms"][0]["kind"] == "heads_unwitnessed").await;
    assert_eq!((&heads["size"], &heads["quorum_met"]), (&1.into(), &false.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_asks_the_witnesses_that_its_policy_names() {
    let (mut one, mut two) = (Outsider::new("one.example"), Outsider::new("two.example"));
    let stage = Stage::start_told(quick()).await;
    let log = key(&stage.status().await["heads"]);
    let mut device = stage.enrolled("clinic-7").await;
    deliver(&mut device).await;
    one.start(&log.to_string());
    two.start(&log.to_string());
    let policy = stage.directory.path().join("policy");
    let text = format!("{}{}group g all one two\nquorum g\n", one.line("one"), two.line("two"));
    std::fs::write(&policy, text).unwrap();
    let token = stage.token();
    let Stage { directory, running } = stage;
    running.stop().await;
    let mut command = serve(directory.path());
    command.arg("--witness-policy").arg(&policy);
    let (mut child, operator) = ready_with(command);
    let mut heads = Value::Null;
    for _ in 0..1000 {
        let status =
            plain().get(format!("http://{operator}/api/v1/status")).bearer_auth(&token).send().await.unwrap();
        heads = parsed::<Value>(status).await["heads"].clone();
        if heads["witnessed"] == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!((&heads["witnessed"], &heads["quorum_met"]), (&1.into(), &true.into()), "{heads:#}");
    assert_eq!(terminate(&mut child), Some(0));
    let note = SignedNote::parse(&std::fs::read(directory.path().join("heads/witnessed")).unwrap()).unwrap();
    VerifiedCheckpoint::from_note(note.clone(), &log).unwrap();
    for outsider in [&one, &two] {
        cosignature::verify(&note, &outsider.key).unwrap();
    }
}
