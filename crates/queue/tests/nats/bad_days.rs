//! Servers that are killed, and a disk that is full.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use queue::conformance::limits;
use queue::nats::Nats;
use queue::{Limits, Queue as _, QueueError, Sequence, Subject};

use crate::rig::Rigged;
use crate::server::How;

const PUBLISHERS: usize = 8;
const EACH: usize = 40;
const KILLS: usize = 4;

pub(crate) fn subject(tenant: &str) -> Subject {
    Subject::new(tenant.parse().unwrap(), "s".parse().unwrap())
}

/// As a site does: until it is answered.
pub(crate) async fn publish_until_answered(queue: &Nats, tenant: &str, name: &str) -> usize {
    let mut tries = 0;
    loop {
        tries += 1;
        let body = name.as_bytes().to_vec();
        match queue.publish(subject(tenant), name.parse().unwrap(), body).await {
            Ok(_) => return tries,
            Err(QueueError::Nats(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(e) => panic!("{e}"),
        }
    }
}

/// How often each of these tenants' messages is kept.
pub(crate) async fn kept(queue: &Nats, tenants: &[&str]) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for tenant in tenants {
        let tenant = tenant.parse().unwrap();
        let began = std::time::Instant::now();
        // Right after a bad day a cluster may need a moment to choose who leads.
        let messages = loop {
            match queue.replay(&tenant, Sequence::START, usize::MAX).await {
                Ok(messages) => break messages,
                Err(e) => assert!(began.elapsed() < Duration::from_secs(30), "{e:?}"),
            }
        };
        for kept in messages {
            *all.entry(String::from_utf8(kept.body).unwrap()).or_default() += 1;
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_publication_and_answer_loses_and_doubles_nothing() {
    let mut rig = Rigged::start(1, &How::safe());
    rig.keys.retain(|tenant, _| ["a", "b"].contains(&tenant.as_str()));
    let limits = Limits { pending_max: 10_000, ..limits() };
    rig.provision(&rig.plan(limits)).await;
    let queue = Arc::new(rig.queue(limits).await);
    let (answered, again) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let (queue, answered, again) = (Arc::clone(&queue), Arc::clone(&answered), Arc::clone(&again));
            tokio::spawn(async move {
                for n in 0..EACH {
                    let tries = publish_until_answered(
                        &queue,
                        ["a", "b"][publisher % 2],
                        &format!("{publisher}-{n}"),
                    )
                    .await;
                    answered.fetch_add(1, Ordering::Relaxed);
                    again.fetch_add(tries - 1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for kill in 1..=KILLS {
        // Somewhere in the middle of the work, wherever that is on this machine.
        while answered.load(Ordering::Relaxed) < kill * PUBLISHERS * EACH / (KILLS + 1) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        rig.servers[0].kill();
        rig.servers[0].start();
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let kept = kept(&queue, &["a", "b"]).await;
    println!(
        "  {KILLS} kills: {} answered, {} tries had to be made again",
        answered.load(Ordering::Relaxed),
        again.load(Ordering::Relaxed)
    );
    assert!(again.load(Ordering::Relaxed) > 0, "no kill came in the middle of anything");
    assert_eq!(kept.len(), PUBLISHERS * EACH, "something that was answered is missing");
    assert!(kept.values().all(|times| *times == 1), "something is there twice: {kept:?}");
}

/// A single server writes acknowledgements a moment after it answers them. A hub that goes on knows better; one that ends in the same moment does the
/// work again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_just_before_a_single_server_was_killed_is_not_done_again_by_a_hub_that_goes_on()
 {
    let mut rig = Rigged::start(1, &How::safe());
    rig.keys.retain(|tenant, _| tenant.as_str() == "a");
    rig.provision(&rig.plan(limits())).await;
    let queue = rig.queue(limits()).await;
    for n in 0..20 {
        publish_until_answered(&queue, "a", &format!("m{n}")).await;
    }
    let mut done = 0;
    while done < 20 {
        for delivery in queue.fetch(20).await.unwrap() {
            queue.acknowledge(delivery).await.unwrap();
            done += 1;
        }
    }
    rig.servers[0].kill();
    rig.servers[0].start();
    publish_until_answered(&queue, "a", "new").await;
    let mut came = Vec::new();
    while let Ok(fetched) = tokio::time::timeout(limits().lease * 2, queue.fetch(20)).await {
        for delivery in fetched.unwrap() {
            came.push(String::from_utf8(delivery.body().to_vec()).unwrap());
            queue.acknowledge(delivery).await.unwrap();
        }
    }
    assert_eq!(came, ["new"]);
    assert_eq!(queue.depth(&"a".parse().unwrap()).await.unwrap().pending(), 0);
}

/// A small file system of its own.
struct Small(PathBuf);

impl Small {
    fn new(at: &Path, size: &str) -> Self {
        let options = format!("size={size},mode=700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "small"]).arg(at).status().unwrap();
        assert!(mounted.success(), "root may mount a small file system");
        Self(at.to_owned())
    }

    fn fill(&self) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.0.join("filler")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_loses_nothing_that_was_answered() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can mount a small disk");
        return;
    }
    let seat = crate::server::Seat {
        address: "127.0.0.1".to_owned(),
        port: crate::server::free_port(),
        routes: crate::server::free_port(),
    };
    let mut rig = Rigged::new(&[seat], |_| How::safe());
    let small = Small::new(&rig.servers[0].store, "64m");
    rig.start_all();
    let limits = Limits { pending_max: 100_000, ..limits() };
    // What a tenant may use is set aside on the server.
    rig.quota.disk_bytes = 30 << 20;
    rig.keys.retain(|tenant, _| tenant.as_str() == "a");
    rig.provision(&rig.plan(limits)).await;
    let queue = rig.queue(limits).await;
    let (mut answered, mut n) = (Vec::new(), 0);
    let refused = loop {
        if n == 10 {
            small.fill();
        }
        let name = format!("m{n}");
        let body = format!("{name}:{}", "x".repeat(3000)).into_bytes();
        match queue.publish(subject("a"), name.parse().unwrap(), body).await {
            Ok(_) => answered.push(name),
            Err(e) => break e,
        }
        n += 1;
        assert!(n < 2000, "the disk is never full");
    };
    println!("  after {} answers the disk is full: {refused:?}", answered.len());
    assert!(matches!(refused, QueueError::Nats(_)), "{refused:?}");
    small.free();
    // The server may have put its storage out of use: that needs a restart, as docs/nats.md says.
    let without = queue.publish(subject("a"), "again".parse().unwrap(), b"again".to_vec()).await;
    println!("  with room again and without a restart: {without:?}");
    rig.servers[0].kill();
    rig.servers[0].start();
    publish_until_answered(&queue, "a", "restarted").await;
    let kept = kept(&queue, &["a"]).await;
    for name in &answered {
        let body = format!("{name}:{}", "x".repeat(3000));
        assert_eq!(kept.get(&body), Some(&1), "{name} was answered and is not there once");
    }
    drop((queue, rig, small));
}
