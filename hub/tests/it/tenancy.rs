//! Every route of the operator plane, as the router has it, asked with the credentials of one tenant for what is another's.

use hub::serve::operator_routes;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::console::proposal;
use crate::kits::{grow, machine};
use crate::people::{Somebody, invited, technician_of};
use crate::stage::{Stage, parsed};

/// What a route is asked with, and what must come of it.
enum Case {
    /// The path with the other tenant's identifiers, and a body: 404.
    Gone(String, Option<Value>),
    /// It has to do with no tenant, or names none in its path: with the other tenant's identifiers it answers what it answers with some that exist
    /// nowhere, and says nothing of the other tenant.
    Blind(Vec<(String, Option<Value>)>),
}

/// What is the other tenant's.
struct Theirs {
    host: String,
    origin: String,
    fingerprint: String,
    kit: String,
}

#[expect(
    clippy::match_same_arms,
    clippy::too_many_lines,
    reason = "a table: one line for each route, in the router's order"
)]
fn case(method: &str, path: &str, theirs: &Theirs) -> Option<Case> {
    let Theirs { host, origin, fingerprint, kit } = theirs;
    let filled = path.replace("{tenant}", "b").replace("{site}", "main").replace("{host}", host);
    let gone = |path: String, body| Some(Case::Gone(path, body));
    let envelope = || Some(json!({ "envelope": "" }));
    let blind = |asked: [(String, Option<Value>); 2]| Some(Case::Blind(asked.into()));
    let nowhere = contract::digest::Digest::of(b"none").to_string();
    match (method, path) {
        (
            "GET",
            "/metrics"
            | "/api/v1/alerts"
            | "/api/v1/openapi.json"
            | "/api/v1/tenants"
            | "/api/v1/enrolments"
            | "/api/v1/runbooks"
            | "/api/v1/baseline"
            | "/api/v1/audit"
            | "/api/v1/status"
            | "/api/v1/keys"
            | "/api/v1/me"
            | "/api/v1/me/keys"
            | "/api/v1/people",
        ) => Some(Case::Blind(vec![(filled, None)])),
        ("GET", "/api/v1/audit/{seq}") => {
            Some(Case::Blind(["0", "1"].map(|seq| (filled.replace("{seq}", seq), None)).into()))
        }
        ("GET", "/api/v1/tenants/{tenant}/exceptions") => gone(filled, None),
        ("POST", "/api/v1/tenants/{tenant}/exceptions/proposals") => {
            gone(filled, Some(proposal("ssh.root-login")))
        }
        (
            "POST",
            "/api/v1/tenants/{tenant}/exceptions/proposals/{proposal}/approve"
            | "/api/v1/tenants/{tenant}/exceptions/proposals/{proposal}/withdraw",
        ) => gone(filled.replace("{proposal}", "x-1"), None),
        ("POST", "/api/v1/tenants/{tenant}/exceptions/end") => {
            gone(filled, Some(json!({ "control": "ssh.root-login" })))
        }
        ("GET", "/api/v1/fleet" | "/api/v1/approvals") => Some(Case::Blind(vec![(filled, None)])),
        (
            "GET",
            "/api/v1/tenants/{tenant}/sites/{site}"
            | "/api/v1/tenants/{tenant}/hosts/{host}"
            | "/api/v1/tenants/{tenant}/hosts/{host}/evidence"
            | "/api/v1/tenants/{tenant}/incidents/newest",
        ) => gone(filled, None),
        ("GET", "/api/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}") => {
            gone(filled.replace("{incident}", "i-1"), None)
        }
        (
            "GET",
            "/api/v1/tenants/{tenant}/hosts/{host}/evidence/{index}"
            | "/api/v1/tenants/{tenant}/hosts/{host}/evidence/{index}/proof",
        ) => gone(filled.replace("{index}", "0"), None),
        ("GET", "/api/v1/heads/proof") => gone(format!("{path}?origin={origin}&size=1"), None),
        ("POST", "/api/v1/tenants") => {
            blind(["b", "nowhere"].map(|t| (filled.clone(), Some(json!({ "tenant": t })))))
        }
        ("POST", "/api/v1/tenants/{tenant}/sites") => gone(filled, Some(json!({ "site": "more" }))),
        ("POST", "/api/v1/tenants/{tenant}/sites/{site}/enrolments") => gone(filled, None),
        (
            "POST",
            "/api/v1/tenants/{tenant}/sites/{site}/allowlist"
            | "/api/v1/tenants/{tenant}/hosts/{host}/allowlist"
            | "/api/v1/tenants/{tenant}/exceptions",
        ) => gone(filled, Some(json!({ "file": "of-a.yaml", "text": null }))),
        (
            "GET",
            "/api/v1/tenants/{tenant}/sites/{site}/allowlist"
            | "/api/v1/tenants/{tenant}/hosts/{host}/allowlist",
        ) => gone(filled, None),
        ("GET", "/api/v1/tenants/{tenant}/incidents" | "/api/v1/tenants/{tenant}/orders") => {
            gone(filled, None)
        }
        ("POST", "/api/v1/tenants/{tenant}/standing" | "/api/v1/tenants/{tenant}/hosts/{host}/standing") => {
            gone(filled, Some(json!({ "withheld": true })))
        }
        ("POST", "/api/v1/tenants/{tenant}/hosts/{host}/break-glass") => gone(filled, envelope()),
        ("POST", "/api/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}/order") => {
            let body = json!({ "runbook": "RB-FILE-001-own-directories", "person": "of-a" });
            gone(filled.replace("{incident}", "i-1"), Some(body))
        }
        ("GET", "/api/v1/tenants/{tenant}/orders/{order}") => gone(filled.replace("{order}", "o-1"), None),
        ("POST", "/api/v1/tenants/{tenant}/orders/{order}/approve") => {
            gone(filled.replace("{order}", "o-1"), envelope())
        }
        ("POST", "/api/v1/tenants/{tenant}/orders/{order}/decline") => {
            gone(filled.replace("{order}", "o-1"), Some(json!({ "because": "not-now" })))
        }
        ("POST", "/api/v1/tenants/{tenant}/kits") => {
            let body =
                json!({ "from": "2026-10-01T00:00:00.000Z", "to": "2026-10-02T00:00:00.000Z", "by": "Eve" });
            gone(filled, Some(body))
        }
        ("GET", "/api/v1/tenants/{tenant}/kits/{id}") => gone(filled.replace("{id}", kit), None),
        ("GET", "/api/v1/tenants/{tenant}/hosts/{host}/sheet") => gone(filled, None),
        ("POST", "/api/v1/certificates/{fingerprint}/revoke") => {
            gone(filled.replace("{fingerprint}", fingerprint), None)
        }
        ("GET", "/api/v1/tenants/{tenant}/quarantine") => gone(filled, None),
        ("POST", "/api/v1/tenants/{tenant}/hosts/{host}/quarantine/approve") => {
            gone(filled, Some(json!({ "digest": nowhere })))
        }
        ("POST", "/api/v1/tenants/{tenant}/generations") => gone(filled, Some(json!({ "closure": "abc" }))),
        ("GET", "/api/v1/certificates/crl") => Some(Case::Blind(vec![(filled, None)])),
        ("POST", "/api/v1/releases") => {
            let release = json!({ "program": "agent", "version": "1", "binary": nowhere });
            Some(Case::Blind(vec![(filled, Some(release))]))
        }
        ("POST", "/api/v1/alerts/{alert}/acknowledge") => gone(filled.replace("{alert}", "1"), None),
        ("POST", "/api/v1/me/keys/{key}/rotate" | "/api/v1/me/keys/{key}/revoke") => {
            gone(filled.replace("{key}", "k-0123456789abcdef"), None)
        }
        ("POST", "/api/v1/people") => {
            let new = |t: &str| json!({ "person": "eve", "role": "technician", "reach": { "tenants": [t] } });
            blind(["b", "nowhere"].map(|t| (filled.clone(), Some(new(t)))))
        }
        ("POST", "/api/v1/people/{person}/role" | "/api/v1/people/{person}/disabled") => {
            let to = if path.ends_with("role") {
                json!({ "role": "technician", "reach": { "tenants": ["a", "b"] } })
            } else {
                json!({ "disabled": true })
            };
            let path = |p: &str| filled.replace("{person}", p);
            blind(["of-b", "nobody"].map(|p| (path(p), Some(to.clone()))))
        }
        ("POST", "/api/v1/me/keys") => {
            let new =
                |t: &str| json!({ "reach": { "tenants": [t] }, "rights": ["incidents-read"], "days": 1 });
            let asked = ["b", "nowhere"].map(|t| (filled.clone(), Some(new(t))));
            blind(asked)
        }
        (
            "POST",
            "/api/v1/me/totp" | "/api/v1/me/totp/confirm" | "/api/v1/join" | "/api/v1/login" | "/api/v1/oidc",
        ) => {
            // The body names nobody's tenant.
            Some(Case::Blind(vec![(filled, Some(json!({ "code": nowhere })))]))
        }
        // It has no end: `events` has a test for what it tells whom.
        ("GET", "/api/v1/events") => Some(Case::Blind(Vec::new())),
        ("POST", "/api/v1/logout") => Some(Case::Blind(Vec::new())),
        _ => None,
    }
}

async fn theirs(stage: &Stage) -> Theirs {
    let mut device = machine(stage, "b", "main").await;
    grow(&mut device, 100).await;
    let body = json!({ "from": "2026-10-01T00:00:00.000Z", "to": "2026-10-02T00:00:00.000Z", "by": "Ada" });
    let kit: Value = parsed(stage.operate(Method::POST, "/api/v1/tenants/b/kits", Some(body)).await).await;
    let hosts = stage.status().await["hosts"].clone();
    let host = hosts.as_array().unwrap().iter().find(|h| h["tenant"] == "b").unwrap().clone();
    Theirs {
        host: device.sheet.host.to_string(),
        origin: device.sheet.origin.clone(),
        fingerprint: host["certificate"]["fingerprint"].as_str().unwrap().to_owned(),
        kit: kit["id"].as_str().unwrap().to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_gives_one_tenant_nothing_of_another() {
    let stage = Stage::start().await;
    stage.sheet("a", "main").await;
    let theirs = theirs(&stage).await;
    invited(&stage, technician_of("b")).await;
    let of_a = invited(&stage, technician_of("a")).await;
    let before = stage.status().await;
    let mut walked = 0;
    for route in operator_routes() {
        let (method, path) = (route.method, route.path);
        let case = case(method, path, &theirs);
        let case =
            case.unwrap_or_else(|| panic!("{method} {path} has no case: what does it give another tenant?"));
        match case {
            Case::Gone(path, body) => {
                let answer = of_a.ask(method, &path, body.as_ref()).await;
                assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method} {path}");
                walked += 1;
            }
            Case::Blind(asked) => blind(&of_a, method, &asked, &theirs).await,
        }
    }
    assert!(walked >= 20, "only {walked} routes were asked for what is another's");
    // Nothing was changed either.
    assert_eq!(stage.status().await["hosts"], before["hosts"]);
    // And the walk would show it: with a right to both, none of it is 404 for want of a tenant.
    let both = json!({ "person": "of-both", "role": "technician", "reach": { "tenants": ["a", "b"] } });
    let both = invited(&stage, both).await;
    for path in ["/api/v1/tenants/b/incidents".to_owned(), format!("/api/v1/tenants/b/kits/{}", theirs.kit)] {
        assert_eq!(both.ask("GET", &path, None).await.status(), StatusCode::OK, "{path}");
    }
}

async fn blind(of_a: &Somebody, method: &str, asked: &[(String, Option<Value>)], theirs: &Theirs) {
    let mut said = Vec::new();
    for (path, body) in asked {
        let answer = of_a.ask(method, path, body.as_ref()).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        for secret in [&theirs.host, &theirs.origin, &theirs.fingerprint, &theirs.kit] {
            assert!(!text.contains(secret.as_str()), "{method} {path} tells of {secret}: {text}");
        }
        assert!(!text.contains("\"tenant\":\"b\""), "{method} {path} tells of b: {text}");
        said.push(status);
    }
    assert!(said.windows(2).all(|two| two[0] == two[1]), "{method} {asked:?} tells what there is: {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_without_a_credential_by_any_route() {
    let stage = Stage::start().await;
    let stranger = Somebody::new(&stage, "suture-s-0");
    for route in operator_routes().into_iter().filter(|route| route.right.is_some()) {
        let path = route.path.replace("{fingerprint}", "x").replace(['{', '}'], "");
        let answer = stranger.ask(route.method, &path, Some(&json!({}))).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{} {path}", route.method);
    }
    let open: Vec<_> = operator_routes().into_iter().filter(|r| r.right.is_none()).map(|r| r.path).collect();
    assert_eq!(open, ["/api/v1/join", "/api/v1/login", "/api/v1/oidc"]);
}
