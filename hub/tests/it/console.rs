//! The console's pages, as a browser gets them: who may see them, and what they let a browser do.

use contract::dsse::PayloadType;
use contract::exception::Exceptions;
use hub::serve::{RouteView, console_pages};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::people::{Somebody, invited, technician_of};
use crate::stage::{Stage, parsed};

/// A browser that is sent nowhere by itself.
fn browser() -> Client {
    // The one that `plain` makes chooses how TLS is done.
    let _ = crate::stage::plain();
    Client::builder().no_proxy().redirect(Policy::none()).build().unwrap()
}

async fn fetched(stage: &Stage, path: &str, session: Option<&str>) -> Response {
    let request = browser().get(stage.url(path)).header("accept", "text/html");
    let cookie = session.map(|session| format!("suture_session={session}"));
    let request = cookie.into_iter().fold(request, |request, cookie| request.header("cookie", cookie));
    request.send().await.unwrap()
}

/// A page, as the stage's operator sees it.
pub(crate) async fn shown(stage: &Stage, path: &str) -> String {
    shown_to(stage, path, &stage.token()).await
}

/// And as somebody else does.
pub(crate) async fn shown_to(stage: &Stage, path: &str, session: &str) -> String {
    let answered = fetched(stage, path, Some(session)).await;
    let (status, text) = (answered.status(), answered.text().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
    text
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// A path of the table with identifiers of a tenant that has a site and a host.
fn filled(path: &str, tenant: &str, host: &str) -> String {
    path.replace("{tenant}", tenant)
        .replace("{site}", "main")
        .replace("{host}", host)
        .replace("{incident}", "i-1")
        .replace("{index}", "0")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_one_tenants_alone_and_nobodys_who_is_not_signed_in() {
    let stage = Stage::start().await;
    stage.sheet("a", "main").await;
    let theirs = stage.sheet("b", "main").await;
    let of_a = invited(&stage, technician_of("a")).await;
    let mut walked = 0;
    for RouteView { path, .. } in console_pages() {
        let theirs = filled(path, "b", theirs.host.as_str()).replace(['{', '}'], "");
        let stranger = fetched(&stage, &theirs, None).await;
        assert_eq!(stranger.status(), StatusCode::SEE_OTHER, "{path}");
        assert!(header(&stranger, "location").starts_with("/login"), "{path}");
        let answered = fetched(&stage, &theirs, Some(&of_a.secret)).await;
        let status = answered.status();
        let text = answered.text().await.unwrap();
        if path.contains("{tenant}") {
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
            walked += 1;
        }
        assert!(!text.contains("/tenants/b") || path.contains("{tenant}"), "{path} leads to another tenant");
    }
    assert!(walked >= PAGES_OF_TENANTS, "only {walked} pages were asked for what is another's");
}

/// How many pages are about one tenant, at least.
const PAGES_OF_TENANTS: usize = 7;

/// An exception, as somebody proposes it.
pub(crate) fn proposal(control: &str) -> Value {
    json!({
        "control": control, "reason": "The \"old\" device: it cannot.", "risk": "Somebody reads along.",
        "compensating_controls": ["A locked room.", "- nobody else's key"], "owner": "Ann Example",
        "from": "2026-11-01", "until": "2026-12-01",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_is_accepted_by_another_person_than_proposed_it_and_hosts_are_told() {
    let stage = Stage::start().await;
    let device = stage.enrolled("a").await;
    let path = "/api/v1/tenants/a/exceptions";
    let of_a = invited(&stage, technician_of("a")).await;
    // What an operator wrote by hand stays, comments too.
    let by_hand = "# reviewed with the clinic\n- control: ssh.max-auth-tries\n  reason: So.\n  risk: So.\n  compensating_controls: [So.]\n  owner: Ann\n  approver: Ben\n  from: 2026-11-01\n  until: 2026-11-02";
    let set = json!({ "file": "x.yaml", "text": by_hand });
    assert_eq!(of_a.ask("POST", path, Some(&set)).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(stage.operate(Method::POST, path, Some(set)).await.status(), StatusCode::OK);
    for (field, bad) in [
        ("control", json!("no.such-control")),
        ("until", json!("2027-11-01")),
        ("compensating_controls", json!([])),
    ] {
        let mut proposal = proposal("ssh.root-login");
        proposal[field] = bad;
        let refused = of_a.ask("POST", &format!("{path}/proposals"), Some(&proposal)).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{field}");
    }
    let made = of_a.ask("POST", &format!("{path}/proposals"), Some(&proposal("ssh.root-login"))).await;
    let made: Value = parsed(made).await;
    let approve = format!("{path}/proposals/{}/approve", made["id"].as_str().unwrap());
    assert_eq!(
        of_a.ask("POST", &approve, None).await.status(),
        StatusCode::FORBIDDEN,
        "its proposer accepted it"
    );
    let key = json!({ "reach": "everywhere", "rights": ["exceptions-set"], "days": 1 });
    let key: Value = parsed(stage.operate(Method::POST, "/api/v1/me/keys", Some(key)).await).await;
    let program = Somebody::new(&stage, key["key"].as_str().unwrap());
    assert_eq!(
        program.ask("POST", &approve, None).await.status(),
        StatusCode::FORBIDDEN,
        "a program accepted it"
    );
    let accepted = stage.operate(Method::POST, &approve, None).await;
    assert_eq!(parsed::<Value>(accepted).await["hosts"], 1);
    let again = stage.operate(Method::POST, &approve, None).await;
    assert_eq!(again.status(), StatusCode::NOT_FOUND, "it was accepted twice");

    let paper: Value = parsed(device.get("/v1/papers/exceptions").await).await;
    let envelope: contract::blob::Blob = serde_json::from_value(paper["envelope"].clone()).unwrap();
    let signed =
        contract::dsse::open(PayloadType::Paper, &envelope.0, std::slice::from_ref(&device.sheet.hub_key));
    let text = String::from_utf8(signed.unwrap().payload().to_vec()).unwrap();
    let text = serde_json::from_str::<Value>(&text).unwrap()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with(by_hand), "{text}");
    let exceptions = Exceptions::parse("x", &text).unwrap();
    let new = exceptions.iter().last().unwrap();
    assert_eq!((new.approver.as_str(), new.reason.as_str()), ("jane", "The \"old\" device: it cannot."));
    assert_eq!(new.compensating_controls[1].as_str(), "- nobody else's key");

    let listed: Value = parsed(of_a.ask("GET", path, None).await).await;
    assert_eq!(listed["exceptions"].as_array().unwrap().len(), 2);
    assert_eq!(listed["proposals"], json!([]));
    let end = json!({ "control": "ssh.root-login" });
    assert_eq!(of_a.ask("POST", &format!("{path}/end"), Some(&end)).await.status(), StatusCode::OK);
    assert_eq!(of_a.ask("POST", &format!("{path}/end"), Some(&end)).await.status(), StatusCode::NOT_FOUND);
    let listed: Value = parsed(of_a.ask("GET", path, None).await).await;
    assert_eq!(listed["exceptions"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_the_hubs_own_log_is_found_by_words_and_proven_to_its_signed_head() {
    let stage = Stage::start().await;
    for tenant in ["one", "two"] {
        stage.operate(Method::POST, "/api/v1/tenants", Some(json!({ "tenant": tenant }))).await;
    }
    for n in 0..60 {
        stage
            .operate(Method::POST, "/api/v1/tenants/one/sites", Some(json!({ "site": format!("s-{n}") })))
            .await;
    }
    let admin = Somebody::new(&stage, &stage.token());
    let page: Value = parsed(admin.ask("GET", "/api/v1/audit?q=SITES-add%20jane", None).await).await;
    let found = page["records"].as_array().unwrap();
    assert_eq!(found.len(), 50);
    assert!(found.iter().all(|r| r["right"] == "sites-add" && r["tenant"] == "one"));
    let older = format!("/api/v1/audit?q=sites-add&before={}", page["next"]);
    let older: Value = parsed(admin.ask("GET", &older, None).await).await;
    assert_eq!(older["records"].as_array().unwrap().len(), 10, "an act is one line");
    assert!(older["records"][0]["seq"].as_u64() < found.last().unwrap()["seq"].as_u64());

    let seq = found[7]["seq"].as_u64().unwrap();
    let proof: Value = parsed(admin.ask("GET", &format!("/api/v1/audit/{seq}"), None).await).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let key: tlog::VerifierKey = text(&proof["key"]).parse().unwrap();
    let parsed = tlog::proof::Proof::parse(text(&proof["proof"]).as_bytes()).unwrap();
    let head = tlog::checkpoint::open(parsed.checkpoint.to_string().as_bytes(), &key).unwrap();
    assert_eq!((parsed.index.get(), head.checkpoint().size.get()), (seq, proof["size"].as_u64().unwrap()));
    let leaf = tlog::leaf_hash(text(&proof["entry"]).as_bytes());
    assert_eq!(leaf.to_base64(), text(&proof["leaf"]));
    assert!(parsed.verify_leaf(&leaf, head.checkpoint()).is_ok());
    assert!(parsed.verify_leaf(&tlog::leaf_hash(b"something else"), head.checkpoint()).is_err());
    let file = admin.ask("GET", &format!("/api/v1/audit/{seq}/proof"), None).await;
    assert_eq!(file.text().await.unwrap(), text(&proof["proof"]));
    let nothing = admin.ask("GET", "/api/v1/audit/100000", None).await;
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_runs_nothing_that_stands_in_it() {
    let stage = Stage::start().await;
    let sheet = stage.sheet("a", "main").await;
    let session = stage.token();
    for path in console_pages().into_iter().map(|page| page.path).chain(["/login", "/join", "/nowhere"]) {
        let answered = fetched(&stage, &filled(path, "a", sheet.host.as_str()), Some(&session)).await;
        if path == "/login" {
            assert_eq!(answered.status(), StatusCode::SEE_OTHER, "whoever is in already goes on");
            continue;
        }
        let policy = header(&answered, "content-security-policy").to_owned();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{path}: {policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header(&answered, "cache-control"), "no-store", "{path}");
        assert_eq!(header(&answered, "content-type"), "text/html; charset=utf-8", "{path}");
        let text = answered.text().await.unwrap();
        for inline in [" style=", "<style", " onclick=", " onload=", "javascript:", "<script>"] {
            assert!(!text.contains(inline), "{path} holds {inline}");
        }
        assert!(
            text.contains("<h1>") && text.contains("id=\"main\"") && text.contains("lang=\"en\""),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pages_load_is_kept_for_ever_under_a_name_of_its_own() {
    let stage = Stage::start().await;
    let text = fetched(&stage, "/login", None).await.text().await.unwrap();
    let mut found = 0;
    for part in text.split("/assets/").skip(1) {
        let name = part.split('"').next().unwrap();
        let asset = fetched(&stage, &format!("/assets/{name}"), None).await;
        assert_eq!(asset.status(), StatusCode::OK, "{name}");
        assert_eq!(header(&asset, "cache-control"), "public, max-age=31536000, immutable", "{name}");
        let digest = contract::digest::Digest::of(&asset.bytes().await.unwrap()).to_string();
        let stem = name.split('.').nth(1).unwrap();
        assert!(stem.len() == 16 && digest.contains(stem), "{name} is not named by what it holds: {digest}");
        found += 1;
    }
    assert_eq!(found, 4);
    assert_eq!(
        fetched(&stage, "/assets/suture.0000000000000000.js", None).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_answered_in_pages_and_a_program_in_problems() {
    let stage = Stage::start().await;
    let viewer = json!({ "person": "vera", "role": "clinic-viewer", "reach": { "tenants": ["a"] } });
    stage.sheet("a", "main").await;
    let viewer = invited(&stage, viewer).await;
    let page = fetched(&stage, "/nowhere", Some(&viewer.secret)).await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    assert!(page.text().await.unwrap().contains("There is no such page"));
    let problem = Somebody::new(&stage, &viewer.secret).ask("GET", "/nowhere", None).await;
    assert_eq!(problem.status(), StatusCode::NOT_FOUND);
    assert_eq!(header(&problem, "content-type"), "application/problem+json");
    // A part that asks anew is told by the status, and is not led away.
    let part = browser()
        .get(stage.url("/"))
        .header("sec-fetch-mode", "cors")
        .header("sec-fetch-site", "same-origin");
    assert_eq!(part.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}
