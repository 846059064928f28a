//! Spans to a collector: what comes there, and that nobody's name does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::process::{serve, terminate};
use crate::running::{Process, made};

/// A collector that takes everything, and tells path and body.
fn collector() -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (told, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut first, mut length) = (String::new(), 0);
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(("content-length", value)) = line.trim_end().to_ascii_lowercase().split_once(": ")
                {
                    length = value.parse().unwrap();
                }
                if line == "\r\n" || line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            reader.get_mut().write_all(answer).unwrap();
            let _ = told.send((first, String::from_utf8(body).unwrap()));
        }
    });
    (url, heard)
}

fn spans(body: &str) -> Vec<Value> {
    let parsed: Value = serde_json::from_str(body).unwrap();
    let resources = parsed["resourceSpans"].as_array().unwrap().clone();
    let scopes = resources.into_iter().flat_map(|r| r["scopeSpans"].as_array().unwrap().clone());
    scopes.flat_map(|scope| scope["spans"].as_array().unwrap().clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_decisions_are_told_to_a_collector_and_nobodys_name_is() {
    let (_root, directory, secret) = made();
    let (url, heard) = collector();
    let mut command = serve(&directory);
    command.args(["--otlp", &url]);
    let mut hub = Process::started(command).let_in(&secret).await;
    let device = hub.enrolled("clinic-of-doctor-who").await;
    device.report("i-1", "suture.evidence-directory").await;
    assert_eq!(device.orders(10_000).await.orders.len(), 1);
    hub.operate(Method::GET, "/api/v1/nowhere/of/that/name", None).await;
    hub.operate(Method::from_bytes(b"DOCTOR-WHO").unwrap(), "/api/v1/tenants", None).await;
    assert_eq!(terminate(&mut hub.child), Some(0));

    let mut bodies = String::new();
    let mut all = Vec::new();
    while let Ok((first, body)) = heard.recv_timeout(Duration::from_secs(1)) {
        assert_eq!(first.trim_end(), "POST /v1/traces HTTP/1.1");
        all.extend(spans(&body));
        bodies.push_str(&body);
    }
    let named = |name: &str| all.iter().find(|span| span["name"] == name);
    let said = |span: &Value, key: &str| {
        let all = span["attributes"].as_array().unwrap();
        all.iter().find(|each| each["key"] == key).map(|each| each["value"].to_string())
    };
    let reported = named("POST /v1/incidents").expect("no span of the report");
    assert_eq!(said(reported, "suture.plane").unwrap(), r#"{"stringValue":"device"}"#);
    assert!(said(reported, "http.response.status_code").unwrap().contains("200"));
    let decided = named("decide").expect("no span of the decision");
    assert!(said(decided, "suture.choice").unwrap().contains("RB-FILE-001-own-directories"));
    let made = named("POST /api/v1/tenants/{tenant}/sites").expect("no span of the operator plane");
    assert_eq!(said(made, "suture.plane").unwrap(), r#"{"stringValue":"operator"}"#);
    assert!(all.iter().any(|span| said(span, "http.request.method").is_some_and(|it| it.contains("_OTHER"))));
    for secret in
        ["doctor-who", "DOCTOR-WHO", "jane", "i-1\"", device.sheet.host.as_str(), "nowhere", "127.0.0.1"]
    {
        assert!(!bodies.contains(secret), "{secret} was told to the collector: {bodies}");
    }
}

#[test]
fn a_collector_is_an_address_or_the_hub_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    for bad in ["ftp://x", "nonsense", "http://me@x", "http://x/?token=1"] {
        let output = serve(directory.path()).args(["--otlp", bad]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{bad}");
    }
}
