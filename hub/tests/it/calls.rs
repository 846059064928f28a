//! A person is called for what waits for one: told what was seen, tried and may be tried; has it, hands it over, and orders.

use std::time::Duration;

use contract::call::{CallView, CallWhole};
use contract::ids::OperatorId;
use contract::outcome::Outcome;
use contract::plane::{IncidentState, Page};
use hub::config::Config;
use hub::serve::start;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::incidents::{CONTROL, delivered, ordered};
use crate::people::{invited, technician_of};
use crate::stage::{Stage, config, parsed};

async fn stage() -> Stage {
    let directory = tempfile::tempdir().unwrap();
    let often = Config { alerts_every: Duration::from_millis(50), ..config(directory.path()) };
    Stage::of(directory, start(&often).await.unwrap()).await
}

async fn get<T: serde::de::DeserializeOwned>(stage: &Stage, path: &str) -> T {
    parsed(stage.operate(Method::GET, &format!("/api/v1/{path}"), None).await).await
}

/// Once there is one.
async fn first_call(stage: &Stage) -> CallView {
    for _ in 0..200 {
        if let Some(call) = get::<Page<CallView>>(stage, "calls").await.items.into_iter().next() {
            return call;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody is called");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_called_with_what_was_seen_tried_and_may_be_tried() {
    let stage = stage().await;
    let mut device = stage.enrolled("clinic-7").await;
    // It was ordered, and the repair did not work.
    let first = ordered(&device, "i-1").await;
    device.log.write_ended(&first.order, "i-1", Outcome::Reverted);
    delivered(&device, 0).await;
    let call = first_call(&stage).await;
    assert_eq!((call.incident.as_str(), call.holder.clone(), call.over), ("i-1", None, None));
    let whole: CallWhole = get(&stage, &format!("calls/{}", call.call)).await;
    assert_eq!(whole.tried.len(), 1, "{whole:?}");
    assert_eq!(whole.tried[0].order, first.order);
    assert!(whole.tried[0].came.starts_with("ended: reverted"), "{:?}", whole.tried);
    let may: Vec<&str> = whole.may_try.iter().map(|may| may.runbook.as_str()).collect();
    assert_eq!(may, ["RB-FILE-001-own-directories"]);
    assert!(!whole.may_try[0].disruptive && !whole.citations.is_empty(), "{whole:?}");

    // What may be tried may be ordered, by whoever is here, through the same guardrails.
    let order = json!({ "runbook": may[0], "person": "jane" });
    let path = format!("/api/v1/tenants/clinic-7/hosts/{}/incidents/i-1/order", device.sheet.host);
    let made = stage.operate(Method::POST, &path, Some(order)).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let mut open = true;
    for _ in 0..200 {
        let calls = get::<Page<CallView>>(&stage, "calls").await.items;
        open = calls[0].over.is_none();
        if !open {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!open, "a new order is out, and the call goes on");
    let whole: CallWhole = get(&stage, &format!("calls/{}", call.call)).await;
    assert_eq!(whole.tried.len(), 2, "{whole:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_taken_and_handed_over_to_somebody_who_may_have_it_and_to_nobody_else() {
    let stage = stage().await;
    let device = stage.enrolled("clinic-7").await;
    device.report("i-1", "nobody.knows").await;
    let call = first_call(&stage).await;
    let (of_7, of_8) = (invited(&stage, technician_of("clinic-7")).await, {
        stage.sheet("clinic-8", "main").await;
        invited(&stage, technician_of("clinic-8")).await
    });
    let viewer = json!({ "person": "viewer", "role": "clinic-viewer", "reach": { "tenants": ["clinic-7"] } });
    let viewer = invited(&stage, viewer).await;
    let (take, hand) =
        (format!("/api/v1/calls/{}/take", call.call), format!("/api/v1/calls/{}/hand", call.call));
    assert_eq!(of_8.ask("POST", &take, None).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(viewer.ask("POST", &take, None).await.status(), StatusCode::FORBIDDEN);
    let taken: CallView = parsed(of_7.ask("POST", &take, None).await).await;
    assert_eq!(taken.holder.as_ref().map(OperatorId::as_str), Some("of-clinic-7"));
    for nobody in ["of-clinic-8", "viewer", "nobody"] {
        let refused = of_7.ask("POST", &hand, Some(&json!({ "to": nobody }))).await;
        assert_eq!(refused.status(), StatusCode::CONFLICT, "{nobody}");
    }
    let handed: CallView = parsed(of_7.ask("POST", &hand, Some(&json!({ "to": "jane" }))).await).await;
    assert_eq!(handed.holder.as_ref().map(OperatorId::as_str), Some("jane"));
    let whole: CallWhole = get(&stage, &format!("calls/{}", call.call)).await;
    let steps: Vec<_> = whole.steps.iter().map(|step| (step.by.as_str(), step.holder.as_str())).collect();
    assert_eq!(steps, [("of-clinic-7", "of-clinic-7"), ("of-clinic-7", "jane")]);
    // Somebody has it: it is no alert any more.
    for _ in 0..200 {
        let alerts: Page<Value> = get(&stage, "alerts").await;
        if alerts.items.iter().all(|alert| !alert["over"].is_null()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("whoever is called is told on though somebody has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_detector_saw_ends_by_whoever_looked_after_it_and_a_control_does_not() {
    let stage = stage().await;
    let device = stage.enrolled("clinic-7").await;
    let signal = json!({ "incident": "i-1", "found": edge::clock::utc(), "what": { "signal": {
        "detector": "auth.break-in", "kind": "break_in", "severity": "critical", "count": 9, "window_s": 60 } } });
    assert_eq!(device.post("/v1/incidents", &signal).await.status(), StatusCode::OK);
    let call = first_call(&stage).await;
    device.report("i-2", "nobody.knows").await;
    let done = async |call: u64| {
        stage.operate(Method::POST, &format!("/api/v1/calls/{call}/done"), None).await.status()
    };
    for _ in 0..200 {
        if get::<Page<CallView>>(&stage, "calls").await.items.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((done(call.call).await, done(call.call + 1).await), (StatusCode::OK, StatusCode::CONFLICT));
    let incident = stage.incidents("clinic-7").await.remove(0);
    assert_eq!(incident.state, IncidentState::LookedAfter("jane".parse().unwrap()));
    assert_eq!(done(call.call).await, StatusCode::NOT_FOUND, "it is over");
    assert_eq!(done(u64::MAX).await, StatusCode::NOT_FOUND);
    let page = crate::console::shown(&stage, "/tenants/clinic-7/incidents").await;
    assert!(page.contains("Looked after by jane"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_page_shows_it_to_those_who_may() {
    let stage = stage().await;
    stage.enrolled("clinic-7").await.report("i-1", CONTROL).await;
    let none = stage.operate(Method::GET, "/api/v1/calls/1", None).await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND, "the planner has it");
    stage.enrolled("clinic-7").await.report("i-2", "nobody.knows").await;
    let call = first_call(&stage).await;
    let page = crate::console::shown(&stage, "/calls").await;
    assert!(page.contains("nobody.knows") && page.contains("Nobody has it"), "{page}");
    let page = crate::console::shown(&stage, &format!("/calls/{}", call.call)).await;
    assert!(page.contains("Nothing was tried") && page.contains("No approved runbook fits"), "{page}");
}
