//! The queue inside the hub's own process: `SQLite` underneath, turns in memory.

mod rows;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use self::rows::{earlier, insert, load, read, settle};
use crate::turns::Pending;
use crate::writer::{OpenError, Schema, Writer};
use crate::{Delivery, MessageId, Published, Queue, QueueError, Sequence, Subject};

/// The queue's database. `AUTOINCREMENT`: a sequence is never given to a second message, even where the first was deleted.
pub const SCHEMA: Schema = Schema {
    application: 0x5375_7471, // "Sutq"
    made: 1,
    steps: &[],
    tables: "CREATE TABLE message (
                 sequence INTEGER PRIMARY KEY AUTOINCREMENT,
                 tenant   TEXT NOT NULL,
                 site     TEXT NOT NULL,
                 id       TEXT NOT NULL,
                 body     BLOB,           -- NULL once it is acknowledged
                 UNIQUE (tenant, id)
             ) STRICT;
             CREATE INDEX message_pending ON message (sequence) WHERE body IS NOT NULL;
             CREATE INDEX message_done ON message (tenant, sequence) WHERE body IS NULL",
};

/// How much a queue holds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Messages that one tenant may have pending.
    pub pending_max: usize,
    /// Acknowledged messages of one tenant whose ids are still known, so that a late repetition is not worked on again.
    pub remembered_max: u32,
    /// Bytes in one message.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pending_max: 10_000, remembered_max: 10_000, body_bytes_max: 64 * 1024 }
    }
}

/// The embedded queue.
#[derive(Debug)]
pub struct Embedded {
    writer: Writer,
    pending: Arc<Mutex<Pending>>,
    arrived: Arc<Notify>,
    limits: Limits,
}

impl Embedded {
    /// Opens or makes the queue at `path`. What was not acknowledged is pending again, in the order in which it was published.
    pub async fn open(path: &Path, limits: Limits) -> Result<Self, OpenError> {
        let writer = Writer::open(path, SCHEMA)?;
        let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
        let pending = writer.run(load).await.map_err(unreadable)?;
        let arrived = Arc::new(Notify::new());
        arrived.notify_one();
        Ok(Self { writer, pending: Arc::new(Mutex::new(pending)), arrived, limits })
    }

    /// How many messages wait or are being worked on.
    pub async fn pending_messages(&self) -> Result<u64, QueueError> {
        let sql = "SELECT count(*) FROM message WHERE body IS NOT NULL";
        let count = |c: &rusqlite::Connection| c.query_row(sql, [], |row| row.get::<_, i64>(0));
        self.writer.run(count).await.map(i64::unsigned_abs).map_err(QueueError::Database)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        lock(&self.pending)
    }
}

/// A panic while it was held cannot have left it half changed: no method of `Pending` can panic midway.
fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Messages that were taken and not handed out yet. Dropped with any in it, for whatever reason, it puts them back: else they would be neither
/// waiting nor in anybody's hands until a restart.
#[derive(Debug)]
struct Taken<'a> {
    queue: &'a Embedded,
    messages: Vec<(Subject, Sequence)>,
}

impl Taken<'_> {
    /// Hands them out, each with its body.
    fn with(mut self, bodies: Vec<Vec<u8>>) -> Vec<Delivery> {
        let messages = std::mem::take(&mut self.messages).into_iter();
        messages.zip(bodies).map(|((subject, sequence), body)| Delivery { sequence, subject, body }).collect()
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // The last first: so each lane has its order again.
        for (subject, sequence) in self.messages.drain(..).rev() {
            self.queue.pending().put_back(&subject, sequence);
            self.queue.arrived.notify_one();
        }
    }
}

impl Queue for Embedded {
    async fn publish(&self, subject: Subject, id: MessageId, body: Vec<u8>) -> Result<Published, QueueError> {
        let Limits { pending_max, remembered_max: _, body_bytes_max } = self.limits;
        if body.len() > body_bytes_max {
            return Err(QueueError::TooLong { bytes: body.len(), limit: body_bytes_max });
        }
        let tenant = subject.tenant().clone();
        if !self.pending().reserve(&tenant, pending_max) {
            // A repetition needs no place: it may be one of those that fill the queue.
            let known = self.writer.run(move |c| earlier(c, subject.tenant(), &id)).await;
            return known
                .map_err(QueueError::Database)?
                .ok_or(QueueError::Full { tenant, limit: pending_max });
        }
        let (pending, arrived) = (Arc::clone(&self.pending), Arc::clone(&self.arrived));
        let row = subject.clone();
        let published = self.writer.run_then(
            move |c| insert(c, &row, &id, &body),
            move |published| match published {
                Ok(Published { sequence, repeated: false }) => {
                    lock(&pending).push(&subject, *sequence);
                    arrived.notify_one();
                }
                Ok(Published { sequence: _, repeated: true }) | Err(_) => lock(&pending).free(&tenant),
            },
        );
        published.await.map_err(QueueError::Database)
    }

    async fn fetch(&self, max: usize) -> Result<Vec<Delivery>, QueueError> {
        loop {
            let arrived = self.arrived.notified();
            let taken = Taken { messages: self.pending().take(max), queue: self };
            if !taken.messages.is_empty() {
                if !self.pending().is_idle() {
                    self.arrived.notify_one();
                }
                let sequences = taken.messages.iter().map(|(_, sequence)| *sequence).collect::<Vec<_>>();
                let bodies = self.writer.run(move |c| read(c, &sequences)).await;
                return Ok(taken.with(bodies.map_err(QueueError::Database)?));
            }
            arrived.await;
        }
    }

    async fn acknowledge(&self, delivery: Delivery) -> Result<(), QueueError> {
        let Delivery { sequence, subject, body: _ } = delivery;
        let (pending, tenant) = (Arc::clone(&self.pending), subject.tenant().clone());
        let remembered = self.limits.remembered_max;
        let done = self.writer.run_then(
            move |c| settle(c, sequence, subject.tenant(), remembered),
            move |done| {
                if done.is_ok() {
                    lock(&pending).free(&tenant);
                }
            },
        );
        done.await.map_err(QueueError::Database)
    }

    fn release(&self, delivery: Delivery) {
        self.pending().put_back(&delivery.subject, delivery.sequence);
        self.arrived.notify_one();
    }
}
