//! One cause, many symptoms: what follows from something waits for that, is nobody's matter meanwhile, and is planned for itself afterwards.

use contract::fact::FactValue;
use contract::incident::What;
use contract::signal::{About, Signal, SignalKind};
use planner::Case;
use planner::coalesce::Root;

use super::*;
use crate::planning::{Comes, Thought};

const MINUTE: u64 = 60_000;

fn full_disk(id: &str, ms: u64) -> Incident {
    let what = What::Signal(Signal {
        detector: "disk.full".parse().unwrap(),
        kind: SignalKind::DiskFull,
        severity: contract::baseline::Severity::High,
        count: 1,
        window_s: 60,
        about: About::default(),
    });
    Incident { incident: id.parse().unwrap(), found: at(ms), what }
}

fn drifted(id: &str, control: &str, ms: u64) -> Incident {
    let fact = "unit:postgresql.service".parse().unwrap();
    let observed = if control == "disk.space" { FactValue::Number(99) } else { FactValue::Flag(false) };
    let what = What::Drift { control: control.parse().unwrap(), fact, observed };
    Incident { incident: id.parse().unwrap(), found: at(ms), what }
}

async fn taken(store: &Store, holder: &Holder, incident: Incident, ms: u64) {
    store.take(holder.clone(), incident, at(ms)).await.unwrap();
}

/// Decides as the planner's first stage has it, and hands all else to a person. The root, where it follows from something.
async fn decided(store: &Store, holder: &Holder, incident: &str, ms: u64) -> Option<Root> {
    let (sender, root) = std::sync::mpsc::channel();
    let decide = move |case: &Case, _| {
        let own = case.open.iter().find(|open| open.incident == case.incident).unwrap();
        let around = planner::coalesce::Around { open: &case.open, hosts: &case.hosts };
        let root = planner::coalesce::root(own, &around);
        sender.send(root.clone()).unwrap();
        let choice = Choice::Escalate(contract::decision::Escalation::ByRule);
        let provenance = Provenance::Rules { table: Digest::of(b""), rule: None };
        let comes = root.map_or(Comes::Decided(Decision { choice, provenance }, None), Comes::Follows);
        Ok(Thought { comes, why: "so".to_owned(), line: "{}".to_owned() })
    };
    let looked = Looked { now: at(ms), hears_since: at(0) };
    store.decide(holder.clone(), incident.parse().unwrap(), looked, decide).await.unwrap().unwrap();
    root.recv().unwrap()
}

async fn states(store: &Store, holder: &Holder) -> Vec<(String, IncidentState, Option<String>)> {
    let all = store.incidents(Scope::of_a_test(holder.tenant.clone()), None, 100).await.unwrap();
    let one = |view: contract::plane::IncidentView| {
        (view.incident.to_string(), view.state, view.follows.map(|cause| cause.to_string()))
    };
    all.into_iter().map(|(_, view)| one(view)).collect()
}

async fn calls(store: &Store, ms: u64) -> Vec<(String, u64)> {
    store.look_at_calls(|_| contract::baseline::Severity::High, at(ms)).await.unwrap();
    let calls = store.calls_unheard().await.unwrap();
    calls.into_iter().map(|call| (call.incident.to_string(), call.symptoms)).collect()
}

#[tokio::test]
async fn a_service_on_a_full_disk_waits_for_the_disk_and_is_one_call_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    taken(&store, &holder, full_disk("disk", 0), 0).await;
    taken(&store, &holder, drifted("db", "services.database", MINUTE), MINUTE).await;
    assert_eq!(decided(&store, &holder, "disk", MINUTE).await, None);
    let root = decided(&store, &holder, "db", MINUTE).await;
    assert!(
        matches!(&root, Some(Root::Incident { incident, .. }) if incident.as_str() == "disk"),
        "{root:?}"
    );
    let all = states(&store, &holder).await;
    assert_eq!(all[0], ("disk".to_owned(), IncidentState::Escalated, None));
    assert_eq!(all[1], ("db".to_owned(), IncidentState::Drifted, Some("disk".to_owned())));
    assert_eq!(calls(&store, MINUTE).await, [("disk".to_owned(), 1)], "one cause is one call");

    // Nothing ends what a detector saw: within the hour it holds, then the service is looked at for itself.
    let again =
        async |ms| store.plan_again(holder.host.clone(), "db".parse().unwrap(), at(ms)).await.unwrap();
    assert_eq!(again(60 * MINUTE).await, Again::NotYet);
    let Again::Plan(plan) = again(60 * MINUTE + 1).await else { panic!("it waits for ever") };
    assert_eq!((plan.incident.as_str(), plan.attempt), ("db", 2));
    assert_eq!(again(61 * MINUTE).await, Again::No, "it follows from nothing any more");
    assert_eq!(decided(&store, &holder, "db", 61 * MINUTE).await, None);
    assert_eq!(calls(&store, 61 * MINUTE).await.len(), 2);
}

#[tokio::test]
async fn what_was_somebodys_call_becomes_a_symptom_when_its_cause_is_found_and_is_freed_by_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    taken(&store, &holder, drifted("db", "services.database", 0), 0).await;
    assert_eq!(decided(&store, &holder, "db", 0).await, None);
    assert_eq!(calls(&store, 0).await, [("db".to_owned(), 0)]);
    taken(&store, &holder, drifted("room", "disk.space", MINUTE), MINUTE).await;
    assert_eq!(decided(&store, &holder, "room", MINUTE).await, None);
    assert_eq!(calls(&store, MINUTE).await, [("room".to_owned(), 1)], "the one before it is over");
    // A restart plans nothing while the cause is open.
    let planned = store.unplanned(at(MINUTE)).await.unwrap();
    assert!(planned.is_empty(), "{planned:?}");

    let passes =
        Consequence::Passed { control: "disk.space".parse().unwrap(), time: at(2 * MINUTE), record: 7 };
    let settled = store.settle(holder.host.clone(), 8, vec![passes], Lesson::default()).await.unwrap();
    let freed: Vec<_> = settled.freed.iter().map(|plan| (plan.incident.as_str(), plan.attempt)).collect();
    assert_eq!(freed, [("db", 2)]);
    assert_eq!(states(&store, &holder).await[0], ("db".to_owned(), IncidentState::Drifted, None));
    // Had the hub stopped before it put that on the queue, its next start does.
    assert_eq!(store.unplanned(at(3 * MINUTE)).await.unwrap(), settled.freed);
}

#[tokio::test]
async fn every_decision_is_kept_with_what_it_was_made_of() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    taken(&store, &holder, full_disk("disk", 0), 0).await;
    taken(&store, &holder, drifted("db", "services.database", MINUTE), MINUTE).await;
    decided(&store, &holder, "disk", MINUTE).await;
    decided(&store, &holder, "db", MINUTE).await;
    let kept: Vec<(String, String)> = store
        .run_for_a_test(|c| {
            let mut all = c.prepare("SELECT incident, line FROM decided ORDER BY number")?;
            all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .await
        .unwrap();
    assert_eq!(kept, [("disk", "{}"), ("db", "{}")].map(|(a, b)| (a.to_owned(), b.to_owned())));
}
