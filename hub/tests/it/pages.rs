//! What pages say of what needs somebody: alerts, a quarantine, an order that waits, a clinic's open incidents, the hub's own log.

use std::time::Duration;

use contract::fact::FactValue;
use contract::finding::Verdict;
use contract::ids::OrderId;
use contract::record::WaitingFor;
use hub::config::Config;
use hub::serve::start;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::attestation::says;
use crate::console::shown;
use crate::people::{Somebody, invited, technician_of};
use crate::stage::{Device, Stage, config, parsed};

const CONTROL: &str = "suture.evidence-directory";

/// An order that waits for people, and what was seen of its control.
async fn waits_for_people(device: &mut Device) -> OrderId {
    device.report("i-1", CONTROL).await;
    let order = device.orders(10_000).await.orders[0].order.clone();
    device.log.clock = edge::clock::utc();
    device.log.write_finding(CONTROL, Verdict::Fail(FactValue::Number(755)));
    device.log.write_waiting(&order, "i-1", WaitingFor::Approval { have: 0, need: 1 });
    assert_eq!(device.deliver(0).await.status(), StatusCode::OK);
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_stands_on_its_page_and_in_the_navigation_until_somebody_looks_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let often = Config { alerts_every: Duration::from_millis(50), ..config(directory.path()) };
    let stage = Stage::of(directory, start(&often).await.unwrap()).await;
    assert!(shown(&stage, "/alerts").await.contains("No alert waits for somebody"));
    let mut device = stage.enrolled("a").await;
    waits_for_people(&mut device).await;
    let mut page = String::new();
    for _ in 0..100 {
        page = shown(&stage, "/alerts").await;
        if page.contains("waits for a person") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(page.contains("Nobody looks after these") && page.contains("a/main: call 1: high:"), "{page}");
    let count = "<span class=\"count\">1<";
    assert!(shown(&stage, "/people").await.contains(count), "it is not in the navigation of another page");
    let press = page
        .split("data-post=\"")
        .find_map(|rest| rest.split('"').next().filter(|p| p.ends_with("acknowledge")));
    let press = press.expect("there is no button").to_owned();
    // Of another tenant it is nobody's matter; there is none on that page either.
    let of_b = {
        stage.sheet("b", "main").await;
        invited(&stage, technician_of("b")).await
    };
    assert_eq!(of_b.ask("POST", &press, None).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(stage.operate(Method::POST, &press, None).await.status(), StatusCode::OK);
    let page = shown(&stage, "/alerts").await;
    assert!(page.contains("Looked after, and not over") && page.contains("by jane"), "{page}");
    assert!(!page.contains(count) && !page.contains(&press), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantine_is_a_chip_of_its_own_is_approved_on_its_page_and_leaves_nothing_that_stands() {
    let stage = Stage::start().await;
    let device = stage.enrolled("a").await;
    says(&device, "a", Some("e"), None).await;
    let path = format!("/tenants/a/hosts/{}", device.sheet.host);
    assert!(!shown(&stage, &path).await.contains("id=\"quarantine\""));
    says(&device, "a", Some("laid in its place"), None).await;
    for page in ["/", "/tenants/a/sites/main"] {
        let text = shown(&stage, page).await;
        assert!(text.contains("In quarantine") && !text.contains("1 evidence alarm"), "{page}: {text}");
    }
    let text = shown(&stage, &path).await;
    assert!(!text.contains("what a log must never do"), "a quarantine is nothing that its log did: {text}");
    let view: Value = parsed(stage.operate(Method::GET, &format!("/api/v1{path}"), None).await).await;
    let seen = view["quarantine"]["digest"].as_str().unwrap();
    assert_eq!(view["quarantine"]["changed"], json!(["executor"]));
    let form = format!("data-api=\"/api/v1{path}/quarantine/approve\"");
    assert!(text.contains(&form) && text.contains(&format!("name=\"digest\" value=\"{seen}\"")), "{text}");
    assert!(text.contains(&format!("data-must=\"{}\"", device.sheet.host)));
    let viewer = json!({ "person": "vi", "role": "clinic-viewer", "reach": { "tenants": ["a"] } });
    let viewer = invited(&stage, viewer).await;
    let theirs = crate::console::shown_to(&stage, &path, &viewer.secret).await;
    assert!(theirs.contains("id=\"quarantine\"") && !theirs.contains(&form), "{theirs}");

    let approve = format!("/api/v1{path}/quarantine/approve");
    let approved = stage.operate(Method::POST, &approve, Some(json!({ "digest": seen }))).await;
    assert_eq!(approved.status(), StatusCode::OK);
    let text = shown(&stage, &path).await;
    assert!(!text.contains("id=\"quarantine\"") && text.contains("Good to know, or over (1)"), "{text}");
    let fleet: Value = parsed(stage.operate(Method::GET, "/api/v1/fleet", None).await).await;
    let standing = &fleet["sites"][0]["standing"];
    assert_eq!((&standing["alarms"], &standing["quarantined"]), (&json!(0), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_says_what_was_seen_and_what_is_expected() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("a").await;
    assert!(shown(&stage, "/approvals").await.contains("No order waits for approval"));
    waits_for_people(&mut device).await;
    let waiting: Value = parsed(stage.operate(Method::GET, "/api/v1/approvals", None).await).await;
    let order = &waiting["for_people"][0];
    assert_eq!(order["observed"]["seen"], "755");
    let expected = order["expected"].as_str().unwrap();
    let text = shown(&stage, "/approvals").await;
    let record = order["observed"]["record"].as_u64().unwrap();
    assert!(
        text.contains("<code>755</code>, ")
            && text.contains(&format!("/evidence/{}/{record}", device.sheet.host)),
        "{text}"
    );
    assert!(text.contains(&format!("; expected <code>{expected}</code>")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_the_clinic_is_there_however_much_came_after_it() {
    let stage = Stage::start().await;
    let device = stage.enrolled("a").await;
    let host = device.sheet.host.to_string();
    let tick = "Nothing waits for a person";
    assert!(shown(&stage, "/tenants/a/clinic").await.contains(tick));
    let database = rusqlite::Connection::open(stage.directory.path().join("hub.db")).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    let add = |name: &str, control: &str, state: &str, closed: bool| {
        let mut what = crate::stage::drift(name, control);
        let what = what["what"].take().to_string();
        let sql = "INSERT INTO incident (host, incident, subject, found, what, state, closed) VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6)";
        let found = edge::clock::utc().unix_ms();
        database.execute(sql, rusqlite::params![host, name, found, what, state, closed]).unwrap();
    };
    add("i-old", "ssh.root-login", "\"escalated\"", false);
    for n in 0..60 {
        add(&format!("i-{n}"), CONTROL, r#"{"closed":{"record":1}}"#, true);
    }
    let text = shown(&stage, "/tenants/a/clinic").await;
    assert!(text.contains("/incidents/i-old\"") && !text.contains(tick), "{text}");
    assert!(text.contains("1 thing needs") && text.matches("not hold:").count() == 2, "{text}");
    // More than is looked at is open, all of it being looked after: then nobody says that nothing waits.
    database.execute("UPDATE incident SET state = '\"drifted\"' WHERE incident = 'i-old'", []).unwrap();
    for n in 60..600 {
        add(&format!("i-{n}"), CONTROL, "\"drifted\"", false);
    }
    let text = shown(&stage, "/tenants/a/clinic").await;
    assert!(!text.contains(tick) && text.contains("There is more than this page shows"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_is_one_line_and_a_machine_that_was_turned_away_is_found_by_its_name() {
    let stage = Stage::start().await;
    let device = stage.enrolled("a").await;
    let host = device.sheet.host.to_string();
    says(&device, "a", Some("e"), None).await;
    says(&device, "a", Some("laid in its place"), None).await;
    stage.revoke(&device).await;
    assert_eq!(device.get("/v1/evidence").await.status(), StatusCode::FORBIDDEN);
    let admin = Somebody::new(&stage, &stage.token());
    let found = async |words: &str| {
        let page: Value = parsed(admin.ask("GET", &format!("/api/v1/audit?q={words}"), None).await).await;
        page["records"].as_array().unwrap().clone()
    };
    for words in ["revoked".to_owned(), format!("turned%20{host}"), "away%20a".to_owned()] {
        let rows = found(&words).await;
        let row =
            rows.iter().find(|row| row["end"] == "refused").unwrap_or_else(|| panic!("{words}: {rows:?}"));
        assert_eq!((&row["host"], &row["tenant"]), (&json!(host), &json!("a")), "{words}");
    }
    assert_eq!(found(&format!("quarantine%20{host}")).await[0]["end"], "quarantined");
    // Two records, one line, which names both; and over the edge of a page as well.
    let acts = found("certificates-revoke").await;
    assert_eq!(acts.len(), 1, "{acts:?}");
    let (end, begun) = (acts[0]["seq"].as_u64().unwrap(), acts[0]["begun"]["seq"].as_u64().unwrap());
    assert!(acts[0]["end"] == "done" && begun < end);
    let between: Value = parsed(admin.ask("GET", &format!("/api/v1/audit?before={end}"), None).await).await;
    let seqs: Vec<_> =
        between["records"].as_array().unwrap().iter().map(|row| row["seq"].as_u64().unwrap()).collect();
    assert!(!seqs.contains(&begun), "what began it is listed again on the next page: {seqs:?}");
    let page = shown(&stage, &format!("/audit?q=turned%20{host}")).await;
    assert!(
        page.contains("its certificate is revoked") && page.contains(&format!("/tenants/a/hosts/{host}")),
        "{page}"
    );
}
