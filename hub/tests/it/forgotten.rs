//! A copy that was deleted or put back to an older state is not gone on from.

use contract::plane::{EvidenceHeld, EvidenceTaken};
use reqwest::StatusCode;
use serde_json::json;

use crate::evidence::{files, put_back};
use crate::outside::quick;
use crate::stage::{Device, Stage, parsed, plain};

fn archive(stage: &Stage, device: &Device) -> std::path::PathBuf {
    stage.directory.path().join("archive/clinic-7").join(device.sheet.host.as_str())
}

/// A hub that vouched for 2 entries, then for 5, and took up both heads; with its copy at 2 entries.
async fn vouched() -> (Stage, Device, std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>) {
    let stage = Stage::start_told(quick()).await;
    let mut device = stage.enrolled("clinic-7").await;
    device.log.write_filler();
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    let older = files(&archive(&stage, &device));
    for _ in 0..3 {
        device.log.write_filler();
    }
    parsed::<EvidenceTaken>(device.deliver(2).await).await;
    // What was cosigned is in the log of heads when the hub has stopped.
    let stage = stage.restart_told(quick()).await;
    let device = device.moved(&stage);
    (stage, device, older)
}

/// Whether nothing at all is taken or cosigned of a history that was written again from entry `from` on.
async fn nothing_is_cosigned(stage: &Stage, device: &Device, from: u64) {
    assert_eq!(device.get("/v1/evidence").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let mut rewritten = device.log.copy(9);
    rewritten.entries.truncate(usize::try_from(from).unwrap());
    rewritten.clock = "2026-11-21T09:00:00.000Z".parse().unwrap();
    if from == 0 {
        rewritten.open_as(|_| ());
    }
    for _ in 0..6 {
        rewritten.write_filler();
    }
    let response = device.post("/v1/evidence", &rewritten.package(from)).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.text().await.unwrap().contains("vouched for 5"));
    let fetched = device.get("/v1/evidence/entries?from=0").await;
    assert_eq!(fetched.status(), StatusCode::SERVICE_UNAVAILABLE);
    let request = format!("old {from}\n\n{}", device.log.checkpoint(5));
    let asked = plain().post(stage.url("/witness/add-checkpoint")).body(request).send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::SERVICE_UNAVAILABLE);
    let alarms = stage.alarms("mirror_rolled_back");
    assert!(alarms.len() == 1 && alarms[0].contains("restore this directory"), "{alarms:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_copy_is_missed_and_once_it_is_restored_the_log_goes_on() {
    let (stage, mut device, _) = vouched().await;
    let directory = archive(&stage, &device);
    let whole = files(&directory);
    std::fs::remove_dir_all(&directory).unwrap();
    nothing_is_cosigned(&stage, &device, 0).await;
    // Nor does an export call it a machine that never sent anything.
    let body = json!({ "from": "2026-11-21T00:00:00.000Z", "to": "2026-11-22T00:00:00.000Z", "by": "Ada" });
    let kit = stage.operate(reqwest::Method::POST, "/api/v1/tenants/clinic-7/kits", Some(body)).await;
    assert_eq!(kit.status(), StatusCode::INTERNAL_SERVER_ERROR, "{}", kit.text().await.unwrap());
    // While the hub runs.
    put_back(&directory, &whole);
    assert_eq!(parsed::<EvidenceHeld>(device.get("/v1/evidence").await).await.size, 5);
    device.log.write_filler();
    assert!(parsed::<EvidenceTaken>(device.deliver(5).await).await.receipt.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_put_back_is_missed_by_the_log_of_heads_where_the_database_was_put_back_with_it() {
    for with_the_database in [false, true] {
        let (stage, device, older) = vouched().await;
        put_back(&archive(&stage, &device), &older);
        if with_the_database {
            let database = rusqlite::Connection::open(stage.directory.path().join("hub.db")).unwrap();
            assert_eq!(database.execute("UPDATE host SET settled = 2", []).unwrap(), 1);
        }
        nothing_is_cosigned(&stage, &device, 2).await;
    }
}
