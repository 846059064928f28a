//! What holds for every route of the operator plane: pages, entity tags, problems, limits.

use contract::people::ProblemDetails;
use contract::plane::{IncidentView, Page};
use hub::serve::{operator_document, operator_routes};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::people::{Somebody, invited, technician_of};
use crate::stage::{Stage, parsed, plain};

const ALLOWLIST: &str = "listening: { tcp: [22, 4000], udp: [] }\nadministrators: []\n";
const LIST: &str = "/api/v1/tenants/clinic-7/incidents";

async fn page(stage: &Stage, path: &str) -> Page<IncidentView> {
    parsed(stage.operate(Method::GET, path, None).await).await
}

fn ids(page: &Page<IncidentView>) -> Vec<String> {
    page.items.iter().map(|view| view.incident.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_page_by_page_and_what_comes_meanwhile_moves_nothing() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    for n in 0..5 {
        device.report(&format!("i-{n}"), &format!("made.up-{n}")).await;
    }
    let first = page(&stage, &format!("{LIST}?limit=2")).await;
    assert_eq!(ids(&first), ["i-0", "i-1"]);
    device.report("i-5", "made.up-5").await;
    let cursor = first.next.unwrap();
    let second = page(&stage, &format!("{LIST}?cursor={cursor}&limit=3")).await;
    assert_eq!(ids(&second), ["i-2", "i-3", "i-4"]);
    let last = page(&stage, &format!("{LIST}?cursor={}", second.next.unwrap())).await;
    assert_eq!((ids(&last), &last.next), (vec!["i-5".to_owned()], &None));
    // The page before, asked for again, is the same.
    assert_eq!(ids(&page(&stage, &format!("{LIST}?cursor={cursor}&limit=3")).await), ["i-2", "i-3", "i-4"]);
    assert_eq!(page(&stage, &format!("{LIST}?limit=6")).await.next, None, "an empty page would follow");

    let refused =
        async |query: &str| stage.operate(Method::GET, &format!("{LIST}?{query}"), None).await.status();
    for bad in
        ["limit=0", "limit=201", "limit=x", "limit=1&limit=2", "cursor=", "cursor=x", "page=2", "limit=-1"]
    {
        assert_eq!(refused(bad).await, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(refused(&format!("cursor={}x", cursor.replace('A', "B"))).await, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_leads_into_no_other_list_and_to_no_other_tenant() {
    let stage = Stage::start().await;
    let (ours, theirs) = (stage.enrolled("clinic-7").await, stage.enrolled("b").await);
    for n in 0..3 {
        ours.report(&format!("i-{n}"), &format!("made.up-{n}")).await;
        theirs.report(&format!("j-{n}"), &format!("made.up-{n}")).await;
    }
    let cursor = page(&stage, "/api/v1/tenants/b/incidents?limit=1").await.next.unwrap();
    let of_ours = invited(&stage, technician_of("clinic-7")).await;
    for (path, status) in [
        (format!("{LIST}?cursor={cursor}"), StatusCode::BAD_REQUEST),
        (format!("/api/v1/tenants/b/incidents?cursor={cursor}"), StatusCode::NOT_FOUND),
        (format!("/api/v1/tenants/clinic-7/orders?cursor={cursor}"), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(of_ours.ask("GET", &path, None).await.status(), status, "{path}");
    }
    // The same cursor opens the list that it came from, for whoever may read that.
    let rest = page(&stage, &format!("/api/v1/tenants/b/incidents?cursor={cursor}")).await;
    assert_eq!(ids(&rest), ["j-1", "j-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_paged() {
    let stage = Stage::start().await;
    for name in ["a-1", "a-2", "a-3"] {
        invited(&stage, json!({ "person": name, "role": "technician", "reach": { "tenants": [] } })).await;
        let new = json!({ "reach": { "tenants": [] }, "rights": ["own-read"], "days": 1 });
        stage.operate(Method::POST, "/api/v1/me/keys", Some(new)).await;
        stage.sheet(name, "main").await;
    }
    for (path, of) in [("/api/v1/people", "person"), ("/api/v1/me/keys", "id"), ("/api/v1/status", "host")] {
        let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
        loop {
            let page: Value = parsed(stage.operate(Method::GET, &format!("{path}{query}"), None).await).await;
            let items = page.get("items").unwrap_or(&page["hosts"]).as_array().unwrap().clone();
            assert!(items.len() <= 2, "{path}");
            seen.extend(items.iter().map(|item| item[of].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            query = format!("?limit=2&cursor={next}");
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((seen.len(), all), (all, if path == "/api/v1/people" { 4 } else { 3 }), "{path}");
    }
    // What answers with a bare list would have no way to say that there is more.
    let document: Value = serde_json::from_str(&operator_document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let schema = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        assert_ne!(schema["type"], "array", "{path}");
        let is_page = schema["$ref"].as_str().is_some_and(|name| name.contains("PageOf"));
        let names: Vec<_> =
            item["get"]["parameters"].as_array().into_iter().flatten().map(|p| &p["name"]).collect();
        assert!(!is_page || names.contains(&&json!("cursor")), "{path} is a page without a cursor");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_newest_is_told_so_and_who_has_not_is_given_it() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    device.report("i-1", "made.up").await;
    let ask = async |known: &str| {
        let request = plain().get(stage.url(LIST)).bearer_auth(stage.token()).header("if-none-match", known);
        request.send().await.unwrap()
    };
    let first = ask("\"other\"").await;
    assert_eq!(first.status(), StatusCode::OK);
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    for known in [tag.clone(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        let again = ask(&known).await;
        assert_eq!(
            (again.status(), again.headers()["etag"].to_str().unwrap()),
            (StatusCode::NOT_MODIFIED, tag.as_str())
        );
        assert_eq!(again.headers()["cache-control"], "no-store");
        assert_eq!(again.text().await.unwrap(), "");
    }
    device.report("i-2", "made.up-2").await;
    let changed = ask(&tag).await;
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()["etag"].to_str().unwrap(), tag);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_replaced_only_where_it_is_still_the_one_that_was_read() {
    let stage = Stage::start().await;
    stage.sheet("a", "main").await;
    let path = "/api/v1/tenants/a/sites/main/allowlist";
    let set = async |named: Option<&str>, text: Option<&str>| {
        let body = json!({ "file": "list.yaml", "text": text });
        let mut request = plain().post(stage.url(path)).bearer_auth(stage.token()).json(&body);
        if let Some(named) = named {
            request = request.header("if-match", named);
        }
        request.send().await.unwrap().status()
    };
    let read = async || {
        let shown = stage.operate(Method::GET, path, None).await;
        let tag = shown.headers()["etag"].to_str().unwrap().to_owned();
        (tag, parsed::<Value>(shown).await)
    };
    let (none, shown) = read().await;
    assert_eq!((none.as_str(), &shown["text"]), ("\"none\"", &Value::Null));
    let (one, other) = (ALLOWLIST, &ALLOWLIST.replace("4000", "4001"));
    assert_eq!(set(Some("*"), Some(one)).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(set(Some(&none), Some(one)).await, StatusCode::OK);
    let (first, shown) = read().await;
    assert_eq!(shown["text"], one);
    // Somebody else was faster.
    assert_eq!(set(Some(&first), Some(other)).await, StatusCode::OK);
    assert_eq!(set(Some(&first), Some(one)).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(set(Some(&first), None).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(read().await.1["text"], json!(other), "a refused change was made all the same");
    assert_eq!(set(Some(&read().await.0), None).await, StatusCode::OK);
    assert_eq!(set(None, Some(one)).await, StatusCode::OK, "nobody has to say what was there");
}

async fn problem(response: Response) -> ProblemDetails {
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{status}");
    let problem: ProblemDetails = response.json().await.unwrap();
    assert_eq!(problem.status, status.as_u16());
    assert!(problem.instance.starts_with("urn:suture:answer:") && problem.detail.len() > 10, "{problem:?}");
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_a_problem_that_says_what_to_do() {
    let stage = Stage::start().await;
    stage.sheet("a", "main").await;
    let ours = Somebody::new(&stage, &stage.token());
    let raw =
        |method: Method, path: &str| plain().request(method, stage.url(path)).bearer_auth(stage.token());
    let json = |body: &'static str| {
        raw(Method::POST, "/api/v1/tenants").header("content-type", "application/json").body(body)
    };
    let long = format!("/api/v1/status?{}", "x".repeat(5000));
    let cases: Vec<(u16, Response)> = vec![
        (404, ours.ask("GET", "/api/v1/nowhere", None).await),
        (404, ours.ask("GET", "/api/v1/tenants/nobody/incidents", None).await),
        (405, ours.ask("DELETE", "/api/v1/status", None).await),
        (405, ours.ask("GET", "/api/v1/logout", None).await),
        (400, json("{").send().await.unwrap()),
        (400, json(r#"{"tenant":"a","tenant":"b"}"#).send().await.unwrap()),
        (400, json(r#"{"tenant":"a","plan":1}"#).send().await.unwrap()),
        (415, raw(Method::POST, "/api/v1/tenants").body(r#"{"tenant":"c"}"#).send().await.unwrap()),
        (
            415,
            raw(Method::POST, "/api/v1/tenants")
                .header("content-type", "text/plain")
                .body("{}")
                .send()
                .await
                .unwrap(),
        ),
        (
            413,
            raw(Method::POST, "/api/v1/tenants")
                .header("content-type", "application/json")
                .body("x".repeat(70_000))
                .send()
                .await
                .unwrap(),
        ),
        (414, ours.ask("GET", &long, None).await),
        (431, raw(Method::GET, "/api/v1/status").header("x-long", "x".repeat(40_000)).send().await.unwrap()),
        (400, ours.ask("GET", "/api/v1/keys?x=1", None).await),
        (400, ours.ask("POST", "/api/v1/tenants/a/sites/main/enrolments?x=1", None).await),
        (400, ours.ask("GET", "/api/v1/heads/proof?origin=x", None).await),
        (400, ours.ask("GET", "/api/v1/heads/proof?origin=x&size=1&more=1", None).await),
        (400, ours.ask("GET", "/api/v1/tenants/%FF/incidents", None).await),
        (401, Somebody::new(&stage, "suture-s-0").ask("GET", "/api/v1/status", None).await),
        (
            422,
            ours.ask("POST", "/api/v1/tenants/a/exceptions", Some(&json!({ "file": "x", "text": "x" })))
                .await,
        ),
    ];
    let mut instances = std::collections::BTreeSet::new();
    for (status, response) in cases {
        let (url, allow) = (response.url().clone(), response.headers().get("allow").cloned());
        let challenge = response.headers().contains_key("www-authenticate");
        let problem = problem(response).await;
        assert_eq!(problem.status, status, "{url}: {problem:?}");
        assert_eq!(allow.is_some(), status == 405, "{url}");
        assert_eq!(challenge, status == 401, "{url}");
        assert!(instances.insert(problem.instance), "two problems share a name");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_to_whoever_is_known() {
    let stage = Stage::start().await;
    let served = stage.operate(Method::GET, "/api/v1/openapi.json", None).await;
    assert_eq!(served.headers()["content-type"], "application/json");
    assert_eq!(served.text().await.unwrap(), operator_document());
    let stranger = plain().get(stage.url("/api/v1/openapi.json")).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    assert!(operator_routes().len() > 30);
}
