//! Storing what is new of a log: what filled, then the entries beyond, then the head that covers them.

use std::path::Path;
use std::sync::PoisonError;

use archive::{Keep, Key, StoreError, WriteOnce, audit};
use contract::ids::HostId;
use contract::time::UtcTime;
use edge::file::FileError;
use tlog::tree::TreeSize;

use super::audit::told;
use super::{LookError, Worker, names, read};
use crate::mirror::Newest;
use crate::packets::{Fault, Unstored, borne_out};
use crate::problem::chain;
use crate::store::Archived;

/// How many entries' bundles are stored between two marks in the database.
const STEP_ENTRIES: u64 = 64 * 256;

/// Why a packet is not stored.
enum NotShipped {
    /// The store, or the hub's own database: nothing else could be stored either.
    Look(LookError),
    /// This packet.
    Packet(String),
}

impl<S: WriteOnce> Worker<S> {
    /// Stores what is new. What was stored before a failure is marked, so the next try goes on from there.
    pub(super) async fn ship(&self, log: &Archived) -> Result<Archived, LookError> {
        let mut log = log.clone();
        let (_turn, newest) = self.hub.mirror.turn(log.subject.clone()).await.newest().await;
        let Some(Newest { size, note, partial }) = newest? else { return Ok(log) };
        let end = names::bundled(size);
        while log.bundled < end {
            let to = end.min(log.bundled + STEP_ENTRIES);
            self.ship_filled(&log, to).await?;
            log.bundled = to;
            self.mark(&log).await?;
        }
        let holder = &log.subject.holder;
        if let Some((tile, bytes)) = partial {
            self.store.put(&names::partial(holder, tile)?, &bytes, Keep::Unlocked).await?;
        }
        self.put_locked(Some(&holder.host), &names::head(holder, size)?, note.as_bytes()).await?;
        (log.head, log.waits) = (size, None);
        self.mark(&log).await?;
        Ok(log)
    }

    async fn ship_filled(&self, log: &Archived, to: u64) -> Result<(), LookError> {
        let holder = &log.subject.holder;
        let directory = self.hub.mirror.directory(holder);
        for tile in names::filled(TreeSize::new(log.bundled), TreeSize::new(to)) {
            let path = directory.join(tile.to_string());
            let bytes = blocking(move || read(&path)).await?;
            self.put_locked(Some(&holder.host), &names::full(holder, tile)?, &bytes).await?;
        }
        Ok(())
    }

    /// Stores the proofs of forks. Each lies under a name of its own; after a start all of them are offered, and most are there.
    pub(super) async fn ship_forks(&self, directory: &Path) -> Result<(), LookError> {
        let directory = directory.to_owned();
        for (name, bytes) in blocking(move || files(&directory)).await? {
            // What has no name of ours is no proof that the hub wrote.
            let Ok(key) = names::fork(&name) else { continue };
            if self.shipped_forks.lock().unwrap_or_else(PoisonError::into_inner).contains(&name) {
                continue;
            }
            match self.put_locked(None, &key, &bytes).await {
                Ok(()) => {}
                // Somebody took the name first. The hub has the proof; and no other log waits for this.
                Err(LookError::Store(e @ StoreError::Conflict { .. })) => {
                    tracing::error!(
                        store = self.name,
                        cause = chain(&e),
                        "the proof of a fork cannot be archived"
                    );
                }
                Err(e) => return Err(e),
            }
            self.shipped_forks.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        }
        Ok(())
    }

    /// Stores the packets that do not lie here yet, one after the other. What is wrong with one holds up no other, and is tried again at the next look.
    pub(super) async fn ship_packets(&self) -> Result<(), LookError> {
        let (mut after, mut wrong) = (0, Vec::new());
        while let Some(packet) = self.hub.packets.unstored(self.name, after).await? {
            after = packet.packet;
            match self.ship_packet(&packet).await {
                Ok(()) => self.hub.packets.stored(packet.packet, self.name).await?,
                Err(NotShipped::Look(e)) => {
                    wrong.push(self.unstored(&packet, &chain(&e)));
                    self.hub.packets.store_says(self.name, wrong);
                    return Err(e);
                }
                Err(NotShipped::Packet(why)) => {
                    tracing::error!(
                        store = self.name,
                        packet = packet.id,
                        why,
                        "archive alarm: a packet is not archived"
                    );
                    wrong.push(self.unstored(&packet, &why));
                }
            }
        }
        self.hub.packets.store_says(self.name, wrong);
        Ok(())
    }

    fn unstored(&self, packet: &Unstored, why: &str) -> Fault {
        let Unstored { id, tenant, serial, period, .. } = packet;
        Fault {
            tenant: tenant.clone(),
            of: self.name.to_owned(),
            about: [id.clone()].into(),
            what: format!("packet {serial} of {period} does not lie in the store {}: {why}", self.name),
        }
    }

    /// Every file of one packet, each with its lock read back.
    async fn ship_packet(&self, packet: &Unstored) -> Result<(), NotShipped> {
        let there = borne_out(&self.hub, &packet.id, &packet.files).await;
        there.map_err(|e| NotShipped::Packet(chain(&e)))?;
        for (file, bytes) in &packet.files {
            let key = names::packet(packet, file).map_err(|e| NotShipped::Packet(chain(&e)))?;
            let until = self.retention.until(edge::clock::utc());
            let put = self.store.put(&key, bytes, Keep::LockedUntil(until)).await.map_err(|e| match e {
                // Somebody took the name first, or another packet lies there from before a database was put back.
                e @ StoreError::Conflict { .. } => NotShipped::Packet(chain(&e)),
                e => NotShipped::Look(e.into()),
            })?;
            // Some other day's lock ends earlier, and must not have ended.
            let earliest = match put {
                archive::Put::Written => until,
                archive::Put::AlreadyThere => edge::clock::utc(),
            };
            let lock = self.store.lock(&key).await.map_err(|e| NotShipped::Look(e.into()))?;
            if let Some(finding) = audit::of_lock(&key, lock, earliest) {
                let (kind, detail) = told(&finding);
                return Err(NotShipped::Packet(format!("{kind}: {detail}")));
            }
        }
        Ok(())
    }

    /// Puts, and reads the lock back at once.
    async fn put_locked(&self, host: Option<&HostId>, key: &Key, bytes: &[u8]) -> Result<(), LookError> {
        let until = self.retention.until(edge::clock::utc());
        let put = self.store.put(key, bytes, Keep::LockedUntil(until)).await?;
        let earliest = match put {
            archive::Put::Written => until,
            // Stored some other day: its lock ends earlier, and the audit knows by how much it may.
            archive::Put::AlreadyThere => UtcTime::from_unix_ms(0).unwrap_or(until),
        };
        let Some(finding) = audit::of_lock(key, self.store.lock(key).await?, earliest) else { return Ok(()) };
        let (kind, detail) = told(&finding);
        match host {
            Some(host) => self.raise(host, kind, detail).await,
            None => {
                tracing::error!(store = self.name, kind, detail, "archive alarm");
                Ok(())
            }
        }
    }

    async fn mark(&self, log: &Archived) -> Result<(), LookError> {
        let host = log.subject.holder.host.clone();
        Ok(self.hub.store.set_archived(self.name, host, (log.bundled, log.head), log.waits).await?)
    }
}

/// The files of a directory, with their bytes; none where it is not there.
fn files(directory: &Path) -> Result<Vec<(String, Vec<u8>)>, FileError> {
    let failed = |source| FileError { path: directory.to_owned(), action: "list it", source };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(e)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        files.push((entry.file_name().to_string_lossy().into_owned(), read(&entry.path())?));
    }
    Ok(files)
}

/// Runs `work` where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => std::panic::resume_unwind(e.into_panic()),
    }
}
