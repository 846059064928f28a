//! Orders that take long, break-glass, and standing orders on their way to the executor.

use contract::outcome::Outcome;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::Machine;
use crate::rig::until;
use crate::whole::order;

#[tokio::test]
async fn a_run_that_takes_long_holds_up_neither_another_order_nor_the_evidence() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let (slow, quick) = (order("i-1", "a.slow"), order("i-2", "a.quick"));
    executor.with(|s| s.slow.insert(slow.clone(), 2));
    hub.with(|s| s.orders.push_back(("ord-slow".to_owned(), slow.clone())));
    let agent = machine.run(&hub);
    let asked = |envelope: &[u8]| {
        let question =
            contract::socket::Question::Order { envelope: contract::blob::Blob(envelope.to_vec()) };
        let text = serde_json::to_string(&question).unwrap();
        executor.with(|s| s.raw.iter().filter(|raw| **raw == text).count())
    };
    until("the slow order", || (asked(&slow) == 1).then_some(())).await;
    hub.with(|s| s.orders.push_back(("ord-quick".to_owned(), quick.clone())));
    until("the quick answer", || hub.with(|s| (s.answers.len() == 1).then_some(()))).await;
    assert_eq!(hub.with(|s| s.orders[0].0.clone()), "ord-slow", "the quick one waited for the slow one");
    until("the slow answer", || hub.with(|s| (s.answers.len() == 2).then_some(()))).await;
    assert_eq!((asked(&slow), asked(&quick)), (3, 1), "asked again with other bytes, or more than once");
    assert!(hub.with(|s| s.answers.iter().all(|a| a.contains(Outcome::Healed.word()))));
    assert!(
        hub.with(|s| s.raw.iter().any(|r| r.contains("known=ord-slow"))),
        "the hub is not told what is followed"
    );
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn break_glass_reaches_the_executor_and_what_it_said_the_hub() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let _executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    hub.with(|s| s.glass = [(4, b"a good grant".to_vec()), (5, b"a bad one".to_vec())].into());
    let agent = machine.run(&hub);
    let answers =
        until("both answers", || hub.with(|s| (s.glass_answers.len() == 2).then(|| s.glass_answers.clone())))
            .await;
    assert_eq!(answers[0], (4, None));
    assert_eq!(answers[1], (5, Some("no pinned operator signed it".to_owned())));
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn the_standing_order_is_handed_over_at_the_start_and_when_the_hub_says_that_it_changed() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    hub.with(|s| s.standing = b"the first".to_vec());
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run(&hub);
    let rules = || "rules: made up".to_owned();
    until("the first", || {
        executor.with(|s| (s.standing == [(b"the first".to_vec(), rules())]).then_some(()))
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(executor.with(|s| s.standing.len()), 1, "the same one was fetched again");
    hub.with(|s| s.standing = b"taken back".to_vec());
    until("the second", || executor.with(|s| s.standing.get(1).cloned())).await;
    assert_eq!(executor.with(|s| s.standing[1].0.clone()), b"taken back");
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn an_answer_is_told_again_until_the_hub_itself_has_heard_it() {
    let wrong: [(u16, &[u8]); 4] =
        [(204, b""), (202, b"{}"), (200, b"<html>welcome</html>"), (200, b"{\"portal\":1}")];
    for (status, said) in wrong {
        let (hub, machine) = (FakeHub::start().await, Machine::new());
        machine.enrol(&hub).await;
        let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
        hub.with(|s| {
            s.answers_wrongly = Some((status, said));
            s.orders.push_back(("ord-1".to_owned(), order("i-1", "a.quick")));
        });
        let agent = machine.run(&hub);
        let told =
            || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("POST /v1/orders/ord-1/answer")).count());
        until("two tries", || (told() >= 2).then_some(())).await;
        assert_eq!(
            executor.with(|s| s.orders),
            1,
            "{status}: what was taken for an answer let the order come again"
        );
        hub.with(|s| s.answers_wrongly = None);
        until("the answer", || hub.with(|s| s.answers.first().cloned())).await;
        assert!(hub.with(|s| s.orders.is_empty()), "{status}");
        agent.stop().await.unwrap();
    }
}
