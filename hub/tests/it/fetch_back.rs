//! A machine that lost entries gets its own back, under the head that the hub cosigned; one that cannot go on has a successor.

use contract::plane::EvidenceTaken;
use contract::record::{Body, Gap, GapReason, Lost, RootHash, Succeeds, SuccessionReason};
use contract::socket::EntryPackage;
use reqwest::StatusCode;

use crate::stage::{Device, Stage, parsed};

async fn entries(device: &Device, from: u64) -> EntryPackage {
    parsed(device.get(&format!("/v1/evidence/entries?from={from}")).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_given_its_own_entries_under_the_cosigned_head() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let nothing = device.get("/v1/evidence/entries?from=0").await;
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
    for _ in 0..299 {
        device.log.write_filler();
    }
    let taken: EvidenceTaken = parsed(device.post("/v1/evidence", &device.log.part(0, 256)).await).await;
    assert_eq!(taken.receipt, None);
    let staged = device.get("/v1/evidence/entries?from=256").await;
    assert_eq!(staged.status(), StatusCode::NOT_FOUND, "what nobody vouches for was given");
    let receipt = parsed::<EvidenceTaken>(device.deliver(256).await).await.receipt.unwrap();

    let mut back = Vec::new();
    while back.len() < 300 {
        let package = entries(&device, back.len() as u64).await;
        assert!(!package.entries.is_empty() && package.entries.len() <= 256);
        assert_eq!(package.checkpoint, receipt);
        back.extend(package.entries);
    }
    assert_eq!(back, device.log.entries);
    assert_eq!(entries(&device, 300).await.entries.len(), 0);
    for query in ["", "?from=-1", "?from=0&host=h-1"] {
        let refused = device.get(&format!("/v1/evidence/entries{query}")).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_given_the_entries_of_another() {
    let stage = Stage::start().await;
    let mut theirs = stage.enrolled("clinic-7").await;
    theirs.log.write_filler();
    parsed::<EvidenceTaken>(theirs.deliver(0).await).await;
    let other = stage.enrolled("clinic-8").await;
    assert_eq!(other.get("/v1/evidence/entries?from=0").await.status(), StatusCode::NOT_FOUND);
    parsed::<EvidenceTaken>(other.deliver(0).await).await;
    assert_eq!(entries(&other, 0).await.entries, other.log.entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_of_a_log_is_a_log_of_its_own_and_the_old_one_stays() {
    let stage = Stage::start().await;
    let mut old = stage.enrolled("clinic-7").await;
    old.log.write_filler();
    let receipt = parsed::<EvidenceTaken>(old.deliver(0).await).await.receipt.unwrap();
    let mut new = stage.enrolled("clinic-7").await;
    assert_ne!(new.sheet.origin, old.sheet.origin);
    new.log = new.log.twin();
    let origin = old.sheet.origin.clone();
    let root = RootHash([7; 32]);
    new.log.open_as(|opened| {
        opened.succeeds = Some(Succeeds { origin, size: 2, root, reason: SuccessionReason::LogLost });
    });
    let time: contract::time::UtcTime = "2026-11-21T07:00:00.000Z".to_owned().try_into().unwrap();
    let gap = Gap { reason: GapReason::LogLost, from: time, until: time, lost: Lost::Unknown };
    new.log.write("log", Body::Gap(gap));
    let taken: EvidenceTaken = parsed(new.deliver(0).await).await;
    assert!(taken.size == 2 && taken.receipt.is_some());
    assert_eq!(entries(&old, 0).await.checkpoint, receipt);
}
