//! What happens, as it happens: for whom, from where on, and until when.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::people::{Somebody, invited, technician_of};
use crate::stage::{Stage, plain};

/// One event.
#[derive(Debug)]
struct Told {
    event: String,
    id: String,
    data: Value,
}

/// A stream that is read.
struct Stream {
    response: reqwest::Response,
    said: String,
}

impl Stream {
    async fn open(stage: &Stage, secret: &str, last: Option<&str>) -> Self {
        let mut request = plain().get(stage.url("/api/v1/events")).bearer_auth(secret);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, said: String::new() }
    }

    /// The next event; none where the stream has ended.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((block, rest)) = self.said.split_once("\n\n") {
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                        .map(str::to_owned)
                };
                let told = field("event").map(|event| Told {
                    event,
                    id: field("id").unwrap(),
                    data: serde_json::from_str(&field("data").unwrap()).unwrap(),
                });
                let rest = rest.to_owned();
                self.said = rest;
                match told {
                    Some(told) => return Some(told),
                    None => continue,
                }
            }
            let piece = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            let piece = piece.expect("nothing is told").ok().flatten()?;
            self.said.push_str(&String::from_utf8_lossy(&piece));
        }
    }
}

/// Something of a tenant that is told at once.
async fn happens(stage: &Stage, tenant: &str) -> String {
    stage.sheet(tenant, "main").await.host.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_told_of_their_own_tenants_and_goes_on_where_they_were() {
    let stage = Stage::start().await;
    happens(&stage, "a").await;
    let of_a = invited(&stage, technician_of("a")).await;
    let mut stream = Stream::open(&stage, &of_a.secret, None).await;
    assert_eq!(stream.next().await.unwrap().event, "ready", "what was before is nobody's news");
    let hidden = happens(&stage, "b").await;
    let shown = happens(&stage, "a").await;
    let told = stream.next().await.unwrap();
    assert_eq!((told.event.as_str(), &told.data["host"]), ("enrolment", &json!(shown)));
    assert_eq!(told.data["tenant"], "a");
    drop(stream);
    // Away for a while; then from the last one on, and from one that is no place here.
    happens(&stage, "b").await;
    let missed = happens(&stage, "a").await;
    let mut stream = Stream::open(&stage, &of_a.secret, Some(&told.id)).await;
    assert_eq!(stream.next().await.unwrap().event, "ready");
    let told = stream.next().await.unwrap();
    assert_eq!(told.data["host"], json!(missed));
    assert!(!format!("{}{told:?}", stream.said).contains(&hidden));
    let mut elsewhere = Stream::open(&stage, &of_a.secret, Some("0123456789abcdef.7")).await;
    assert_eq!(elsewhere.next().await.unwrap().event, "reset");
    let no_place = plain().get(stage.url("/api/v1/events")).bearer_auth(&of_a.secret);
    let no_place = no_place.header("last-event-id", "x").send().await.unwrap();
    assert_eq!(no_place.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heal_is_told_from_the_incident_to_the_evidence() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let mut stream = Stream::open(&stage, &stage.token(), None).await;
    assert_eq!(stream.next().await.unwrap().event, "ready");
    device.report("i-1", crate::incidents::CONTROL).await;
    let mut seen = Vec::new();
    while !seen.contains(&"order".to_owned()) {
        let told = stream.next().await.unwrap();
        assert_eq!(told.data["incident"], "i-1", "{told:?}");
        seen.push(told.event);
    }
    assert_eq!(seen[0], "incident");
    device.log.write_filler();
    device.deliver(0).await;
    let told = stream.next().await.unwrap();
    assert_eq!((told.event.as_str(), &told.data["size"]), ("evidence", &json!(2)));
}

/// The stream ends, and soon: nothing is waited for.
async fn ends(mut stream: Stream, why: &str) {
    let ended =
        tokio::time::timeout(Duration::from_secs(5), async { while stream.next().await.is_some() {} });
    assert!(ended.await.is_ok(), "the stream goes on after {why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_session_its_key_and_any_change_of_what_somebody_is() {
    let stage = Stage::start().await;
    happens(&stage, "a").await;
    let change = async |path: &str, body: Value| {
        assert_eq!(stage.operate(Method::POST, path, Some(body)).await.status(), StatusCode::OK, "{path}");
    };
    let person = |name: &str| json!({ "person": name, "role": "technician", "reach": { "tenants": ["a"] } });
    let follow = async |who: &Somebody| {
        let mut stream = Stream::open(&stage, &who.secret, None).await;
        assert_eq!(stream.next().await.unwrap().event, "ready");
        stream
    };
    let leaves = invited(&stage, person("leaves")).await;
    let stream = follow(&leaves).await;
    assert_eq!(leaves.ask("POST", "/api/v1/logout", None).await.status(), StatusCode::OK);
    ends(stream, "a logout").await;

    let changed = invited(&stage, person("changed")).await;
    let stream = follow(&changed).await;
    change("/api/v1/people/changed/role", json!({ "role": "technician", "reach": { "tenants": [] } })).await;
    ends(stream, "a change of role").await;

    let closed = invited(&stage, person("closed")).await;
    let stream = follow(&closed).await;
    change("/api/v1/people/closed/disabled", json!({ "disabled": true })).await;
    ends(stream, "the account was closed").await;

    let keeps = invited(&stage, person("keeps")).await;
    let new = json!({ "reach": { "tenants": ["a"] }, "rights": ["events-read"], "days": 1 });
    let key: Value = keeps.ask("POST", "/api/v1/me/keys", Some(&new)).await.json().await.unwrap();
    let stream = follow(&Somebody::new(&stage, key["key"].as_str().unwrap())).await;
    let own = follow(&keeps).await;
    let revoke = format!("/api/v1/me/keys/{}/revoke", key["id"].as_str().unwrap());
    assert_eq!(keeps.ask("POST", &revoke, None).await.status(), StatusCode::OK);
    ends(stream, "the key was revoked").await;
    // And who was not meant goes on.
    let mut own = own;
    let shown = happens(&stage, "a").await;
    assert_eq!(own.next().await.unwrap().data["host"], json!(shown));
}
