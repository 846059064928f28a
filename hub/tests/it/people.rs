//! People at the operator plane: how they come in, what they may, what is written down, and what a browser is kept from.

use std::path::Path;
use std::process::Command;

use contract::kit::HubKeys;
use contract::people::{Invited, KeyMade, SessionOpened};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Stage, parsed, plain};

/// The first person of every rig. Tests that order do so in this name.
pub(crate) const FIRST: &str = "jane";
pub(crate) const PASSWORD: &str = "a password of a rig";

/// Makes the first account through the hub's link, and keeps its session where the rig and its commands look for it.
pub(crate) async fn first_account(directory: &Path, operator: &str, link: &str) {
    let (at, secret) = link.split_once('#').unwrap();
    assert_eq!(at, format!("http://{operator}/join"));
    let body = json!({ "secret": secret, "person": FIRST, "password": PASSWORD });
    let joined = plain().post(format!("http://{operator}/api/v1/join")).json(&body).send().await.unwrap();
    let opened: SessionOpened = parsed(joined).await;
    edge::file::write_durably(&directory.join("operator.token"), opened.session.as_bytes()).unwrap();
}

/// Somebody at a hub.
pub(crate) struct Somebody {
    client: Client,
    url: String,
    pub(crate) secret: String,
}

impl Somebody {
    pub(crate) fn new(stage: &Stage, secret: &str) -> Self {
        Self { client: plain(), url: stage.url(""), secret: secret.to_owned() }
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        let method: Method = method.parse().unwrap();
        let request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.secret);
        match body {
            Some(body) => request.json(body).send().await.unwrap(),
            None => request.send().await.unwrap(),
        }
    }

    async fn status(&self, method: &str, path: &str, body: Option<&Value>) -> StatusCode {
        self.ask(method, path, body).await.status()
    }
}

pub(crate) async fn log_in(stage: &Stage, person: &str, password: &str, code: Option<&str>) -> Response {
    let mut body = json!({ "person": person, "password": password });
    if let Some(code) = code {
        body["code"] = code.into();
    }
    plain().post(stage.url("/api/v1/login")).json(&body).send().await.unwrap()
}

/// Invites somebody and has them come in.
pub(crate) async fn invited(stage: &Stage, new: Value) -> Somebody {
    let made = stage.operate(Method::POST, "/api/v1/people", Some(new.clone())).await;
    let Invited { secret, .. } = parsed(made).await;
    let body = json!({ "secret": secret, "person": new["person"], "password": PASSWORD });
    let joined = plain().post(stage.url("/api/v1/join")).json(&body).send().await.unwrap();
    let opened: SessionOpened = parsed(joined).await;
    Somebody::new(stage, &opened.session)
}

pub(crate) fn technician_of(tenant: &str) -> Value {
    json!({ "person": format!("of-{tenant}"), "role": "technician", "reach": { "tenants": [tenant] } })
}

/// What the verifier says of the hub's own log, and the log's bytes.
fn verified(directory: &Path, key: &str) -> (Value, String) {
    let program = std::path::PathBuf::from(env!("CARGO_BIN_EXE_suture-hub")).with_file_name("suture-verify");
    assert!(program.exists(), "{} is not built: cargo build --workspace", program.display());
    let log = directory.join("own-log");
    let output = Command::new(program).arg(&log).args(["--key", key, "--json"]).output().unwrap();
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 10)), "{code:?} {}", String::from_utf8_lossy(&output.stdout));
    (serde_json::from_slice(&output.stdout).unwrap(), own_log(directory))
}

/// The bytes of the hub's own log, as far as they are published.
pub(crate) fn own_log(directory: &Path) -> String {
    let log = directory.join("own-log");
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(log.join("tile/entries")).unwrap() {
        let path = entry.unwrap().path();
        let files = if path.is_dir() {
            std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).collect()
        } else {
            vec![path]
        };
        for file in &files {
            bytes.extend(std::fs::read(file).unwrap());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_account_is_made_once_by_the_link_and_there_is_no_other_way_in() {
    let directory = tempfile::tempdir().unwrap();
    let running = hub::serve::start(&crate::stage::config(directory.path())).await.unwrap();
    let link = running.first_run().unwrap().to_owned();
    let secret = link.split_once('#').unwrap().1;
    let url = format!("http://{}/api/v1", running.operator());
    let join = async |secret: &str, person: &str, password: &str| {
        let body = json!({ "secret": secret, "person": person, "password": password });
        plain().post(format!("{url}/join")).json(&body).send().await.unwrap().status()
    };
    let database = std::fs::read(directory.path().join("people.db-wal")).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&database).contains(secret), "the link is kept in the clear");
    for (person, password) in [("admin", "admin"), ("admin", "suture-suture"), ("root", "password1234")] {
        let body = json!({ "person": person, "password": password });
        let tried = plain().post(format!("{url}/login")).json(&body).send().await.unwrap();
        assert_eq!(tried.status(), StatusCode::UNAUTHORIZED, "a default password");
    }
    assert_eq!(join(&secret.replace("suture-i-", "suture-s-"), "ada", PASSWORD).await, StatusCode::FORBIDDEN);
    assert_eq!(join(&format!("suture-i-{}", "0".repeat(64)), "ada", PASSWORD).await, StatusCode::FORBIDDEN);
    assert_eq!(join(secret, "ada", "short").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(join(secret, "ada", PASSWORD).await, StatusCode::CREATED);
    assert_eq!(join(secret, "eve", PASSWORD).await, StatusCode::FORBIDDEN, "the link worked twice");
    running.stop().await;
    let again = hub::serve::start(&crate::stage::config(directory.path())).await.unwrap();
    assert_eq!(again.first_run(), None, "a hub with people made another link");
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_nobody_used_is_another_one_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let config = crate::stage::config(directory.path());
    let running = hub::serve::start(&config).await.unwrap();
    let first = running.first_run().unwrap().split_once('#').unwrap().1.to_owned();
    running.stop().await;
    let running = hub::serve::start(&config).await.unwrap();
    assert!(!running.first_run().unwrap().ends_with(&first));
    let body = json!({ "secret": first, "person": "ada", "password": PASSWORD });
    let url = format!("http://{}/api/v1/join", running.operator());
    let joined = plain().post(url).json(&body).send().await.unwrap();
    assert_eq!(joined.status(), StatusCode::FORBIDDEN, "the link before still works");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_and_a_restart_does_not_help() {
    let stage = Stage::start().await;
    for _ in 0..3 {
        assert_eq!(log_in(&stage, FIRST, "not the password", None).await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(log_in(&stage, "nobody-at-all", PASSWORD, None).await.status(), StatusCode::UNAUTHORIZED);
    let slowed = log_in(&stage, FIRST, PASSWORD, None).await;
    assert_eq!(slowed.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(slowed.headers().contains_key("retry-after"));
    // The fourth wrong guess, as soon as it may be made, costs twice as much: longer than a restart takes.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    for (wait, failures) in [(2100, 4), (4100, 5), (0, 6)] {
        let guess = log_in(&stage, FIRST, "not the password", None).await;
        assert_eq!(guess.status(), StatusCode::UNAUTHORIZED, "after {failures}");
        tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    }
    let stage = stage.restart().await;
    let still = log_in(&stage, FIRST, PASSWORD, None).await;
    assert_eq!(still.status(), StatusCode::TOO_MANY_REQUESTS, "a restart forgot the guesses");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_when_the_role_changes_and_when_the_account_is_closed() {
    let stage = Stage::start().await;
    stage.sheet("a", "s").await;
    let technician = invited(&stage, technician_of("a")).await;
    let sites = "/api/v1/tenants/a/sites";
    assert_eq!(technician.status("POST", sites, Some(&json!({ "site": "t" }))).await, StatusCode::CREATED);
    let viewer = json!({ "role": "clinic-viewer", "reach": { "tenants": ["a"] } });
    let path = "/api/v1/people/of-a/role";
    assert_eq!(stage.operate(Method::POST, path, Some(viewer)).await.status(), StatusCode::OK);
    let incidents = "/api/v1/tenants/a/incidents";
    assert_eq!(
        technician.status("GET", incidents, None).await,
        StatusCode::UNAUTHORIZED,
        "the session lives on"
    );

    let opened: SessionOpened = parsed(log_in(&stage, "of-a", PASSWORD, None).await).await;
    let viewer = Somebody::new(&stage, &opened.session);
    assert_eq!(viewer.status("GET", incidents, None).await, StatusCode::OK);
    assert_eq!(viewer.status("POST", sites, Some(&json!({ "site": "u" }))).await, StatusCode::FORBIDDEN);
    let body = Some(json!({ "disabled": true }));
    assert_eq!(
        stage.operate(Method::POST, "/api/v1/people/of-a/disabled", body).await.status(),
        StatusCode::OK
    );
    assert_eq!(viewer.status("GET", incidents, None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(log_in(&stage, "of-a", PASSWORD, None).await.status(), StatusCode::UNAUTHORIZED);

    let last = format!("/api/v1/people/{FIRST}/disabled");
    let refused = stage.operate(Method::POST, &last, Some(json!({ "disabled": true }))).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT, "the last admin was closed out");
    let out = Somebody::new(&stage, &stage.token());
    assert_eq!(out.status("POST", "/api/v1/logout", None).await, StatusCode::OK);
    assert_eq!(out.status("GET", "/api/v1/status", None).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_what_it_was_made_for_rotates_with_an_overlap_and_ends() {
    let stage = Stage::start().await;
    stage.sheet("a", "s").await;
    stage.sheet("b", "s").await;
    let body =
        json!({ "reach": { "tenants": ["a"] }, "rights": ["incidents-read", "own-change"], "days": 1 });
    let made: KeyMade =
        parsed(stage.operate(Method::POST, "/api/v1/me/keys", Some(body.clone())).await).await;
    let key = Somebody::new(&stage, &made.key);
    let (ours, theirs) = ("/api/v1/tenants/a/incidents", "/api/v1/tenants/b/incidents");
    assert_eq!(key.status("GET", ours, None).await, StatusCode::OK);
    assert_eq!(key.status("GET", theirs, None).await, StatusCode::NOT_FOUND);
    assert_eq!(key.status("GET", "/api/v1/tenants/a/orders", None).await, StatusCode::FORBIDDEN);
    assert_eq!(
        key.status("POST", "/api/v1/me/keys", Some(&body)).await,
        StatusCode::FORBIDDEN,
        "a key made a key"
    );

    let rotate = format!("/api/v1/me/keys/{}/rotate", made.id);
    let next: KeyMade = parsed(key.ask("POST", &rotate, None).await).await;
    assert!(next.previous_until.is_some() && next.key != made.key);
    let next = Somebody::new(&stage, &next.key);
    for valid in [&key, &next] {
        assert_eq!(valid.status("GET", ours, None).await, StatusCode::OK, "two are valid during the overlap");
    }
    assert_eq!(
        next.status("POST", &rotate, None).await,
        StatusCode::CONFLICT,
        "a third one within the overlap"
    );
    let revoke = format!("/api/v1/me/keys/{}/revoke", made.id);
    assert_eq!(stage.operate(Method::POST, &revoke, None).await.status(), StatusCode::OK);
    for gone in [&key, &next] {
        assert_eq!(gone.status("GET", ours, None).await, StatusCode::UNAUTHORIZED);
    }
    let endless = json!({ "reach": "everywhere", "rights": [], "days": 0 });
    let refused = stage.operate(Method::POST, "/api/v1/me/keys", Some(endless)).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_nobody_anything_and_one_for_a_tenant_reads_nothing_of_all() {
    let stage = Stage::start().await;
    stage.sheet("a", "s").await;
    let rights = json!(["people-change", "people-read", "audit-read", "exceptions-set", "tenants-add"]);
    let key = async |reach: Value| {
        let body = json!({ "reach": reach, "rights": rights, "days": 1 });
        let made: KeyMade = parsed(stage.operate(Method::POST, "/api/v1/me/keys", Some(body)).await).await;
        Somebody::new(&stage, &made.key)
    };
    let (wide, narrow) = (key(json!("everywhere")).await, key(json!({ "tenants": ["a"] })).await);
    for (path, body) in [
        ("/api/v1/people", json!({ "person": "eve", "role": "msp-admin", "reach": "everywhere" })),
        ("/api/v1/people/jane/role", json!({ "role": "msp-admin", "reach": "everywhere" })),
        ("/api/v1/people/jane/disabled", json!({ "disabled": false })),
    ] {
        for key in [&wide, &narrow] {
            assert_eq!(key.status("POST", path, Some(&body)).await, StatusCode::FORBIDDEN, "{path}");
        }
    }
    assert_eq!(wide.status("POST", "/api/v1/people/jane/keys/revoke", None).await, StatusCode::FORBIDDEN);
    for path in ["/api/v1/people", "/api/v1/audit"] {
        assert_eq!(wide.status("GET", path, None).await, StatusCode::OK, "{path}");
        assert_eq!(narrow.status("GET", path, None).await, StatusCode::FORBIDDEN, "{path}");
    }
    let tenant = json!({ "tenant": "c" });
    assert_eq!(narrow.status("POST", "/api/v1/tenants", Some(&tenant)).await, StatusCode::FORBIDDEN);
    // Nor does a technician write the whole text, who may propose and accept.
    let technician = invited(&stage, technician_of("a")).await;
    let text = json!({ "file": "e.yaml", "text": null });
    let set = technician.status("POST", "/api/v1/tenants/a/exceptions", Some(&text)).await;
    assert_eq!(set, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_closed_changed_or_begun_anew_keeps_no_link_and_no_key() {
    let stage = Stage::start().await;
    stage.sheet("a", "s").await;
    let technician = invited(&stage, technician_of("a")).await;
    let key = async || {
        let body = json!({ "reach": "everywhere", "rights": ["incidents-read"], "days": 1 });
        let made: KeyMade = parsed(technician.ask("POST", "/api/v1/me/keys", Some(&body)).await).await;
        Somebody::new(&stage, &made.key)
    };
    let link = async || {
        let made = stage.operate(Method::POST, "/api/v1/people", Some(technician_of("a"))).await;
        parsed::<Invited>(made).await.secret
    };
    let join = async |secret: &str| {
        let body = json!({ "secret": secret, "person": "of-a", "password": PASSWORD });
        plain().post(stage.url("/api/v1/join")).json(&body).send().await.unwrap().status()
    };
    let incidents = "/api/v1/tenants/a/incidents";
    let close = async |disabled: bool| {
        let body = json!({ "disabled": disabled });
        let closed = stage.operate(Method::POST, "/api/v1/people/of-a/disabled", Some(body)).await;
        assert_eq!(closed.status(), StatusCode::OK);
    };

    // A link from before undoes no closing.
    let (found, before) = (key().await, link().await);
    assert_eq!(found.status("GET", incidents, None).await, StatusCode::OK);
    close(true).await;
    assert_eq!(join(&before).await, StatusCode::FORBIDDEN, "a link from before opened a closed account");
    close(false).await;
    assert_eq!(
        found.status("GET", incidents, None).await,
        StatusCode::UNAUTHORIZED,
        "a key outlived the closing"
    );

    // Nor a change of role.
    let before = link().await;
    let viewer = json!({ "role": "clinic-viewer", "reach": { "tenants": ["a"] } });
    let changed = stage.operate(Method::POST, "/api/v1/people/of-a/role", Some(viewer)).await;
    assert_eq!(changed.status(), StatusCode::OK);
    assert_eq!(join(&before).await, StatusCode::FORBIDDEN, "a link from before gave the old role back");

    // Who is begun anew has no keys, and an admin revokes those that somebody has.
    let technician = {
        let secret = link().await;
        let body = json!({ "secret": secret, "person": "of-a", "password": PASSWORD });
        let opened = plain().post(stage.url("/api/v1/join")).json(&body).send().await.unwrap();
        let opened: Value = parsed(opened).await;
        Somebody::new(&stage, opened["session"].as_str().unwrap())
    };
    let body = json!({ "reach": "everywhere", "rights": ["incidents-read"], "days": 1 });
    let made: KeyMade = parsed(technician.ask("POST", "/api/v1/me/keys", Some(&body)).await).await;
    let found = Somebody::new(&stage, &made.key);
    let keys = async || {
        let people: Value = parsed(stage.operate(Method::GET, "/api/v1/people", None).await).await;
        let all = people["items"].as_array().unwrap().clone();
        all.into_iter().find(|each| each["person"] == "of-a").unwrap()["keys"].clone()
    };
    assert_eq!(keys().await, json!(1));
    let revoked = stage.operate(Method::POST, "/api/v1/people/of-a/keys/revoke", None).await;
    assert_eq!((revoked.status(), keys().await), (StatusCode::OK, json!(0)));
    assert_eq!(found.status("GET", incidents, None).await, StatusCode::UNAUTHORIZED);
    let nobody = stage.operate(Method::POST, "/api/v1/people/nobody-here/keys/revoke", None).await;
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
    let anew: KeyMade = parsed(technician.ask("POST", "/api/v1/me/keys", Some(&body)).await).await;
    assert_eq!(join(&link().await).await, StatusCode::CREATED);
    let anew = Somebody::new(&stage, &anew.key).status("GET", incidents, None).await;
    assert_eq!(anew, StatusCode::UNAUTHORIZED, "a key outlived new credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_what_is_in_the_hubs_own_log_and_the_verifier_says_it_is_whole() {
    let stage = Stage::start().await;
    let keys: HubKeys = parsed(stage.operate(Method::GET, "/api/v1/keys", None).await).await;
    stage.sheet("a", "s").await;
    stage.sheet("b", "s").await;
    let technician = invited(&stage, technician_of("a")).await;
    assert_eq!(technician.status("GET", "/api/v1/tenants/b/incidents", None).await, StatusCode::NOT_FOUND);
    assert_eq!(technician.status("GET", "/api/v1/people", None).await, StatusCode::FORBIDDEN);
    assert_eq!(log_in(&stage, "of-a", "not the password", None).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        plain().get(stage.url("/api/v1/status")).send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    let Stage { directory, running } = stage;
    running.stop().await;

    let (said, bytes) = verified(directory.path(), &keys.own.unwrap());
    assert!(said.to_string().contains("acted"), "{said:#}");
    for line in [
        r#""kind":"opened""#,
        r#"{"entry":"invitation","person":"jane"}"#,
        r#"{"path":"/api/v1/tenants","person":"jane","right":"tenants-add","stage":"begun"}"#,
        r#"{"path":"/api/v1/tenants","person":"jane","right":"tenants-add","stage":{"ended":{"status":201}}}"#,
        r#""path":"/api/v1/tenants/a/sites/s/enrolments","person":"jane","right":"enrolments-add","stage":"begun","tenant":"a""#,
        r#""person":"of-a","right":"incidents-read","stage":{"refused":{"times":1,"why":"other_tenant"}},"tenant":"b""#,
        r#""person":"of-a","right":"people-read","stage":{"refused":{"times":1,"why":"role"}}"#,
        r#"{"entry":"refused","person":"of-a"}"#,
        r#"{"stage":{"refused":{"times":1,"why":"not_known"}}}"#,
    ] {
        assert!(bytes.contains(line), "{line} is not in\n{bytes}");
    }
    assert!(!bytes.contains(PASSWORD) && !bytes.contains("suture-s-"), "a secret is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_needs_more_than_its_cookie_and_other_pages_get_nowhere() {
    let stage = Stage::start().await;
    let answered = log_in(&stage, FIRST, PASSWORD, None).await;
    let cookie = answered.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let opened: SessionOpened = parsed(answered).await;
    let ask = async |method: Method, path: &str, more: &[(&'static str, &str)]| {
        let mut request = plain().request(method, stage.url(path)).header("cookie", &cookie);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        request.json(&json!({ "tenant": "a" })).send().await.unwrap()
    };
    assert_eq!(ask(Method::GET, "/api/v1/status", &[]).await.status(), StatusCode::OK);
    let own = stage.url("");
    for (more, status) in [
        (&[][..], StatusCode::FORBIDDEN),
        (&[("x-suture-csrf", "0")], StatusCode::FORBIDDEN),
        (&[("x-suture-csrf", &opened.csrf), ("origin", "http://evil.example")], StatusCode::FORBIDDEN),
        (&[("x-suture-csrf", &opened.csrf), ("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
        (&[("x-suture-csrf", &opened.csrf), ("origin", &own)], StatusCode::CREATED),
    ] {
        assert_eq!(ask(Method::POST, "/api/v1/tenants", more).await.status(), status, "{more:?}");
    }
    // What another page would ask first is refused, and nothing gives it leave.
    let preflight = ask(Method::OPTIONS, "/api/v1/tenants", &[("origin", "http://evil.example")]).await;
    assert_eq!(preflight.status(), StatusCode::FORBIDDEN);
    for answer in [preflight, ask(Method::GET, "/api/v1/status", &[("origin", &own)]).await] {
        let headers = answer.headers();
        assert!(headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{headers:?}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(
            (&headers["x-content-type-options"], &headers["cache-control"]),
            (&"nosniff".parse().unwrap(), &"no-store".parse().unwrap())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_problem_by_the_specification() {
    let stage = Stage::start().await;
    let ours = Somebody::new(&stage, &stage.token());
    let strange = plain().get(stage.url("/api/v1/status")).send().await.unwrap();
    let rebound =
        plain().get(stage.url("/api/v1/status")).header("host", "evil.example").send().await.unwrap();
    for (status, answer) in [
        (401, strange),
        (403, rebound),
        (404, ours.ask("GET", "/api/v1/nowhere", None).await),
        (405, ours.ask("DELETE", "/api/v1/status", None).await),
        (400, ours.ask("POST", "/api/v1/tenants", Some(&json!({ "tenant": "a", "plan": 1 }))).await),
        (400, ours.ask("GET", "/api/v1/heads/proof?size=x", None).await),
        (400, ours.ask("GET", "/api/v1/tenants/%FF/incidents", None).await),
        (
            422,
            ours.ask(
                "POST",
                "/api/v1/me/keys",
                Some(&json!({ "reach": "everywhere", "rights": [], "days": 0 })),
            )
            .await,
        ),
        (413, ours.ask("POST", "/api/v1/tenants", Some(&json!({ "tenant": "a".repeat(70_000) }))).await),
    ] {
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{status}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((&problem["type"], &problem["status"]), (&json!("about:blank"), &json!(status)));
        assert!(problem["title"].is_string() && problem["detail"].as_str().unwrap().len() > 10, "{problem}");
    }
}
