//! What is kept: replay, purging, depth.

use std::time::Duration;

use super::{LEASE, Rig, limits, nothing, one, put, reason, set, some, text, work_off};
use crate::{Depth, Kept, Queue as _, Sequence};

fn names(kept: &[Kept]) -> Vec<String> {
    kept.iter().map(|kept| String::from_utf8(kept.body.clone()).unwrap()).collect()
}

/// Acknowledged or not, and changing nothing.
pub async fn what_was_acknowledged_is_replayed_in_order(rig: &mut impl Rig) {
    let (queue, tenant) = (rig.open(limits()).await, "a".parse().unwrap());
    for name in ["one", "two", "three", "four"] {
        put(&queue, "a", name).await;
        put(&queue, "b", &format!("not-{name}")).await;
    }
    for delivery in some(&queue, 8).await {
        match text(&delivery).as_str() {
            "two" => queue.give_up(delivery, reason()).await.unwrap(),
            "three" => queue.release(delivery, Duration::ZERO).await.unwrap(),
            _ => queue.acknowledge(delivery).await.unwrap(),
        }
    }
    let all = queue.replay(&tenant, Sequence::START, 9).await.unwrap();
    assert_eq!(names(&all), ["one", "two", "three", "four"]);
    assert!(all.is_sorted_by_key(|kept| kept.sequence), "{all:?}");
    let part = queue.replay(&tenant, all[1].sequence, 2).await.unwrap();
    assert_eq!(names(&part), ["two", "three"]);
    assert_eq!(work_off(&queue, 1).await, set(["three"]));
    nothing(rig, &queue).await;
    drop(queue);
    rig.restart().await;
    let queue = rig.open(limits()).await;
    assert_eq!(queue.replay(&tenant, Sequence::START, 9).await.unwrap(), all);
}

/// Waiting, dead and acknowledged; durably.
pub async fn purging_takes_one_tenant_whole_and_no_other(rig: &mut impl Rig) {
    let (queue, tenant) = (rig.open(limits()).await, "a".parse().unwrap());
    put(&queue, "a", "done").await;
    work_off(&queue, 1).await;
    put(&queue, "a", "dead").await;
    queue.give_up(one(&queue).await, reason()).await.unwrap();
    put(&queue, "a", "waiting").await;
    put(&queue, "b", "other").await;
    assert_eq!(queue.purge(&tenant).await.unwrap(), 3);
    assert_eq!(queue.purge(&tenant).await.unwrap(), 0);
    drop(queue);
    rig.restart().await;
    let queue = rig.open(limits()).await;
    assert_eq!(queue.depth(&tenant).await.unwrap(), Depth::default());
    assert_eq!(queue.dead(&tenant, Sequence::START, 9).await.unwrap(), []);
    assert_eq!(queue.replay(&tenant, Sequence::START, 9).await.unwrap(), []);
    assert_eq!(work_off(&queue, 1).await, set(["other"]));
    nothing(rig, &queue).await;
}

/// However it is settled, and whatever is published afterwards.
pub async fn what_is_purged_in_hand_is_settled_harmlessly(rig: &mut impl Rig) {
    let (queue, tenant) = (rig.open(limits()).await, "a".parse().unwrap());
    for name in ["one", "two", "three", "four"] {
        put(&queue, "a", name).await;
    }
    let mut in_hand = some(&queue, 4).await.into_iter();
    queue.purge(&tenant).await.unwrap();
    put(&queue, "a", "new").await;
    queue.acknowledge(in_hand.next().unwrap()).await.unwrap();
    queue.release(in_hand.next().unwrap(), Duration::ZERO).await.unwrap();
    queue.give_up(in_hand.next().unwrap(), reason()).await.unwrap();
    queue.extend(&in_hand.next().unwrap()).await.unwrap();
    rig.pass(LEASE).await;
    assert_eq!(work_off(&queue, 1).await, set(["new"]));
    nothing(rig, &queue).await;
    let depth = queue.depth(&tenant).await.unwrap();
    assert_eq!((depth.pending(), depth.dead), (0, 0), "{depth:?}");
}

/// Of each tenant and of all.
pub async fn depth_tells_how_messages_stand(rig: &mut impl Rig) {
    let (queue, tenant) = (rig.open(limits()).await, "a".parse().unwrap());
    assert_eq!(queue.depth(&tenant).await.unwrap(), Depth::default());
    for name in ["one", "two", "three", "four", "five"] {
        put(&queue, "a", name).await;
    }
    put(&queue, "b", "other").await;
    rig.pass(Duration::from_secs(1)).await;
    let mut hands =
        some(&queue, 6).await.into_iter().filter(|delivery| delivery.subject().tenant() == &tenant);
    queue.acknowledge(hands.next().unwrap()).await.unwrap();
    queue.give_up(hands.next().unwrap(), reason()).await.unwrap();
    queue.release(hands.next().unwrap(), LEASE * 10).await.unwrap();
    queue.release(hands.next().unwrap(), Duration::ZERO).await.unwrap();
    let depth = queue.depth(&tenant).await.unwrap();
    assert_eq!((depth.waiting, depth.in_hand + depth.delayed, depth.dead), (1, 2, 1), "{depth:?}");
    let age = depth.oldest_age.unwrap();
    assert!(age >= Duration::from_millis(900) && age < Duration::from_secs(3600), "{age:?}");
    let all = queue.depth_of_all().await.unwrap();
    assert_eq!((all.pending(), all.dead), (depth.pending() + 1, 1), "{all:?}");
    assert!(all.oldest_age.unwrap() >= age, "{all:?}");
}
