//! How operators reach their plane: on loopback, through a proxy of this machine, or over TLS of the hub's own.

use std::io::Read as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hub::config::{Config, Door};
use hub::serve::{Running, StartError, start};
use reqwest::{Certificate, Client, Response, StatusCode};
use serde_json::json;

use crate::people::{FIRST, PASSWORD};
use crate::stage::{config, plain};

const NAME: &str = "hub.example";

/// A certificate for [`NAME`] that vouches for itself, in two files of `directory`.
fn certificate(directory: &Path) -> (PathBuf, PathBuf, String) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let (certificate, key) = (directory.join("operators.pem"), directory.join("operators.key"));
    std::fs::write(&certificate, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    (certificate, key, cert.pem())
}

fn named() -> hub::config::HubName {
    NAME.parse().unwrap()
}

async fn opened(directory: &Path, door: Door) -> Running {
    start(&Config { door, ..config(directory) }).await.unwrap()
}

async fn log_in(client: &Client, url: &str, password: &str, headers: &[(&str, &str)]) -> Response {
    let body = json!({ "person": FIRST, "password": password });
    let request = client.post(format!("{url}/api/v1/login")).json(&body);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plane_with_a_certificate_speaks_tls_and_nothing_else() {
    let (directory, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (certificate, key, pem) = certificate(files.path());
    let running = opened(directory.path(), Door::Tls { name: named(), certificate, key }).await;
    let (operator, link) = (running.operator(), running.first_run().unwrap().to_owned());
    assert!(link.starts_with(&format!("https://{NAME}:{}/join#", operator.port())), "{link}");

    let _ = rustls::crypto::ring::default_provider().install_default();
    let root = Certificate::from_pem(pem.as_bytes()).unwrap();
    let client = Client::builder().no_proxy().tls_certs_only([root]).resolve(NAME, operator).build().unwrap();
    let url = format!("https://{NAME}:{}", operator.port());
    let secret = link.split_once('#').unwrap().1;
    let body = json!({ "secret": secret, "person": FIRST, "password": PASSWORD });
    let joined = client.post(format!("{url}/api/v1/join")).json(&body).send().await.unwrap();
    assert_eq!(joined.status(), StatusCode::CREATED);
    assert_eq!(joined.headers()["strict-transport-security"], "max-age=31536000");
    let cookie = joined.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-suture_session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");

    let other = log_in(&client, &url, PASSWORD, &[("host", "evil.example")]).await;
    assert_eq!(other.status(), StatusCode::FORBIDDEN, "it answers to any name");
    // One place does not take every seat: what it opens beyond its own is closed.
    let many: Vec<TcpStream> = (0..160).map(|_| TcpStream::connect(operator).unwrap()).collect();
    let closed = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_secs(2));
        let is_closed = |mut stream: &TcpStream| {
            stream.set_nonblocking(true).unwrap();
            matches!(stream.read(&mut [0; 1]), Ok(0))
        };
        (many.iter().filter(|stream| is_closed(stream)).count(), many)
    });
    let (closed, many) = closed.await.unwrap();
    assert!((32..48).contains(&closed), "{closed} of 160 connections of one place were closed");
    drop(many);
    // Its seats are free again once its connections are gone.
    for tries in 0.. {
        match client.get(format!("{url}/login")).send().await {
            Ok(answer) if answer.status() == StatusCode::OK => break,
            other => assert!(tries < 100, "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let clear = plain().get(format!("http://{operator}/api/v1/status")).send().await;
    assert!(clear.is_err(), "it answered in the clear: {clear:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_sources_are_those_that_it_names_and_otherwise_nobody_is_believed() {
    for (door, believed) in [(Door::Proxy { name: named() }, true), (Door::Loopback, false)] {
        let directory = tempfile::tempdir().unwrap();
        let running = opened(directory.path(), door).await;
        let url = format!("http://{}", running.operator());
        let from = |source: &'static str| [("x-forwarded-for", source)];
        // Each names an account of its own, so that only the source is slowed.
        for n in 0..30 {
            let body = json!({ "person": format!("nobody-{n}"), "password": "not the password" });
            let tried = plain().post(format!("{url}/api/v1/login")).json(&body);
            let tried = tried.header("x-forwarded-for", "10.0.0.1, 203.0.113.7").send().await.unwrap();
            assert_eq!(tried.status(), StatusCode::UNAUTHORIZED, "{n}");
        }
        let same = log_in(&plain(), &url, PASSWORD, &from("203.0.113.7")).await.status();
        assert_eq!(same, StatusCode::TOO_MANY_REQUESTS);
        let other = log_in(&plain(), &url, PASSWORD, &from("203.0.113.8")).await.status();
        let expected = if believed { StatusCode::UNAUTHORIZED } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(other, expected, "believed: {believed}");
        let named = log_in(&plain(), &url, PASSWORD, &[("host", NAME)]).await.status();
        assert_eq!(named == StatusCode::FORBIDDEN, !believed, "{named}");
        running.stop().await;
    }
}

#[tokio::test]
async fn without_a_certificate_it_is_on_loopback_or_nowhere() {
    let (directory, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let operator = "0.0.0.0:0".parse().unwrap();
    for door in [Door::Loopback, Door::Proxy { name: named() }] {
        let refused = start(&Config { door, operator, ..config(directory.path()) }).await.unwrap_err();
        assert!(matches!(refused, StartError::NotLoopback(_)), "{refused:?}");
    }
    let (certificate, key, _) = certificate(files.path());
    let other = tempfile::tempdir().unwrap();
    let (_, other, _) = self::certificate(other.path());
    for (certificate, key) in [(certificate.clone(), other), (key.clone(), key.clone())] {
        let door = Door::Tls { name: named(), certificate, key };
        let refused = start(&Config { door, operator, ..config(directory.path()) }).await.unwrap_err();
        assert!(matches!(refused, StartError::Door(_)), "{refused:?}");
    }
    let door = Door::Tls { name: named(), certificate, key };
    start(&Config { door, operator, ..config(directory.path()) }).await.unwrap().stop().await;
}
