//! The write-once stores behind the mirror: what the hub holds goes there as well, locked for years, and is asked for again.
//!
//! The mirror's directory is the hub's working copy; a receipt is given for what stands in it, and does not wait for a bucket on another continent.
//! Each store has a worker of its own that looks, every ten minutes, which logs grew, and stores what filled (bundles, tiles), the entries beyond,
//! and the newest head, in that order: a head in the store covers what is in the store. How far a log has come stands in the hub's database; where
//! that is lost, everything is offered again, and the store answers that it has it. A store that is away is tried again, later and later; nothing is
//! given up, and what waits too long is an alarm.
//!
//! After each write the lock is read back. Once a week, for each host, all versions are listed, and a random few are read back, lock and bytes: a
//! lock that is not there or ends too soon, a newer version, a delete marker, an object that is gone or differs are alarms.
//!
//! **Holds:** nothing is stored that was not verified and cosigned. **Absent:** deleting, shortening a lock, reading evidence from here.

mod audit;
mod names;
mod options;
mod ship;
mod view;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archive::{Retention, StoreError, WriteOnce};
use contract::ids::HostId;
use contract::time::UtcTime;
use edge::file::FileError;
use thiserror::Error;

pub(crate) use options::Opened;
pub use options::{ArchivePace, Archives, ArchivesError, S3Bucket};
pub(crate) use view::{ArchiveView, views};

use crate::hub::Hub;
use crate::mirror::ArchiveError;
use crate::packets::KeptError;
use crate::problem::chain;
use crate::store::{Alarm, Archived, StoreError as DatabaseError};

/// The names by which the stores stand in the database and in alarms.
pub(crate) const DIRECTORY: &str = "directory";
pub(crate) const S3: &str = "s3";

/// One store's worker.
struct Worker<S> {
    hub: Arc<Hub>,
    store: S,
    name: &'static str,
    retention: Retention,
    pace: ArchivePace,
    /// Where the proofs of forks lie.
    forks: PathBuf,
    /// The names of those that were stored since the start.
    shipped_forks: Mutex<BTreeSet<String>>,
}

/// Why a look came to no good end.
#[derive(Debug, Error)]
enum LookError {
    #[error("the store")]
    Store(#[from] StoreError),
    #[error("the hub's database")]
    Database(#[from] DatabaseError),
    #[error("the mirror")]
    Mirror(#[from] ArchiveError),
    #[error("a file of the mirror")]
    File(#[from] FileError),
    #[error("the packets")]
    Packets(#[from] KeptError),
    #[error("a name")]
    Name(#[from] archive::BadKey),
    #[error("no randomness")]
    Random(#[source] std::io::Error),
}

/// Works for every store that was opened, until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>, opened: Opened, archives: Archives, forks: PathBuf) {
    let Opened { directory, s3 } = opened;
    let one = work(Arc::clone(&hub), directory, DIRECTORY, &archives, &forks);
    let other = work(Arc::clone(&hub), s3, S3, &archives, &forks);
    tokio::join!(one, other);
}

async fn work<S: WriteOnce>(
    hub: Arc<Hub>,
    store: Option<S>,
    name: &'static str,
    told: &Archives,
    forks: &Path,
) {
    let Some(store) = store else { return };
    let (retention, pace, forks) = (told.retention, told.pace, forks.to_owned());
    Worker { hub, store, name, retention, pace, forks, shipped_forks: Mutex::default() }.work().await;
}

impl<S: WriteOnce> Worker<S> {
    async fn work(self) {
        let mut stop = self.hub.stop.clone();
        let mut wait = self.pace.retry;
        loop {
            let looked = tokio::select! {
                () = stop.requested() => return,
                looked = self.look() => looked,
            };
            let pause = match looked {
                Ok(()) => {
                    wait = self.pace.retry;
                    self.pace.look
                }
                Err(e) => {
                    tracing::error!(
                        store = self.name,
                        cause = chain(&e),
                        "the archive; evidence waits at the hub"
                    );
                    let pause = wait;
                    wait = wait.saturating_mul(2).min(self.pace.look);
                    pause
                }
            };
            tokio::select! {
                () = stop.requested() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One look at every log: what waits is told first, so that a store that is away is told of as well.
    async fn look(&self) -> Result<(), LookError> {
        let now = edge::clock::utc();
        let logs = self.hub.store.archived(self.name).await?;
        for log in &logs {
            self.tell_of_waiting(log, now).await?;
        }
        if logs.iter().any(|log| log.head < log.verified || self.due(log, now)) {
            self.store.check().await?;
        }
        self.ship_forks(&self.forks).await?;
        for log in logs {
            let log = if log.head < log.verified {
                self.of_one_log(&log, self.ship(&log).await).await?
            } else {
                log
            };
            if self.due(&log, now) {
                let audited = self.audit(&log, now).await.map(|()| log.clone());
                self.of_one_log(&log, audited).await?;
            }
        }
        self.ship_packets().await
    }

    fn due(&self, log: &Archived, now: UtcTime) -> bool {
        log.bundled.max(log.head) > 0 && Duration::from_millis(now.ms_since(log.audited)) >= self.pace.audit
    }

    /// What is wrong with one log stops that log only.
    async fn of_one_log(
        &self,
        log: &Archived,
        done: Result<Archived, LookError>,
    ) -> Result<Archived, LookError> {
        match done {
            Ok(log) => return Ok(log),
            Err(LookError::Store(e @ StoreError::Conflict { .. })) => {
                self.raise(&log.subject.holder.host, "archive_differs", e.to_string()).await?;
            }
            Err(e @ (LookError::Mirror(_) | LookError::File(_) | LookError::Name(_))) => {
                let host = &log.subject.holder.host;
                tracing::error!(store = self.name, %host, cause = chain(&e), "a log cannot be archived");
            }
            Err(
                e @ (LookError::Store(_)
                | LookError::Database(_)
                | LookError::Packets(_)
                | LookError::Random(_)),
            ) => return Err(e),
        }
        Ok(log.clone())
    }

    /// Marks since when a log waits, and raises the alarm where that is too long.
    async fn tell_of_waiting(&self, log: &Archived, now: UtcTime) -> Result<(), LookError> {
        if log.head >= log.verified {
            return Ok(());
        }
        let host = &log.subject.holder.host;
        let Some(since) = log.waits else {
            let far = (log.bundled, log.head);
            return Ok(self.hub.store.set_archived(self.name, host.clone(), far, Some(now)).await?);
        };
        if Duration::from_millis(now.ms_since(since)) < self.pace.lag {
            return Ok(());
        }
        let detail = format!(
            "evidence waits since {since}, longer than the {} s that it may",
            self.pace.lag.as_secs()
        );
        self.raise(host, "archive_lag", detail).await
    }

    async fn raise(&self, host: &HostId, kind: &'static str, detail: String) -> Result<(), LookError> {
        tracing::error!(store = self.name, %host, kind, detail, "archive alarm");
        let alarm = Alarm { kind, detail: format!("{}: {detail}", self.name) };
        Ok(self.hub.store.raise(host.clone(), alarm, edge::clock::utc()).await?)
    }
}

/// Reads a file of the mirror.
fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    edge::file::read(path, crate::mirror::FILE_MAX_BYTES)
}
