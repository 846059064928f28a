//! The whole loop: found, recorded, told, ordered, healed, shipped.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use contract::decision::Provenance;
use contract::digest::Digest;
use contract::dsse::{HubSigner, PayloadType};
use contract::finding::Verdict;
use contract::incident::What;
use contract::order::Order;
use contract::record::Trigger;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::{HUB_SEED, Machine};
use crate::rig::until;

pub(crate) fn order(incident: &str, control: &str) -> Vec<u8> {
    let now = edge::clock::utc();
    let order = Order {
        order: "ord-1".parse().unwrap(),
        tenant: "clinic".parse().unwrap(),
        site: "main".parse().unwrap(),
        host: "h-1".parse().unwrap(),
        incident: incident.parse().unwrap(),
        control: control.parse().unwrap(),
        runbook: "RB-FILE-001-own-directories".parse().unwrap(),
        runbook_digest: Digest::of(b"r"),
        catalogue_digest: Digest::of(b"c"),
        parameters: BTreeMap::new(),
        counter: 1,
        issued: now,
        expires: now.plus_ms(60_000),
        provenance: Provenance::Rules { table: Digest::of(b"t"), rule: None },
        break_glass: None,
    };
    HubSigner::from_seed(&HUB_SEED).sign(PayloadType::Order, &serde_json::to_vec(&order).unwrap())
}

#[tokio::test]
async fn a_drift_is_found_recorded_told_healed_and_shipped() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let evidence = machine.path("own/evidence");
    let heal = move || std::fs::set_permissions(&evidence, std::fs::Permissions::from_mode(0o700)).unwrap();
    let executor = FakeExecutor::start(&machine.socket(), "h-1", heal);
    let agent = machine.run(&hub);
    until("the first scan", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    assert_eq!(hub.with(|s| s.incidents.len()), 0, "a sound machine was reported");

    machine.chmod("own/evidence", 0o755);
    let incident = until("the incident", || hub.with(|s| s.incidents.first().cloned())).await;
    let What::Drift { control, fact, observed } = &incident.what else { panic!("{incident:?}") };
    assert_eq!((control.as_str(), fact.to_string().as_str()), ("suture.evidence-directory", "own:evidence"));
    assert!(observed.to_string().starts_with("0755 "), "{observed}");
    let recorded = executor.with(|s| s.findings.clone());
    assert_eq!(
        recorded.iter().map(|(t, f)| (*t, f.len())).collect::<Vec<_>>(),
        [(Trigger::FullScan, 2), (Trigger::Change, 1)]
    );
    assert!(matches!(recorded[1].1[0].verdict, Verdict::Fail(_)), "the finding is not evidence yet");

    hub.with(|s| {
        s.orders.push_back(("ord-1".to_owned(), order(incident.incident.as_str(), control.as_str())));
    });
    until("the answer", || hub.with(|s| (!s.answers.is_empty()).then_some(()))).await;
    let passes = || {
        executor
            .with(|s| s.findings.last().filter(|(_, f)| matches!(f[0].verdict, Verdict::Pass(_))).map(drop))
    };
    until("the passing control", passes).await;
    let size = until("all evidence", || hub.with(|s| (s.evidence.len() == 4).then_some(4))).await;
    until("the receipt", || {
        executor.with(|s| s.receipts.contains(&format!("receipt for {size}")).then_some(()))
    })
    .await;

    // The same drift after healing is a new incident.
    machine.chmod("own/evidence", 0o777);
    let again = until("the second incident", || hub.with(|s| s.incidents.get(1).cloned())).await;
    assert_ne!(again.incident, incident.incident);
    // Readiness that outlives its bytes was once taken for an executor that spoke unasked: a connection for every question.
    assert_eq!(executor.with(|s| s.connections), 3, "the agent connected anew for no reason");
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn an_incident_waits_for_the_hub_and_a_restart_does_not_multiply_it() {
    let (hub, mut machine) = (FakeHub::start().await, Machine::new());
    machine.more = "alone_after_s: 0\n";
    machine.enrol(&hub).await;
    hub.with(|s| s.broken = Some(503));
    machine.chmod("own/evidence", 0o755);
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let kept =
        || machine.path("agent/outbox").read_dir().unwrap().flatten().filter(|e| e.path().is_file()).count();
    for _ in 0..2 {
        let before = executor.with(|s| s.findings.len());
        let agent = machine.run(&hub);
        until("a scan", || executor.with(|s| (s.findings.len() > before).then_some(()))).await;
        until("the outbox", || (kept() == 1).then_some(())).await;
        agent.stop().await.unwrap();
    }
    hub.with(|s| s.broken = None);
    let agent = machine.run(&hub);
    until("delivery", || hub.with(|s| (!s.incidents.is_empty()).then_some(()))).await;
    until("an empty outbox", || (kept() == 0).then_some(())).await;
    // The hub may be reminded of it, under the same id and with the same content.
    let all = hub.with(|s| s.incidents.clone());
    assert!(all.iter().all(|i| *i == all[0]), "{all:?}");
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn what_the_product_itself_writes_changes_no_verdict_and_records_nothing() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run(&hub);
    until("the first scan", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    for n in 0..50 {
        edge::file::write_durably(&machine.path(&format!("own/evidence/tile-{n}")), b"x").unwrap();
        machine.chmod("watched", 0o600);
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(executor.with(|s| s.findings.len()), 1);
    assert_eq!(hub.with(|s| s.incidents.len()), 0);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_replaced_or_vanishes_is_noticed() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run(&hub);
    until("the first scan", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    let verdict = || executor.with(|s| s.findings.last().unwrap().1[0].verdict.clone());
    std::fs::write(machine.path("other"), "y").unwrap();
    machine.chmod("other", 0o644);
    std::fs::rename(machine.path("other"), machine.path("watched")).unwrap();
    until("the replaced file", || matches!(verdict(), Verdict::Fail(_)).then_some(())).await;
    let incidents =
        until("its incident", || hub.with(|s| (s.incidents.len() == 1).then(|| s.incidents.clone()))).await;
    std::fs::remove_file(machine.path("watched")).unwrap();
    until("the missing file", || matches!(verdict(), Verdict::NotAssessed(_)).then_some(())).await;
    // Nothing seen closes nothing: the same incident is still open when it fails again.
    std::fs::write(machine.path("watched"), "z").unwrap();
    machine.chmod("watched", 0o666);
    until("the new file", || matches!(verdict(), Verdict::Fail(_)).then_some(())).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(hub.with(|s| s.incidents.clone()), incidents);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_disk_that_takes_nothing_delays_an_incident_and_repeats_no_finding() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run(&hub);
    until("the first scan", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    let (outbox, away) = (machine.path("agent/outbox"), machine.path("away"));
    std::fs::rename(&outbox, &away).unwrap();
    machine.chmod("own/evidence", 0o755);
    until("the finding", || executor.with(|s| (s.findings.len() == 2).then_some(()))).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(hub.with(|s| s.incidents.len()), 0, "it left without being kept");
    std::fs::rename(&away, &outbox).unwrap();
    until("the incident", || hub.with(|s| (s.incidents.len() == 1).then_some(()))).await;
    assert_eq!(executor.with(|s| s.findings.len()), 2);
    agent.stop().await.unwrap();
}
