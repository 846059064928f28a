//! Writes that a power cut tears.
//!
//! What was answered was synced before: in the log beside the database up to some length, or in the database. A power cut may leave anything in the
//! log past that length, and in those pages of the database that the log holds, since they were being copied there. Nothing of what was answered may
//! be missing then. A disk that loses what it said it had synced is another matter: the log's tail then looks like a write that was torn, and no
//! program can tell; where the database's own pages are gone, opening refuses.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use queue::writer::OpenError;
use queue::{Embedded, Limits, Queue as _, Sequence};
use tempfile::TempDir;

use crate::put;
use crate::rig::{copy_as_it_is, now};

const MESSAGES: usize = 30;
const PAGE: usize = 8192;

fn random() -> TestRng {
    TestRng::deterministic_rng(RngAlgorithm::ChaCha)
}

/// A killed queue's files, and how long its log was when each message was answered.
async fn killed() -> (TempDir, Vec<u64>) {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(directory.path()).await.unwrap();
    let mut synced = Vec::new();
    for n in 0..MESSAGES {
        put(&queue, "a", "s", &format!("message-{n}")).await;
        synced.push(directory.path().join("queue.db-wal").metadata().unwrap().len());
    }
    (copy_as_it_is(directory.path()), synced)
}

async fn open(directory: &Path) -> Result<Embedded, OpenError> {
    Embedded::open(&directory.join("queue.db"), Limits::default(), now(0)).await
}

/// How many messages are there; they are the first ones, each whole, and the queue works.
async fn whole(directory: &Path) -> usize {
    let queue = open(directory).await.unwrap();
    let kept = queue.replay(&"a".parse().unwrap(), Sequence::START, 1000).await.unwrap();
    for (n, message) in kept.iter().enumerate() {
        assert_eq!(message.body, format!("message-{n}").into_bytes());
    }
    assert_eq!(crate::taken(&queue, kept.len()).await.len(), kept.len());
    put(&queue, "a", "s", "new").await;
    kept.len()
}

#[tokio::test]
async fn a_log_that_is_torn_past_what_was_synced_loses_nothing_that_was_answered() {
    let (killed, synced) = killed().await;
    let mut random = random();
    let ends = synced.iter().skip(1).chain(synced.last());
    let mut torn = 0;
    for (answered, (from, to)) in (1..).zip(synced.iter().zip(ends)) {
        for way in 0..6 {
            let copy = copy_as_it_is(killed.path());
            let log = OpenOptions::new().write(true).open(copy.path().join("queue.db-wal")).unwrap();
            let room = to - from;
            let cut = from + if room == 0 { 0 } else { u64::from(random.next_u32()) % room };
            let mut garbage = vec![0; usize::try_from(to - cut).unwrap() + 40];
            match way {
                // It ends there.
                0 | 1 => log.set_len(cut).unwrap(),
                // It is as long as it was to be, and empty from there on; or full of what stood there before.
                2 => log.write_all_at(&garbage, cut).unwrap(),
                _ => {
                    random.fill_bytes(&mut garbage);
                    log.write_all_at(&garbage, cut).unwrap();
                }
            }
            if way >= 2 {
                log.set_len(to + 40).unwrap();
            }
            let there = whole(copy.path()).await;
            assert!(there >= answered, "{there} of {answered} that were answered; torn at {cut}, way {way}");
            torn += 1;
        }
    }
    assert_eq!(torn, MESSAGES * 6);
}

/// The pages that the log holds, as numbered in the database from 1: each frame of it begins with its page's number.
fn logged_pages(directory: &Path) -> Vec<u64> {
    let log = std::fs::read(directory.join("queue.db-wal")).unwrap();
    let number = |frame: &[u8]| u64::from(u32::from_be_bytes(frame[..4].try_into().unwrap()));
    let mut pages: Vec<u64> = log[32..].chunks_exact(24 + PAGE).map(number).collect();
    pages.sort_unstable();
    pages.dedup();
    pages
}

#[tokio::test]
async fn pages_that_are_torn_while_they_are_copied_from_the_log_are_copied_again() {
    let (killed, _) = killed().await;
    let pages = logged_pages(killed.path());
    assert!(pages.len() > 3, "{pages:?}");
    let mut random = random();
    for page in pages.iter().flat_map(|page| [*page; 4]) {
        let copy = copy_as_it_is(killed.path());
        let database = OpenOptions::new().write(true).open(copy.path().join("queue.db")).unwrap();
        let mut garbage = vec![0; 512 + random.next_u32() as usize % (PAGE - 512)];
        random.fill_bytes(&mut garbage);
        // The first page begins with what the file is: a sector of 512 bytes is not torn.
        let from = if page == 1 { 512 } else { 0 };
        garbage.truncate(PAGE - 512);
        database.write_all_at(&garbage, (page - 1) * PAGE as u64 + from).unwrap();
        assert_eq!(whole(copy.path()).await, MESSAGES, "page {page}");
    }
}

#[tokio::test]
async fn a_database_that_lost_pages_is_refused_and_never_less() {
    let (killed, _) = killed().await;
    // Opened and closed in good order: everything is in the database, and the log is gone.
    drop(open(killed.path()).await.unwrap());
    assert!(!killed.path().join("queue.db-wal").exists());
    let database = std::fs::read(killed.path().join("queue.db")).unwrap();
    let mut random = random();
    let mut refused = 0;
    let attempt = async |bytes: &[u8]| {
        let directory = tempfile::tempdir().unwrap();
        std::io::Write::write_all(
            &mut std::fs::File::create(directory.path().join("queue.db")).unwrap(),
            bytes,
        )
        .unwrap();
        match open(directory.path()).await {
            Ok(queue) => {
                drop(queue);
                assert_eq!(whole(directory.path()).await, MESSAGES, "something is silently missing");
                0
            }
            Err(OpenError::Damaged { .. }) => 1,
            Err(e) => panic!("{e:?}"),
        }
    };
    for _ in 0..100 {
        let length = 1 + random.next_u32() as usize % (database.len() - 1);
        refused += attempt(&database[..length]).await;
    }
    for page in 1..database.len() / PAGE {
        let mut garbled = database.clone();
        random.fill_bytes(&mut garbled[page * PAGE..(page + 1) * PAGE]);
        refused += attempt(&garbled).await;
    }
    assert!(refused > 100, "{refused} were refused");
}
