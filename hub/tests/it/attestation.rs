//! What runs on a machine: known, explained, or in quarantine until a person says otherwise.

use contract::attest::QuarantineView;
use contract::digest::Digest;
use contract::record::{Before, Body, GenerationHealthy, Intent};
use contract::resource::Resource;
use contract::runbook::Verb;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::people::{invited, technician_of};
use crate::stage::{Device, Stage, drift, parsed};

const CLOSURE: &str = "1b5vy0a7x3kq2wz9sd8f6gh4jklm0npr";
const OTHER: &str = "0c5vy0a7x3kq2wz9sd8f6gh4jklm0npr";

/// A heartbeat of a machine on which these run.
fn beat(agent: &str, executor: Option<&str>, closure: Option<&str>) -> Value {
    let (at, digest) = (edge::clock::utc(), |name: &str| Digest::of(name.as_bytes()));
    let executor = match executor {
        Some(name) => json!({ "stands": {
            "software": "0.1.0", "binary": digest(name), "mode": "enforce", "confinement": [],
        } }),
        None => json!("silent"),
    };
    let mut condition = json!({
        "agent": "0.1.0", "binary": digest(agent), "certificate_until": null, "executor": executor,
        "parts": {}, "troubles": {}, "sources": {}, "losses": {},
        "detectors": { "known": 0, "blind": {}, "fired": {} },
    });
    if let Some(closure) = closure {
        condition["closure"] = json!(closure);
    }
    json!({
        "at": at, "clock": "unsynchronised", "log_size": 1,
        "outbox": { "waiting": 0, "bytes": 0, "lost": 0, "lost_in_all": 0, "aside": 0 },
        "lines": {}, "condition": { "now": condition },
    })
}

pub(crate) async fn says(device: &Device, agent: &str, executor: Option<&str>, closure: Option<&str>) {
    let heard = device.post("/v1/heartbeat", &beat(agent, executor, closure)).await;
    assert_eq!(heard.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_quarantine_when_a_wait_is_over_is_told_nothing() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let database = rusqlite::Connection::open(stage.directory.path().join("hub.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    // As where a change was doubted and the five minutes are over: nothing rings then.
    let since = edge::clock::utc().plus_ms(700).unix_ms();
    let sql = "INSERT INTO quarantine (host, since, changed, said, recorded) VALUES (?1, ?2, '[]', '{}', 1)";
    database.execute(sql, rusqlite::params![device.sheet.host.as_str(), since]).unwrap();
    let waited = device.get("/v1/orders?wait_ms=1500").await;
    assert_eq!(waited.status(), StatusCode::FORBIDDEN);
}

async fn quarantine(stage: &Stage) -> Vec<QuarantineView> {
    let listed = stage.operate(Method::GET, "/api/v1/tenants/clinic-7/quarantine", None).await;
    parsed::<contract::plane::Page<QuarantineView>>(listed).await.items
}

async fn is_given_work(device: &Device) -> bool {
    let mut given = Vec::new();
    for path in ["/v1/orders", "/v1/standing", "/v1/papers", "/v1/papers/baseline"] {
        given.push(device.get(path).await.status());
    }
    assert!(given.iter().all(|status| *status == given[0]), "{given:?}");
    match given[0] {
        StatusCode::OK => true,
        StatusCode::FORBIDDEN => false,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_nothing_explains_quarantines_until_a_named_person_approves() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    says(&device, "a", Some("e"), None).await;
    says(&device, "a", None, None).await;
    assert!(is_given_work(&device).await && quarantine(&stage).await.is_empty());
    let waiting = tokio::spawn(device.client.get(format!("{}/v1/orders?wait_ms=25000", device.url)).send());
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;

    says(&device, "a", Some("laid in its place"), None).await;
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::FORBIDDEN, "the wait went on");
    assert!(!is_given_work(&device).await);
    // It is heard as before, and no word of its own takes it out: that all is as it was, silence, another connection, another start.
    device.report("i-1", "suture.evidence-directory").await;
    assert_eq!(device.deliver(0).await.status(), StatusCode::OK);
    says(&device, "a", Some("e"), None).await;
    says(&device, "a", None, None).await;
    let stage = stage.restart().await;
    let device = device.moved(&stage);
    says(&device, "a", Some("e"), None).await;
    assert!(!is_given_work(&device).await, "a reconnect, a heartbeat or a restart cleared it");
    assert_eq!(device.post("/v1/incidents", &drift("i-2", "time.sync")).await.status(), StatusCode::OK);
    assert_eq!(stage.alarms("quarantined").len(), 1);
    let metrics = stage.operate(Method::GET, "/metrics", None).await.text().await.unwrap();
    assert!(metrics.contains("suture_hosts{state=\"quarantined\"} 1"), "{metrics}");

    // An approval is of exactly what somebody saw, by somebody who may.
    let path = format!("/api/v1/tenants/clinic-7/hosts/{}/quarantine/approve", device.sheet.host);
    says(&device, "a", Some("laid in its place"), None).await;
    let seen = quarantine(&stage).await.remove(0);
    assert_eq!(serde_json::to_value(&seen.changed).unwrap(), json!(["executor"]));
    says(&device, "b", Some("laid in its place"), None).await;
    let approve = |digest| json!({ "digest": digest });
    let technician = invited(&stage, technician_of("clinic-7")).await;
    let outdated = technician.ask("POST", &path, Some(&approve(seen.digest))).await;
    assert_eq!(outdated.status(), StatusCode::CONFLICT);
    let seen = quarantine(&stage).await.remove(0);
    assert_eq!(serde_json::to_value(&seen.changed).unwrap(), json!(["agent", "executor"]));
    let viewer = json!({ "person": "vi", "role": "clinic-viewer", "reach": { "tenants": ["clinic-7"] } });
    let viewer = invited(&stage, viewer).await;
    assert_eq!(viewer.ask("POST", &path, Some(&approve(seen.digest))).await.status(), StatusCode::FORBIDDEN);
    assert!(!is_given_work(&device).await);
    let approved = technician.ask("POST", &path, Some(&approve(seen.digest))).await;
    assert_eq!(approved.status(), StatusCode::OK);
    says(&device, "b", Some("laid in its place"), None).await;
    assert!(is_given_work(&device).await && quarantine(&stage).await.is_empty());
    let gone = technician.ask("POST", &path, Some(&approve(seen.digest))).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);

    let host = device.sheet.host.to_string();
    let log = stage.own_log().await;
    let lines = [
        format!(r#""host":"{host}","tenant":"clinic-7","what":{{"quarantined":{{"changed":["executor"],"#),
        format!(
            r#""path":"{path}","person":"of-clinic-7","right":"quarantine-approve","stage":{{"ended":{{"status":200}}}}"#
        ),
    ];
    for line in &lines {
        assert_eq!(log.matches(line.as_str()).count(), 1, "{line} is not once in\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_enrolled_is_what_is_known_and_a_release_explains_another() {
    let stage = Stage::start().await;
    let sheet = stage.sheet("clinic-7", "main").await;
    let device = stage.enrolled_by(sheet, Some(("0.1.0", "a"))).await;
    says(&device, "b", Some("e"), None).await;
    assert!(!is_given_work(&device).await, "what was said at enrolment counts for nothing");

    let device = stage.enrolled("clinic-7").await;
    says(&device, "a", Some("e"), None).await;
    for (program, name) in [("agent", "a-2"), ("executor", "e-2")] {
        let release =
            json!({ "program": program, "version": "0.1.0", "binary": Digest::of(name.as_bytes()) });
        let added = stage.operate(Method::POST, "/api/v1/releases", Some(release)).await;
        assert_eq!(added.status(), StatusCode::CREATED);
    }
    says(&device, "a-2", Some("e"), None).await;
    says(&device, "a-2", Some("e-2"), None).await;
    assert!(is_given_work(&device).await);
    // An agent's release is no executor's.
    says(&device, "a-2", Some("a-2"), None).await;
    assert!(!is_given_work(&device).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_is_explained_by_the_evidence_of_a_switch_or_by_an_announcement() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let healthy = |closure: &str| {
        let closure = format!("/nix/store/{closure}-nixos-system-x").parse().unwrap();
        Body::GenerationHealthy(GenerationHealthy { number: 7, closure })
    };
    device.log.write("log", healthy(OTHER));
    device.log.write("log", healthy(CLOSURE));
    assert_eq!(device.deliver(0).await.status(), StatusCode::OK);
    says(&device, "a", None, Some(CLOSURE)).await;
    // That it was healthy once does not say that anybody switched to it.
    says(&device, "a", None, Some(OTHER)).await;
    assert_eq!(quarantine(&stage).await.len(), 1, "it is doubted");
    assert!(is_given_work(&device).await, "the evidence may be on its way");
    let intent = Intent {
        order: "o-1".parse().unwrap(),
        step: 0,
        verb: Verb::GenerationSwitch,
        target: Resource::Generation,
        before: Before::Generation { number: 8 },
    };
    let from = device.log.entries.len() as u64;
    device.log.write("order", Body::Intent(intent));
    assert_eq!(device.deliver(from).await.status(), StatusCode::OK);
    says(&device, "a", None, Some(OTHER)).await;
    assert!(quarantine(&stage).await.is_empty(), "the switch explains it");

    // A switch is good for one change.
    says(&device, "a", None, Some(CLOSURE)).await;
    assert_eq!(quarantine(&stage).await.len(), 1);
    let announced = json!({ "closure": CLOSURE });
    let path = "/api/v1/tenants/clinic-7/generations";
    assert_eq!(stage.operate(Method::POST, path, Some(announced)).await.status(), StatusCode::CREATED);
    says(&device, "a", None, Some(CLOSURE)).await;
    assert!(quarantine(&stage).await.is_empty(), "the announcement explains it");
}
