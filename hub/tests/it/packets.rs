//! Packets: of verified evidence alone, made once, the same bytes for ever, told of in the hub's own log, mailed, read, corrected.

use std::time::Duration;

use contract::digest::Digest;
use contract::fact::FactValue;
use contract::finding::Verdict;
use contract::packet::{PacketKind, PacketView};
use contract::time::UtcTime;
use packet::{Claim, Need, Packet, Unmeasured};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::kits::machine;
use crate::people::{Somebody, invited};
use crate::stage::{Device, Stage, parsed};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn day(n: u64) -> UtcTime {
    "2026-10-01T00:00:00.000Z".parse::<UtcTime>().unwrap().plus_ms(n * DAY_MS)
}

/// A machine of whose October there is something to tell: a drift that was healed, and one that was not.
pub(crate) async fn october(stage: &Stage, tenant: &str) -> Device {
    let mut device = machine(stage, tenant, "main").await;
    let from = device.log.entries.len() as u64;
    let order = "o-1".parse().unwrap();
    for n in 0..30 {
        device.log.clock = day(n);
        device.log.write_finding("time.sync", Verdict::Pass(FactValue::Flag(true)));
        device.log.write_finding("ssh.root-login", Verdict::Fail(FactValue::Flag(false)));
        if n == 12 {
            device.log.write_finding("suture.evidence-directory", Verdict::Fail(FactValue::Flag(false)));
            device.log.write_accepted(&order, "i-1");
            device.log.clock = day(n).plus_ms(900);
            device.log.write_ended(&order, "i-1", contract::outcome::Outcome::Healed);
        }
        if n >= 12 {
            device.log.write_finding("suture.evidence-directory", Verdict::Pass(FactValue::Flag(true)));
        }
    }
    device.log.clock = "2026-10-31T20:00:00.000Z".parse().unwrap();
    device.log.write_finding("time.sync", Verdict::Pass(FactValue::Flag(true)));
    device.log.write_finding("ssh.root-login", Verdict::Fail(FactValue::Flag(false)));
    device.log.write_finding("suture.evidence-directory", Verdict::Pass(FactValue::Flag(true)));
    parsed::<Value>(device.deliver(from).await).await;
    device
}

async fn ask(stage: &Stage, tenant: &str, body: Value) -> Response {
    stage.operate(Method::POST, &format!("/api/v1/tenants/{tenant}/packets"), Some(body)).await
}

pub(crate) async fn made(stage: &Stage, tenant: &str) -> PacketView {
    let response = ask(stage, tenant, json!({ "month": "2026-10" })).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    parsed(response).await
}

pub(crate) async fn fetch(stage: &Stage, packet: &PacketView, file: &str) -> Vec<u8> {
    let path = format!("/api/v1/tenants/{}/packets/{}/{file}", packet.tenant, packet.id);
    let response = stage.operate(Method::GET, &path, None).await;
    assert_eq!(response.status(), StatusCode::OK, "{file}");
    let bytes = response.bytes().await.unwrap().to_vec();
    let said = packet.files.iter().find(|said| said.name == file).unwrap();
    assert_eq!((bytes.len() as u64, Digest::of(&bytes)), (said.bytes, said.digest));
    bytes
}

pub(crate) async fn json_of(stage: &Stage, packet: &PacketView) -> Packet {
    serde_json::from_slice(&fetch(stage, packet, "packet.json").await).unwrap()
}

async fn problem(response: Response, status: StatusCode) -> String {
    assert_eq!(response.status(), status);
    response.json::<Value>().await.unwrap()["detail"].as_str().unwrap().to_owned()
}

/// The words of the newest records of the hub's own log that are about packets.
async fn noted(stage: &Stage) -> Vec<String> {
    let page: Value = parsed(stage.operate(Method::GET, "/api/v1/audit", None).await).await;
    let words =
        page["records"].as_array().unwrap().iter().map(|record| record["words"].as_str().unwrap().to_owned());
    words.filter(|words| words.starts_with("packet ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_says_what_the_evidence_says_and_is_the_same_bytes_for_ever() {
    let stage = Stage::start().await;
    let device = october(&stage, "clinic-7").await;
    let view = made(&stage, "clinic-7").await;
    assert_eq!(
        (view.kind, view.number, view.by.as_ref().map(contract::ids::OperatorId::as_str)),
        (PacketKind::Month, 1, Some("jane"))
    );
    let packet = json_of(&stage, &view).await;
    assert_eq!(packet.summary.fixed.value(), Some(&1));
    assert!(
        matches!(&packet.summary.needs_you[..], [Need::Fails { control, .. }] if control.as_str() == "ssh.root-login")
    );
    let score = packet.summary.score.value().unwrap();
    assert_eq!((score.assessed(), score.total()), (3, u32::try_from(packet.controls.len()).unwrap()));
    assert_eq!(packet.repairs.len(), 1);
    assert_eq!(packet.logs[0].size, device.log.entries.len() as u64);
    assert_eq!(packet.access.dormant_accounts, Claim::not(Unmeasured::NoKind));

    let page = String::from_utf8(fetch(&stage, &view, "packet.html").await).unwrap();
    assert!(page.contains("does not certify compliance") && page.contains(&packet.logs[0].root));
    assert_eq!(
        view.no_pdf.as_deref(),
        Some("this hub has no typesetter: install suture-typeset beside suture-hub")
    );

    let again: PacketView = parsed(ask(&stage, "clinic-7", json!({ "month": "2026-10" })).await).await;
    assert_eq!(again, PacketView { again: true, took: None, ..view.clone() });
    let mut before = Vec::new();
    for file in &view.files {
        before.push(fetch(&stage, &view, &file.name).await);
    }
    // The log grows, and the hub is started anew.
    let mut device = device;
    device.log.clock = "2026-11-02T00:00:00.000Z".parse().unwrap();
    let from = device.log.entries.len() as u64;
    device.log.write_filler();
    parsed::<Value>(device.deliver(from).await).await;
    let stage = stage.restart().await;
    for (file, before) in view.files.iter().zip(before) {
        assert_eq!(fetch(&stage, &view, &file.name).await, before, "{}", file.name);
    }
    let digest = view.files.iter().find(|file| file.name == "packet.json").unwrap().digest;
    assert_eq!(noted(&stage).await, [format!("packet 1 of the month 2026-10 was made: {digest}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cited_record_comes_with_a_proof_under_the_head_that_the_packet_prints() {
    let stage = Stage::start().await;
    october(&stage, "clinic-7").await;
    let view = made(&stage, "clinic-7").await;
    let packet = json_of(&stage, &view).await;
    let lines = String::from_utf8(fetch(&stage, &view, "proofs.ndjson").await).unwrap();
    let mut proven = Vec::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let proof = tlog::proof::Proof::parse(line["proof"].as_str().unwrap().as_bytes()).unwrap();
        let leaf = tlog::leaf_hash(line["record"].as_str().unwrap().as_bytes());
        let head: tlog::Checkpoint = proof.checkpoint.text().parse().unwrap();
        proof.verify_leaf(&leaf, &head).unwrap();
        assert_eq!(
            (head.size.get(), head.root.to_base64()),
            (packet.logs[0].size, packet.logs[0].root.clone())
        );
        proven.push(line["seq"].as_u64().unwrap());
    }
    for cite in packet.incidents.iter().flat_map(packet::Incident::cites) {
        assert!(proven.contains(&cite.first), "{cite:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_verify_gives_no_packet_and_nothing_is_kept() {
    let stage = Stage::start().await;
    let device = october(&stage, "clinic-7").await;
    let host = device.sheet.host.to_string();
    let bundle = stage.directory.path().join(format!("archive/clinic-7/{host}/tile/entries/000.p"));
    let file = std::fs::read_dir(&bundle).unwrap().next().unwrap().unwrap().path();
    let honest = std::fs::read(&file).unwrap();
    // A failure that becomes a pass, as somebody with the hub's disk would have it.
    let text = String::from_utf8_lossy(&honest).replacen(
        "{\"fail\":{\"flag\":false}}",
        "{\"pass\":{\"flag\":false}}",
        1,
    );
    assert_ne!(text.as_bytes(), honest);
    std::fs::write(&file, text.as_bytes()).unwrap();
    let refused = ask(&stage, "clinic-7", json!({ "month": "2026-10" })).await;
    assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let listed: Value =
        parsed(stage.operate(Method::GET, "/api/v1/tenants/clinic-7/packets", None).await).await;
    assert_eq!((listed, noted(&stage).await.len()), (json!({ "packets": [] }), 0));
    std::fs::write(&file, &honest).unwrap();
    made(&stage, "clinic-7").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_not_over_has_a_preview_of_which_nothing_is_kept() {
    let stage = Stage::start().await;
    let mut device = october(&stage, "clinic-7").await;
    let month = packet::Month::of(edge::clock::utc(), &packet::Zone::utc());
    let why = problem(ask(&stage, "clinic-7", json!({ "month": month })).await, StatusCode::CONFLICT).await;
    assert!(why.contains("is over at") && why.contains("by the clock of UTC"), "{why}");
    let odd = problem(
        ask(&stage, "clinic-7", json!({ "month": "October" })).await,
        StatusCode::UNPROCESSABLE_ENTITY,
    )
    .await;
    assert!(odd.contains("no month"), "{odd}");
    let from = device.log.entries.len() as u64;
    device.log.clock = edge::clock::utc();
    device.log.write_finding("time.sync", Verdict::Pass(FactValue::Flag(true)));
    parsed::<Value>(device.deliver(from).await).await;
    let path = "/api/v1/tenants/clinic-7/packets/preview";
    let page = stage.operate(Method::GET, &format!("{path}/packet.html"), None).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("style-src 'sha256-") && policy.ends_with("sandbox"), "{policy}");
    assert!(page.text().await.unwrap().contains("this is a preview"));
    let json = stage.operate(Method::GET, &format!("{path}/packet.json"), None).await.bytes().await.unwrap();
    let previewed: Packet = serde_json::from_slice(&json).unwrap();
    assert!(previewed.preview);
    // The number that the console shows of the same machines, folded by another part of the hub.
    let told = previewed.summary.score.value().unwrap().to_string();
    let mut shown = Value::Null;
    for _ in 0..100 {
        let fleet: Value = parsed(stage.operate(Method::GET, "/api/v1/fleet", None).await).await;
        shown = fleet["sites"][0]["score"]["words"].clone();
        if shown == told.as_str() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(shown, told.as_str());
    assert_eq!(
        stage.operate(Method::GET, &format!("{path}/packet.pdf"), None).await.status(),
        StatusCode::NOT_FOUND
    );
    let listed: Value =
        parsed(stage.operate(Method::GET, "/api/v1/tenants/clinic-7/packets", None).await).await;
    assert_eq!((listed, noted(&stage).await.len()), (json!({ "packets": [] }), 0));
    // Nobody had a machine yet.
    let none =
        problem(ask(&stage, "clinic-7", json!({ "month": "2026-08" })).await, StatusCode::CONFLICT).await;
    assert!(none.contains("no evidence"), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_a_further_packet_that_names_the_one_before() {
    let stage = Stage::start().await;
    october(&stage, "clinic-7").await;
    let reason = "The clinic's name was written wrongly on the first page.";
    let early = ask(&stage, "clinic-7", json!({ "month": "2026-10", "corrects": reason })).await;
    assert!(problem(early, StatusCode::CONFLICT).await.contains("no packet of 2026-10"));
    let first = made(&stage, "clinic-7").await;
    let response = ask(&stage, "clinic-7", json!({ "month": "2026-10", "corrects": reason })).await;
    let second: PacketView = parsed(response).await;
    assert_eq!((second.number, second.corrects.as_deref()), (2, Some(first.id.as_str())));
    let corrects = json_of(&stage, &second).await.corrects.unwrap();
    let earlier = first.files.iter().find(|file| file.name == "packet.json").unwrap().digest;
    assert_eq!((corrects.number, corrects.digest, corrects.reason.as_str()), (1, earlier, reason));
    // The first stays as it is, and whoever asks for the month gets the second.
    fetch(&stage, &first, "packet.html").await;
    let now: PacketView = parsed(ask(&stage, "clinic-7", json!({ "month": "2026-10" })).await).await;
    assert_eq!(now.id, second.id);
    assert_eq!(noted(&stage).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_it_for_the_clinic_says_so_once_and_that_is_a_record() {
    let stage = Stage::start().await;
    october(&stage, "clinic-7").await;
    let view = made(&stage, "clinic-7").await;
    let new = json!({ "person": "clara", "role": "clinic-viewer", "reach": { "tenants": ["clinic-7"] } });
    let clara: Somebody = invited(&stage, new).await;
    let of = |path: &str| format!("/api/v1/tenants/clinic-7/packets/{}{path}", view.id);
    assert_eq!(clara.ask("GET", &of("/packet.html"), None).await.status(), StatusCode::OK);
    assert_eq!(
        clara
            .ask("POST", "/api/v1/tenants/clinic-7/packets", Some(&json!({ "month": "2026-10" })))
            .await
            .status(),
        StatusCode::FORBIDDEN
    );
    for _ in 0..2 {
        let read: PacketView = parsed(clara.ask("POST", &of("/acknowledge"), None).await).await;
        assert_eq!(read.acknowledged.iter().map(|read| read.person.as_str()).collect::<Vec<_>>(), ["clara"]);
    }
    let digest = view.files.iter().find(|file| file.name == "packet.json").unwrap().digest;
    let noted = noted(&stage).await;
    assert_eq!(
        noted
            .iter()
            .filter(|words| **words == format!("packet 1 of the month 2026-10 was read: {digest}"))
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_told_when_other_things_are_accepted_since() {
    let stage = Stage::start().await;
    let mut device = october(&stage, "clinic-7").await;
    let text = "- control: ssh.root-login\n  reason: The vendor logs in so.\n  risk: So.\n  compensating_controls: [A firewall.]\n  owner: Ann\n  approver: Ben\n  from: 2026-10-01\n  until: 2026-10-20\n";
    let set = |text: Value| json!({ "file": "e.yaml", "text": text });
    let path = "/api/v1/tenants/clinic-7/exceptions";
    parsed::<Value>(stage.operate(Method::POST, path, Some(set(text.into()))).await).await;
    parsed::<Value>(stage.operate(Method::POST, path, Some(set(Value::Null))).await).await;
    let from = device.log.entries.len() as u64;
    let taken = |digest| contract::record::PaperTaken {
        paper: contract::paper::PaperKind::Exceptions,
        state: contract::record::PaperState::InForce,
        number: 1,
        text: Some(digest),
    };
    device.log.clock = "2026-10-31T21:00:00.000Z".parse().unwrap();
    device.log.write("paper", contract::record::Body::PaperTaken(taken(Digest::of(text.as_bytes()))));
    device
        .log
        .write("paper", contract::record::Body::PaperTaken(taken(Digest::of(b"a text of another hub"))));
    parsed::<Value>(device.deliver(from).await).await;
    let packet = json_of(&stage, &made(&stage, "clinic-7").await).await;
    let [
        packet::Accepted::Exception { owner, approver, reason, records, .. },
        packet::Accepted::TextNotHeld { .. },
    ] = &packet.exceptions[..]
    else {
        panic!("{:?}", packet.exceptions)
    };
    assert_eq!(
        (owner.as_str(), approver.as_str(), reason.as_str(), records.len()),
        ("Ann", "Ben", "The vendor logs in so.", 1)
    );
    // And what a person did at the hub is told, from the hub's own log.
    assert!(packet.hub_log_read);
}
