//! The embedded queue from the outside: durable, deduplicated, bounded, fair.
#![allow(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod clock;
mod deep;
mod full;
mod killed;
mod rig;
mod steps;
mod torn;
mod versions;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use queue::writer::{OpenError, Schema, WriteError, Writer};
use queue::{Delivery, Embedded, Limits, MessageId, Queue as _, QueueError, Subject};

use crate::rig::now;

fn subject(tenant: &str, site: &str) -> Subject {
    Subject::new(tenant.parse().unwrap(), site.parse().unwrap())
}

fn id(text: &str) -> MessageId {
    text.parse().unwrap()
}

async fn open(directory: &Path) -> Embedded {
    let limits = Limits { pending_max: 100, ..Limits::default() };
    Embedded::open(&directory.join("queue.db"), limits, now(0)).await.unwrap()
}

async fn put(queue: &Embedded, tenant: &str, site: &str, name: &str) -> bool {
    queue.publish(subject(tenant, site), id(name), name.as_bytes().to_vec()).await.unwrap().repeated
}

fn text(delivery: &Delivery) -> &str {
    std::str::from_utf8(delivery.body()).unwrap()
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_after_a_restart_and_nothing_else_does() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(directory.path()).await;
    for name in ["one", "two", "three"] {
        assert!(!put(&queue, "a", "s", name).await);
    }
    let mut fetched = queue.fetch(2).await.unwrap();
    assert_eq!(fetched.iter().map(text).collect::<Vec<_>>(), ["one", "two"]);
    queue.acknowledge(fetched.remove(0)).await.unwrap();
    drop(queue);

    let queue = open(directory.path()).await;
    let again = queue.fetch(10).await.unwrap();
    assert_eq!(again.iter().map(text).collect::<Vec<_>>(), ["two", "three"]);
}

#[tokio::test]
async fn an_id_counts_once_for_each_tenant_before_and_after_it_is_worked_off() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(directory.path()).await;
    assert!(!put(&queue, "a", "s", "same").await);
    assert!(put(&queue, "a", "s", "same").await);
    assert!(put(&queue, "a", "other-site", "same").await);
    assert!(!put(&queue, "b", "s", "same").await, "one tenant's ids hid another's message");
    for delivery in queue.fetch(10).await.unwrap() {
        queue.acknowledge(delivery).await.unwrap();
    }
    assert!(put(&queue, "a", "s", "same").await);
    drop(queue);
    assert!(put(&open(directory.path()).await, "a", "s", "same").await);
}

#[tokio::test]
async fn ids_are_remembered_up_to_a_bound() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { remembered_max: 2, ..Limits::default() };
    let queue = Embedded::open(&directory.path().join("queue.db"), limits, now(0)).await.unwrap();
    for name in ["one", "two", "three"] {
        put(&queue, "a", "s", name).await;
        let [delivery] = <[Delivery; 1]>::try_from(queue.fetch(1).await.unwrap()).unwrap();
        queue.acknowledge(delivery).await.unwrap();
    }
    assert!(put(&queue, "a", "s", "three").await);
    assert!(put(&queue, "a", "s", "two").await);
    assert!(!put(&queue, "a", "s", "one").await);
}

#[tokio::test]
async fn a_flood_fills_its_own_tenants_queue_and_delays_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(directory.path()).await;
    for n in 0..100 {
        put(&queue, "flood", "s", &format!("flood-{n}")).await;
    }
    let full = queue.publish(subject("flood", "s"), id("more"), vec![]).await;
    assert!(matches!(full, Err(QueueError::Full { limit: 100, .. })), "{full:?}");
    assert!(put(&queue, "flood", "s", "flood-7").await, "a repetition needs no place of its own");
    put(&queue, "calm", "s", "calm").await;
    // A turn lasts for sixteen of the shortest messages.
    let order = queue.fetch(17).await.unwrap();
    assert!(order.iter().any(|d| text(d) == "calm"), "the calm tenant waited");
    // What is being worked on keeps its place until it is acknowledged.
    let again = queue.publish(subject("flood", "s"), id("more"), vec![]).await;
    assert!(matches!(again, Err(QueueError::Full { .. })));
    for delivery in order {
        queue.acknowledge(delivery).await.unwrap();
    }
    put(&queue, "flood", "s", "more").await;
}

#[tokio::test]
async fn what_could_not_be_read_is_pending_again_and_in_its_order() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(directory.path()).await;
    for name in ["one", "two", "three"] {
        put(&queue, "a", "s", name).await;
    }
    let other = rusqlite::Connection::open(directory.path().join("queue.db")).unwrap();
    other.execute_batch("ALTER TABLE message RENAME TO elsewhere").unwrap();
    for _ in 0..2 {
        let failed = queue.fetch(2).await;
        assert!(matches!(failed, Err(QueueError::Database(WriteError::Undone(_)))), "{failed:?}");
    }
    other.execute_batch("ALTER TABLE elsewhere RENAME TO message").unwrap();
    assert_eq!(queue.depth(&"a".parse().unwrap()).await.unwrap().waiting, 3, "it is not there at once");
    let fetched = queue.fetch(10).await.unwrap();
    assert_eq!(fetched.iter().map(text).collect::<Vec<_>>(), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_fetch_that_gives_up_midway_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(directory.path()).await;
    put(&queue, "a", "s", "one").await;
    let other = rusqlite::Connection::open(directory.path().join("queue.db")).unwrap();
    // While another holds the database, the read that one poll asks for cannot be done.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let given_up = tokio::time::timeout(std::time::Duration::ZERO, queue.fetch(1)).await;
    assert!(given_up.is_err(), "{given_up:?}");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(queue.depth(&"a".parse().unwrap()).await.unwrap().waiting, 1, "it is not there at once");
    assert_eq!(text(&queue.fetch(1).await.unwrap()[0]), "one");
}

#[tokio::test]
async fn a_publisher_that_gives_up_midway_loses_no_message_and_no_place() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(directory.path()).await;
    for n in 0..50 {
        let publish = queue.publish(subject("a", "s"), id(&n.to_string()), vec![n]);
        // One poll hands the work over; then nobody waits for the answer.
        let _ = tokio::time::timeout(std::time::Duration::ZERO, publish).await;
    }
    put(&queue, "a", "s", "last").await;
    let fetched = queue.fetch(1000).await.unwrap();
    assert_eq!(fetched.len(), 51);
    for delivery in fetched {
        queue.acknowledge(delivery).await.unwrap();
    }
    for n in 100..200 {
        assert!(!put(&queue, "a", "s", &n.to_string()).await, "a place was lost");
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(directory.path()).await;
    let refusal = queue.publish(subject("a", "s"), id("x"), vec![0; 64 * 1024 + 1]).await;
    assert!(matches!(refusal, Err(QueueError::TooLong { .. })));
    assert!("".parse::<MessageId>().is_err() && "a b".parse::<MessageId>().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_writers_lose_nothing_and_get_a_sequence_each() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Arc::new(
        Embedded::open(&directory.path().join("queue.db"), Limits::default(), now(0)).await.unwrap(),
    );
    let writers = (0..64).map(|writer| {
        let queue = Arc::clone(&queue);
        tokio::spawn(async move {
            let mut sequences = Vec::new();
            for n in 0..20 {
                let name = format!("{writer}-{n}");
                let tenant = subject(&format!("t{}", writer % 8), "s");
                sequences.push(queue.publish(tenant, id(&name), name.into_bytes()).await.unwrap().sequence);
            }
            sequences
        })
    });
    let mut sequences = BTreeSet::new();
    for writer in writers.collect::<Vec<_>>() {
        sequences.extend(writer.await.unwrap());
    }
    assert_eq!(sequences.len(), 64 * 20);
    drop(queue);
    let queue = Embedded::open(&directory.path().join("queue.db"), Limits::default(), now(0)).await.unwrap();
    let bodies: BTreeSet<_> = queue.fetch(10_000).await.unwrap().iter().map(|d| d.body().to_vec()).collect();
    assert_eq!(bodies.len(), 64 * 20);
}

#[tokio::test]
async fn another_programs_file_is_refused_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queue.db");
    let foreign = Schema { application: 1, tables: "CREATE TABLE t (x)", made: 1, steps: &[] };
    drop(Writer::open(&path, foreign).unwrap());
    let refusal = Embedded::open(&path, Limits::default(), now(0)).await.unwrap_err();
    assert!(matches!(refusal, OpenError::Foreign { application: 1, .. }), "{refusal}");

    std::fs::File::create(&path).unwrap();
    drop(Embedded::open(&path, Limits::default(), now(0)).await.unwrap());
    let garbage = directory.path().join("garbage.db");
    std::io::Write::write_all(&mut std::fs::File::create(&garbage).unwrap(), &[7; 4096]).unwrap();
    let refusal = Embedded::open(&garbage, Limits::default(), now(0)).await.unwrap_err();
    assert!(refusal.to_string().contains("garbage.db"), "{refusal}");
}

#[tokio::test]
async fn a_closure_that_fails_undoes_itself_alone() {
    let directory = tempfile::tempdir().unwrap();
    let tables = "CREATE TABLE t (x INTEGER PRIMARY KEY)";
    let schema = Schema { application: 2, tables, made: 1, steps: &[] };
    let writer = Arc::new(Writer::open(&directory.path().join("t.db"), schema).unwrap());
    let put = |x: i64, fails: bool| {
        let writer = Arc::clone(&writer);
        async move {
            let work = move |c: &rusqlite::Connection| {
                c.execute("INSERT INTO t VALUES (?1)", [x])?;
                if fails { Err(rusqlite::Error::InvalidQuery) } else { Ok(()) }
            };
            writer.run(work).await
        }
    };
    let (one, two, three) = tokio::join!(put(1, false), put(2, true), put(3, false));
    assert!(one.is_ok() && three.is_ok());
    assert!(matches!(two, Err(WriteError::Undone(_))), "{two:?}");
    let count = |c: &rusqlite::Connection| c.query_row("SELECT sum(x) FROM t", [], |r| r.get::<_, i64>(0));
    assert_eq!(writer.run(count).await.unwrap(), 4);
}

/// The names of so many messages, which are to be had.
async fn taken(queue: &Embedded, count: usize) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    while names.len() < count {
        for delivery in queue.fetch(1000).await.unwrap() {
            assert!(names.insert(text(&delivery).to_owned()), "{} came twice", text(&delivery));
        }
    }
    names
}
