//! Every route of the operator plane, as the router has it, asked with the credentials of one tenant for what is another's: first under the other's name,
//! then under the asker's own with the other's identifiers. All of it exists, and its own people are answered: so nothing is missing for want of being there.

use std::time::Duration;

use contract::people::KeyMade;
use contract::plane::Page;
use contract::record::WaitingFor;
use hub::config::Config;
use hub::serve::operator_routes;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::attestation::says;
use crate::console::proposal;
use crate::incidents::{delivered, ordered};
use crate::kits::{grow, machine};
use crate::outside::quick;
use crate::people::{Somebody, invited, technician_of};
use crate::stage::{Stage, config, parsed};

/// What a route is asked with, and what must come of it.
enum Case {
    /// The path, with names in braces, and a body: for what is another tenant's it is 404.
    Gone(String, Option<Value>),
    /// It has to do with no tenant, or names none in its path: with the other tenant's identifiers it answers what it answers with some that exist
    /// nowhere, and says nothing of the other tenant.
    Blind(Vec<(String, Option<Value>)>),
}

/// What is the other tenant's. All of it is there.
struct Theirs {
    host: String,
    origin: String,
    fingerprint: String,
    kit: String,
    packet: String,
    incident: String,
    order: String,
    /// One to accept, one to withdraw.
    proposals: [String; 2],
    alert: String,
    call: String,
    key: String,
    token: String,
    /// Of what runs on the host, which is in quarantine.
    software: Value,
}

const SITE: &str = "annex";
/// So that there is something to end.
const EXCEPTIONS: &str = "- control: ssh.max-auth-tries\n  reason: So.\n  risk: So.\n  compensating_controls: [So.]\n  owner: Ann\n  approver: Ben\n  from: 2026-11-01\n  until: 2026-11-02\n";

impl Theirs {
    /// A path with the names filled in, below that tenant and that host.
    fn fill(&self, path: &str, tenant: &str, host: &str) -> String {
        let proposal = usize::from(path.ends_with("/withdraw"));
        path.replace("{tenant}", tenant)
            .replace("{site}", SITE)
            .replace("{host}", host)
            .replace("{incident}", &self.incident)
            .replace("{order}", &self.order)
            .replace("{proposal}", &self.proposals[proposal])
            .replace("{index}", "0")
            .replace("{id}", &self.kit)
            .replace("{packet}", &self.packet)
            .replace("{file}", "packet.html")
            .replace("{fingerprint}", &self.fingerprint)
            .replace("{alert}", &self.alert)
            .replace("{call}", &self.call)
            .replace("{key}", &self.key)
    }

    fn secrets(&self) -> [&str; 10] {
        let Self { host, origin, fingerprint, kit, packet, incident, order, key, token, proposals, .. } =
            self;
        [host, origin, fingerprint, kit, packet, incident, order, key, token, &proposals[0]]
            .map(String::as_str)
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one line for each route, in the router's order")]
fn case(method: &str, path: &str, theirs: &Theirs, person: &str) -> Option<Case> {
    let gone = |body| Some(Case::Gone(path.to_owned(), body));
    let once = |body| Some(Case::Blind(vec![(path.to_owned(), body)]));
    let envelope = || Some(json!({ "envelope": "" }));
    let blind = |asked: [(String, Option<Value>); 2]| Some(Case::Blind(asked.into()));
    let nowhere = contract::digest::Digest::of(b"none").to_string();
    match (method, path) {
        (
            "GET",
            "/metrics"
            | "/api/v1/alerts"
            | "/api/v1/calls"
            | "/api/v1/learning"
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
            | "/api/v1/people"
            | "/api/v1/fleet"
            | "/api/v1/approvals"
            | "/api/v1/certificates/crl"
            | "/api/v1/packets",
        ) => once(None),
        ("GET", "/api/v1/audit/{seq}" | "/api/v1/audit/{seq}/proof") => {
            blind(["0", "1"].map(|seq| (path.replace("{seq}", seq), None)))
        }
        (
            "GET",
            "/api/v1/calls/{call}"
            | "/api/v1/tenants/{tenant}/exceptions"
            | "/api/v1/tenants/{tenant}/sites/{site}"
            | "/api/v1/tenants/{tenant}/sites/{site}/allowlist"
            | "/api/v1/tenants/{tenant}/hosts/{host}"
            | "/api/v1/tenants/{tenant}/hosts/{host}/allowlist"
            | "/api/v1/tenants/{tenant}/hosts/{host}/evidence"
            | "/api/v1/tenants/{tenant}/hosts/{host}/evidence/{index}"
            | "/api/v1/tenants/{tenant}/hosts/{host}/evidence/{index}/proof"
            | "/api/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}"
            | "/api/v1/tenants/{tenant}/hosts/{host}/sheet"
            | "/api/v1/tenants/{tenant}/decisions"
            | "/api/v1/tenants/{tenant}/incidents"
            | "/api/v1/tenants/{tenant}/incidents/newest"
            | "/api/v1/tenants/{tenant}/kits/{id}"
            | "/api/v1/tenants/{tenant}/packets"
            | "/api/v1/tenants/{tenant}/packets/progress"
            | "/api/v1/tenants/{tenant}/packets/{packet}/{file}"
            | "/api/v1/tenants/{tenant}/orders"
            | "/api/v1/tenants/{tenant}/orders/{order}"
            | "/api/v1/tenants/{tenant}/quarantine",
        )
        | (
            "POST",
            "/api/v1/tenants/{tenant}/sites/{site}/enrolments"
            | "/api/v1/tenants/{tenant}/exceptions/proposals/{proposal}/approve"
            | "/api/v1/tenants/{tenant}/exceptions/proposals/{proposal}/withdraw"
            | "/api/v1/certificates/{fingerprint}/revoke"
            | "/api/v1/alerts/{alert}/acknowledge"
            | "/api/v1/tenants/{tenant}/packets/{packet}/acknowledge"
            | "/api/v1/calls/{call}/take"
            | "/api/v1/calls/{call}/done"
            | "/api/v1/me/keys/{key}/rotate"
            | "/api/v1/me/keys/{key}/revoke",
        ) => gone(None),
        // A file's name is nobody's identifier.
        ("GET", "/api/v1/tenants/{tenant}/packets/preview/{file}") => {
            Some(Case::Gone("/api/v1/tenants/{tenant}/packets/preview/packet.html".to_owned(), None))
        }
        ("GET", "/api/v1/heads/proof") => {
            Some(Case::Gone(format!("{path}?origin={}&size=1000", theirs.origin), None))
        }
        ("POST", "/api/v1/tenants/{tenant}/exceptions/proposals") => gone(Some(proposal("ssh.root-login"))),
        ("POST", "/api/v1/tenants/{tenant}/exceptions/end") => {
            gone(Some(json!({ "control": "ssh.max-auth-tries" })))
        }
        ("POST", "/api/v1/tenants/{tenant}/exceptions") => {
            gone(Some(json!({ "file": "of-a.yaml", "text": EXCEPTIONS })))
        }
        (
            "POST",
            "/api/v1/tenants/{tenant}/sites/{site}/allowlist"
            | "/api/v1/tenants/{tenant}/hosts/{host}/allowlist",
        ) => gone(Some(json!({ "file": "of-a.yaml", "text": null }))),
        ("POST", "/api/v1/tenants") => {
            blind(["b", "nowhere"].map(|t| (path.to_owned(), Some(json!({ "tenant": t })))))
        }
        ("POST", "/api/v1/calls/{call}/hand") => gone(Some(json!({ "to": person }))),
        ("POST", "/api/v1/tenants/{tenant}/sites") => gone(Some(json!({ "site": "more" }))),
        ("POST", "/api/v1/tenants/{tenant}/standing" | "/api/v1/tenants/{tenant}/hosts/{host}/standing") => {
            gone(Some(json!({ "withheld": true })))
        }
        (
            "POST",
            "/api/v1/tenants/{tenant}/hosts/{host}/break-glass"
            | "/api/v1/tenants/{tenant}/orders/{order}/approve",
        ) => gone(envelope()),
        ("POST", "/api/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}/order") => {
            gone(Some(json!({ "runbook": "RB-FILE-001-own-directories", "person": person })))
        }
        ("POST", "/api/v1/tenants/{tenant}/orders/{order}/decline") => {
            gone(Some(json!({ "because": "not-now" })))
        }
        ("POST", "/api/v1/tenants/{tenant}/kits") => gone(Some(
            json!({ "from": "2026-10-01T00:00:00.000Z", "to": "2026-10-02T00:00:00.000Z", "by": "Eve" }),
        )),
        ("POST", "/api/v1/tenants/{tenant}/packets") => gone(Some(json!({ "month": "2026-10" }))),
        ("POST", "/api/v1/tenants/{tenant}/hosts/{host}/quarantine/approve") => {
            gone(Some(json!({ "digest": theirs.software })))
        }
        ("POST", "/api/v1/tenants/{tenant}/generations") => {
            gone(Some(json!({ "closure": "0c5vy0a7x3kq2wz9sd8f6gh4jklm0npr" })))
        }
        ("POST", "/api/v1/learning/{learnt}/approve") => blind(["b", "nowhere"].map(|t| {
            let body = json!({ "canary": { "tenant": t, "site": SITE } });
            (path.replace("{learnt}", "1"), Some(body))
        })),
        ("POST", "/api/v1/releases") => {
            once(Some(json!({ "program": "agent", "version": "1", "binary": nowhere })))
        }
        ("POST", "/api/v1/people") => {
            let new = |t: &str| json!({ "person": "eve", "role": "technician", "reach": { "tenants": [t] } });
            blind(["b", "nowhere"].map(|t| (path.to_owned(), Some(new(t)))))
        }
        (
            "POST",
            "/api/v1/people/{person}/role"
            | "/api/v1/people/{person}/disabled"
            | "/api/v1/people/{person}/keys/revoke",
        ) => {
            let to = if path.ends_with("role") {
                json!({ "role": "technician", "reach": { "tenants": ["a", "b"] } })
            } else {
                json!({ "disabled": true })
            };
            blind(["of-b", "nobody"].map(|p| (path.replace("{person}", p), Some(to.clone()))))
        }
        ("POST", "/api/v1/me/keys") => {
            let new =
                |t: &str| json!({ "reach": { "tenants": [t] }, "rights": ["incidents-read"], "days": 1 });
            blind(["b", "nowhere"].map(|t| (path.to_owned(), Some(new(t)))))
        }
        // The body names nobody's tenant.
        (
            "POST",
            "/api/v1/me/totp" | "/api/v1/me/totp/confirm" | "/api/v1/join" | "/api/v1/login" | "/api/v1/oidc",
        ) => once(Some(json!({ "code": nowhere }))),
        // The first has no end, and `events` has a test for what it tells whom; the other would end the walk.
        ("GET", "/api/v1/events") | ("POST", "/api/v1/logout") => Some(Case::Blind(Vec::new())),
        _ => None,
    }
}

/// A machine with evidence, an order that waits for people, an incident of which nobody knows, and software that nothing explains; and a kit, proposals,
/// an alert, a key and an enrolment that waits.
async fn theirs(stage: &Stage, of_b: &Somebody) -> Theirs {
    let mut device = machine(stage, "b", SITE).await;
    grow(&mut device, 100).await;
    let incident = "i-of-b".to_owned();
    let order = ordered(&device, &incident).await.order;
    let from = device.log.entries.len() as u64;
    device.log.write_waiting(&order, &incident, WaitingFor::Approval { have: 0, need: 1 });
    delivered(&device, from).await;
    device.report("i-unknown", "nobody.knows").await;
    says(&device, "a", Some("e"), None).await;
    says(&device, "laid in its place", Some("e"), None).await;

    let post = async |path: &str, body: Value| -> Value {
        let path = format!("/api/v1/tenants/b/{path}");
        parsed(stage.operate(Method::POST, &path, Some(body)).await).await
    };
    post("exceptions", json!({ "file": "b.yaml", "text": EXCEPTIONS })).await;
    let body = json!({ "from": "2026-10-01T00:00:00.000Z", "to": "2026-10-02T00:00:00.000Z", "by": "Ada" });
    let kit = post("kits", body).await;
    let packet = post("packets", json!({ "month": "2026-10" })).await;
    let mut proposals = Vec::new();
    for control in ["ssh.root-login", "time.sync"] {
        let made = post("exceptions/proposals", proposal(control)).await;
        proposals.push(made["id"].as_str().unwrap().to_owned());
    }
    let new = json!({ "reach": { "tenants": ["b"] }, "rights": ["incidents-read"], "days": 1 });
    let key: KeyMade = parsed(of_b.ask("POST", "/api/v1/me/keys", Some(&new)).await).await;
    let listed = of_b.ask("GET", "/api/v1/tenants/b/quarantine", None).await;
    let listed: Value = parsed(listed).await;
    proven(stage, &device.sheet.origin).await;
    let hosts = stage.status().await["hosts"].clone();
    let host = hosts.as_array().unwrap().iter().find(|h| h["tenant"] == "b").unwrap().clone();
    Theirs {
        host: device.sheet.host.to_string(),
        origin: device.sheet.origin.clone(),
        fingerprint: host["certificate"]["fingerprint"].as_str().unwrap().to_owned(),
        kit: kit["id"].as_str().unwrap().to_owned(),
        packet: packet["id"].as_str().unwrap().to_owned(),
        incident,
        order: order.to_string(),
        proposals: proposals.try_into().unwrap(),
        alert: first(of_b, "/api/v1/alerts", "id").await,
        call: first(of_b, "/api/v1/calls", "call").await,
        key: key.id.to_string(),
        token: stage.sheet("b", SITE).await.token.to_string(),
        software: listed["items"][0]["digest"].clone(),
    }
}

/// Once a head of its log is proven.
async fn proven(stage: &Stage, origin: &str) {
    let path = format!("/api/v1/heads/proof?origin={origin}&size=1000");
    for _ in 0..400 {
        if stage.operate(Method::GET, &path, None).await.status() == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no head is proven");
}

/// The first of a list that fills by itself.
async fn first(somebody: &Somebody, list: &str, number: &str) -> String {
    for _ in 0..400 {
        let all: Page<Value> = parsed(somebody.ask("GET", list, None).await).await;
        if let Some(one) = all.items.first() {
            return one[number].to_string();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{list} stays empty");
}

/// All that the hub keeps of the other tenant: in its registry, of its people, of its kits. When somebody was last heard of is not meant.
fn kept(stage: &Stage, host: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (name, whose) in [
        ("hub.db", ["tenant", "host"]),
        ("people.db", ["person", "person"]),
        ("exports.db", ["tenant", "tenant"]),
    ] {
        let path = stage.directory.path().join(name);
        let c =
            rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let rows = |sql: &str, value: &[&str]| -> Vec<Vec<String>> {
            let mut all = c.prepare(sql).unwrap();
            let width = all.column_count();
            let row =
                |row: &rusqlite::Row<'_>| (0..width).map(|i| Ok(format!("{:?}", row.get_ref(i)?))).collect();
            all.query_map(rusqlite::params_from_iter(value), row).unwrap().map(Result::unwrap).collect()
        };
        let names = c
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<Vec<String>, _>>()
            .unwrap();
        for table in names.into_iter().filter(|table| table != "session") {
            let columns = c
                .prepare(&format!("SELECT name FROM pragma_table_info('{table}') WHERE name != 'seen'"))
                .unwrap()
                .query_map([], |row| row.get(0))
                .unwrap()
                .collect::<Result<Vec<String>, _>>()
                .unwrap();
            let Some(column) = whose.into_iter().find(|whose| columns.iter().any(|c| c == whose)) else {
                continue;
            };
            let value = match column {
                "host" => host,
                "person" => "of-b",
                _ => "b",
            };
            let columns = columns.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
            for row in rows(&format!("SELECT {columns} FROM \"{table}\" WHERE {column} = ?1"), &[value]) {
                all.push(format!("{table}: {}", row.join(" ")));
            }
        }
    }
    all.sort();
    all
}

/// A hub that looks for alerts, and for heads, often.
async fn watchful() -> Stage {
    let directory = tempfile::tempdir().unwrap();
    let config =
        Config { alerts_every: Duration::from_millis(50), outside: quick(), ..config(directory.path()) };
    let running = hub::serve::start(&config).await.unwrap();
    Stage::of(directory, running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_gives_one_tenant_nothing_of_another() {
    let stage = watchful().await;
    let own = machine(&stage, "a", "main").await.sheet.host.to_string();
    stage.sheet("b", SITE).await;
    let of_b = invited(&stage, technician_of("b")).await;
    let theirs = theirs(&stage, &of_b).await;
    let of_a = invited(&stage, technician_of("a")).await;
    let before = kept(&stage, &theirs.host);
    assert!(before.len() >= 20, "too little is there to be touched: {before:#?}");
    let (mut by_name, mut by_id) = (0, 0);
    for route in operator_routes() {
        let (method, path) = (route.method, route.path);
        let case = case(method, path, &theirs, "of-a");
        let case =
            case.unwrap_or_else(|| panic!("{method} {path} has no case: what does it give another tenant?"));
        let (template, body) = match case {
            Case::Gone(template, body) => (template, body),
            Case::Blind(asked) => {
                blind(&of_a, method, &asked, &theirs).await;
                continue;
            }
        };
        let gone = async |path: String| {
            let answer = of_a.ask(method, &path, body.as_ref()).await;
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: {text}");
        };
        gone(theirs.fill(&template, "b", &theirs.host)).await;
        by_name += 1;
        // Under its own name, with what is the other's: the host, the site, the kit; and the other's incident on its own host.
        if template.contains("{tenant}") && template.matches('{').count() > 1 {
            gone(theirs.fill(&template, "a", &theirs.host)).await;
            by_id += 1;
        }
        if template.contains("{incident}") {
            gone(theirs.fill(&template, "a", &own)).await;
        }
    }
    assert!(by_name >= 35 && by_id >= 20, "only {by_name} and {by_id} were asked for what is another's");
    assert_eq!(kept(&stage, &theirs.host), before, "something of the other tenant's was changed");
    its_own_people_are_answered(&of_b, &theirs).await;
}

/// The walk would show it: each of these is there, and done, for those whose it is.
async fn its_own_people_are_answered(of_b: &Somebody, theirs: &Theirs) {
    for route in operator_routes() {
        let (method, path) = (route.method, route.path);
        let Some(Case::Gone(template, body)) = case(method, path, theirs, "of-b") else { continue };
        let asked = theirs.fill(&template, "b", &theirs.host);
        let answer = of_b.ask(method, &asked, body.as_ref()).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        // The whole text of the exceptions is an MSP admin's: a technician of the tenant is told so, and that it is there.
        if (method, path) == ("POST", "/api/v1/tenants/{tenant}/exceptions") {
            assert_eq!(status, StatusCode::FORBIDDEN, "{text}");
            continue;
        }
        let refused = [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED];
        assert!(!refused.contains(&status), "{method} {path}: {status} {text}");
    }
}

async fn blind(of_a: &Somebody, method: &str, asked: &[(String, Option<Value>)], theirs: &Theirs) {
    let mut said = Vec::new();
    for (path, body) in asked {
        let answer = of_a.ask(method, path, body.as_ref()).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        for secret in theirs.secrets() {
            assert!(!text.contains(secret), "{method} {path} tells of {secret}: {text}");
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
