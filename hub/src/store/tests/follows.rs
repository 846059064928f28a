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
    assert_eq!(planned, Unplanned::default());

    let passes =
        Consequence::Passed { control: "disk.space".parse().unwrap(), time: at(2 * MINUTE), record: 7 };
    let settled = store.settle(holder.host.clone(), 8, vec![passes], Lesson::default()).await.unwrap();
    let freed: Vec<_> = settled.freed.iter().map(|plan| (plan.incident.as_str(), plan.attempt)).collect();
    assert_eq!(freed, [("db", 2)]);
    assert_eq!(states(&store, &holder).await[0], ("db".to_owned(), IncidentState::Drifted, None));
    // Had the hub stopped before it put that on the queue, its next start does.
    assert_eq!(store.unplanned(at(3 * MINUTE)).await.unwrap().plans, settled.freed);
}

#[tokio::test]
async fn what_a_signal_gathers_is_told_to_whoever_looks_at_it_again_and_a_start_goes_on_with_that() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    taken(&store, &holder, drifted("db", "services.database", 0), 0).await;
    assert_eq!(decided(&store, &holder, "db", 0).await, None);
    taken(&store, &holder, full_disk("disk", MINUTE), MINUTE).await;
    let decide = |_: &Case, _| {
        let choice = Choice::Escalate(contract::decision::Escalation::ByRule);
        let provenance = Provenance::Rules { table: Digest::of(b""), rule: None };
        let comes = Comes::Decided(Decision { choice, provenance }, None);
        Ok(Thought { comes, why: "so".to_owned(), line: "{}".to_owned() })
    };
    let looked = Looked { now: at(MINUTE), hears_since: at(0) };
    let came = store.decide(holder.clone(), "disk".parse().unwrap(), looked, decide).await.unwrap();
    let Some(Came::Decided { gathered, .. }) = came else { panic!("{came:?}") };
    let db: contract::ids::IncidentId = "db".parse().unwrap();
    assert_eq!(gathered, std::slice::from_ref(&db));
    // A start keeps it where it is and goes on looking; after the hour it is planned for itself.
    let start = store.unplanned(at(2 * MINUTE)).await.unwrap();
    assert_eq!((start.plans.len(), start.follow), (0, vec![(holder.host.clone(), db.clone())]));
    assert_eq!(states(&store, &holder).await[0].2.as_deref(), Some("disk"));
    let late = store.unplanned(at(63 * MINUTE)).await.unwrap();
    assert_eq!((late.plans.len(), late.plans[0].incident.clone()), (1, db));
}

#[tokio::test]
async fn whatever_becomes_of_a_symptom_by_itself_it_is_a_matter_of_its_own_then() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    taken(&store, &holder, full_disk("disk", 0), 0).await;
    taken(&store, &holder, drifted("db", "services.database", 0), 0).await;
    decided(&store, &holder, "disk", 0).await;
    assert!(decided(&store, &holder, "db", 0).await.is_some());
    assert_eq!(calls(&store, 0).await, [("disk".to_owned(), 1)]);
    // The site decided for itself while this hub was away, and it did not work.
    let (incident, control) = ("db".parse().unwrap(), "services.database".parse().unwrap());
    let run = Run { incident, control, time: at(MINUTE) };
    let failed = Consequence::NotHealed {
        order: "s-1".parse().unwrap(),
        outcome: Outcome::Failed,
        record: 3,
        retry: None,
        run: Some(run),
    };
    store.settle(holder.host.clone(), 4, vec![failed], Lesson::default()).await.unwrap();
    let stands = states(&store, &holder).await.into_iter().find(|state| state.0 == "db").unwrap();
    assert_eq!((stands.1, stands.2), (IncidentState::Open { outcome: Outcome::Failed, record: 3 }, None));
    let called: Vec<String> = calls(&store, MINUTE).await.into_iter().map(|(incident, _)| incident).collect();
    assert_eq!(called, ["disk", "db"], "nobody is called for what failed");
}

#[tokio::test]
async fn what_nothing_measures_ends_by_a_persons_word_and_what_is_measured_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    taken(&store, &holder, full_disk("disk", 0), 0).await;
    taken(&store, &holder, drifted("db", "services.database", 0), 0).await;
    taken(&store, &holder, drifted("key", "ssh.root-login", 0), 0).await;
    for incident in ["disk", "db", "key"] {
        decided(&store, &holder, incident, 0).await;
    }
    assert_eq!(calls(&store, 0).await.len(), 2);
    let everywhere = || Scope::of_a_test(contract::people::Reach::Everywhere);
    let all = store.calls(everywhere(), at(0)).await.unwrap();
    let number = |incident: &str| all.iter().find(|call| call.incident.as_str() == incident).unwrap().call;
    let jane = || "jane".parse().unwrap();
    let key = store.end_call(everywhere(), number("key"), jane(), at(1)).await.unwrap();
    assert!(matches!(key, Ending::Measured), "{key:?}");
    let Ending::Ended(_, freed) = store.end_call(everywhere(), number("disk"), jane(), at(1)).await.unwrap()
    else {
        panic!("it does not end")
    };
    assert_eq!(freed.iter().map(|plan| plan.incident.as_str()).collect::<Vec<_>>(), ["db"]);
    assert_eq!(calls(&store, 2).await, [("key".to_owned(), 0)]);
    let again = store.end_call(everywhere(), number("disk"), jane(), at(3)).await.unwrap();
    assert!(matches!(again, Ending::NoneSuch), "{again:?}");
    // The same once more is no new matter; another one is.
    taken(&store, &holder, full_disk("disk", 0), 4).await;
    assert!(calls(&store, 4).await.iter().all(|(incident, _)| incident != "disk"));
    taken(&store, &holder, full_disk("disk-2", 5), 5).await;
    decided(&store, &holder, "disk-2", 5).await;
    assert!(calls(&store, 5).await.iter().any(|(incident, _)| incident == "disk-2"));
}

#[tokio::test]
async fn a_machine_whose_clock_is_ahead_parks_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    taken(&store, &holder, full_disk("disk", 60 * MINUTE), 0).await;
    taken(&store, &holder, drifted("db", "services.database", 60 * MINUTE), 0).await;
    decided(&store, &holder, "disk", 0).await;
    assert_eq!(decided(&store, &holder, "db", 0).await, None);
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
