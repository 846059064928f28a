//! What one machine may have open, and what it may have said of it.

use contract::baseline::Severity;
use contract::ids::TenantId;
use contract::incident::What;
use contract::people::Reach;
use contract::signal::{About, Pseudonym, Signal, SignalKind};
use rusqlite::params;

use super::*;

fn signal(n: u64) -> Incident {
    let about = About { from: Some(Pseudonym(n.to_be_bytes())), ..About::default() };
    let what = What::Signal(Signal {
        detector: "ssh.brute-force".parse().unwrap(),
        kind: SignalKind::LogLoss,
        severity: contract::baseline::Severity::High,
        count: 1,
        window_s: 1,
        about,
    });
    Incident { incident: format!("s-{n}").parse().unwrap(), found: at(0), what }
}

fn drifted(n: u64) -> Incident {
    let What::Drift { control: _, fact, observed } = drift("x").what else { panic!("no drift") };
    let what = What::Drift { control: format!("a.b{n}").parse().unwrap(), fact, observed };
    Incident { incident: format!("d-{n}").parse().unwrap(), found: at(0), what }
}

async fn take(store: &Store, holder: &Holder, incident: Incident) -> Taken {
    store.take(holder.clone(), incident, at(9)).await.unwrap()
}

/// Each alarm of a kind: what it says, and how often.
async fn alarms(store: &Store, kind: &'static str) -> Vec<(String, i64)> {
    let sql = "SELECT detail, times FROM alarm WHERE kind = ?1 ORDER BY id";
    let asked = store.run(move |c| {
        let mut all = c.prepare(sql)?;
        all.query_map(params![kind], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    });
    asked.await.unwrap()
}

#[tokio::test]
async fn a_flood_of_signals_ends_and_keeps_out_no_control() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    let mut answers = Vec::new();
    for n in 0..1_010 {
        match take(&store, &holder, signal(n)).await {
            Taken::As(_, Some(_)) => answers.push(None),
            Taken::Full(first) => answers.push(Some(first)),
            other => panic!("{n}: {other:?}"),
        }
    }
    assert!(answers[..1_000].iter().all(Option::is_none));
    assert!(
        answers[1_000] == Some(true) && answers[1_001..].iter().all(|a| *a == Some(false)),
        "{answers:?}"
    );
    let told = alarms(&store, "incidents_full").await;
    assert!(matches!(&told[..], [(detail, 10)] if detail.contains("detectors")), "{told:?}");
    // What is open is still counted, and what a control says has its own room.
    assert!(matches!(take(&store, &holder, signal(7)).await, Taken::As(..)));
    for n in 0..1_000 {
        assert!(matches!(take(&store, &holder, drifted(n)).await, Taken::As(_, Some(_))), "{n}");
    }
    assert!(matches!(take(&store, &holder, drifted(1_000)).await, Taken::Full(true)));
    // One that closes makes room for one.
    let passed = Consequence::Passed { control: "a.b3".parse().unwrap(), time: at(5), record: 1 };
    let settled = store.settle(holder.host.clone(), 2, vec![passed], Lesson::default()).await.unwrap();
    assert_eq!(settled.changed, ["d-3".parse().unwrap()]);
    assert!(matches!(take(&store, &holder, drifted(1_000)).await, Taken::As(_, Some(_))));
    // Another report of what was closed would open it again: that is one more as well.
    assert!(matches!(take(&store, &holder, drifted(3)).await, Taken::Full(false)));
}

#[tokio::test]
async fn alarms_whose_words_a_host_chooses_end_in_a_count() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    for round in 0..2 {
        for n in 0..150 {
            let alarm = Alarm { kind: "fork", detail: format!("root {n}") };
            store.raise(holder.host.clone(), alarm, at(round)).await.unwrap();
        }
    }
    let other = Alarm { kind: "shorter_log", detail: "root 1".to_owned() };
    store.raise(holder.host.clone(), other, at(0)).await.unwrap();
    let kept = alarms(&store, "fork").await;
    assert_eq!(kept.len(), 101);
    assert!(kept[..100].iter().all(|(_, times)| *times == 2), "{kept:?}");
    assert!(kept[100].0.starts_with("others of this kind") && kept[100].1 == 100, "{:?}", kept[100]);
    assert_eq!(alarms(&store, "shorter_log").await.len(), 1, "another kind has its own");
}

/// Looks at the calls as if all that was found mattered as much as it says of itself, and everything else were high.
async fn look(store: &Store, ms: u64) -> Vec<TenantId> {
    let severity = |what: &What| match what {
        What::Signal(signal) => signal.severity,
        What::Drift { .. } => Severity::High,
    };
    store.look_at_calls(severity, at(ms)).await.unwrap()
}

#[tokio::test]
async fn what_waits_for_a_person_is_called_and_a_loud_machine_has_its_bound() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    for n in 0..1_000 {
        assert!(matches!(take(&store, &holder, signal(n)).await, Taken::As(_, Some(_))), "{n}");
    }
    for n in 0..5 {
        assert!(matches!(take(&store, &holder, drifted(n)).await, Taken::As(_, Some(_))), "{n}");
    }
    assert!(look(&store, 0).await.is_empty(), "the planner has them");
    let escalated = serde_json::to_string(&IncidentState::Escalated).unwrap();
    store.run(move |c| c.execute("UPDATE incident SET state = ?1", [escalated]).map(drop)).await.unwrap();
    assert_eq!(look(&store, 0).await, std::slice::from_ref(&holder.tenant));
    let calls = store.calls_unheard().await.unwrap();
    assert_eq!(calls.len(), crate::calls::OPEN_MAX);
    let drifts = calls.iter().filter(|call| matches!(call.what, What::Drift { .. })).count();
    assert_eq!(drifts, 5, "the most urgent are called first");
    assert!(look(&store, 0).await.is_empty(), "nothing is new");
}

#[tokio::test]
async fn a_call_is_held_handed_over_called_anew_and_over_with_its_incident() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    take(&store, &holder, drifted(0)).await;
    let escalated = serde_json::to_string(&IncidentState::Escalated).unwrap();
    store.run(move |c| c.execute("UPDATE incident SET state = ?1", [escalated]).map(drop)).await.unwrap();
    look(&store, 0).await;
    let hour = contract::call::period_ms(Severity::High);
    let everywhere = || Scope::of_a_test(Reach::Everywhere);
    let hold = async |by: &str, holder: &str, ms| {
        let (by, holder) = (by.parse().unwrap(), holder.parse().unwrap());
        store.hold_call(everywhere(), 1, by, holder, at(ms)).await.unwrap()
    };
    assert_eq!(store.calls_unheard().await.unwrap()[0].due, at(hour));
    let taken = hold("jane", "jane", 1).await.unwrap();
    assert_eq!((taken.holder, taken.due), (Some("jane".parse().unwrap()), at(1 + hour)));
    assert!(store.calls_unheard().await.unwrap().is_empty(), "somebody has it");
    hold("jane", "john", 2).await.unwrap();
    assert!(look(&store, 2 + hour - 1).await.is_empty());
    look(&store, 2 + hour).await;
    let late = store.calls_unheard().await.unwrap();
    assert_eq!((late[0].again, late[0].holder.clone()), (1, Some("john".parse().unwrap())));
    let (_, steps, _) = store.call(everywhere(), 1).await.unwrap().unwrap();
    let steps: Vec<_> = steps.iter().map(|step| (step.by.as_str(), step.holder.as_str())).collect();
    assert_eq!(steps, [("jane", "jane"), ("jane", "john")]);
    // A symptom of something else is nobody's call.
    let symptom = "UPDATE incident SET cause_host = host, cause = 'x', state = '\"drifted\"'";
    store.run(move |c| c.execute(symptom, []).map(drop)).await.unwrap();
    assert_eq!(look(&store, 3 + hour).await, std::slice::from_ref(&holder.tenant));
    assert!(store.calls_unheard().await.unwrap().is_empty());
    assert_eq!(store.calls(everywhere(), at(0)).await.unwrap()[0].over, Some(at(3 + hour)));
    assert_eq!(hold("jane", "jane", 9 + hour).await, None, "it is over");
}
