//! Who may use the operator plane, and what it says.

use std::io::{Read as _, Write as _};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Stage, parsed, plain};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_the_token_and_no_rebound_name() {
    let stage = Stage::start().await;
    let client = plain();
    for path in ["/api/v1/status", "/api/v1/nowhere"] {
        let url = stage.url(path);
        assert_eq!(client.get(&url).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
        let wrong = client.get(&url).bearer_auth("0".repeat(64)).send().await.unwrap();
        assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
        let rebound =
            client.get(&url).bearer_auth(stage.token()).header("host", "evil.example").send().await.unwrap();
        assert_eq!(rebound.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(stage.operate(Method::GET, "/api/v1/status", None).await.status(), StatusCode::OK);
    assert_eq!(stage.operate(Method::GET, "/api/v1/nowhere", None).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_and_sites_are_added_once_and_asked_for_by_name() {
    let stage = Stage::start().await;
    let post = |path: &'static str, body: Value| stage.operate(Method::POST, path, Some(body));
    assert_eq!(post("/api/v1/tenants", json!({ "tenant": "a" })).await.status(), StatusCode::CREATED);
    assert_eq!(post("/api/v1/tenants", json!({ "tenant": "a" })).await.status(), StatusCode::OK);
    assert_eq!(post("/api/v1/tenants", json!({ "tenant": "A*" })).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        post("/api/v1/tenants", json!({ "tenant": "a", "plan": 1 })).await.status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(post("/api/v1/tenants/a/sites", json!({ "site": "s" })).await.status(), StatusCode::CREATED);
    assert_eq!(post("/api/v1/tenants/a/sites", json!({ "site": "s" })).await.status(), StatusCode::OK);
    assert_eq!(post("/api/v1/tenants/b/sites", json!({ "site": "s" })).await.status(), StatusCode::NOT_FOUND);
    let enrolments = |path| stage.operate(Method::POST, path, None);
    assert_eq!(enrolments("/api/v1/tenants/a/sites/t/enrolments").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        stage.operate(Method::GET, "/api/v1/tenants/b/incidents", None).await.status(),
        StatusCode::NOT_FOUND
    );
    let unknown = format!("/api/v1/certificates/{}/revoke", contract::digest::Digest::of(b"none"));
    assert_eq!(stage.operate(Method::POST, &unknown, None).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_asked_for_and_that_comes_late_costs_no_answer() {
    let stage = Stage::start().await;
    stage.sheet("a", "s").await;
    let address = stage.url("").replace("http://", "");
    let token = stage.token();
    let said = tokio::task::spawn_blocking(move || {
        let mut peer = std::net::TcpStream::connect(&address).unwrap();
        let head = format!(
            "POST /api/v1/tenants/a/sites/s/enrolments HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n",
            token.trim()
        );
        peer.write_all(head.as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        peer.write_all(b"{}").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        let mut said = String::new();
        peer.read_to_string(&mut said).unwrap();
        said
    });
    let said = said.await.unwrap();
    assert!(said.starts_with("HTTP/1.1 201 "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_what_is_held_and_until_when() {
    let stage = Stage::start().await;
    let sheet = stage.sheet("clinic-6", "main").await;
    assert_eq!(stage.host().await["certificate"]["enrolled"], false);
    assert_eq!(stage.host().await["host"], sheet.host.as_str());
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    device.log.write_filler();
    parsed::<Value>(device.deliver(0).await).await;
    let host = stage.host().await;
    assert_eq!((&host["evidence"], &host["alarms"]), (&json!(2), &json!(0)));
    assert_eq!(host["certificate"]["enrolled"], true);
    assert!(host["seen"].is_string() && host["certificate"]["expires"].is_string());
}
