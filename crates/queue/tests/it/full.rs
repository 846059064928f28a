//! A disk that is full: nothing is answered that is not kept, and when there is room again it goes on.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use queue::{Embedded, Limits, Queue as _, QueueError, Sequence};

use crate::rig::now;
use crate::{id, subject};

/// A small file system of its own.
struct Small(PathBuf);

impl Small {
    fn new(at: &Path) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m,mode=700", "small"])
            .arg(at)
            .status()
            .unwrap();
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

async fn publish(queue: &Embedded, n: usize) -> Result<bool, QueueError> {
    let published = queue.publish(subject("a", "s"), id(&n.to_string()), vec![7; 1000]).await?;
    Ok(published.repeated)
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing_and_goes_on_when_there_is_room() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can mount a small disk");
        return;
    }
    let outer = tempfile::tempdir().unwrap();
    let small = Small::new(outer.path());
    let path = outer.path().join("queue.db");
    let queue = Embedded::open(&path, Limits::default(), now(0)).await.unwrap();
    for n in 0..10 {
        publish(&queue, n).await.unwrap();
    }
    let in_hand = queue.fetch(1).await.unwrap().remove(0);
    let (mut answered, mut refused) = (10, Vec::new());
    for n in 10.. {
        small.fill();
        match publish(&queue, n).await {
            Ok(repeated) => {
                assert!(!repeated && n < 20_000, "the disk is never full");
                answered += 1;
            }
            Err(QueueError::Database(_)) => refused.push(n),
            Err(e) => panic!("{e}"),
        }
        if refused.len() == 5 {
            break;
        }
    }
    // What cannot be written is refused; what only reads is answered, and nothing that waits is dropped.
    assert!(queue.acknowledge(in_hand).await.is_err());
    assert!(queue.fetch(1).await.is_err(), "it cannot be counted, so it is not handed out");
    let depth = queue.depth(&"a".parse().unwrap()).await.unwrap();
    assert_eq!(depth.pending(), answered, "{depth:?}");

    small.free();
    for n in refused.iter().chain(&refused) {
        publish(&queue, *n).await.unwrap();
        answered += 1;
    }
    answered -= 5;
    let in_hand = queue.fetch(3).await.unwrap();
    assert_eq!(in_hand.len(), 3, "it goes on without a restart");
    for delivery in in_hand {
        queue.release(delivery, Duration::ZERO).await.unwrap();
    }
    drop(queue);
    let queue = Embedded::open(&path, Limits::default(), now(0)).await.unwrap();
    let kept = queue.replay(&"a".parse().unwrap(), Sequence::START, usize::MAX).await.unwrap();
    assert_eq!(kept.len() as u64, answered);
    assert!(kept.iter().all(|kept| kept.body == [7; 1000]));
    drop((queue, small));
}
