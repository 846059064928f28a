//! What is spent is not asked for, and what fails again and again is left alone.

use models::Micro;
use planner::model::Reply;

use super::server::{Act, Server, answer, http};
use super::{ANSWER, Rig, now, prompt};

#[tokio::test]
async fn a_tenant_whose_budget_is_spent_asks_nobody_and_another_does() {
    let server = Server::start(vec![Act::says(&answer("openai", ANSWER))]).await;
    let rig = Rig::within(&[("m", "openai", server.url.clone())], "{ hour: 2, day: 10, month: 1000000 }");
    for _ in 0..2 {
        assert!(matches!(rig.ask().await.reply, Reply::Said(_)));
    }
    let spent = rig.ask().await;
    assert_eq!((spent.reply, spent.cost), (Reply::BudgetSpent, Micro(0)));
    assert_eq!(server.seen().len(), 2, "it was asked all the same");
    let other = rig.models.ask(&"other".parse().unwrap(), &prompt(), now()).await;
    assert!(matches!(other.reply, Reply::Said(_)), "one tenant spends another's");
}

#[tokio::test]
async fn money_is_set_aside_before_and_what_came_before_a_start_counts() {
    let server = Server::start(vec![Act::says(&answer("openai", ANSWER))]).await;
    // The worst case of one question is some two thousand: 1 024 tokens at two, and what is asked.
    let budget = "{ hour: 100, day: 100, month: 2500 }";
    let rig = Rig::within(&[("m", "openai", server.url.clone())], budget);
    assert!(matches!(rig.ask().await.reply, Reply::Said(_)));
    assert!(
        matches!(rig.ask().await.reply, Reply::Said(_)),
        "what was set aside and not spent did not come back"
    );
    rig.models.note(&super::tenant(), Micro(2_000), now());
    assert_eq!(rig.ask().await.reply, Reply::BudgetSpent);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn what_was_sent_and_not_answered_is_paid_for_and_what_was_not_taken_is_not() {
    for (act, sent) in [(Act::Hangs, true), (Act::says(&http("400 Bad Request", "", "")), false)] {
        let server = Server::start(vec![act]).await;
        let asked = Rig::new(&[("m", "openai", server.url.clone())]).ask().await;
        assert_eq!((asked.sent, asked.cost > Micro(0)), (sent, sent), "{asked:?}");
    }
    // A stream that broke before a word came was sent; and so was the second try.
    let broken = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 100\r\n\r\n";
    let server = Server::start(vec![Act::says(broken), Act::says(&answer("openai", ANSWER))]).await;
    let twice = Rig::new(&[("m", "openai", server.url.clone())]).ask().await;
    assert!(matches!(twice.reply, Reply::Said(_)) && server.seen().len() == 2, "{twice:?}");
    assert!(twice.cost > Micro(140 + 2_048), "the first try is not paid for: {twice:?}");
}

#[tokio::test]
async fn a_model_that_fails_again_and_again_is_left_alone() {
    let fails = Server::start(vec![Act::says(&http("400 Bad Request", "", ""))]).await;
    let rig = Rig::new(&[("m", "openai", fails.url.clone())]);
    for _ in 0..5 {
        assert_eq!(rig.ask().await.reply, Reply::Failed);
    }
    assert_eq!(fails.seen().len(), 3, "it was asked after it had failed three times in a row");
}
