//! Standing orders: signed for one host, withheld where an operator says so; and what a site did for itself while the hub was away.

use std::collections::BTreeSet;

use contract::digest::Digest;
use contract::dsse::{PayloadType, open};
use contract::grant::{STANDING_LIFETIME_MS, StandingOrder};
use contract::outcome::Outcome;
use contract::plane::{IncidentState, StandingIssued};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::incidents::{CONTROL, delivered, ordered, state};
use crate::stage::{Device, Stage, bootstrap, parsed};

async fn issued(device: &Device) -> (StandingOrder, StandingIssued) {
    let issued: StandingIssued = parsed(device.get("/v1/standing").await).await;
    let key = std::slice::from_ref(&device.sheet.hub_key);
    let signed = open(PayloadType::StandingOrder, &issued.envelope.0, key).unwrap();
    (StandingOrder::from_signed(&signed).unwrap(), issued)
}

async fn withhold(stage: &Stage, path: &str, withheld: bool) {
    let body = json!({ "withheld": withheld });
    assert_eq!(stage.operate(Method::POST, path, Some(body)).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_device_is_given_its_own_standing_order_under_a_counter_that_rises() {
    let stage = Stage::start().await;
    let (ours, theirs) = (stage.enrolled("clinic-7").await, stage.enrolled("clinic-8").await);
    let (first, given) = issued(&ours).await;
    assert_eq!(
        (&first.tenant, &first.site, &first.host),
        (&ours.sheet.tenant, &ours.sheet.site, &ours.sheet.host)
    );
    assert_eq!(
        first.rules_digest,
        Digest::of(given.rules.as_bytes()),
        "the rules are not those that it names"
    );
    let catalogue =
        open(PayloadType::Catalogue, &ours.sheet.catalogue.0, std::slice::from_ref(&ours.sheet.hub_key))
            .unwrap();
    assert_eq!(first.catalogue_digest, catalogue.digest());
    assert_eq!(first.expires.ms_since(first.issued), STANDING_LIFETIME_MS);

    // What is granted disturbs nobody, asks nobody, and is named by the rules.
    let catalogue = contract::runbook::Catalogue::parse(catalogue.payload()).unwrap();
    assert!(!first.runbooks.is_empty());
    let distinct: BTreeSet<_> = first.runbooks.iter().collect();
    assert_eq!(distinct.len(), first.runbooks.len());
    for id in &first.runbooks {
        let runbook = &catalogue.runbook(id).unwrap().runbook;
        assert!(!runbook.disruptive && runbook.approval.people() == 0, "{id}");
        assert!(given.rules.contains(id.as_str()), "{id}");
    }

    let (second, again) = issued(&ours).await;
    assert!(second.counter > first.counter && second.grant != first.grant);
    assert_eq!(again.says, given.says);
    assert_eq!(ours.orders(0).await.standing, Some(given.says));
    let (other, _) = issued(&theirs).await;
    assert_eq!((other.tenant, other.host), (theirs.sheet.tenant.clone(), theirs.sheet.host.clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_devices_certificate_is_given_one() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let sheet = stage.sheet("clinic-8", "main").await;
    let newcomer = bootstrap(&sheet).get(format!("{}/v1/standing", sheet.hub)).send().await.unwrap();
    assert_eq!(newcomer.status(), StatusCode::FORBIDDEN);
    stage.revoke(&device).await;
    assert_eq!(device.get("/v1/standing").await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withheld_is_taken_back_and_stays_so_across_a_restart() {
    let stage = Stage::start().await;
    let (device, neighbour) =
        (stage.enrolled("clinic-7").await, stage.enrolled_at("clinic-7", "annex").await);
    let (granted, given) = issued(&device).await;
    let host = format!("/api/v1/tenants/clinic-7/hosts/{}/standing", device.sheet.host);
    let wakes = tokio::spawn({
        let request = device.client.get(format!("{}/v1/orders?wait_ms=20000", device.url));
        async move { parsed::<contract::plane::OrdersWaiting>(request.send().await.unwrap()).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let before = edge::clock::mono();
    withhold(&stage, &host, true).await;
    assert_ne!(wakes.await.unwrap().standing, Some(given.says), "the device is not told");
    assert!(edge::clock::mono().ms_since(before) < 5_000, "the device is told late");
    let (back, _) = issued(&device).await;
    assert_eq!(back.runbooks, []);
    assert!(back.counter > granted.counter, "the site would not take it");
    assert_ne!(issued(&neighbour).await.0.runbooks, []);

    let stage = stage.restart().await;
    let (device, neighbour) = (device.moved(&stage), neighbour.moved(&stage));
    assert_eq!(issued(&device).await.0.runbooks, []);
    assert!(issued(&device).await.0.counter > back.counter);
    withhold(&stage, "/api/v1/tenants/clinic-7/standing", true).await;
    withhold(&stage, &host, false).await;
    for host in [&device, &neighbour] {
        assert_eq!(issued(host).await.0.runbooks, [], "the tenant's word was passed over");
    }
    withhold(&stage, "/api/v1/tenants/clinic-7/standing", false).await;
    assert_eq!(issued(&device).await.0.runbooks, granted.runbooks);
    for path in ["/api/v1/tenants/clinic-9/standing", "/api/v1/tenants/clinic-7/hosts/h-9/standing"] {
        let body = Some(json!({ "withheld": true }));
        assert_eq!(stage.operate(Method::POST, path, body).await.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_that_comes_after_the_evidence_of_its_own_sites_run_is_closed_by_it_and_planned_by_nobody()
 {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    device.log.write_ended(&"s-0123456789abcdef".parse().unwrap(), "i-1", Outcome::Healed);
    delivered(&device, 0).await;
    assert_eq!(device.report("i-1", CONTROL).await.incident.as_str(), "i-1");
    assert_eq!(state(&stage).await, IncidentState::Closed { record: 1 });
    assert!(device.orders(300).await.orders.is_empty(), "it was ordered again");
    let stage = stage.restart().await;
    assert!(device.moved(&stage).orders(300).await.orders.is_empty(), "a restart ordered it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_evidence_of_a_sites_own_run_closes_the_incident_that_came_before_it() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let waiting = ordered(&device, "i-1").await;
    device.log.write_ended(&"s-0123456789abcdef".parse().unwrap(), "i-1", Outcome::Healed);
    delivered(&device, 0).await;
    assert_eq!(state(&stage).await, IncidentState::Closed { record: 1 });
    // The order that was out finds nothing to do, and changes nothing.
    device.answer(&waiting.order).await;
    device.log.write_refused(&waiting.order, &contract::refusal::Refusal::NoFailingCheck);
    delivered(&device, 2).await;
    assert_eq!(state(&stage).await, IncidentState::Closed { record: 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sites_own_run_that_did_not_heal_leaves_its_incident_to_a_person_and_closes_no_other() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let run = |n: u32| format!("s-{n}").parse().unwrap();
    device.log.write_ended(&run(1), "i-1", Outcome::Reverted);
    // A run over another control says nothing about this incident, whatever id it names.
    device.log.write_ended(&run(2), "i-2", Outcome::Healed);
    delivered(&device, 0).await;
    device.report("i-1", CONTROL).await;
    assert_eq!(state(&stage).await, IncidentState::Open { outcome: Outcome::Reverted, record: 1 });
    device.report("i-2", "files.passwd").await;
    let views = stage.incidents("clinic-7").await;
    assert!(!matches!(views[1].state, IncidentState::Closed { .. }), "{views:?}");
    // Another host's run under the same incident's id is another matter.
    let other = stage.enrolled("clinic-8").await;
    ordered(&other, "i-2").await;
}
