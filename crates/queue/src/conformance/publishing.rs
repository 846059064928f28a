//! Publishing, and whose turn it is.

use std::sync::Arc;

use super::{Rig, begun, id, limits, nothing, one, put, set, some, subject, text, work_off};
use crate::{Limits, Queue as _, QueueError};

/// What was answered is durable, acknowledged or not.
pub async fn what_was_published_is_there_after_a_restart(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    for name in ["one", "two", "three"] {
        assert!(!put(&queue, "a", name).await.repeated);
    }
    assert_eq!(work_off(&queue, 1).await, set(["one"]));
    drop(queue);
    rig.restart().await;
    let queue = rig.open(limits()).await;
    assert_eq!(work_off(&queue, 2).await, set(["two", "three"]));
    nothing(rig, &queue).await;
}

/// The same where nobody could say goodbye.
pub async fn what_was_published_is_there_after_a_kill(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    for name in ["one", "two", "three"] {
        put(&queue, "a", name).await;
    }
    assert_eq!(work_off(&queue, 1).await, set(["one"]));
    let in_hand = one(&queue).await;
    rig.kill(queue).await;
    drop(in_hand);
    let queue = rig.open(limits()).await;
    rig.pass(limits().lease).await;
    assert_eq!(work_off(&queue, 2).await, set(["two", "three"]));
    assert!(put(&queue, "a", "one").await.repeated, "an id is forgotten");
    nothing(rig, &queue).await;
}

/// A repetition is known by its id, whatever became of the first one.
pub async fn an_id_counts_once_for_each_tenant(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    let first = put(&queue, "a", "same").await;
    assert!(!first.repeated);
    let again = put(&queue, "a", "same").await;
    assert!(again.repeated && again.sequence == first.sequence, "{again:?} after {first:?}");
    let elsewhere = queue.publish(subject("a", "other"), id("same"), vec![]).await.unwrap();
    assert!(elsewhere.repeated, "a site has ids of its own");
    assert!(!put(&queue, "b", "same").await.repeated, "one tenant's ids hid another's message");
    work_off_both(&queue).await;
    assert!(put(&queue, "a", "same").await.repeated);
    drop(queue);
    rig.restart().await;
    let queue = rig.open(limits()).await;
    assert!(put(&queue, "a", "same").await.repeated);
    nothing(rig, &queue).await;
}

async fn work_off_both(queue: &impl crate::Queue) {
    for delivery in some(queue, 2).await {
        assert_eq!(text(&delivery), "same");
        queue.acknowledge(delivery).await.unwrap();
    }
}

/// The bound is exact.
pub async fn a_body_that_is_too_long_is_refused(rig: &mut impl Rig) {
    let limits = Limits { body_bytes_max: 1000, ..limits() };
    let queue = rig.open(limits).await;
    let refused = queue.publish(subject("a", "s"), id("x"), vec![7; 1001]).await;
    assert!(matches!(refused, Err(QueueError::TooLong { bytes: 1001, limit: 1000 })), "{refused:?}");
    queue.publish(subject("a", "s"), id("x"), vec![7; 1000]).await.unwrap();
    assert_eq!(one(&queue).await.body(), [7; 1000]);
}

/// A bound of one tenant is none of another's; what is in hand keeps its place.
pub async fn a_full_tenant_is_told_so_and_the_others_are_not(rig: &mut impl Rig) {
    let limits = Limits { pending_max: 3, ..limits() };
    let queue = rig.open(limits).await;
    for name in ["one", "two", "three"] {
        put(&queue, "a", name).await;
    }
    let in_hand = one(&queue).await;
    let full = queue.publish(subject("a", "s"), id("four"), vec![]).await;
    assert!(matches!(full, Err(QueueError::Full { limit: 3, .. })), "{full:?}");
    assert!(put(&queue, "a", "two").await.repeated, "a repetition needs no place of its own");
    put(&queue, "b", "one").await;
    queue.acknowledge(in_hand).await.unwrap();
    assert!(!put(&queue, "a", "four").await.repeated);
}

/// From many at once.
pub async fn many_publishers_lose_nothing(rig: &mut impl Rig) {
    let queue = Arc::new(rig.open(limits()).await);
    let publishers = (0..16).map(|publisher| {
        let queue = Arc::clone(&queue);
        tokio::spawn(async move {
            for n in 0..20 {
                put(queue.as_ref(), &format!("t{}", publisher % 4), &format!("{publisher}-{n}")).await;
            }
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.unwrap();
    }
    assert_eq!(work_off(queue.as_ref(), 16 * 20).await.len(), 16 * 20);
    nothing(rig, &queue).await;
}

/// Whether it got there or not, another try puts it there once.
pub async fn a_publisher_that_gives_up_midway_loses_nothing(rig: &mut impl Rig) {
    let limits = Limits { pending_max: 20, ..limits() };
    let queue = rig.open(limits).await;
    for n in 0..20 {
        let publish = queue.publish(subject("a", "s"), id(&n.to_string()), n.to_string().into_bytes());
        begun(publish).await;
    }
    for n in 0..20 {
        put(&queue, "a", &n.to_string()).await;
    }
    assert_eq!(work_off(&queue, 20).await.len(), 20);
    nothing(rig, &queue).await;
    for n in 100..120 {
        assert!(!put(&queue, "a", &n.to_string()).await.repeated, "a place was lost");
    }
}

/// A single message of another tenant comes within one turn.
pub async fn a_flood_of_one_tenant_delays_no_other(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    for n in 0..150 {
        put(&queue, "flood", &format!("flood-{n}")).await;
    }
    put(&queue, "calm", "calm").await;
    let first = some(&queue, 32).await;
    assert!(first.iter().any(|delivery| text(delivery) == "calm"), "the calm tenant waited");
}
