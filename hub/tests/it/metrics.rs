//! What Prometheus reads.

use std::collections::BTreeMap;

use contract::people::KeyMade;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::people::{invited, technician_of};
use crate::stage::{Stage, parsed, plain};

/// Every sample, by its name with its labels; and every name that has help and a type.
fn samples(text: &str) -> BTreeMap<String, u64> {
    let mut typed = Vec::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, sort) = rest.split_once(' ').unwrap();
            assert!(["gauge", "counter"].contains(&sort), "{line}");
            assert_eq!(name.ends_with("_total"), sort == "counter", "{line}");
            assert!(name.starts_with("suture_"), "{line}");
            typed.push(name.to_owned());
        } else if !line.starts_with("# HELP ") {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            assert!(typed.iter().any(|name| sample.split('{').next() == Some(name)), "{line}");
            assert!(samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(), "{line} twice");
        }
    }
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_metrics_reads_numbers_and_nothing_else_and_they_name_nobody() {
    let stage = Stage::start().await;
    let new = json!({ "reach": "everywhere", "rights": ["metrics-read"], "days": 30 });
    let made: KeyMade = parsed(stage.operate(Method::POST, "/api/v1/me/keys", Some(new)).await).await;
    let ask = async |path: &str| plain().get(stage.url(path)).bearer_auth(&made.key).send().await.unwrap();
    let before = ask("/metrics").await;
    assert_eq!(before.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let before = samples(&before.text().await.unwrap());
    assert_eq!(before["suture_hosts{state=\"heard\"}"], 0);
    assert_eq!(before["suture_backup_last_success_timestamp_seconds"], 0);
    assert_eq!(before[&format!("suture_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))], 1);
    assert_eq!(ask("/api/v1/status").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(plain().get(stage.url("/metrics")).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let technician = invited(&stage, technician_of("clinic-7")).await;
    assert_eq!(technician.ask("GET", "/metrics", None).await.status(), StatusCode::FORBIDDEN);

    let device = stage.enrolled("clinic-7").await;
    device.deliver(0).await;
    device.report("i-1", "nobody.knows").await;
    // No certificate, no handshake.
    let _ = plain().get(format!("https://localhost:{}/", stage.running.device().port())).send().await;
    for _ in 0..100 {
        let text = ask("/metrics").await.text().await.unwrap();
        for name in ["clinic-7", device.sheet.host.as_str(), "jane", "localhost"] {
            assert!(!text.contains(name), "{name} stands in {text}");
        }
        let now = samples(&text);
        assert_eq!(before.len(), now.len(), "how many lines there are depends on the fleet");
        let grown = |name: &str| now[name] > before[name];
        if grown("suture_handshakes_refused_total") && now["suture_incidents{state=\"waiting\"}"] == 1 {
            assert_eq!(now["suture_hosts{state=\"heard\"}"], 1);
            assert_eq!(now["suture_evidence_records"], 1);
            assert_eq!(now["suture_queue_messages"], 0);
            assert!(grown("suture_evidence_packages_total"));
            assert!(now["suture_evidence_last_success_timestamp_seconds"] > 1_700_000_000);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the numbers did not move");
}
