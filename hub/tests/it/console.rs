//! The console's pages, as a browser gets them: who may see them, and what they let a browser do.

use hub::serve::{RouteView, console_pages};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::json;

use crate::people::{Somebody, invited, technician_of};
use crate::stage::Stage;

/// A browser that is sent nowhere by itself.
fn browser() -> Client {
    Client::builder().no_proxy().redirect(Policy::none()).build().unwrap()
}

async fn fetched(stage: &Stage, path: &str, session: Option<&str>) -> Response {
    let request = browser().get(stage.url(path)).header("accept", "text/html");
    let cookie = session.map(|session| format!("suture_session={session}"));
    let request = cookie.into_iter().fold(request, |request, cookie| request.header("cookie", cookie));
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// A path of the table with identifiers of a tenant that has a site and a host.
fn filled(path: &str, tenant: &str, host: &str) -> String {
    path.replace("{tenant}", tenant).replace("{site}", "main").replace("{host}", host)
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
const PAGES_OF_TENANTS: usize = 0;

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
    assert_eq!(found, 3);
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
