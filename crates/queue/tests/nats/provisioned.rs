//! Provisioning: what is missing is made, what is there is left, and running servers are told.

use std::collections::BTreeMap;

use queue::conformance::limits;
use queue::nats::{Change, Key, NatsError, Plan, Provisioning, hub_user};
use queue::{Limits, Queue as _, QueueError};

use crate::bad_days::{publish_until_answered, subject};
use crate::now;
use crate::rig::Rigged;
use crate::server::{How, private};

fn all(change: Change) -> BTreeMap<&'static str, Change> {
    ["DEAD", "INCIDENTS", "RELEASED", "planner"].map(|name| (name, change)).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_twice_changes_nothing_and_looking_changes_nothing_either() {
    let mut rig = Rigged::start(1, &How::safe());
    rig.keys.retain(|tenant, _| tenant.as_str() == "a");
    let plan = rig.plan(limits());
    let looking = Plan { dry_run: true, ..plan };
    for _ in 0..2 {
        let would = rig.provision(&looking).await.remove(0);
        assert_eq!((would.account, would.things), (Change::Made, all(Change::Made)));
    }
    let made = rig.provision(&plan).await.remove(0);
    assert_eq!((made.account, made.things), (Change::Made, all(Change::Made)));
    for plan in [plan, looking] {
        let again = rig.provision(&plan).await.remove(0);
        assert_eq!((again.account, again.things), (Change::WasThere, all(Change::WasThere)));
    }
    // What is changed is what differs.
    let longer = Limits { lease: limits().lease * 2, ..limits() };
    for (dry_run, consumer) in [(true, Change::Changed), (false, Change::Changed), (false, Change::WasThere)]
    {
        let plan = Plan { limits: longer, dry_run, ..plan };
        let changed = rig.provision(&plan).await.remove(0);
        let mut wanted = all(Change::WasThere);
        wanted.insert("planner", consumer);
        assert_eq!((changed.account, changed.things), (Change::WasThere, wanted), "dry run: {dry_run}");
    }
    rig.quota.connections = 7;
    let changed = rig.provision(&rig.plan(longer)).await.remove(0);
    assert_eq!((changed.account, changed.things), (Change::Changed, all(Change::WasThere)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_tenant_is_served_without_any_restart_and_a_removed_one_is_cut_off() {
    let mut rig = Rigged::start(1, &How::safe());
    rig.keys.retain(|tenant, _| tenant.as_str() == "a");
    let plan = rig.plan(limits());
    rig.provision(&plan).await;
    let queue = rig.queue(limits()).await;
    let refused = queue.publish(subject("new"), "x".parse().unwrap(), vec![]).await;
    assert!(matches!(refused, Err(QueueError::Nats(NatsError::NoCredentials(_)))), "{refused:?}");
    let key = Key::draw_account();
    let (tenant, provisioning) =
        ("new".parse().unwrap(), Provisioning::open(&rig.settings, &rig.operator, now()).await.unwrap());
    provisioning.tenant(&tenant, &key, &plan).await.unwrap();
    private(&rig.credentials(&tenant), &hub_user(&tenant, &key, now()).unwrap().file());
    publish_until_answered(&queue, "new", "first").await;
    let delivery = queue.fetch(1).await.unwrap().remove(0);
    assert_eq!((delivery.subject().tenant(), delivery.body()), (&tenant, b"first".as_slice()));
    queue.acknowledge(delivery).await.unwrap();

    provisioning.remove(&tenant, &key).await.unwrap();
    let refused = queue.publish(subject("new"), "second".parse().unwrap(), vec![]).await;
    assert!(matches!(refused, Err(QueueError::Nats(_))), "{refused:?}");
    publish_until_answered(&queue, "a", "still").await;
    // With its credentials gone as well it is forgotten, and hinders no question about all.
    std::fs::remove_file(rig.credentials(&tenant)).unwrap();
    assert_eq!(queue.depth_of_all().await.unwrap().pending(), 1);
    // It survives the servers' restart, too.
    rig.servers[0].stop();
    rig.servers[0].start();
    let again = provisioning.tenant(&tenant, &key, &Plan { dry_run: true, ..plan }).await.unwrap();
    assert_eq!(again.account, Change::Made, "the account is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_forgotten_in_the_end_and_what_was_not_never_is() {
    let mut rig = Rigged::start(1, &How::safe());
    rig.keys.retain(|tenant, _| tenant.as_str() == "a");
    let limits = Limits {
        remembered_max: 50,
        pending_max: 1000,
        lease: std::time::Duration::from_secs(60),
        ..limits()
    };
    rig.provision(&rig.plan(limits)).await;
    let (queue, tenant) = (rig.queue(limits).await, "a".parse().unwrap());
    publish_until_answered(&queue, "a", "stays").await;
    let stays = queue.fetch(1).await.unwrap().remove(0);
    let work = async |from: usize, to: usize| {
        for n in from..to {
            publish_until_answered(&queue, "a", &format!("m{n}")).await;
            queue.acknowledge(queue.fetch(1).await.unwrap().remove(0)).await.unwrap();
        }
    };
    let kept = async || queue.replay(&tenant, queue::Sequence::START, 10_000).await.unwrap();
    work(0, 300).await;
    assert_eq!(kept().await[0].body, b"stays", "what is in hand was forgotten");
    queue.acknowledge(stays).await.unwrap();
    work(300, 600).await;
    // It is forgotten beside the work.
    for _ in 0..100 {
        if kept().await.len() < 300 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let kept = kept().await;
    assert!((50..300).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept.last().unwrap().body, b"m599");
}
