//! Two histories of one log: which are told as a fork, with both heads as proof, and which are no proof of one.

use std::path::PathBuf;

use contract::plane::{EvidenceHeld, EvidenceTaken};
use contract::socket::EntryPackage;
use reqwest::StatusCode;

use crate::evidence::{covered, held, refused};
use crate::stage::{Stage, parsed};

/// The names of the proofs that are kept, by extension.
fn proofs(stage: &Stage, extension: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(stage.directory.path().join("witness/forks")).unwrap();
    let paths = all.map(|file| file.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|e| e == extension)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_fork_is_told_by_its_first_entry_and_both_heads_are_kept_with_it() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    device.log.write_filler();
    device.log.write_filler();
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    let held = device.log.checkpoint(3);
    let mut other = device.log.twin();
    other.open_as(|opened| opened.software = "0.2.0".to_owned());
    for _ in 0..4 {
        other.write_filler();
    }
    for _ in 0..2 {
        assert!(refused(&device, &other.package(3)).await.contains("comes after another record"));
    }
    let alarms = stage.alarms("fork");
    assert!(alarms.len() == 1 && alarms[0].contains("cosigned 3 entries"), "{alarms:?}");
    assert_eq!(stage.host().await["alarms"], 1);
    let text = |extension| std::fs::read_to_string(&proofs(&stage, extension)[0]).unwrap();
    assert!(text("held").starts_with(held.as_str()), "the cosigned head, with the log's own signature");
    assert!(text("offered").ends_with(other.checkpoint(5).as_str()));
    assert_eq!(text("entry"), other.entries[3]);
    // A second, other one is kept beside it, and overwrites nothing.
    let first = text("entry");
    other.write_filler();
    refused(&device, &other.part(3, 4)).await;
    assert_eq!(["held", "offered", "entry"].map(|extension| proofs(&stage, extension).len()), [2; 3]);
    assert!(proofs(&stage, "entry").iter().all(|path| std::fs::read_to_string(path).unwrap() == first));
    // Without the key there is no head to go with such an entry, and no fork is claimed.
    let strange = EntryPackage { checkpoint: device.log.copy(8).checkpoint(3), ..other.package(3) };
    refused(&device, &strange).await;
    assert_eq!(proofs(&stage, "held").len(), 2);
    device.log.write_filler();
    let honest: EvidenceTaken = parsed(device.deliver(3).await).await;
    assert_eq!(covered(&device, &honest.receipt.unwrap()), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_entries_under_a_genuine_head_are_no_fork_and_the_site_sends_its_own_again() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    device.log.write_filler();
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    for _ in 0..4 {
        device.log.write_filler();
    }
    // Chained as they must be, by somebody who carries the head and has not the key.
    let mut invented = device.log.copy(9);
    invented.entries.truncate(2);
    for _ in 0..4 {
        let time = "2026-11-21T08:00:00.000Z".parse().unwrap();
        invented.clock = time;
        invented.write_filler();
    }
    let head = device.log.checkpoint(6);
    let part = EntryPackage { checkpoint: head.clone(), ..invented.part(2, 4) };
    assert_eq!(parsed::<EvidenceTaken>(device.post("/v1/evidence", &part).await).await.size, 4);
    for from in [4, 2] {
        let rest = EntryPackage { checkpoint: head.clone(), ..invented.package(from) };
        let response = device.post("/v1/evidence", &rest).await;
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.json::<EvidenceHeld>().await.unwrap().size, 2);
    }
    assert_eq!(stage.alarms("entries_differ").len(), 1);
    assert_eq!(stage.host().await["alarms"], 1, "no fork is claimed");
    assert_eq!(proofs(&stage, "held").len(), 0);
    let honest: EvidenceTaken = parsed(device.deliver(2).await).await;
    assert_eq!(covered(&device, &honest.receipt.unwrap()), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_was_put_back_to_before_what_is_staged_goes_on_from_the_verified_head() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    device.log.write_filler();
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    let mut lost = device.log.copy(9);
    lost.clock = "2026-11-21T08:00:00.000Z".parse().unwrap();
    for _ in 0..9 {
        lost.write_filler();
    }
    let staged = lost.part(2, 6);
    let stage_again = async || {
        assert_eq!(parsed::<EvidenceTaken>(device.post("/v1/evidence", &staged).await).await.size, 6);
    };
    // It has written as much again: the next entry comes after another record than the last that is staged.
    let mut longer = device.log.copy(9);
    for _ in 0..9 {
        longer.write_filler();
    }
    stage_again().await;
    let response = device.post("/v1/evidence", &longer.package(6)).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!(response.json::<EvidenceHeld>().await.unwrap().size, 2);
    // It is shorter, and says so by an older head, by one in between, and by fetching back.
    for size in [2, 4] {
        stage_again().await;
        let shorter = EntryPackage { from: 6, entries: vec![], checkpoint: longer.checkpoint(size) };
        device.post("/v1/evidence", &shorter).await;
        assert_eq!(held(&device).await, 2, "{size}");
    }
    stage_again().await;
    device.get("/v1/evidence/entries?from=4").await;
    assert_eq!(held(&device).await, 2);
    assert!(stage.alarms("fork").is_empty() && stage.alarms("bad_record").is_empty());
    let taken: EvidenceTaken = parsed(device.post("/v1/evidence", &longer.package(2)).await).await;
    assert_eq!(covered(&device, &taken.receipt.unwrap()), 11);
}
