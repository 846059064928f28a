//! What the time does to a host that is doubted.

use contract::attest::{Attested, Attests, Program};

use super::*;

const MINUTE_MS: u64 = 60_000;

fn software(agent: &str, closure: &str) -> Attested {
    let word = |text: &str| text.to_owned().try_into().unwrap();
    let agent = Program { version: word("1"), binary: Some(Digest::of(agent.as_bytes())) };
    Attested { agent, executor: None, closure: Some(word(closure)) }
}

async fn is_quarantined(store: &Store, now: UtcTime) -> bool {
    let listed = store.quarantined(Scope::of_a_test("clinic-7".parse().unwrap())).await.unwrap();
    listed.iter().any(|view| view.since <= now)
}

#[tokio::test]
async fn a_closure_that_no_evidence_explains_in_five_minutes_is_quarantined_also_when_it_went_back() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    let says =
        async |closure: &str, now| store.attest(holder.clone(), software("a", closure), now).await.unwrap();
    assert_eq!(says("was", at(0)).await, Attesting::Known);
    assert_eq!(says("is", at(0)).await, Attesting::Doubted);
    assert_eq!(says("was", at(MINUTE_MS)).await, Attesting::Doubted);
    assert!(!is_quarantined(&store, at(5 * MINUTE_MS - 1)).await);
    assert!(is_quarantined(&store, at(5 * MINUTE_MS)).await, "without another heartbeat");
    let Attesting::Quarantined(found) = says("was", at(6 * MINUTE_MS)).await else { panic!() };
    assert_eq!((found.changed, found.recorded), ([Attests::Closure].into(), false));
    // Evidence that comes too late explains it to a person, and does not clear it.
    store.settle(holder.host.clone(), 1, vec![Consequence::Switched], Lesson::default()).await.unwrap();
    assert!(matches!(says("was", at(7 * MINUTE_MS)).await, Attesting::Quarantined(_)));
}

#[tokio::test]
async fn a_binary_is_not_waited_for_and_no_generation_explains_it() {
    let directory = tempfile::tempdir().unwrap();
    let (store, holder) = store(directory.path()).await;
    let says = async |agent: &str, closure: &str, now| {
        store.attest(holder.clone(), software(agent, closure), now).await.unwrap()
    };
    says("a", "was", at(0)).await;
    says("a", "is", at(0)).await;
    let healthy = Consequence::Healthy { closure: "is".to_owned().try_into().unwrap() };
    store
        .settle(holder.host.clone(), 2, vec![healthy, Consequence::Switched], Lesson::default())
        .await
        .unwrap();
    let Attesting::Quarantined(found) = says("b", "is", at(1)).await else { panic!() };
    assert_eq!(found.changed, [Attests::Agent].into());
    assert!(is_quarantined(&store, at(1)).await);
}
