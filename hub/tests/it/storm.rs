//! Devices that send too much, too slowly, or nonsense: each ends bounded, and the hub goes on serving the others.

use std::time::Duration;

use hub::config::{Bounds, Patience, Rate, Rates};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::refused::raw;
use crate::stage::{Device, Stage, drift};

/// A second for everything, so that a test does not take minutes.
fn impatient() -> Bounds {
    let second = Duration::from_secs(1);
    let patience = Patience { handshake: 2 * second, head: second, body: second, unread: second };
    Bounds { patience, ..Bounds::default() }
}

async fn report(device: &Device, n: usize) -> Response {
    device.post("/v1/incidents", &drift(&format!("i-{n}"), "suture.evidence-directory")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenants_storm_is_only_its_own() {
    let incidents = Rate { per_second: 5, burst: 20 };
    let rates = Rates { incidents, ..Rates::default() };
    let stage = Stage::start_within(Bounds { rates, connections_each: 64, ..Bounds::default() }).await;
    let (storming, other) = (stage.enrolled("a").await, stage.enrolled("b").await);
    let (storming_b, calm) = (stage.enrolled("a").await, stage.enrolled("b").await);
    let mut storm = JoinSet::new();
    for n in 0..48 {
        let from = if n % 2 == 0 { &storming } else { &storming_b };
        let (client, url) = (from.client.clone(), format!("{}/v1/incidents", from.url));
        let body = drift(&format!("i-{n}"), "suture.evidence-directory");
        storm.spawn(async move { client.post(url).json(&body).send().await.unwrap() });
    }
    // Two hosts of another tenant, at the same time: all that they send is taken.
    for n in 0..9 {
        assert_eq!(report(&other, n).await.status(), StatusCode::OK, "{n}");
        assert_eq!(report(&calm, n).await.status(), StatusCode::OK, "{n}");
    }
    assert_eq!(calm.deliver(0).await.status(), StatusCode::OK);
    // The storm's own tenant goes on being heard in everything else.
    assert_eq!(storming.deliver(0).await.status(), StatusCode::OK);
    assert_eq!(storming.get("/v1/orders").await.status(), StatusCode::OK);

    let (mut taken, mut put_off) = (0, 0);
    for answer in storm.join_all().await {
        match answer.status() {
            StatusCode::OK => taken += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                let after = answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
                assert!((1..=6).contains(&after), "{after}");
                put_off += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!((20..=30).contains(&taken) && put_off >= 18, "{taken} taken, {put_off} put off");
    // Whoever comes again when told is taken.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(report(&storming, 100).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_measured_of_evidence_is_its_bytes_and_heartbeats_have_a_measure_too() {
    let (heartbeats, evidence_kb) = (Rate { per_second: 1, burst: 2 }, Rate { per_second: 1, burst: 2 });
    let rates = Rates { heartbeats, evidence_kb, ..Rates::default() };
    let stage = Stage::start_within(Bounds { rates, ..Bounds::default() }).await;
    let mut device = stage.enrolled("a").await;
    for _ in 0..20 {
        device.log.write_filler();
    }
    assert_eq!(device.deliver(0).await.status(), StatusCode::OK, "the first is taken, however large it is");
    let refused = device.deliver(21).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let after = refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
    assert!(after >= 4, "{after} s for seven kilobytes at one a second");
    let mut beats = Vec::new();
    for _ in 0..3 {
        // What does not parse counts as well.
        beats.push(device.post("/v1/heartbeat", &json!({})).await.status());
    }
    assert_eq!(beats, [StatusCode::BAD_REQUEST, StatusCode::BAD_REQUEST, StatusCode::TOO_MANY_REQUESTS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_hang_fill_their_own_tenants_room_and_no_memory() {
    let bounds = Bounds { bodies_kb: 20_000, bodies_kb_each: 10_000, ..Bounds::default() };
    let stage = Stage::start_within(bounds).await;
    let (hanging, other) = (stage.enrolled("a").await, stage.enrolled("b").await);
    let head = b"POST /v1/evidence HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5000000\r\n\r\n{";
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut connection = raw(&hanging).await;
        connection.write_all(head).await.unwrap();
        open.push(connection);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(other.deliver(0).await.status(), StatusCode::OK);
    let mut late = raw(&hanging).await;
    late.write_all(head).await.unwrap();
    let (took, said) = until_closed(&mut late).await;
    assert!(said.starts_with("HTTP/1.1 429") && said.contains("retry-after: 5"), "{said}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert_eq!(hanging.get("/v1/orders").await.status(), StatusCode::OK);
    // What hung is gone, and so there is room.
    drop(open);
    assert_eq!(hanging.deliver(0).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_counts_before_it_is_read() {
    let rates = Rates { evidence_kb: Rate { per_second: 1, burst: 100 }, ..Rates::default() };
    let stage = Stage::start_within(Bounds { rates, ..Bounds::default() }).await;
    let device = stage.enrolled("a").await;
    let mut connection = raw(&device).await;
    let head = b"POST /v1/evidence HTTP/1.1\r\nhost: localhost\r\ncontent-length: 200000\r\n\r\n{";
    connection.write_all(head).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(device.deliver(0).await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_machine_asks_counts_and_only_for_itself() {
    let rates = Rates { requests_each: Rate { per_second: 2, burst: 4 }, ..Rates::default() };
    let stage = Stage::start_within(Bounds { rates, ..Bounds::default() }).await;
    let (other, csr) = (stage.enrolled("a").await, json!({ "csr": "none" }));
    for path in [
        "/v1/standing",
        "/v1/papers",
        "/v1/papers/baseline",
        "/v1/orders?wait_ms=0",
        "/v1/evidence",
        "/v1/evidence/entries?from=0",
        "/v1/renew",
        "/v1/heartbeat",
        "/v1/orders/o-1/answer",
        "/v1/break-glass/1/answer",
        "/v1/nowhere",
    ] {
        let asks_in_a_loop = stage.enrolled("a").await;
        let mut put_off = 0;
        for _ in 0..12 {
            let answer = match path {
                "/v1/renew" | "/v1/heartbeat" => asks_in_a_loop.post(path, &csr).await,
                path if path.ends_with("/answer") => asks_in_a_loop.post(path, &csr).await,
                path => asks_in_a_loop.get(path).await,
            };
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                assert!(answer.headers().contains_key("retry-after"), "{path}");
                put_off += 1;
                break;
            }
        }
        assert_eq!(put_off, 1, "{path} has no measure");
    }
    assert_eq!(other.get("/v1/standing").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_machines_together_have_a_measure_of_requests() {
    let rates = Rates { requests: Rate { per_second: 1, burst: 6 }, ..Rates::default() };
    let stage = Stage::start_within(Bounds { rates, ..Bounds::default() }).await;
    let (one, two, other) = (stage.enrolled("a").await, stage.enrolled("a").await, stage.enrolled("b").await);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(one.get("/v1/papers").await.status());
        statuses.push(two.get("/v1/papers").await.status());
    }
    assert!(statuses.contains(&StatusCode::OK), "{statuses:?}");
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    assert_eq!(other.get("/v1/papers").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_certificate_has_a_few_connections_and_takes_none_of_anybody_elses() {
    let stage = Stage::start_within(Bounds { connections_each: 4, ..Bounds::default() }).await;
    let (greedy, other) = (stage.enrolled("a").await, stage.enrolled("b").await);
    let mut held = raw(&other).await;
    let mut all = Vec::new();
    for _ in 0..10 {
        all.push(raw(&greedy).await);
    }
    let mut open = Vec::new();
    for (n, connection) in all.iter_mut().enumerate() {
        if is_served(connection).await {
            open.push(n);
        }
    }
    assert_eq!(open, [6, 7, 8, 9]);
    assert!(is_served(&mut held).await);
}

async fn is_served(connection: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) -> bool {
    let asked = connection.write_all(b"GET /v1/evidence HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut answer = [0; 12];
    asked.is_ok() && connection.read_exact(&mut answer).await.is_ok() && &answer == b"HTTP/1.1 200"
}

/// How long it takes until the peer closes.
async fn until_closed(connection: &mut (impl AsyncReadExt + Unpin)) -> (Duration, String) {
    let (began, mut said) = (Instant::now(), Vec::new());
    let closed = timeout(Duration::from_secs(20), connection.read_to_end(&mut said)).await;
    assert!(closed.is_ok(), "it is still open");
    (began.elapsed(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_bodies_and_huge_headers_end_and_others_are_served_meanwhile() {
    let stage = Stage::start_within(Bounds { connections_each: 200, ..impatient() }).await;
    let (slow, other) = (stage.enrolled("a").await, stage.enrolled("b").await);
    let mut dripping = JoinSet::new();
    for n in 0..100 {
        let mut connection = raw(&slow).await;
        let begins: &[u8] = if n % 2 == 0 {
            b"GET /v1/evidence HTTP/1.1\r\nhost: localhost\r\nx: "
        } else {
            b"POST /v1/incidents HTTP/1.1\r\nhost: localhost\r\ncontent-length: 60000\r\n\r\n"
        };
        dripping.spawn(async move {
            let began = Instant::now();
            let mut alive = connection.write_all(begins).await.is_ok();
            // A byte every tenth of a second, for as long as it is let.
            while alive && began.elapsed() < Duration::from_secs(20) {
                tokio::time::sleep(Duration::from_millis(100)).await;
                alive = connection.write_all(b"a").await.is_ok() && connection.flush().await.is_ok();
            }
            (began.elapsed(), alive)
        });
    }
    for n in 0..10 {
        assert_eq!(report(&other, n).await.status(), StatusCode::OK);
        assert_eq!(other.get("/v1/orders").await.status(), StatusCode::OK);
    }
    for (took, alive) in dripping.join_all().await {
        assert!(!alive && took < Duration::from_secs(15), "a slow one was borne for {took:?}");
    }
    for huge in [vec![b'a'; 200_000], b"x: y\r\n".repeat(40_000)] {
        let mut connection = raw(&slow).await;
        let _ = connection.write_all(b"GET /v1/evidence HTTP/1.1\r\nhost: localhost\r\nx: ").await;
        let _ = connection.write_all(&huge).await;
        let (_, said) = until_closed(&mut connection).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
    }
    // One that says that it sends less than its limit, and one that does not stop.
    let chunk = [b"10000\r\n".to_vec(), vec![b'a'; 65_536], b"\r\n".to_vec()].concat();
    let mut endless = raw(&slow).await;
    let head = b"POST /v1/incidents HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut sent = endless.write_all(head).await.is_ok();
    let began = Instant::now();
    while sent && began.elapsed() < Duration::from_secs(20) {
        sent = endless.write_all(&chunk).await.is_ok();
    }
    assert!(!sent, "a body without an end was read");
    assert_eq!(other.get("/v1/evidence").await.status(), StatusCode::OK);
}

/// How many at once, unless `SUTURE_HALF_OPEN` says more: each is two files of this process, so more than a shell's limit takes.
const HALF_OPEN: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn half_open_handshakes_keep_nobody_out() {
    let many = std::env::var("SUTURE_HALF_OPEN").map_or(HALF_OPEN, |many| many.parse().unwrap());
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = rustix::process::Rlimit { current: files.maximum, ..files };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, most).unwrap();
    let stage = Stage::start_within(Bounds { lobby: many / 10, ..impatient() }).await;
    let device = stage.enrolled("a").await;
    let port = stage.running.device().port();
    let (mut half_open, mut served) = (Vec::new(), 0);
    for n in 0..many {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // Nothing at all; the beginning of a record that never comes; what is no TLS. One that was shut out already takes none of it.
        let _ = match n % 3 {
            0 => Ok(()),
            1 => stream.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).await,
            _ => stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await,
        };
        half_open.push(stream);
        if n % 100 == 0 {
            // Somebody new comes in each time.
            let mut connection = raw(&device).await;
            assert!(is_served(&mut connection).await, "{n}");
            served += 1;
        }
    }
    let began = Instant::now();
    for mut stream in half_open {
        let mut end = Vec::new();
        let limit = Duration::from_secs(10).saturating_sub(began.elapsed());
        let closed = timeout(limit, stream.read_to_end(&mut end)).await;
        assert!(closed.is_ok(), "a half-open handshake is still borne");
    }
    assert!(is_served(&mut raw(&device).await).await);
    println!("{many} half-open handshakes, {served} others served meanwhile, all of the first shut");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_devices_that_come_at_once_are_all_let_in() {
    let bounds = Bounds { connections_each: 256, ..Bounds::default() };
    assert!(bounds.lobby >= 10_000, "ten thousand could not wait");
    let stage = Stage::start_within(bounds).await;
    let device = stage.enrolled("a").await;
    let (port, sheet) = (stage.running.device().port(), device.sheet.clone());
    let mut coming = JoinSet::new();
    for _ in 0..200 {
        let (certificate, key) = (device.certificate.clone(), device.key.pem());
        let authority = sheet.hub_authority.clone();
        coming.spawn(async move {
            let tls = identity::client_config(&authority, &certificate, &key).unwrap();
            let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(tls));
            let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
            is_served(&mut stream).await
        });
    }
    assert!(coming.join_all().await.into_iter().all(|served| served), "somebody was refused");
}

/// Bodies of any kind: bytes, JSON of any shape, and what belongs there with something else in it.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
    ];
    let any_json = leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map("[a-z_]{1,12}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let bent = (0..4_usize, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(which, at, byte)| {
        let good = [
            drift("i-1", "suture.evidence-directory"),
            json!({ "from": 0, "entries": ["{}"], "checkpoint": "x" }),
            json!({ "order": "o-1", "outcome": "healed", "refusal": null, "seq": 3 }),
            json!({ "token": "t", "secret": "s", "csr": "c", "evidence_key": "k" }),
        ];
        let mut bytes = good[which].to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes
    });
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        any_json.prop_map(|json| json.to_string().into_bytes()),
        bent,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_to_any_route_is_answered_and_none_of_it_is_our_fault() {
    let stage = Stage::start().await;
    let device = stage.enrolled("a").await;
    let mut runner = TestRunner::deterministic();
    let (paths, words) = (hub::serve::device_routes(), "[a-z0-9%./-]{1,20}");
    assert!(paths.len() >= 13, "{paths:?}");
    for (method, path) in paths {
        for _ in 0..40 {
            let body = bodies().new_tree(&mut runner).unwrap().current();
            let word = words.new_tree(&mut runner).unwrap().current();
            let filled = match path.split_once('{') {
                Some((before, after)) => format!("{before}{word}{}", after.split_once('}').unwrap().1),
                None if word.len() % 2 == 0 => format!("{path}?{word}={word}"),
                None => path.to_owned(),
            };
            let asked = device.client.request(method.parse().unwrap(), format!("{}{filled}", device.url));
            let answer = asked.body(body.clone()).send().await.unwrap();
            let status = answer.status();
            let told = answer.text().await.unwrap();
            let at = format!("{method} {filled} {:?}: {status} {told}", String::from_utf8_lossy(&body));
            assert!(!status.is_server_error(), "{at}");
            assert!(serde_json::from_str::<Value>(&told).is_ok(), "{at}");
        }
    }
    assert_eq!(device.get("/v1/evidence").await.status(), StatusCode::OK);
}
