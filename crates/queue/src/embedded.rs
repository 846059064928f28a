//! The queue inside the hub's own process: `SQLite` underneath, turns and leases in memory.
//!
//! What is durable: that a message is live, done or dead. How often it was handed out outlives the process, which is what it is for; a power cut may
//! forget the last time. What is in memory alone: in whose hands a message is, and for how long a released one waits. After a restart everything live waits, in the order in which it was published.

mod clock;
mod reading;
mod rows;
mod schema;
mod taken;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::ids::TenantId;
use contract::time::UtcTime;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use self::clock::Clock;
use self::rows::Was;
use self::taken::Taken;
use crate::delivery::Receipt;
use crate::pending::{self, Pending};
use crate::turns::Entry;
use crate::writer::{OpenError, Writer};
use crate::{
    Dead, Delivery, Depth, Kept, Limits, MessageId, Published, Queue, QueueError, Reason, Sequence, Subject,
};

pub use self::schema::SCHEMA;

/// The longest that a released message waits, whatever was asked for.
const DELAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The embedded queue.
#[derive(Debug)]
pub struct Embedded {
    writer: Writer,
    pending: Arc<Mutex<Pending>>,
    arrived: Arc<Notify>,
    clock: Clock,
    limits: Limits,
}

impl Embedded {
    /// Opens or makes the queue at `path`. What was not acknowledged is pending again, in the order in which it was published. `now` is the one
    /// time that it reads as a date: from there on it counts by a clock that nobody can set.
    pub async fn open(path: &Path, limits: Limits, now: UtcTime) -> Result<Self, OpenError> {
        let since = Instant::now();
        let writer = Writer::open(path, SCHEMA)?;
        let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
        let opened = writer.run(reading::load).await.map_err(unreadable)?;
        let arrived = Arc::new(Notify::new());
        arrived.notify_one();
        let clock = Clock::new(now, opened.newest, since);
        Ok(Self { writer, pending: Arc::new(Mutex::new(opened.pending)), arrived, clock, limits })
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        lock(&self.pending)
    }

    /// Wakes all that wait until something comes again: that may be earlier now.
    fn wake_all(&self) {
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }

    /// Takes what is to be had, and says when the next message comes again.
    fn take(&self, max: usize, now: Instant) -> (Vec<pending::Taken>, Option<Instant>) {
        let mut pending = self.pending();
        pending.fall_due(now);
        let before = pending.next_end();
        let until = now + self.limits.lease;
        let taken = pending.take(max, until);
        if !taken.is_empty() {
            if before.is_none_or(|end| until < end) {
                // Who waits already knows of nothing that ends so soon.
                self.arrived.notify_waiters();
            }
            if !pending.is_idle() {
                self.arrived.notify_one();
            }
        }
        (taken, pending.next_end())
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, QueueError> {
        self.writer.run(read).await.map_err(QueueError::Database)
    }

    async fn depth_with(&self, depth: Depth, tenants: Vec<TenantId>) -> Result<Depth, QueueError> {
        let oldest = self.read(move |c| reading::oldest(c, &tenants)).await?;
        Ok(Depth { oldest_age: oldest.map(|published| self.clock.age(published)), ..depth })
    }
}

/// A panic while it was held cannot have left it half changed: no method of `Pending` can panic midway.
fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until something may have arrived, or the next message comes again.
async fn arrival(arrived: impl Future<Output = ()>, next: Option<Instant>) {
    match next {
        None => arrived.await,
        Some(end) => tokio::select! {
            () = arrived => {}
            () = sleep_until(end) => {}
        },
    }
}

/// By what this queue knows a handing out. One of another queue is nobody's here.
const fn receipt(delivery: &Delivery) -> u64 {
    match delivery.receipt {
        Receipt::Embedded(receipt) => receipt,
        #[cfg(feature = "nats")]
        Receipt::Nats(_) => u64::MAX,
    }
}

impl Queue for Embedded {
    async fn publish(&self, subject: Subject, id: MessageId, body: Vec<u8>) -> Result<Published, QueueError> {
        let Limits { pending_max, body_bytes_max, .. } = self.limits;
        let bytes = match u32::try_from(body.len()) {
            Ok(bytes) if body.len() <= body_bytes_max => bytes,
            Ok(_) | Err(_) => return Err(QueueError::TooLong { bytes: body.len(), limit: body_bytes_max }),
        };
        let tenant = subject.tenant().clone();
        if !self.pending().reserve(&tenant, pending_max) {
            // A repetition needs no place: it may be one of those that fill the queue.
            let known = self.read(move |c| rows::earlier(c, subject.tenant(), &id)).await?;
            return known.ok_or(QueueError::Full { tenant, limit: pending_max });
        }
        let (pending, arrived) = (Arc::clone(&self.pending), Arc::clone(&self.arrived));
        let (row, now) = (subject.clone(), self.clock.now());
        let published = self.writer.run_then(
            move |c| rows::insert(c, &row, &id, now, &body),
            move |published| match published {
                Ok(Published { sequence, repeated: false }) => {
                    lock(&pending).push(&subject, Entry { sequence: *sequence, bytes });
                    arrived.notify_one();
                }
                Ok(Published { sequence: _, repeated: true }) | Err(_) => lock(&pending).free(&tenant),
            },
        );
        published.await.map_err(QueueError::Database)
    }

    async fn fetch(&self, max: usize) -> Result<Vec<Delivery>, QueueError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        loop {
            let arrived = self.arrived.notified();
            let now = Instant::now();
            let (taken, next) = self.take(max, now);
            if taken.is_empty() {
                arrival(arrived, next).await;
                continue;
            }
            let out = Taken::new(self, taken).hand_out().await?;
            if !out.is_empty() {
                return Ok(out);
            }
        }
    }

    async fn acknowledge(&self, delivery: Delivery) -> Result<(), QueueError> {
        let Delivery { sequence, subject, .. } = delivery;
        let (pending, tenant) = (Arc::clone(&self.pending), subject.tenant().clone());
        let remembered = self.limits.remembered_max;
        let done = self.writer.run_then(
            move |c| rows::settle(c, sequence, &tenant, remembered),
            move |was| match was {
                Ok(Was::Live) => lock(&pending).remove(&subject, sequence),
                Ok(Was::Dead) => lock(&pending).bury(subject.tenant()),
                Ok(Was::Settled) | Err(_) => {}
            },
        );
        done.await.map(drop).map_err(QueueError::Database)
    }

    async fn release(&self, delivery: Delivery, after: Duration) -> Result<(), QueueError> {
        let (sequence, receipt) = (delivery.sequence, receipt(&delivery));
        if !self.pending().is_in_hand(sequence, receipt) {
            return Ok(());
        }
        // Handed over first, so that it is counted before the message is handed out again; and it comes again whether that can be written or not.
        let counted = self.writer.hand_over_unsynced(move |c| rows::release(c, &[sequence]), |_| ());
        if after.is_zero() {
            self.pending().put_back(sequence, receipt);
        } else {
            self.pending().delay(sequence, receipt, Instant::now() + after.min(DELAY_MAX));
        }
        self.wake_all();
        counted.outcome().await.map_err(QueueError::Database)
    }

    async fn extend(&self, delivery: &Delivery) -> Result<(), QueueError> {
        self.pending().extend(delivery.sequence, receipt(delivery), Instant::now() + self.limits.lease);
        Ok(())
    }

    async fn give_up(&self, delivery: Delivery, reason: Reason) -> Result<(), QueueError> {
        let (sequence, receipt) = (delivery.sequence, receipt(&delivery));
        if !self.pending().is_in_hand(sequence, receipt) {
            return Ok(());
        }
        let (pending, subject) = (Arc::clone(&self.pending), delivery.subject);
        let given_up = self.writer.run_then(
            move |c| rows::give_up(c, sequence, &reason),
            move |dead| {
                if matches!(dead, Ok(true)) {
                    lock(&pending).die(&subject, sequence);
                }
            },
        );
        given_up.await.map(drop).map_err(QueueError::Database)
    }

    async fn dead(&self, tenant: &TenantId, after: Sequence, max: usize) -> Result<Vec<Dead>, QueueError> {
        let tenant = tenant.clone();
        self.read(move |c| reading::dead(c, &tenant, after, max)).await
    }

    async fn revive(&self, tenant: &TenantId, sequence: Sequence) -> Result<bool, QueueError> {
        let (pending, arrived) = (Arc::clone(&self.pending), Arc::clone(&self.arrived));
        let tenant = tenant.clone();
        let revived = self.writer.run_then(
            move |c| reading::revive(c, &tenant, sequence),
            move |revived| {
                if let Ok(Some((subject, entry))) = revived {
                    let mut pending = lock(&pending);
                    pending.load(subject, *entry);
                    pending.bury(subject.tenant());
                    arrived.notify_one();
                }
            },
        );
        revived.await.map(|revived| revived.is_some()).map_err(QueueError::Database)
    }

    async fn replay(&self, tenant: &TenantId, from: Sequence, max: usize) -> Result<Vec<Kept>, QueueError> {
        let tenant = tenant.clone();
        self.read(move |c| reading::replay(c, &tenant, from, max)).await
    }

    async fn purge(&self, tenant: &TenantId) -> Result<u64, QueueError> {
        let (pending, gone, tenant) = (Arc::clone(&self.pending), tenant.clone(), tenant.clone());
        let purged = self.writer.run_then(
            move |c| reading::purge(c, &tenant),
            move |purged| {
                if purged.is_ok() {
                    lock(&pending).purge(&gone);
                }
            },
        );
        let purged = purged.await.map_err(QueueError::Database)?;
        Ok(u64::try_from(purged).unwrap_or(u64::MAX))
    }

    async fn depth(&self, tenant: &TenantId) -> Result<Depth, QueueError> {
        let depth = {
            let mut pending = self.pending();
            pending.fall_due(Instant::now());
            pending.depth(tenant)
        };
        self.depth_with(depth, vec![tenant.clone()]).await
    }

    async fn depth_of_all(&self) -> Result<Depth, QueueError> {
        let (depth, tenants) = {
            let mut pending = self.pending();
            pending.fall_due(Instant::now());
            (pending.depth_of_all(), pending.tenants())
        };
        self.depth_with(depth, tenants).await
    }
}
