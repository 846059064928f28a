//! Giving up, and coming back from it.

use std::time::Duration;

use super::{LEASE, Rig, limits, nothing, one, put, reason, set, text, work_off};
use crate::{Dead, Queue as _, Reason, Sequence};

/// With its reason, across a restart, and for its own tenant alone.
pub async fn what_is_given_up_is_dead_until_it_is_revived(rig: &mut impl Rig) {
    let (queue, tenant) = (rig.open(limits()).await, "a".parse().unwrap());
    for name in ["one", "two", "three"] {
        put(&queue, "a", name).await;
        queue.give_up(one(&queue).await, reason()).await.unwrap();
    }
    rig.pass(LEASE).await;
    nothing(rig, &queue).await;
    drop(queue);
    rig.restart().await;
    let queue = rig.open(limits()).await;
    nothing(rig, &queue).await;
    let dead = queue.dead(&tenant, Sequence::START, 2).await.unwrap();
    let names: Vec<_> = dead.iter().map(|dead| (dead.body.as_slice(), dead.deliveries)).collect();
    assert_eq!(names, [(b"one".as_slice(), 1), (b"two".as_slice(), 1)]);
    assert!(dead.iter().all(|dead| dead.reason == reason()), "{dead:?}");
    let Dead { sequence, .. } = dead[1];
    let rest = queue.dead(&tenant, sequence, 2).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert!(put(&queue, "a", "two").await.repeated, "a dead message's id is forgotten");

    let other = "b".parse().unwrap();
    assert_eq!(queue.dead(&other, Sequence::START, 9).await.unwrap(), []);
    assert!(!queue.revive(&other, sequence).await.unwrap(), "it is another tenant's");
    assert!(queue.revive(&tenant, sequence).await.unwrap());
    assert!(!queue.revive(&tenant, sequence).await.unwrap(), "it is not dead any more");
    let again = one(&queue).await;
    assert_eq!((again.number(), text(&again).as_str()), (1, "two"));
    queue.acknowledge(again).await.unwrap();
    assert_eq!(queue.dead(&tenant, Sequence::START, 9).await.unwrap().len(), 2);
}

/// After as many leases as the limits say.
pub async fn what_is_never_answered_is_given_up_by_itself(rig: &mut impl Rig) {
    let (queue, tenant) = (rig.open(limits()).await, "a".parse().unwrap());
    put(&queue, "a", "poison").await;
    for number in 1..=limits().deliveries_max {
        assert_eq!(one(&queue).await.number(), number);
        assert_eq!(queue.dead(&tenant, Sequence::START, 9).await.unwrap(), []);
        rig.pass(LEASE).await;
    }
    put(&queue, "a", "wholesome").await;
    assert_eq!(work_off(&queue, 1).await, set(["wholesome"]));
    nothing(rig, &queue).await;
    let dead = queue.dead(&tenant, Sequence::START, 9).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].reason, Reason::never_answered(limits().deliveries_max));
    assert_eq!(dead[0].deliveries, limits().deliveries_max);
}

/// How often it was handed out is counted before it is, and durably.
pub async fn what_kills_its_consumer_is_given_up_across_restarts(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    put(&queue, "a", "poison").await;
    drop(queue);
    for number in 1..=limits().deliveries_max {
        let queue = rig.open(limits()).await;
        let in_hand = one(&queue).await;
        assert_eq!(in_hand.number(), number);
        rig.kill(queue).await;
        drop(in_hand);
        rig.pass(LEASE).await;
    }
    let queue = rig.open(limits()).await;
    nothing(rig, &queue).await;
    assert_eq!(queue.dead(&"a".parse().unwrap(), Sequence::START, 9).await.unwrap().len(), 1);
}

/// That a store fails is not the message's fault.
pub async fn what_is_released_is_not_given_up_soon(rig: &mut impl Rig) {
    let queue = rig.open(limits()).await;
    put(&queue, "a", "one").await;
    for number in 1..=limits().deliveries_max + 3 {
        let in_hand = one(&queue).await;
        assert_eq!(in_hand.number(), number);
        queue.release(in_hand, Duration::ZERO).await.unwrap();
    }
    assert_eq!(work_off(&queue, 1).await, set(["one"]));
}
