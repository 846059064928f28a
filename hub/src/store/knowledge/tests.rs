use contract::fact::{Absence, FactValue};
use contract::finding::{Finding, Tally};
use contract::outcome::Outcome;
use contract::record::{Digests, Ended, PreviousLeaf, Resolution, Trigger};
use contract::score::{Counted, Score};
use contract::time::ClockOffset;
use identity::Holder;

use super::super::Whose;
use super::super::tests::{at, store};
use super::*;
use crate::people::Scope;

fn record(seq: u64, body: Body) -> Record {
    Record {
        origin: "localhost/h-1".to_owned(),
        seq,
        time: at(seq * 1000),
        clock: ClockOffset::Unsynchronised,
        prev: (seq > 0).then_some(PreviousLeaf([0; 32])),
        subject: "x".to_owned(),
        digests: Digests::default(),
        body,
    }
}

fn findings(seq: u64, all: &[(&str, Word)]) -> Record {
    let seen = FactValue::Flag(true);
    let verdict = |word| match word {
        Word::Pass => Verdict::Pass(seen.clone()),
        Word::Fail => Verdict::Fail(seen.clone()),
        Word::Excepted => Verdict::Excepted(seen.clone()),
        Word::NotAssessed => Verdict::NotAssessed(Absence::NotRunning),
    };
    let findings: Vec<Finding> = all
        .iter()
        .map(|(control, word)| Finding {
            control: control.parse().unwrap(),
            fact: "own:evidence".parse().unwrap(),
            verdict: verdict(*word),
        })
        .collect();
    let tally = Tally::of(&findings);
    record(
        seq,
        Body::Findings(FindingsTaken { trigger: Trigger::FullScan, part: 1, parts: 1, tally, findings }),
    )
}

fn ended(seq: u64, order: &str) -> Record {
    let ended = Ended {
        order: order.parse().unwrap(),
        incident: "i-1".parse().unwrap(),
        control: "a.a".parse().unwrap(),
        resolution: Resolution::Passes(FactValue::Flag(true)),
        resumed: false,
        acted_ms: 1,
        verified_ms: 2,
        counts: vec![],
    };
    record(seq, Body::Ended(Outcome::Healed, ended))
}

fn log() -> Vec<Record> {
    use Word::{Excepted, Fail, NotAssessed, Pass};
    let moved = Moved { order: "o-1".parse().unwrap(), to: RunState::Verifying };
    vec![
        findings(0, &[("a.a", Pass), ("a.b", Fail), ("a.c", Excepted), ("a.d", NotAssessed)]),
        findings(1, &[("a.a", Fail)]),
        ended(2, "o-1"),
        record(3, Body::Moved(moved)),
        findings(4, &[("a.a", Pass), ("a.b", NotAssessed), ("a.c", Excepted), ("a.d", NotAssessed)]),
    ]
}

async fn controls(store: &Store, holder: &Holder) -> Vec<(String, Word, u64, u64, bool)> {
    let all = store.controls(Scope::of_a_test(holder.clone())).await.unwrap();
    let line = |(id, held): (contract::ids::ControlId, Held)| {
        (id.to_string(), Word::of(&held.verdict), held.since.1, held.checked.1, held.unmet)
    };
    all.into_iter().map(line).collect()
}

async fn score(store: &Store, holder: &Holder, baseline: &[&str], now: UtcTime) -> Score {
    let baseline = baseline.iter().map(|id| (*id).to_owned()).collect();
    let whose = Whose::Host(Scope::of_a_test(holder.clone()));
    store.fleet(whose, baseline, now).await.unwrap().pop().unwrap().hosts.pop().unwrap().score
}

/// What has a number of its own for each record: everything but when a receipt was given.
async fn all(store: &Store, holder: &Holder) -> String {
    let of = Scope::of_a_test(holder.clone());
    let moments = store
        .run(|c| {
            let mut all =
                c.prepare("SELECT record, at, said, order_id, incident FROM moment ORDER BY record")?;
            let line = |row: &Row<'_>| {
                let columns = (0..5).map(|n| row.get::<_, rusqlite::types::Value>(n));
                Ok(format!("{:?}", columns.collect::<rusqlite::Result<Vec<_>>>()?))
            };
            all.query_map([], line)?.collect::<rusqlite::Result<Vec<_>>>()
        })
        .await
        .unwrap();
    format!("{:?} {:?} {moments:?}", controls(store, holder).await, store.last_words(of).await.unwrap())
}

#[tokio::test]
async fn a_controls_state_is_what_its_records_say_and_nothing_more() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    assert!(controls(&store, &holder).await.is_empty());
    store.learn(holder.host.clone(), Lesson { records: log(), received: Some(at(9000)) }).await.unwrap();
    let held = controls(&store, &holder).await;
    let expected = [
        ("a.a", Word::Pass, 4, 4, false),
        ("a.b", Word::NotAssessed, 4, 4, true),
        ("a.c", Word::Excepted, 0, 4, true),
        ("a.d", Word::NotAssessed, 0, 4, false),
    ];
    assert_eq!(
        held,
        expected.map(|(id, word, since, checked, unmet)| (id.to_owned(), word, since, checked, unmet))
    );
}

#[tokio::test]
async fn the_score_is_over_the_baseline_and_what_was_not_looked_at_lately_is_not_known() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    let enrol = "UPDATE host SET evidence_key = 'k'";
    store.run(move |c| c.execute(enrol, []).map(drop)).await.unwrap();
    // Nothing is known of anything, and that is said of each control.
    let none = score(&store, &holder, &["a.a", "a.b"], at(0)).await;
    assert_eq!((none.many(Counted::Unknown), none.total(), none.permille()), (2, 2, None));

    store.learn(holder.host.clone(), Lesson { records: log(), received: None }).await.unwrap();
    // `a.c` is in the baseline no more, and `z.z` is new in it.
    let some = score(&store, &holder, &["a.a", "a.b", "a.d", "z.z"], at(5000)).await;
    assert_eq!(some.to_string(), "50.0 % (1 of 2), assessed 1 of 4");
    let two_days = 2 * 24 * 3_600_000;
    let last = score(&store, &holder, &["a.a"], at(4000 + two_days)).await;
    assert_eq!(last.to_string(), "100.0 % (1 of 1), assessed 1 of 1");
    let late = score(&store, &holder, &["a.a"], at(4001 + two_days)).await;
    assert_eq!(late.to_string(), "no score, assessed 0 of 1");
}

#[tokio::test]
async fn each_record_counts_once_in_its_order_however_it_comes() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (whole, holder) = store(one.path()).await;
    whole.learn(holder.host.clone(), Lesson { records: log(), received: None }).await.unwrap();
    let (pieces, _) = store(other.path()).await;
    for records in [log()[2..].to_vec(), log()[..2].to_vec(), log()[..3].to_vec(), log()[1..].to_vec(), log()]
    {
        let received = Some(at(9000));
        pieces.learn(holder.host.clone(), Lesson { records, received }).await.unwrap();
    }
    let expected = all(&whole, &holder).await;
    assert!(expected.contains("i-1"), "{expected}");
    assert_eq!(all(&pieces, &holder).await, expected);
    assert_eq!(whole.read_and_settled(holder.host.clone()).await.unwrap(), (5, 0));
}
