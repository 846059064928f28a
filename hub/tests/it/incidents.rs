//! From an incident to an order, and back to a closed incident.

use contract::decision::{Choice, Escalation};
use contract::dsse::{PayloadType, open};
use contract::fact::FactValue;
use contract::finding::Verdict;
use contract::order::Order;
use contract::outcome::Outcome;
use contract::plane::{IncidentState, OrderWaiting};
use contract::refusal::Refusal;
use contract::runbook::{OwnDirectory, ParameterValue};
use reqwest::StatusCode;

use crate::stage::{Device, Stage, drift, parsed};

pub(crate) const CONTROL: &str = "suture.evidence-directory";

pub(crate) async fn ordered(device: &Device, id: &str) -> OrderWaiting {
    device.report(id, CONTROL).await;
    let mut waiting = device.orders(10_000).await;
    assert_eq!(waiting.orders.len(), 1);
    waiting.orders.remove(0)
}

pub(crate) fn opened(device: &Device, waiting: &OrderWaiting) -> Order {
    let signed =
        open(PayloadType::Order, &waiting.envelope.0, std::slice::from_ref(&device.sheet.hub_key)).unwrap();
    Order::from_signed(&signed).unwrap()
}

pub(crate) async fn delivered(device: &Device, from: u64) {
    let taken: contract::plane::EvidenceTaken = parsed(device.deliver(from).await).await;
    assert!(taken.receipt.is_some());
}

pub(crate) async fn state(stage: &Stage) -> IncidentState {
    let mut all = stage.incidents("clinic-7").await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).state
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_becomes_a_signed_order_that_wakes_the_device() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let waiting = tokio::spawn({
        let request = device.client.get(format!("{}/v1/orders?wait_ms=20000", device.url));
        async move { parsed::<contract::plane::OrdersWaiting>(request.send().await.unwrap()).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let before = edge::clock::mono();
    device.report("i-1", CONTROL).await;
    let waiting = waiting.await.unwrap().orders.remove(0);
    assert!(edge::clock::mono().ms_since(before) < 3_000, "the wait was not ended by the order");

    let order = opened(&device, &waiting);
    assert_eq!(order.order, waiting.order);
    assert_eq!(
        (&order.tenant, &order.site, &order.host),
        (&device.sheet.tenant, &device.sheet.site, &device.sheet.host)
    );
    assert_eq!(order.runbook.as_str(), "RB-FILE-001-own-directories");
    let target = order.parameters.values().next().unwrap();
    assert_eq!(*target, ParameterValue::OwnDirectory(OwnDirectory::Evidence));
    assert_eq!(order.expires.ms_since(order.issued), contract::order::LIFETIME_MS);
    assert_eq!(state(&stage).await, IncidentState::Ordered(order.order.clone()));
    // It is handed out until it is answered, and the answer alone closes nothing.
    assert_eq!(device.orders(0).await.orders.len(), 1);
    assert_eq!(device.answer(&order.order).await, StatusCode::OK);
    assert!(device.orders(0).await.orders.is_empty());
    assert_eq!(state(&stage).await, IncidentState::Ordered(order.order));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_drift_is_one_incident_and_one_order() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    ordered(&device, "i-1").await;
    assert_eq!(device.report("i-1", CONTROL).await.incident.as_str(), "i-1");
    assert_eq!(device.report("i-2", CONTROL).await.incident.as_str(), "i-1");
    let views = stage.incidents("clinic-7").await;
    assert_eq!((views.len(), views[0].reports), (1, 2));
    assert_eq!(device.orders(0).await.orders.len(), 1);
    let other = device.post("/v1/incidents", &drift("i-1", "files.passwd")).await;
    assert_eq!(other.status(), StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_observation_in_the_evidence_closes() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let waiting = ordered(&device, "i-1").await;
    device.log.write_ended(&waiting.order, "i-1", Outcome::Healed);
    delivered(&device, 0).await;
    assert_eq!(state(&stage).await, IncidentState::Closed { record: 1 });
    // The same control may drift again: a new incident, and a higher counter.
    let again = ordered_again(&device, "i-2", &waiting).await;
    assert!(opened(&device, &again).counter > opened(&device, &waiting).counter);
}

async fn ordered_again(device: &Device, id: &str, first: &OrderWaiting) -> OrderWaiting {
    device.answer(&first.order).await;
    ordered(device, id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_closes_what_was_found_before_it_and_a_fail_never_does() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let waiting = ordered(&device, "i-1").await;
    device.log.write_finding(CONTROL, Verdict::Fail(FactValue::Flag(false)));
    device.log.write_finding("files.passwd", Verdict::Pass(FactValue::Flag(true)));
    device.log.write_finding(CONTROL, Verdict::NotAssessed(contract::fact::Absence::NeedsRoot));
    delivered(&device, 0).await;
    assert_eq!(state(&stage).await, IncidentState::Ordered(waiting.order));
    device.log.write_finding(CONTROL, Verdict::Pass(FactValue::Flag(true)));
    delivered(&device, 4).await;
    assert_eq!(state(&stage).await, IncidentState::Closed { record: 4 });

    // Found an hour after that record was written: a pass from before says nothing about it.
    let mut later = drift("i-2", CONTROL);
    later["found"] = "2026-11-21T08:00:00.000Z".into();
    device.post("/v1/incidents", &later).await;
    device.log.write_finding(CONTROL, Verdict::Pass(FactValue::Flag(true)));
    delivered(&device, 5).await;
    assert!(matches!(
        stage.incidents("clinic-7").await[1].state,
        IncidentState::Ordered(_) | IncidentState::Drifted
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_leaves_it_open_and_a_cooldown_is_waited_out() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let first = ordered(&device, "i-1").await;
    device.answer(&first.order).await;
    device.log.write_refused(&first.order, &Refusal::CoolingDown { left_ms: 300 });
    delivered(&device, 0).await;
    assert_eq!(state(&stage).await, IncidentState::Open { outcome: Outcome::Deferred, record: 1 });
    let mut second = device.orders(10_000).await.orders;
    assert_eq!(second.len(), 1, "the cooldown was not waited out");
    let second = second.remove(0);
    assert!(opened(&device, &second).counter > opened(&device, &first).counter);

    // An older order's end says nothing about the one that is out.
    device.log.write_ended(&first.order, "i-1", Outcome::Failed);
    delivered(&device, 2).await;
    assert_eq!(state(&stage).await, IncidentState::Ordered(second.order.clone()));
    device.log.write_refused(&second.order, &Refusal::Mode(contract::refusal::Mode::Observe));
    delivered(&device, 3).await;
    assert_eq!(state(&stage).await, IncidentState::Open { outcome: Outcome::Observed, record: 3 });
    device.answer(&second.order).await;
    device.report("i-9", CONTROL).await;
    assert!(device.orders(300).await.orders.is_empty(), "an observed drift was ordered again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_reported_after_it_was_closed_is_open_until_it_is_seen_to_pass_again() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let first = ordered(&device, "i-1").await;
    device.answer(&first.order).await;
    device.log.write_ended(&first.order, "i-1", Outcome::Healed);
    delivered(&device, 0).await;
    assert_eq!(state(&stage).await, IncidentState::Closed { record: 1 });

    // A reminder that the heal overtook: the executor finds nothing to do, and that record closes it.
    let second = ordered(&device, "i-1").await;
    assert_eq!(state(&stage).await, IncidentState::Ordered(second.order.clone()));
    assert!(opened(&device, &second).counter > opened(&device, &first).counter);
    device.answer(&second.order).await;
    device.log.write_refused(&second.order, &Refusal::NoFailingCheck);
    delivered(&device, 2).await;
    assert_eq!(state(&stage).await, IncidentState::Closed { record: 2 });

    // Or the next look sees it pass before the order got there.
    let third = ordered(&device, "i-1").await;
    device.log.write_finding(CONTROL, Verdict::Pass(FactValue::Flag(true)));
    delivered(&device, 3).await;
    assert_eq!(state(&stage).await, IncidentState::Closed { record: 3 });
    device.answer(&third.order).await;
    device.log.write_refused(&third.order, &Refusal::NoFailingCheck);
    delivered(&device, 4).await;
    assert_eq!(state(&stage).await, IncidentState::Closed { record: 3 });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_rule_speaks_of_is_a_persons() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    device.report("i-1", "disk.root-encrypted").await;
    let mut views = stage.incidents("clinic-7").await;
    for _ in 0..100 {
        if views[0].state != IncidentState::Drifted {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        views = stage.incidents("clinic-7").await;
    }
    assert_eq!(views[0].state, IncidentState::Escalated);
    let decision = views[0].decision.clone().unwrap();
    assert_eq!(decision.choice, Choice::Escalate(Escalation::NoRule));
    assert!(device.orders(0).await.orders.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_hands_out_what_was_not_answered_and_counts_on() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let before = ordered(&device, "i-1").await;
    let stage = stage.restart().await;
    let device = device.moved(&stage);
    let after = device.orders(0).await.orders.remove(0);
    assert_eq!(after.envelope, before.envelope);
    device.report("i-2", "suture.executor-keys").await;
    for _ in 0..100 {
        if device.orders(0).await.orders.len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let counters: Vec<u64> =
        device.orders(0).await.orders.iter().map(|o| opened(&device, o).counter).collect();
    assert!(counters.len() == 2 && counters[0] < counters[1], "{counters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenant_sees_and_reaches_nothing_of_another() {
    let stage = Stage::start().await;
    let (ours, theirs) = (stage.enrolled("clinic-7").await, stage.enrolled("clinic-8").await);
    let waiting = ordered(&ours, "i-1").await;
    assert!(theirs.orders(0).await.orders.is_empty());
    assert_eq!(theirs.answer(&waiting.order).await, StatusCode::NOT_FOUND);
    assert_eq!(theirs.answer(&"o-0000000000000000".parse().unwrap()).await, StatusCode::NOT_FOUND);
    assert_eq!(ours.orders(0).await.orders.len(), 1, "another tenant answered our order");
    // The same incident id on another host is another incident.
    let taken = theirs.report("i-1", "files.passwd").await;
    assert_eq!(taken.incident.as_str(), "i-1");
    assert_eq!((stage.incidents("clinic-7").await.len(), stage.incidents("clinic-8").await.len()), (1, 1));
    assert_eq!(ours.answer(&waiting.order).await, StatusCode::OK);
}
