//! Clocks that are set, and hands that are slow.

use std::time::Duration;

use queue::conformance::{Rig as _, begun};
use queue::{Embedded, Limits, Queue as _, Sequence};

use crate::rig::{Files, now};
use crate::{id, put, subject, text};

const YEAR: i64 = 365 * 24 * 3600;

/// The date is read when the queue is opened and at no other time, so all that a clock can do is to be wrong then.
#[tokio::test]
async fn a_clock_that_was_set_back_or_forward_makes_no_nonsense_of_ages() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queue.db");
    let tenant = "a".parse().unwrap();
    let age = async |at: i64| {
        let queue = Embedded::open(&path, Limits::default(), now(at)).await.unwrap();
        put(&queue, "a", "s", &format!("at {at}").replace(' ', "-")).await;
        // Some milliseconds go by between opening and publishing.
        queue.depth(&tenant).await.unwrap().oldest_age.unwrap().as_millis().saturating_add(500) / 1000
    };
    assert_eq!(age(0).await, 0);
    assert_eq!(age(100).await, 100);
    assert_eq!(age(-10 * YEAR).await, 100, "set back by ten years, it stands still");
    assert_eq!(age(50).await, 100);
    assert_eq!(age(200).await, 200, "and goes on when it is past the newest message");
}

#[tokio::test]
async fn an_age_grows_with_time_that_nobody_can_set() {
    let (mut rig, tenant) = (Files::new(), "a".parse().unwrap());
    let queue = rig.open(Limits::default()).await;
    put(&queue, "a", "s", "one").await;
    rig.pass(Duration::from_secs(90)).await;
    put(&queue, "a", "s", "two").await;
    let age = async || queue.depth(&tenant).await.unwrap().oldest_age.unwrap().as_secs();
    assert_eq!(age().await, 90);
    let one = queue.fetch(1).await.unwrap().remove(0);
    assert_eq!(age().await, 90, "what is in hand is not done");
    queue.acknowledge(one).await.unwrap();
    assert_eq!(age().await, 0);
}

/// Whoever waits already is woken by what ends, whether it was taken, released or extended since.
#[tokio::test]
async fn a_waiting_fetch_sees_each_lease_and_delay_end() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { lease: Duration::from_secs(60), ..Limits::default() };
    let queue = Embedded::open(&directory.path().join("queue.db"), limits, now(0)).await.unwrap();
    let queue = std::sync::Arc::new(queue);
    for name in ["released", "dropped"] {
        put(&queue, "a", "s", name).await;
    }
    let mut in_hand = queue.fetch(2).await.unwrap();
    let waiting = tokio::spawn({
        let queue = std::sync::Arc::clone(&queue);
        async move {
            let (first, second) = (queue.fetch(1).await.unwrap(), queue.fetch(1).await.unwrap());
            [text(&first[0]).to_owned(), text(&second[0]).to_owned()]
        }
    });
    tokio::task::yield_now().await;
    queue.release(in_hand.remove(0), Duration::from_secs(5)).await.unwrap();
    drop(in_hand);
    let mut rig = Files::new();
    rig.pass(Duration::from_secs(5)).await;
    // The first is in its hands before the second one's lease ends.
    while queue.depth(&"a".parse().unwrap()).await.unwrap().in_hand < 2 {
        tokio::task::yield_now().await;
    }
    rig.pass(Duration::from_secs(55)).await;
    assert_eq!(waiting.await.unwrap(), ["released", "dropped"]);
}

#[tokio::test]
async fn fetches_that_give_up_midway_do_not_count_towards_giving_up() {
    let mut rig = Files::new();
    let limits = Limits { deliveries_max: 1, ..Limits::default() };
    let queue = rig.open(limits).await;
    put(&queue, "a", "s", "one").await;
    // While another holds the database, none of them gets its answer.
    let other = rusqlite::Connection::open(rig.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..5 {
        begun(queue.fetch(1)).await;
    }
    other.execute_batch("COMMIT").unwrap();
    let tenant = "a".parse().unwrap();
    let depth = queue.depth(&tenant).await.unwrap();
    assert_eq!((depth.waiting, depth.in_hand), (1, 0), "{depth:?}");
    let fetched = tokio::time::timeout(Duration::from_secs(20), queue.fetch(1)).await;
    assert_eq!(text(&fetched.expect("it was given up").unwrap()[0]), "one");
    assert_eq!(queue.dead(&tenant, Sequence::START, 9).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_released_for_ever_is_given_up_in_the_end_and_across_restarts() {
    let mut rig = Files::new();
    let limits = Limits { deliveries_max: 2, releases_max: 3, ..Limits::default() };
    let mut queue = rig.open(limits).await;
    put(&queue, "a", "s", "one").await;
    for number in 1..=5 {
        drop(queue);
        queue = rig.open(limits).await;
        let delivery = queue.fetch(1).await.unwrap().remove(0);
        assert_eq!(delivery.number(), number);
        queue.release(delivery, Duration::from_secs(3600)).await.unwrap();
    }
    drop(queue);
    let queue = rig.open(limits).await;
    put(&queue, "b", "s", "other").await;
    assert_eq!(text(&queue.fetch(9).await.unwrap()[0]), "other");
    let dead = queue.dead(&"a".parse().unwrap(), Sequence::START, 9).await.unwrap();
    assert_eq!((dead.len(), dead[0].deliveries), (1, 5));
}

#[tokio::test]
async fn a_dead_message_keeps_its_place_until_it_is_done() {
    let (mut rig, tenant) = (Files::new(), "a".parse().unwrap());
    let limits = Limits { pending_max: 1, ..Limits::default() };
    let queue = rig.open(limits).await;
    put(&queue, "a", "s", "one").await;
    let late = queue.fetch(1).await.unwrap().remove(0);
    rig.pass(limits.lease).await;
    let again = queue.fetch(1).await.unwrap().remove(0);
    queue.give_up(again, queue::Reason::new("no")).await.unwrap();
    drop(queue);
    let queue = rig.open(limits).await;
    assert_eq!(queue.depth(&tenant).await.unwrap().dead, 1);
    queue.publish(subject("a", "s"), id("two"), vec![]).await.unwrap_err();
    // Its first consumer did it after all.
    queue.acknowledge(late).await.unwrap();
    assert_eq!(queue.depth(&tenant).await.unwrap().dead, 0);
    queue.publish(subject("a", "s"), id("two"), vec![]).await.unwrap();
}
