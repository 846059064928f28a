//! Orders that wait on their hosts, people who sign them, people who order, and break-glass.

use contract::decision::{Because, Choice, Escalation, Provenance};
use contract::dsse::{OperatorSigner, open_approved};
use contract::order::Order;
use contract::outcome::Outcome;
use contract::plane::{DecisionView, EnvelopeCarried, IncidentState, IncidentView, OrderView, Ordered, Page};
use contract::record::WaitingFor;
use contract::refusal::Refusal;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::incidents::{CONTROL, delivered, opened, ordered, state};
use crate::stage::{Device, Stage, parsed};

const APPROVAL: WaitingFor = WaitingFor::Approval { have: 0, need: 1 };

async fn waiting(stage: &Stage, tenant: &str) -> Vec<OrderView> {
    let path = format!("/api/v1/tenants/{tenant}/orders");
    parsed::<Page<OrderView>>(stage.operate(Method::GET, &path, None).await).await.items
}

async fn hand_in(stage: &Stage, order: &str, envelope: &[u8]) -> StatusCode {
    let path = format!("/api/v1/tenants/clinic-7/orders/{order}/approve");
    let body = EnvelopeCarried { envelope: contract::blob::Blob(envelope.to_vec()) };
    stage.operate(Method::POST, &path, Some(serde_json::to_value(body).unwrap())).await.status()
}

/// As the executor answers an order that waits.
async fn deferred(device: &Device, order: &contract::ids::OrderId) {
    let body = json!({ "order": order, "outcome": "deferred", "refusal": null, "seq": 1 });
    let path = format!("/v1/orders/{order}/answer");
    assert_eq!(device.post(&path, &body).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_for_people_is_handed_out_again_with_each_signature() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let first = ordered(&device, "i-1").await;
    let order = first.order.to_string();
    assert_eq!(waiting(&stage, "clinic-7").await, []);
    deferred(&device, &first.order).await;
    device.log.write_waiting(&first.order, "i-1", APPROVAL);
    delivered(&device, 0).await;
    assert_eq!(state(&stage).await, IncidentState::Ordered(first.order.clone()), "a wait closed or ended it");
    assert!(device.orders(0).await.orders.is_empty());

    let views = waiting(&stage, "clinic-7").await;
    assert_eq!((views.len(), &views[0].order, views[0].signatures), (1, &first.order, 0));
    assert_eq!((&views[0].waiting_for, views[0].control.as_str()), (&APPROVAL, CONTROL));
    assert_eq!(views[0].host, device.sheet.host);
    let path = format!("/api/v1/tenants/clinic-7/orders/{order}");
    let carried: EnvelopeCarried = parsed(stage.operate(Method::GET, &path, None).await).await;
    assert_eq!(carried.envelope, first.envelope, "what is signed is not what was ordered");

    let (jane, joe) = (OperatorSigner::from_seed(&[2; 32]), OperatorSigner::from_seed(&[3; 32]));
    let by_jane = jane.approve(&carried.envelope.0).unwrap();
    let wakes = tokio::spawn({
        let request = device.client.get(format!("{}/v1/orders?wait_ms=20000", device.url));
        async move { parsed::<contract::plane::OrdersWaiting>(request.send().await.unwrap()).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(hand_in(&stage, &order, &by_jane).await, StatusCode::OK);
    let again = wakes.await.unwrap().orders.remove(0);
    assert_eq!((&again.order, &again.envelope.0), (&first.order, &by_jane));
    // An answer to the envelope before, which comes late, does not stop this one.
    deferred(&device, &first.order).await;
    assert_eq!(device.orders(0).await.orders.len(), 1, "a late answer swallowed the approval");
    // The site pins the people: there it opens.
    let pinned = [("jane".parse().unwrap(), jane.public()), ("joe".parse().unwrap(), joe.public())].into();
    let hub_key = std::slice::from_ref(&device.sheet.hub_key);
    assert_eq!(open_approved(&again.envelope.0, hub_key, &pinned).unwrap().1.len(), 1);

    // Two people who sign at once do not undo each other; the second fetches again.
    let by_joe_alone = joe.approve(&carried.envelope.0).unwrap();
    assert_eq!(hand_in(&stage, &order, &by_joe_alone).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(hand_in(&stage, &order, &joe.approve(&by_jane).unwrap()).await, StatusCode::OK);
    let again = device.orders(0).await.orders.remove(0);
    assert_eq!(open_approved(&again.envelope.0, hub_key, &pinned).unwrap().1.len(), 2);
    assert_eq!(waiting(&stage, "clinic-7").await[0].signatures, 2);

    // It runs, ends, and waits no longer.
    device.answer(&first.order).await;
    device.log.write_ended(&first.order, "i-1", Outcome::Healed);
    delivered(&device, 2).await;
    assert_eq!(state(&stage).await, IncidentState::Closed { record: 2 });
    assert_eq!(waiting(&stage, "clinic-7").await, []);
    assert_eq!(hand_in(&stage, &order, &by_jane).await, StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_our_own_bytes_takes_an_orders_place_and_no_other_tenant_sees_it() {
    let stage = Stage::start().await;
    let (mut device, other) = (stage.enrolled("clinic-7").await, stage.enrolled("clinic-8").await);
    let first = ordered(&device, "i-1").await;
    let order = first.order.to_string();
    let jane = OperatorSigner::from_seed(&[2; 32]);
    let by_jane = jane.approve(&first.envelope.0).unwrap();
    assert_eq!(hand_in(&stage, &order, &by_jane).await, StatusCode::CONFLICT, "it does not wait yet");
    deferred(&device, &first.order).await;
    device.log.write_waiting(&first.order, "i-1", APPROVAL);
    delivered(&device, 0).await;

    let theirs = ordered(&other, "i-1").await;
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    assert_eq!(hand_in(&stage, &order, &first.envelope.0).await, unfit, "nobody signed it");
    assert_eq!(hand_in(&stage, &order, &jane.approve(&theirs.envelope.0).unwrap()).await, unfit);
    assert_eq!(hand_in(&stage, &order, b"{}").await, unfit);
    assert!(device.orders(0).await.orders.is_empty());
    assert_eq!(waiting(&stage, "clinic-8").await, []);
    for path in
        [format!("/api/v1/tenants/clinic-8/orders/{order}"), "/api/v1/tenants/clinic-9/orders".to_owned()]
    {
        assert_eq!(stage.operate(Method::GET, &path, None).await.status(), StatusCode::NOT_FOUND);
    }

    // What the site turned down, because somebody signed who may not, can be put right.
    assert_eq!(hand_in(&stage, &order, &by_jane).await, StatusCode::OK);
    let body = json!({ "order": null, "outcome": "refused", "refusal": null, "seq": 2 });
    device.post(&format!("/v1/orders/{order}/answer"), &body).await;
    // Whoever signs next is not given the signature that was turned down.
    let path = format!("/api/v1/tenants/clinic-7/orders/{order}");
    let anew: EnvelopeCarried = parsed(stage.operate(Method::GET, &path, None).await).await;
    let joe = OperatorSigner::from_seed(&[3; 32]).approve(&anew.envelope.0).unwrap();
    assert_eq!(joe.len(), by_jane.len(), "somebody else signed it too");
    assert_eq!(hand_in(&stage, &order, &joe).await, StatusCode::OK);
    assert_eq!(device.orders(0).await.orders[0].envelope.0, joe);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_declines_takes_no_signature_and_its_incident_waits_for_a_person() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let first = ordered(&device, "i-1").await;
    let order = first.order.to_string();
    let path = format!("/api/v1/tenants/clinic-7/orders/{order}/decline");
    let decline = || stage.operate(Method::POST, &path, Some(json!({ "because": "not-this" })));
    assert_eq!(decline().await.status(), StatusCode::CONFLICT, "it does not wait yet");
    deferred(&device, &first.order).await;
    device.log.write_waiting(&first.order, "i-1", APPROVAL);
    delivered(&device, 0).await;
    let vague = stage.operate(Method::POST, &path, Some(json!({ "because": "whatever" }))).await;
    assert_eq!(vague.status(), StatusCode::BAD_REQUEST);
    let theirs = path.replace("clinic-7", "clinic-8");
    stage.sheet("clinic-8", "main").await;
    let crossed = stage.operate(Method::POST, &theirs, Some(json!({ "because": "not-this" }))).await;
    assert_eq!(crossed.status(), StatusCode::NOT_FOUND);
    assert_eq!(waiting(&stage, "clinic-7").await.len(), 1, "what failed declined it");

    assert_eq!(decline().await.status(), StatusCode::OK);
    assert_eq!(state(&stage).await, IncidentState::Escalated);
    let incidents = stage.operate(Method::GET, "/api/v1/tenants/clinic-7/incidents", None).await;
    let incident = parsed::<Page<IncidentView>>(incidents).await.items.remove(0);
    let decision = incident.decision.unwrap();
    assert_eq!(decision.choice, Choice::Escalate(Escalation::Declined(Because::NotThis)));
    assert_eq!(decision.provenance, Provenance::Person("jane".parse().unwrap()));
    let why = incident.why.unwrap();
    assert!(why.starts_with("jane declined the order, because "), "{why}");
    assert_eq!(waiting(&stage, "clinic-7").await, []);
    let by_jane = OperatorSigner::from_seed(&[2; 32]).approve(&first.envelope.0).unwrap();
    assert_eq!(hand_in(&stage, &order, &by_jane).await, StatusCode::CONFLICT, "a no is no yes");
    assert_eq!(decline().await.status(), StatusCode::CONFLICT);

    // What the machine says afterwards of the order that it still holds brings it back for nobody.
    device.log.write_waiting(&first.order, "i-1", APPROVAL);
    delivered(&device, 2).await;
    assert_eq!(waiting(&stage, "clinic-7").await, []);
    let shown: serde_json::Value = parsed(stage.operate(Method::GET, "/api/v1/approvals", None).await).await;
    assert_eq!((&shown["for_people"], &shown["by_themselves"]), (&json!([]), &json!([])));
    assert!(device.orders(0).await.orders.is_empty());
    device.log.write_refused(&first.order, &Refusal::WaitedTooLong { at: edge::clock::utc() });
    delivered(&device, 3).await;
    assert_eq!(state(&stage).await, IncidentState::Escalated);
    // The same failure again is this incident, and stays with a person; who may order something else.
    device.report("i-2", CONTROL).await;
    assert!(device.orders(300).await.orders.is_empty(), "it was ordered again over a person's head");
    let again = format!("/api/v1/tenants/clinic-7/hosts/{}/incidents/i-1/order", device.sheet.host);
    let body = json!({ "runbook": "RB-FILE-001-own-directories", "person": "jane" });
    let placed: Ordered = parsed(stage.operate(Method::POST, &again, Some(body)).await).await;
    assert_eq!(state(&stage).await, IncidentState::Ordered(placed.order.clone()));

    // What people said stands among the decisions, in their names; nothing makes it again.
    let said = stage.operate(Method::GET, "/api/v1/tenants/clinic-7/decisions", None).await;
    let by_people: Vec<DecisionView> = parsed::<Page<DecisionView>>(said).await.items.split_off(1);
    let orders: Vec<_> = by_people.iter().map(|said| said.order.clone()).collect();
    assert_eq!(orders, [None, Some(placed.order)]);
    let jane = Provenance::Person("jane".parse().unwrap());
    for said in by_people {
        assert_eq!(said.decision.map(|decision| decision.provenance), Some(jane.clone()));
        assert_eq!(said.line, None);
    }
    let incidents = stage.operate(Method::GET, "/api/v1/tenants/clinic-7/incidents", None).await;
    let why = parsed::<Page<IncidentView>>(incidents).await.items.remove(0).why;
    assert_eq!(why.as_deref(), Some("jane chose RB-FILE-001-own-directories"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_for_a_window_is_listed_and_not_planned_anew() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let first = ordered(&device, "i-1").await;
    deferred(&device, &first.order).await;
    let opens = edge::clock::utc().plus_ms(3_600_000);
    device.log.write_waiting(&first.order, "i-1", WaitingFor::Window { opens });
    delivered(&device, 0).await;
    device.report("i-2", CONTROL).await;
    assert!(device.orders(300).await.orders.is_empty(), "it was ordered twice");
    assert_eq!(waiting(&stage, "clinic-7").await[0].waiting_for, WaitingFor::Window { opens });
    let by_jane = OperatorSigner::from_seed(&[2; 32]).approve(&first.envelope.0).unwrap();
    assert_eq!(
        hand_in(&stage, first.order.as_str(), &by_jane).await,
        StatusCode::CONFLICT,
        "no person opens a window"
    );
    // The window came and went.
    device.log.write_refused(&first.order, &Refusal::WaitedTooLong { at: opens });
    delivered(&device, 2).await;
    assert_eq!(state(&stage).await, IncidentState::Open { outcome: Outcome::Expired, record: 2 });
    assert_eq!(waiting(&stage, "clinic-7").await, []);
    device.report("i-2", CONTROL).await;
    assert_eq!(device.orders(10_000).await.orders.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stuck_is_a_persons_until_it_ends() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let first = ordered(&device, "i-1").await;
    device.log.write_escalated(&first.order, "i-1");
    delivered(&device, 0).await;
    assert_eq!(state(&stage).await, IncidentState::Open { outcome: Outcome::Escalated, record: 1 });
    device.log.write_ended(&first.order, "i-1", Outcome::Reverted);
    delivered(&device, 2).await;
    assert_eq!(state(&stage).await, IncidentState::Open { outcome: Outcome::Reverted, record: 2 });
    device.log.write_escalated(&first.order, "i-1");
    delivered(&device, 3).await;
    assert_eq!(state(&stage).await, IncidentState::Open { outcome: Outcome::Reverted, record: 2 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_person_orders_what_fits_and_the_order_says_who_it_was() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    ordered(&device, "i-1").await;
    let host = device.sheet.host.to_string();
    let place = |incident: &str, runbook: &str| {
        let path = format!("/api/v1/tenants/clinic-7/hosts/{host}/incidents/{incident}/order");
        let body = json!({ "runbook": runbook, "person": "jane", "break_glass": "g-1" });
        let stage = &stage;
        async move { stage.operate(Method::POST, &path, Some(body)).await }
    };
    let placed: Ordered = parsed(place("i-1", "RB-FILE-001-own-directories").await).await;
    let orders = device.orders(0).await.orders;
    let order: Order = opened(&device, orders.last().unwrap());
    assert_eq!((&order.order, order.incident.as_str()), (&placed.order, "i-1"));
    assert_eq!(order.provenance, Provenance::Person("jane".parse().unwrap()));
    assert_eq!(order.break_glass, Some("g-1".parse().unwrap()));
    assert!(order.counter > opened(&device, &orders[0]).counter);
    assert_eq!(state(&stage).await, IncidentState::Ordered(placed.order));
    assert_eq!(place("i-9", "RB-FILE-001-own-directories").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(place("i-1", "RB-SERVICE-001-restart").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(place("i-1", "RB-NONE-001-none").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let theirs = format!("/api/v1/tenants/clinic-8/hosts/{host}/incidents/i-1/order");
    stage.sheet("clinic-8", "main").await;
    let body = json!({ "runbook": "RB-FILE-001-own-directories", "person": "jane" });
    assert_eq!(stage.operate(Method::POST, &theirs, Some(body)).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn break_glass_is_carried_as_it_came_to_its_own_host_until_that_answered() {
    let stage = Stage::start().await;
    let (device, other) = (stage.enrolled("clinic-7").await, stage.enrolled("clinic-8").await);
    let path = format!("/api/v1/tenants/clinic-7/hosts/{}/break-glass", device.sheet.host);
    let carry = |bytes: Vec<u8>| {
        let body = EnvelopeCarried { envelope: contract::blob::Blob(bytes) };
        stage.operate(Method::POST, &path, Some(serde_json::to_value(body).unwrap()))
    };
    assert_eq!(carry(b"whatever it is".to_vec()).await.status(), StatusCode::ACCEPTED);
    assert_eq!(carry(vec![b'x'; 16 * 1024 + 1]).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let grant = device.orders(10_000).await.break_glass.remove(0);
    assert_eq!(grant.envelope.0, b"whatever it is");
    assert!(other.orders(0).await.break_glass.is_empty());
    let answer = json!({ "refused": null });
    let path_of = |number: u64| format!("/v1/break-glass/{number}/answer");
    assert_eq!(other.post(&path_of(grant.number), &answer).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(device.orders(0).await.break_glass.len(), 1, "another host answered for it");
    assert_eq!(device.post(&path_of(grant.number), &answer).await.status(), StatusCode::OK);
    assert!(device.orders(0).await.break_glass.is_empty());
    for _ in 0..8 {
        assert_eq!(carry(b"again".to_vec()).await.status(), StatusCode::ACCEPTED);
    }
    assert_eq!(carry(b"again".to_vec()).await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_device_is_busy_with_is_not_handed_out_and_wakes_nobody() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let first = ordered(&device, "i-1").await;
    let known = format!("/v1/orders?wait_ms=300&known={}", first.order);
    let before = edge::clock::mono();
    let waiting: contract::plane::OrdersWaiting = parsed(device.get(&known).await).await;
    assert!(waiting.orders.is_empty());
    assert!(edge::clock::mono().ms_since(before) >= 300, "a known order ended the wait");
    assert_eq!(device.get("/v1/orders?known=*").await.status(), StatusCode::BAD_REQUEST);
}
