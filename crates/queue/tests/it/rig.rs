//! The embedded queue as the conformance cases want it.

use std::path::Path;
use std::time::Duration;

use contract::time::UtcTime;
use queue::conformance::Rig;
use queue::{Embedded, Limits};
use tempfile::TempDir;

/// An instant, so many seconds after another.
pub(crate) fn now(seconds: i64) -> UtcTime {
    UtcTime::from_unix_ms((1_790_000_000 + seconds) * 1000).unwrap()
}

/// What a process that is killed leaves behind: its files as they are at this instant. The shared memory beside them is not more than a guess.
pub(crate) fn copy_as_it_is(from: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["queue.db", "queue.db-wal"] {
        std::fs::copy(from.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.0.path().join("queue.db")
    }
}

impl Rig for Files {
    type Queue = Embedded;

    async fn open(&mut self, limits: Limits) -> Embedded {
        Embedded::open(&self.path(), limits, now(0)).await.unwrap()
    }

    async fn restart(&mut self) {}

    async fn kill(&mut self, queue: Embedded) {
        let copy = copy_as_it_is(self.0.path());
        drop(queue);
        self.0 = copy;
    }

    async fn pass(&mut self, time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }
}

queue::conformance!(Files::new());
