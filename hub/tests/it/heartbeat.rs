//! What a device says of itself is shown beside it, and nothing else comes of it.

use contract::time::UtcTime;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::Stage;

async fn heard(response: reqwest::Response) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

fn said(at: UtcTime) -> Value {
    json!({
        "at": at, "clock": "unsynchronised", "log_size": 7,
        "outbox": { "waiting": 3, "bytes": 12_288, "lost": 1, "lost_in_all": 2, "aside": 0 },
        "lines": { "journal": 1_234 },
        "condition": { "now": {
            "agent": "0.1.0", "certificate_until": null,
            "executor": { "stands": {
                "software": "0.1.0", "mode": "observe", "mode_set_by": "ada",
                "window": { "zone": "Europe/Berlin", "days": ["tue", "thu"], "from": "02:00", "to": "04:00" }, "break_glass_until": at, "confinement": ["landlock", "seccomp"],
            } },
            "parts": { "evidence": { "well": false, "since": at } },
            "troubles": { "wrong_certificate": { "count": 2, "last": at } },
            "sources": { "journal": { "state": { "streams": 1 }, "unfollowed": 0 }, "files": { "state": "refused", "unfollowed": 2 } },
            "losses": { "rotated_away": 3 },
            "detectors": {
                "known": 60, "blind": { "unreadable": ["backup.failed"] },
                "fired": { "ssh.failed-logins": { "count": 4, "last": at } },
            },
        } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_is_shown_with_its_host_and_how_far_its_clock_is_off() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    assert!(stage.host().await["heartbeat"].is_null(), "silence is not a heartbeat");
    let ahead = edge::clock::utc().plus_ms(60_000);
    let said = said(ahead);
    // A hub that was just started does not know what there was before.
    let mut unchanged = said.clone();
    unchanged["condition"] = json!("unchanged");
    assert!(heard(device.post("/v1/heartbeat", &unchanged).await).await["again"] == json!(true));
    assert_eq!(stage.host().await["heartbeat"]["said"], unchanged);
    assert!(heard(device.post("/v1/heartbeat", &said).await).await["again"].is_null());
    let shown = stage.host().await["heartbeat"].clone();
    assert_eq!(shown["said"], said);
    let off = shown["ahead_ms"].as_i64().unwrap();
    assert!((50_000..=60_000).contains(&off), "{off} ms");

    // The machine's page has what the executor declares, by the clock on the site's wall.
    let path = format!("tenants/clinic-7/hosts/{}", device.sheet.host);
    let machine = stage.operate(Method::GET, &format!("/api/v1/{path}"), None).await;
    let machine: Value = machine.json().await.unwrap();
    assert_eq!((&machine["how"]["set_by"], &machine["window"]["told"]), (&json!("ada"), &json!(true)));
    assert_eq!(machine["window"]["declared"]["zone"], "Europe/Berlin");
    let page = stage.operate(Method::GET, &format!("/{path}"), None).await.text().await.unwrap();
    assert!(page.contains("Tuesdays, Thursdays, 02:00 to 04:00, Europe/Berlin time"), "{page}");
    assert!(page.contains("ada, as the executor's own configuration says"), "{page}");

    // Nothing changed but the numbers: what was said before is shown with the new ones.
    unchanged["log_size"] = json!(8);
    assert!(heard(device.post("/v1/heartbeat", &unchanged).await).await["again"].is_null());
    let mut merged = said.clone();
    merged["log_size"] = json!(8);
    assert_eq!(stage.host().await["heartbeat"]["said"], merged);

    // There is no room for a sentence, a path or anything that is not agreed.
    for (key, bad) in [("agent", json!("a b")), ("colour", json!("red")), ("troubles", json!({ "x": 1 }))] {
        let mut bent = said.clone();
        bent["condition"]["now"][key] = bad;
        assert_eq!(device.post("/v1/heartbeat", &bent).await.status(), StatusCode::BAD_REQUEST, "{key}");
    }
    stage.revoke(&device).await;
    assert_eq!(device.post("/v1/heartbeat", &said).await.status(), StatusCode::FORBIDDEN);
}
