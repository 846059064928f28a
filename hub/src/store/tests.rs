//! What only time can show: orders that expire, certificates that end.

use contract::decision::{Choice, Decision, Provenance};
use contract::digest::Digest;
use contract::ids::{HostId, TenantId};
use contract::incident::Incident;
use contract::order::LIFETIME_MS;
use contract::outcome::Outcome;
use contract::plane::IncidentState;
use contract::time::UtcTime;
use identity::{Authority, Holder};

use super::*;
use crate::consequence::{Consequence, Run};
use crate::people::Scope;
use crate::planning::{Comes, Thought};

mod attest;
mod follows;
mod full;
mod migrations;
mod scopes;
mod versions;

const START_MS: i64 = 1_800_000_000_000;

pub(super) fn at(ms: u64) -> UtcTime {
    UtcTime::from_unix_ms(START_MS).unwrap().plus_ms(ms)
}

pub(super) async fn store(directory: &Path) -> (Store, Holder) {
    let store = Store::open(&directory.join("hub.db")).unwrap();
    let holder = Holder {
        tenant: "clinic-7".parse().unwrap(),
        site: "main".parse().unwrap(),
        host: "h-1".parse().unwrap(),
    };
    store.add_tenant(holder.tenant.clone(), at(0)).await.unwrap();
    store.add_site(Scope::of_a_test(holder.tenant.clone()), holder.site.clone(), at(0)).await.unwrap();
    let new = NewHost {
        holder: holder.clone(),
        origin: "localhost/h-1".to_owned(),
        token: "t-1".parse().unwrap(),
        secret: Digest::of(b"secret"),
        token_until: at(900_000),
        bootstrap: Authority::create("localhost", at(0)).unwrap().bootstrap(&holder, at(0)).unwrap().issued,
    };
    store.add_host(Scope::of_a_test(holder.tenant.clone()), new).await.unwrap();
    (store, holder)
}

fn drift(id: &str) -> Incident {
    serde_json::from_value(serde_json::json!({
        "incident": id,
        "found": "2026-11-21T06:00:00.000Z",
        "what": { "drift": { "control": "a.b", "fact": "own:evidence", "observed": { "flag": false } } },
    }))
    .unwrap()
}

/// Reports a drift and says which attempt, if any, is to be put on the queue.
async fn report(store: &Store, holder: &Holder, id: &str, now: UtcTime) -> Option<u32> {
    match store.take(holder.clone(), drift(id), now).await.unwrap() {
        Taken::As(incident, plan) => {
            assert!(plan.as_ref().is_none_or(|p| p.incident == incident));
            plan.map(|p| p.attempt)
        }
        Taken::Contradicted | Taken::Full(_) => panic!("not taken"),
    }
}

async fn order(store: &Store, holder: &Holder, incident: &str, id: &str, now: UtcTime) -> u64 {
    let new = NewOrder { id: id.parse().unwrap(), expires: now.plus_ms(LIFETIME_MS), envelope: vec![1] };
    let (sender, counter) = std::sync::mpsc::channel();
    let decision = Decision {
        choice: Choice::Run("RB-X-001-x".parse().unwrap()),
        provenance: Provenance::Rules { table: Digest::of(b""), rule: None },
    };
    let decide = move |_: &planner::Case, counter| {
        sender.send(counter).unwrap();
        let comes = Comes::Decided(decision, Some(new));
        Ok(Thought { comes, why: "so".to_owned(), line: "{}".to_owned() })
    };
    let looked = Looked { now, hears_since: now };
    let done = store.decide(holder.clone(), incident.parse().unwrap(), looked, decide).await.unwrap();
    assert!(done.is_some());
    counter.recv().unwrap()
}

#[tokio::test]
async fn an_order_that_expires_unheard_is_planned_again_by_the_next_report() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    assert_eq!(report(&store, &holder, "i-1", at(0)).await, Some(1));
    let first = order(&store, &holder, "i-1", "o-1", at(0)).await;
    assert_eq!(report(&store, &holder, "i-2", at(LIFETIME_MS - 1)).await, None);
    assert_eq!(store.waiting(holder.host.clone(), at(LIFETIME_MS - 1)).await.unwrap().len(), 1);
    assert!(store.waiting(holder.host.clone(), at(LIFETIME_MS)).await.unwrap().is_empty());
    // A reminder under the first id counts like any other report.
    assert_eq!(report(&store, &holder, "i-1", at(LIFETIME_MS - 1)).await, None);
    assert_eq!(report(&store, &holder, "i-1", at(LIFETIME_MS)).await, Some(2));
    assert!(order(&store, &holder, "i-1", "o-2", at(LIFETIME_MS)).await > first);

    // Answered in time, its end stands in evidence that is still on its way: nothing is planned, until that had a lifetime more to arrive.
    assert!(store.answer(holder.host.clone(), "o-2".parse().unwrap(), Outcome::Healed, 1).await.unwrap());
    assert_eq!(report(&store, &holder, "i-4", at(3 * LIFETIME_MS - 1)).await, None);
    assert_eq!(report(&store, &holder, "i-4", at(3 * LIFETIME_MS)).await, Some(3));
}

async fn close(store: &Store, holder: &Holder, order: &str, record: u64) {
    let passes = Consequence::Passes { order: order.parse().unwrap(), record, run: None };
    store.settle(holder.host.clone(), record + 1, vec![passes], Lesson::default()).await.unwrap();
}

/// Each incident's id, how often it was reported, and its state.
async fn stand(store: &Store, holder: &Holder) -> Vec<(String, u64, IncidentState)> {
    let all = store.incidents(Scope::of_a_test(holder.tenant.clone()), None, 100).await.unwrap();
    all.into_iter().map(|(_, v)| (v.incident.to_string(), v.reports, v.state)).collect()
}

#[tokio::test]
async fn what_the_site_still_reports_does_not_stay_closed() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    report(&store, &holder, "i-1", at(0)).await;
    order(&store, &holder, "i-1", "o-1", at(0)).await;
    close(&store, &holder, "o-1", 1).await;
    assert!(store.unplanned(at(0)).await.unwrap().plans.is_empty());
    assert_eq!(report(&store, &holder, "i-1", at(1)).await, Some(2));
    assert_eq!(stand(&store, &holder).await, [("i-1".to_owned(), 1, IncidentState::Drifted)]);
    assert_eq!(store.unplanned(at(0)).await.unwrap().plans.len(), 1, "a restart would forget it");
    // It is open in every way: it is reminded of without a further attempt, ordered, and closed again.
    assert_eq!(report(&store, &holder, "i-1", at(2)).await, Some(2));
    order(&store, &holder, "i-1", "o-2", at(2)).await;
    assert_eq!(report(&store, &holder, "i-2", at(3)).await, None);
    close(&store, &holder, "o-2", 2).await;
    assert_eq!(stand(&store, &holder).await, [("i-1".to_owned(), 2, IncidentState::Closed { record: 2 })]);
}

#[tokio::test]
async fn a_closed_incidents_report_counts_for_the_open_one_of_its_subject() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    report(&store, &holder, "i-0", at(0)).await;
    order(&store, &holder, "i-0", "o-1", at(0)).await;
    close(&store, &holder, "o-1", 1).await;
    assert_eq!(report(&store, &holder, "i-1", at(1)).await, Some(1));
    order(&store, &holder, "i-1", "o-2", at(1)).await;
    assert_eq!(report(&store, &holder, "i-0", at(2)).await, None);
    // The open one is due by its own order's end.
    assert_eq!(report(&store, &holder, "i-0", at(1 + LIFETIME_MS)).await, Some(2));
    let closed = ("i-0".to_owned(), 1, IncidentState::Closed { record: 1 });
    assert_eq!(stand(&store, &holder).await, [closed, ("i-1".to_owned(), 3, IncidentState::Drifted)]);
}

#[tokio::test]
async fn counters_rise_even_where_the_clock_falls_back() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    report(&store, &holder, "i-1", at(0)).await;
    let mut last = order(&store, &holder, "i-1", "o-1", at(41 * 24 * 3_600_000)).await;
    for (n, now) in [at(0), at(1), at(0)].into_iter().enumerate() {
        let not_healed = Consequence::NotHealed {
            order: format!("o-{}", n + 1).parse().unwrap(),
            outcome: Outcome::Deferred,
            record: 1,
            retry: None,
            run: None,
        };
        store.settle(holder.host.clone(), 1, vec![not_healed], Lesson::default()).await.unwrap();
        assert!(report(&store, &holder, "i-9", now).await.is_some());
        let counter = order(&store, &holder, "i-1", &format!("o-{}", n + 2), now).await;
        assert!(counter > last, "{counter} is not above {last}");
        last = counter;
    }
}

#[tokio::test]
async fn an_order_that_waits_or_runs_on_its_host_outlives_its_expiry_until_its_end_is_evidence() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    report(&store, &holder, "i-1", at(0)).await;
    order(&store, &holder, "i-1", "o-1", at(0)).await;
    let until = at(10 * LIFETIME_MS);
    let waits = Consequence::Waits {
        order: "o-1".parse().unwrap(),
        waiting_for: contract::record::WaitingFor::Turn,
        until,
    };
    store.settle(holder.host.clone(), 1, vec![waits], Lesson::default()).await.unwrap();
    assert_eq!(store.waiting(holder.host.clone(), at(9 * LIFETIME_MS)).await.unwrap().len(), 1);
    assert_eq!(
        store
            .orders_that_wait(Scope::of_a_test(holder.tenant.clone()), at(9 * LIFETIME_MS), None, 100)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(report(&store, &holder, "i-1", at(11 * LIFETIME_MS - 1)).await, None);
    let run = Run { incident: "i-1".parse().unwrap(), control: "a.b".parse().unwrap(), time: at(0) };
    let until = at(20 * LIFETIME_MS);
    let begun = Consequence::Begun { order: "o-1".parse().unwrap(), until, run };
    store.settle(holder.host.clone(), 2, vec![begun], Lesson::default()).await.unwrap();
    assert!(
        store
            .orders_that_wait(Scope::of_a_test(holder.tenant.clone()), at(1), None, 100)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        report(&store, &holder, "i-1", at(21 * LIFETIME_MS - 1)).await,
        None,
        "a run was ordered twice"
    );
    assert_eq!(report(&store, &holder, "i-1", at(21 * LIFETIME_MS)).await, Some(2));
}

#[tokio::test]
async fn a_pass_that_is_seen_while_a_run_has_to_hold_closes_nothing_before_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    let run = || Run { incident: "i-1".parse().unwrap(), control: "a.b".parse().unwrap(), time: at(1) };
    let passed = |ms, record| Consequence::Passed { control: "a.b".parse().unwrap(), time: at(ms), record };
    for (incident, ordered) in [("i-1", "o-1"), ("i-2", "s-2")] {
        report(&store, &holder, incident, at(0)).await;
        if ordered == "o-1" {
            order(&store, &holder, incident, "o-1", at(0)).await;
        }
        let id: contract::ids::OrderId = ordered.parse().unwrap();
        let run = Run { incident: incident.parse().unwrap(), ..run() };
        let begun = Consequence::Begun { order: id.clone(), until: at(100), run: run.clone() };
        store.settle(holder.host.clone(), 1, vec![begun, passed(2, 1)], Lesson::default()).await.unwrap();
        let state = stand(&store, &holder).await.pop().unwrap().2;
        assert!(!matches!(state, IncidentState::Closed { .. }), "{ordered}: closed before it held");
        let ended = Consequence::Passes { order: id, record: 3, run: Some(run) };
        store.settle(holder.host.clone(), 2, vec![ended], Lesson::default()).await.unwrap();
        assert_eq!(stand(&store, &holder).await.pop().unwrap().2, IncidentState::Closed { record: 3 });
    }
    // A run whose end never came holds nothing up for ever.
    report(&store, &holder, "i-3", at(0)).await;
    let run = Run { incident: "i-3".parse().unwrap(), ..run() };
    let begun = Consequence::Begun { order: "s-3".parse().unwrap(), until: at(100), run };
    store.settle(holder.host.clone(), 3, vec![begun, passed(100, 4)], Lesson::default()).await.unwrap();
    assert_eq!(stand(&store, &holder).await.pop().unwrap().2, IncidentState::Closed { record: 4 });
}

#[tokio::test]
async fn what_waits_is_planned_after_a_start_and_what_is_out_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    report(&store, &holder, "i-1", at(0)).await;
    assert_eq!(store.unplanned(at(0)).await.unwrap().plans.len(), 1);
    order(&store, &holder, "i-1", "o-1", at(0)).await;
    assert!(store.unplanned(at(0)).await.unwrap().plans.is_empty());
    let deferred = Consequence::NotHealed {
        order: "o-1".parse().unwrap(),
        outcome: Outcome::Deferred,
        record: 1,
        retry: None,
        run: None,
    };
    store.settle(holder.host.clone(), 1, vec![deferred], Lesson::default()).await.unwrap();
    let plans = store.unplanned(at(0)).await.unwrap().plans;
    assert_eq!(plans.iter().map(|p| p.attempt).collect::<Vec<_>>(), [2]);
    assert_eq!(plans[0].subject.to_string(), "tenants.clinic-7.sites.main.incidents");
}
