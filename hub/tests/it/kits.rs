//! Kits: made once, the same bytes for ever, and nobody else's.

use std::collections::BTreeMap;

use contract::digest::Digest;
use contract::kit::{HubKeys, KitView};
use contract::time::UtcTime;
use hub::config::Bounds;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Device, Stage, config, parsed, plain};

/// When the logs of these tests begin.
const BEGINS: &str = "2026-10-01T00:00:00.000Z";
const MINUTE_MS: u64 = 60_000;

fn minute(n: u64) -> UtcTime {
    BEGINS.parse::<UtcTime>().unwrap().plus_ms(n * MINUTE_MS)
}

/// A record each minute, until there are so many, all of them delivered.
pub(crate) async fn grow(device: &mut Device, to: usize) {
    while device.log.entries.len() < to {
        let from = device.log.entries.len();
        for n in from..to.min(from + 200) {
            device.log.clock = minute(n as u64);
            device.log.write_filler();
        }
        parsed::<Value>(device.deliver(from as u64).await).await;
    }
}

/// A machine whose first record, which enrolment wrote, is delivered.
pub(crate) async fn machine(stage: &Stage, tenant: &str, site: &str) -> Device {
    let mut device = stage.enrolled_at(tenant, site).await;
    device.log.entries.clear();
    device.log.clock = minute(0);
    device.log.open_as(|_| ());
    parsed::<Value>(device.deliver(0).await).await;
    device
}

async fn ask(stage: &Stage, tenant: &str, minutes: (u64, u64), by: &str) -> Response {
    let body = json!({ "from": minute(minutes.0), "to": minute(minutes.1), "by": by });
    stage.operate(Method::POST, &format!("/api/v1/tenants/{tenant}/kits"), Some(body)).await
}

async fn export(stage: &Stage, tenant: &str, minutes: (u64, u64), by: &str) -> KitView {
    parsed(ask(stage, tenant, minutes, by).await).await
}

async fn fetch(stage: &Stage, kit: &KitView) -> Vec<u8> {
    let path = format!("/api/v1/tenants/{}/kits/{}", kit.tenant, kit.id.as_ref().unwrap());
    let response = stage.operate(Method::GET, &path, None).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.content_length(), Some(kit.bytes));
    let zip = response.bytes().await.unwrap().to_vec();
    assert_eq!((zip.len() as u64, Digest::of(&zip)), (kit.bytes, kit.digest));
    zip
}

/// The files of a stored zip, by name.
pub(crate) fn files(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let (end, mut files) = (zip.len() - 22, BTreeMap::new());
    let number = |at: usize| u32::from_le_bytes(zip[at..at + 4].try_into().unwrap()) as usize;
    let mut at = number(end + 16);
    while at < end {
        let named = usize::from(u16::from_le_bytes([zip[at + 28], zip[at + 29]]));
        let name = String::from_utf8(zip[at + 46..at + 46 + named].to_vec()).unwrap();
        let start = number(at + 42) + 30 + named;
        files.insert(name, zip[start..start + number(at + 24)].to_vec());
        at += 46 + named;
    }
    files
}

fn document(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    serde_json::from_slice(&files[&format!("documents/{name}.json")]).unwrap()
}

async fn problem(response: Response, status: StatusCode) -> String {
    assert_eq!(response.status(), status);
    response.json::<Value>().await.unwrap()["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kit_is_the_same_bytes_after_the_logs_grew_and_the_hub_was_restarted() {
    let stage = Stage::start().await;
    let (mut one, mut two) =
        (machine(&stage, "clinic-7", "main").await, machine(&stage, "clinic-7", "annexe").await);
    grow(&mut one, 1000).await;
    grow(&mut two, 300).await;
    let kit = export(&stage, "clinic-7", (300, 400), "Ada").await;
    assert!(!kit.again);
    let of = |device: &Device| kit.logs.iter().find(|l| l.host == device.sheet.host).unwrap().clone();
    let (log, short) = (of(&one), of(&two));
    assert_eq!((log.first, log.end, log.size, log.records), (256, 512, 1000, 100));
    assert_eq!((short.first, short.end, short.size, short.records), (256, 300, 300, 0));
    assert_eq!(short.site.as_str(), "annexe");
    let zip = fetch(&stage, &kit).await;

    grow(&mut one, 1030).await;
    assert_eq!(fetch(&stage, &kit).await, zip, "the widest tiles of the copy are wider now");
    let stage = stage.restart().await;
    let mut one = one.moved(&stage);
    grow(&mut one, 1300).await;
    assert_eq!(fetch(&stage, &kit).await, zip, "and full now");

    let files = files(&zip);
    let checkpoint =
        String::from_utf8(files[&format!("logs/{}/checkpoint", one.sheet.host)].clone()).unwrap();
    assert!(
        checkpoint.starts_with(&format!("{}\n1000\n", one.sheet.origin))
            && checkpoint.contains("localhost/witness")
    );
    let gaps = document(&files, "gaps");
    let silent =
        gaps["logs"].as_array().unwrap().iter().find(|l| l["host"] == two.sheet.host.as_str()).unwrap();
    assert!(silent["no_records_in_period"].is_string() && silent["records_in_period"] == 0);
    let cover: Value = serde_json::from_slice(&files["kit.json"]).unwrap();
    assert_eq!(cover["files"]["README.txt"], Digest::of(&files["README.txt"]).to_string());
    let keys: HubKeys = parsed(stage.operate(Method::GET, "/api/v1/keys", None).await).await;
    let note = tlog::SignedNote::parse(&files["kit.note"]).unwrap();
    note.verify(&keys.kits.parse().unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_downloads_so_many_kits_at_once_and_is_told_when_to_come_again() {
    let stage = Stage::start_within(Bounds { downloads_each: 1, ..Bounds::default() }).await;
    let mut device = machine(&stage, "clinic-7", "main").await;
    grow(&mut device, 300).await;
    let kit = export(&stage, "clinic-7", (0, 300), "Ada").await;
    let path = format!("/api/v1/tenants/clinic-7/kits/{}", kit.id.as_ref().unwrap());
    // A seat is free again once its download is over, and its thread.
    for _ in 0..3 {
        let mut tries = 0;
        while stage.operate(Method::GET, &path, None).await.bytes().await.unwrap().len() as u64 != kit.bytes {
            tries += 1;
            assert!(tries < 100, "the seat of a download that is over is not free again");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    let Stage { directory, running } = stage;
    running.stop().await;
    let bounds = Bounds { downloads_each: 0, ..Bounds::default() };
    let config = hub::config::Config { bounds, ..config(directory.path()) };
    let stage = Stage { running: hub::serve::start(&config).await.unwrap(), directory };
    let refused = stage.operate(Method::GET, &path, None).await;
    assert_eq!(refused.headers()["retry-after"], "30");
    assert!(problem(refused, StatusCode::TOO_MANY_REQUESTS).await.contains("you download"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_finds_the_same_export_until_there_is_more_to_say() {
    let stage = Stage::start().await;
    let mut device = machine(&stage, "clinic-7", "main").await;
    grow(&mut device, 100).await;
    let first = export(&stage, "clinic-7", (10, 200), "Ada").await;
    let again = export(&stage, "clinic-7", (10, 200), "Ada").await;
    assert_eq!(again, KitView { again: true, ..first.clone() });
    let other = export(&stage, "clinic-7", (10, 200), "Grace").await;
    assert!(!other.again && other.id != first.id);

    // The line was down: more of the period arrives after it was exported.
    grow(&mut device, 250).await;
    let fuller = export(&stage, "clinic-7", (10, 200), "Ada").await;
    assert!(!fuller.again && fuller.logs[0].records == 190 && first.logs[0].records == 90);
    grow(&mut device, 300).await;
    assert_eq!(
        export(&stage, "clinic-7", (10, 200), "Ada").await.id,
        fuller.id,
        "the period is over in the log"
    );
    fetch(&stage, &first).await;

    let history =
        document(&files(&fetch(&stage, &fuller).await), "disclosures")["exports_before_this_one"].clone();
    let by: Vec<_> = history["recorded"].as_array().unwrap().iter().map(|e| e["by"].clone()).collect();
    // Whoever asked stands there, whatever name the request gave.
    assert_eq!(by, ["jane, for Ada", "jane, for Grace"]);
    let none =
        document(&files(&fetch(&stage, &first).await), "disclosures")["exports_before_this_one"].clone();
    assert_eq!(none, json!({ "recorded": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_ask_at_once_get_one_export() {
    let stage = Stage::start().await;
    let mut device = machine(&stage, "clinic-7", "main").await;
    grow(&mut device, 50).await;
    let ask = || export(&stage, "clinic-7", (10, 20), "Ada");
    let (one, two) = tokio::join!(ask(), ask());
    assert_eq!((one.id == two.id, one.again != two.again), (true, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_export_is_said_and_nothing_is_kept() {
    let stage = Stage::start().await;
    let refused = problem(ask(&stage, "clinic-7", (0, 1), "Ada").await, StatusCode::NOT_FOUND).await;
    assert!(refused.contains("no tenant clinic-7"), "{refused}");
    stage.sheet("clinic-7", "main").await;
    let refused = problem(ask(&stage, "clinic-7", (0, 1), "Ada").await, StatusCode::CONFLICT).await;
    assert!(refused.contains("no evidence of this tenant yet"), "{refused}");
    let mut device = machine(&stage, "clinic-7", "main").await;
    grow(&mut device, 50).await;
    let refused = problem(ask(&stage, "clinic-7", (60, 70), "Ada").await, StatusCode::CONFLICT).await;
    assert!(refused.contains(BEGINS) && refused.contains(&minute(49).to_string()), "{refused}");
    let refused =
        problem(ask(&stage, "clinic-7", (20, 20), "Ada").await, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert!(refused.contains("before it begins"), "{refused}");
    assert_eq!(ask(&stage, "clinic-7", (0, 9), " ").await.status(), StatusCode::BAD_REQUEST);

    let body = json!({ "from": minute(10), "to": minute(20), "by": "Ada", "dry_run": true });
    let dry: KitView =
        parsed(stage.operate(Method::POST, "/api/v1/tenants/clinic-7/kits", Some(body)).await).await;
    assert!(dry.id.is_none() && dry.logs[0].records == 10);
    let kit = export(&stage, "clinic-7", (10, 20), "Ada").await;
    let files = files(&fetch(&stage, &kit).await);
    let disclosures = document(&files, "disclosures");
    assert_eq!(disclosures["exports_before_this_one"], json!({ "recorded": [] }), "a dry run is no export");
    assert_eq!(disclosures["alarms_of_the_log_of_heads"], json!({ "recorded": [] }));
    assert_eq!(disclosures["hosts_without_a_log_here"]["recorded"][0]["reason"], "never_enrolled");
    for (name, list) in [("human-actions", "who"), ("human-actions", "decisions"), ("exceptions", "in_force")]
    {
        let why = document(&files, name)[list]["not_recorded"].clone();
        assert!(why.as_str().is_some_and(|why| !why.is_empty()), "{name} {list}");
    }
    let made = document(&files, "human-actions")["certificates"].clone();
    let kinds: Vec<_> = made.as_array().unwrap().iter().map(|c| c["kind"].clone()).collect();
    assert_eq!(kinds, ["bootstrap", "bootstrap", "device"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenant_reaches_no_kit_and_no_sheet_of_another() {
    let stage = Stage::start().await;
    let mut device = machine(&stage, "clinic-7", "main").await;
    let mut stranger = machine(&stage, "clinic-8", "main").await;
    grow(&mut device, 50).await;
    grow(&mut stranger, 50).await;
    let kit = export(&stage, "clinic-7", (10, 20), "Ada").await;
    assert_eq!(kit.logs.len(), 1);
    let names = files(&fetch(&stage, &kit).await);
    assert!(names.values().all(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        !text.contains("clinic-8") && !text.contains(stranger.sheet.host.as_str())
    }));
    let get = async |path: String| stage.operate(Method::GET, &path, None).await.status();
    let (id, host) = (kit.id.unwrap(), device.sheet.host.clone());
    for tenant in ["clinic-8", "clinic-9"] {
        assert_eq!(get(format!("/api/v1/tenants/{tenant}/kits/{id}")).await, StatusCode::NOT_FOUND);
        assert_eq!(get(format!("/api/v1/tenants/{tenant}/hosts/{host}/sheet")).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(get("/api/v1/tenants/clinic-7/kits/e-0".to_owned()).await, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_shows_the_keys_that_were_pinned() {
    let stage = Stage::start().await;
    let waiting = stage.sheet("clinic-7", "main").await;
    let sheet = async |host: String| {
        let path = format!("/api/v1/tenants/clinic-7/hosts/{host}/sheet");
        stage.operate(Method::GET, &path, None).await
    };
    assert_eq!(sheet(waiting.host.to_string()).await.status(), StatusCode::CONFLICT);
    let device = stage.enrolled("clinic-7").await;
    let text = sheet(device.sheet.host.to_string()).await.text().await.unwrap();
    let hub: HubKeys = parsed(stage.operate(Method::GET, "/api/v1/keys", None).await).await;
    assert_eq!(hub.witness, device.sheet.witness_key);
    for line in [device.log.key(), device.sheet.origin.clone(), hub.witness, hub.heads, hub.kits] {
        assert!(text.contains(&line), "{line} is not on the sheet:\n{text}");
    }
    let digits = Digest::of(device.log.key().as_bytes()).to_string();
    assert!(text.replace(' ', "").contains(&digits["sha256:".len()..][..32]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_copy_ends_in_no_kit_never_in_another() {
    let stage = Stage::start().await;
    let mut device = machine(&stage, "clinic-7", "main").await;
    grow(&mut device, 300).await;
    let kit = export(&stage, "clinic-7", (10, 20), "Ada").await;
    fetch(&stage, &kit).await;
    let copy = stage.directory.path().join("archive/clinic-7").join(device.sheet.host.as_str());
    let bundle = copy.join("tile/entries/000");
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[20_000] ^= 1;
    edge::file::write_durably(&bundle, &bytes).unwrap();
    let path = format!("/api/v1/tenants/clinic-7/kits/{}", kit.id.unwrap());
    // The connection may be closed before or after the answer's head has left.
    let whole = match plain().get(stage.url(&path)).bearer_auth(stage.token()).send().await {
        Ok(response) => response.bytes().await.map(drop),
        Err(error) => Err(error),
    };
    assert!(whole.is_err(), "the download ended as if it were whole");
    let refused = ask(&stage, "clinic-7", (10, 30), "Ada").await;
    assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
}
