//! Fetching, and what becomes of what is in hand.

use std::sync::Arc;
use std::time::Duration;

use super::{LEASE, Rig, begun, limits, nothing, one, put, set, some, text, work_off};
use crate::Queue as _;

const HALF: Duration = Duration::from_millis(1200);

/// It need not ask again and again.
pub async fn a_waiting_fetch_wakes(rig: &mut impl Rig) {
    let queue = Arc::new(rig.open(limits()).await);
    let waiting = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { text(&one(queue.as_ref()).await) }
    });
    nothing(rig, &queue).await;
    put(queue.as_ref(), "a", "one").await;
    assert_eq!(waiting.await.unwrap(), "one");
}

/// Dropped at whatever point, it loses nothing; what it took may come when its lease ends.
pub async fn a_fetch_that_gives_up_midway_loses_nothing(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    for name in ["one", "two"] {
        put(&queue, "a", name).await;
    }
    // Whatever it had when it was dropped comes again.
    begun(queue.fetch(2)).await;
    rig.pass(LEASE).await;
    assert_eq!(work_off(&queue, 2).await, set(["one", "two"]));
}

/// Neither when its lease would have ended nor after a restart.
pub async fn what_is_acknowledged_never_comes_again(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    put(&queue, "a", "one").await;
    work_off(&queue, 1).await;
    rig.pass(LEASE).await;
    nothing(rig, &queue).await;
    drop(queue);
    rig.restart().await;
    let queue = rig.open(limits()).await;
    nothing(rig, &queue).await;
}

/// As long as its lease lasts.
pub async fn what_is_in_hand_comes_to_nobody_else(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    put(&queue, "a", "one").await;
    let in_hand = one(&queue).await;
    assert_eq!((in_hand.number(), text(&in_hand).as_str()), (1, "one"));
    nothing(rig, &queue).await;
    put(&queue, "a", "two").await;
    assert_eq!(text(&one(&queue).await), "two");
}

/// Whoever had it, and however it was lost.
pub async fn what_is_dropped_comes_again_when_its_lease_ends(rig: &mut impl Rig) {
    let queue = Arc::new(rig.open(limits()).await);
    put(queue.as_ref(), "a", "one").await;
    let dies = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move {
            let _in_hand = one(queue.as_ref()).await;
            std::panic::resume_unwind(Box::new("its consumer dies in the middle of its work"));
        }
    });
    assert!(dies.await.unwrap_err().is_panic());
    nothing(rig, &queue).await;
    rig.pass(LEASE).await;
    let again = one(queue.as_ref()).await;
    assert_eq!((again.number(), text(&again).as_str()), (2, "one"));
    queue.acknowledge(again).await.unwrap();
}

/// For as long as it is extended, and no longer.
pub async fn what_is_extended_stays_in_hand(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    put(&queue, "a", "one").await;
    let in_hand = one(&queue).await;
    for _ in 0..2 {
        rig.pass(HALF).await;
        queue.extend(&in_hand).await.unwrap();
        nothing(rig, &queue).await;
    }
    drop(in_hand);
    rig.pass(LEASE).await;
    assert_eq!(text(&one(&queue).await), "one");
}

/// The work is done; that its lease had ended changes nothing, and whoever has it meanwhile settles it harmlessly.
pub async fn what_is_acknowledged_late_is_done_all_the_same(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    put(&queue, "a", "one").await;
    let late = one(&queue).await;
    rig.pass(LEASE).await;
    let again = one(&queue).await;
    queue.acknowledge(late).await.unwrap();
    queue.release(again, Duration::ZERO).await.unwrap();
    rig.pass(LEASE).await;
    nothing(rig, &queue).await;
    assert_eq!(queue.depth(&"a".parse().unwrap()).await.unwrap().pending(), 0);
}

/// Not before.
pub async fn what_is_released_comes_again_after_its_delay(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    for name in ["now", "later"] {
        put(&queue, "a", name).await;
    }
    for delivery in some(&queue, 2).await {
        let after = if text(&delivery) == "now" { Duration::ZERO } else { LEASE };
        queue.release(delivery, after).await.unwrap();
    }
    let now = one(&queue).await;
    assert_eq!((now.number(), text(&now).as_str()), (2, "now"));
    queue.acknowledge(now).await.unwrap();
    nothing(rig, &queue).await;
    rig.pass(LEASE).await;
    let later = one(&queue).await;
    assert_eq!((later.number(), text(&later).as_str()), (2, "later"));
}

/// The delay may be forgotten there; the message may not.
pub async fn what_is_released_comes_again_after_a_restart(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    put(&queue, "a", "one").await;
    queue.release(one(&queue).await, LEASE).await.unwrap();
    drop(queue);
    rig.restart().await;
    let queue = rig.open(limits()).await;
    rig.pass(LEASE).await;
    assert_eq!(text(&one(&queue).await), "one");
}
