//! The hub and what watches over it: the service manager, and whoever reads the trace.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::process::{serve, terminate};
use crate::running::{Process, done, made, text};
use crate::stage::plain;

/// Reads what a service manager is told, one message after the other.
fn notified(socket: &UnixDatagram) -> String {
    let mut said = [0; 512];
    let n = socket.recv(&mut said).unwrap();
    String::from_utf8_lossy(&said[..n]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_hears_and_a_stop_answers_who_waits() {
    let (root, directory, secret) = made();
    let path = root.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = serve(&directory);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").env_remove("WATCHDOG_PID");
    let process = Process::started(command).let_in(&secret).await;
    assert!(notified(&socket).contains("READY=1"));
    for _ in 0..3 {
        assert!(notified(&socket).contains("WATCHDOG=1"));
    }
    let device = process.enrolled("clinic-7").await;
    // Somebody waits for orders for a minute, and somebody else is in the middle of sending: a stop answers both.
    let client = device.client.clone();
    let poll = client.get(format!("{}/v1/orders?wait_ms=60000", device.url)).send();
    let poll = tokio::spawn(poll);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let began = Instant::now();
    let mut child = process.child;
    let ended = tokio::task::spawn_blocking(move || terminate(&mut child));
    let answer = poll.await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(ended.await.unwrap(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    while !notified(&socket).contains("STOPPING=1") {}
    let checked = done(&["check", "--dir", text(&directory)]);
    assert_eq!(checked["hub"]["problems"], json!([]), "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_traced_names_no_person_and_no_address() {
    let (root, directory, secret) = made();
    let trace = root.path().join("trace");
    let mut command = serve(&directory);
    command.args(["--trace", "json"]).stderr(std::fs::File::create(&trace).unwrap());
    let process = Process::started(command).let_in(&secret).await;
    let device = process.enrolled("clinic-7").await;
    let new = json!({ "person": "tom-sawyer", "role": "technician", "reach": { "tenants": ["clinic-7"] } });
    assert_eq!(
        process.operate(Method::POST, "/api/v1/people", Some(new)).await.status(),
        StatusCode::CREATED
    );
    let wrong = json!({ "person": "tom-sawyer", "password": "not the password" });
    process.operate(Method::POST, "/api/v1/login", Some(wrong)).await;
    let kit = json!({ "from": "2026-10-01T00:00:00.000Z", "to": "2026-10-02T00:00:00.000Z", "by": "Becky Thatcher <becky@clinic.example>" });
    process.operate(Method::POST, "/api/v1/tenants/clinic-7/kits", Some(kit)).await;
    device.report("i-1", "suture.evidence-directory").await;
    let order = json!({ "runbook": "RB-FILE-001-own-directories", "person": "jane" });
    let order_path = format!("/api/v1/tenants/clinic-7/hosts/{}/incidents/i-1/order", device.sheet.host);
    process.operate(Method::POST, &order_path, Some(order)).await;
    // A peer without a certificate.
    let _ = plain().get(format!("https://localhost:{}/", process.device)).send().await;
    let mut child = process.child;
    assert_eq!(terminate(&mut child), Some(0));
    let trace = std::fs::read_to_string(trace).unwrap();
    let messages: Vec<Value> = trace.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = |what: &str| messages.iter().any(|m| m["fields"]["message"] == what);
    for what in ["the hub is ready", "enrolled", "a person orders"] {
        assert!(said(what), "{what}: {trace}");
    }
    for name in ["jane", "tom-sawyer", "Becky", "becky@", "clinic.example"] {
        assert!(!trace.contains(name), "{name} stands in {trace}");
    }
    // But for its own addresses, at the start.
    for message in messages.iter().filter(|m| m["fields"]["message"] != "the hub is ready") {
        assert!(!message.to_string().contains("127.0.0.1"), "{message}");
    }
}
