//! What a device says of itself is shown beside it, and nothing else comes of it.

use reqwest::StatusCode;
use serde_json::json;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_is_shown_with_its_host_and_how_far_its_clock_is_off() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    assert!(stage.host().await["heartbeat"].is_null(), "silence is not a heartbeat");
    let ahead = edge::clock::utc().plus_ms(60_000);
    let said = json!({
        "at": ahead, "agent": "0.1.0", "clock": "unsynchronised", "log_size": 7, "certificate_until": null,
        "outbox": { "waiting": 3, "bytes": 12_288, "lost": 1 },
        "parts": { "evidence": { "well": false, "since": ahead } },
        "troubles": { "wrong_certificate": { "count": 2, "last": ahead } },
    });
    assert_eq!(device.post("/v1/heartbeat", &said).await.status(), StatusCode::OK);
    let shown = stage.host().await["heartbeat"].clone();
    assert_eq!(shown["said"], said);
    let off = shown["ahead_ms"].as_i64().unwrap();
    assert!((50_000..=60_000).contains(&off), "{off} ms");

    // There is no room for a sentence, a path or anything that is not agreed.
    for (key, bad) in [("agent", json!("a b")), ("colour", json!("red")), ("troubles", json!({ "x": 1 }))] {
        let mut bent = said.clone();
        bent[key] = bad;
        assert_eq!(device.post("/v1/heartbeat", &bent).await.status(), StatusCode::BAD_REQUEST, "{key}");
    }
    stage.revoke(&device).await;
    assert_eq!(device.post("/v1/heartbeat", &said).await.status(), StatusCode::FORBIDDEN);
}
