//! Very many messages that wait: what opening them takes, and what they take of memory.

use std::path::Path;
use std::time::Instant;

use queue::writer::Writer;
use queue::{Embedded, Limits, Queue as _, SCHEMA};
use rusqlite::params;

use crate::put;
use crate::rig::now;

/// How many, unless `SUTURE_QUEUE_DEEP` says more.
const MESSAGES: u64 = 200_000;
const TENANTS: u64 = 1000;
/// Of memory for one message that waits: its place in a line, twice, since lines grow by doubling; and the same again for what is between them.
const BYTES_MAX: u64 = 64;
/// Of memory for everything else: `SQLite`'s pages, the tenants, what is fetched.
const MEMORY_ELSE: u64 = 32 << 20;

/// Writes them as publishing does, without a sync for each.
fn fill(path: &Path, messages: u64) {
    drop(Writer::open(path, SCHEMA).unwrap());
    let mut connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000").unwrap();
    let body = [7_u8; 120];
    for part in 0..messages.div_ceil(100_000) {
        let transaction = connection.transaction().unwrap();
        for n in part * 100_000..((part + 1) * 100_000).min(messages) {
            let (tenant, site) = (format!("tenant-{}", n % TENANTS), format!("site-{}", n / TENANTS % 4));
            transaction
                .prepare_cached(
                    "INSERT INTO message (tenant, site, id, state, handed, released, published, bytes)
                     VALUES (?1, ?2, ?3, 'live', 0, 0, 1, 120)",
                )
                .unwrap()
                .execute(params![tenant, site, format!("host-{}/incident-{n}/1", n % 7)])
                .unwrap();
            let sequence = transaction.last_insert_rowid();
            transaction
                .prepare_cached("INSERT INTO body VALUES (?1, ?2)")
                .unwrap()
                .execute(params![sequence, body])
                .unwrap();
        }
        transaction.commit().unwrap();
    }
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn a_deep_queue_opens_and_its_bodies_stay_on_the_disk() {
    let messages = std::env::var("SUTURE_QUEUE_DEEP").map_or(MESSAGES, |n| n.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queue.db");
    fill(&path, messages);
    let (before, began) = (resident(), Instant::now());
    let queue = Embedded::open(&path, Limits::default(), now(0)).await.unwrap();
    let (opening, opened) = (began.elapsed(), resident().saturating_sub(before));
    let began = Instant::now();
    let fetched = queue.fetch(64).await.unwrap();
    let fetching = began.elapsed();
    assert_eq!(fetched.len(), 64);
    let depth = queue.depth_of_all().await.unwrap();
    assert_eq!((depth.waiting, depth.in_hand), (messages - 64, 64));
    // One that comes last waits for a turn of each tenant, not for all that is there.
    put(&queue, "calm", "s", "calm").await;
    let turn = usize::try_from(TENANTS).unwrap() * 9;
    let order = queue.fetch(turn).await.unwrap();
    assert!(order.iter().any(|delivery| delivery.subject().tenant().as_str() == "calm"));
    println!(
        "  {messages} messages of {TENANTS} tenants, {} MB: opened in {:.1} s with {} MB, {} bytes a message; 64 fetched in {:.1} ms",
        path.metadata().unwrap().len() / 1_000_000,
        opening.as_secs_f64(),
        opened / 1_000_000,
        opened / messages,
        fetching.as_secs_f64() * 1000.0,
    );
    assert!(opened <= messages * BYTES_MAX + MEMORY_ELSE, "{opened} bytes of memory");
}
