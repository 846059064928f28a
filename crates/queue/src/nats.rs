//! The queue on NATS `JetStream`: for an MSP that already runs such servers, or wants its queue on three machines.
//!
//! **Holds:** each tenant has an account of its own, so that the servers themselves keep tenants apart; a message is answered when the servers
//! stored it (what that is worth depends on their version and settings: docs/nats.md); an acknowledgement is itself acknowledged. The hub gives
//! messages up, not the server: on fetching, by how often one was handed out, with a copy among the dead first. Tenants take turns, at most
//! sixteen messages each.
//!
//! **Otherwise than in the embedded queue:** an id is known for a window of time, and not for as long as its message; sites of one tenant do not
//! take turns; a reconnecting hub may get messages twice. Whoever works on a message can do it twice anyway.
//!
//! Deliberately absent: making accounts or streams while serving. That is [`Provisioning`]'s, with keys that a hub that serves does not have.

mod advisories;
mod api;
mod claims;
mod connection;
mod error;
mod lane;
mod names;
mod provision;
mod pump;
mod standing;
mod time;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::ids::TenantId;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::advisories::Advisories;
#[cfg(feature = "conformance")]
pub use self::claims::unrestricted_user;
pub use self::claims::{Credentials, Key, Operator, Quota, hub_user};
use self::connection::{Connection, credentials_in, credentials_of};
pub use self::connection::{Servers, Settings};
pub use self::error::NatsError;
use self::lane::Lane;
pub use self::provision::{Change, Plan, Provisioned, Provisioning, WINDOW};
use self::standing::Received;
use crate::delivery::Receipt;
use crate::{
    Dead, Delivery, Depth, Kept, Limits, MessageId, Published, Queue, QueueError, Reason, Sequence, Subject,
};

/// The longest that a released message waits, whatever was asked for.
const DELAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How many accounts are connected to at once when a queue is opened.
const CONNECTING_AT_ONCE: usize = 16;

/// The queue on NATS.
#[derive(Debug)]
pub struct Nats {
    settings: Settings,
    limits: Limits,
    lanes: Mutex<Lanes>,
    arrived: Arc<Notify>,
    /// How many fetches wait.
    wanted: watch::Sender<usize>,
    advisories: Arc<Advisories>,
}

#[derive(Debug, Default)]
struct Lanes {
    of: BTreeMap<TenantId, Seat>,
    /// Whose turn was last.
    last: Option<TenantId>,
}

/// A tenant's account, and what is done in it all the time: that ends with it.
#[derive(Debug)]
struct Seat {
    lane: Arc<Lane>,
    _parts: JoinSet<()>,
}

/// Somebody who waits for messages.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(wanted: &'a watch::Sender<usize>) -> Self {
        wanted.send_modify(|fetches| *fetches += 1);
        Self(wanted)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|fetches| *fetches -= 1);
    }
}

impl Nats {
    /// Connects to the account of every tenant that has credentials. One that cannot be reached is tried again when something is published; where
    /// none can, or a server is too old, nothing is opened.
    pub async fn open(settings: Settings, limits: Limits) -> Result<Self, NatsError> {
        settings.check()?;
        let tenants = credentials_in(&settings.credentials)?;
        let (wanted, _) = watch::channel(0);
        let queue = Self {
            settings,
            limits,
            lanes: Mutex::default(),
            arrived: Arc::default(),
            wanted,
            advisories: Arc::default(),
        };
        let (mut failures, count) = (Vec::new(), tenants.len());
        let opened = &queue;
        let connecting = tenants.into_iter().map(|tenant| async move {
            let lane = opened.lane(&tenant).await;
            (tenant, lane)
        });
        let connected: Vec<_> =
            futures_util::stream::iter(connecting).buffer_unordered(CONNECTING_AT_ONCE).collect().await;
        for (tenant, lane) in connected {
            match lane {
                Ok(_) => {}
                Err(e @ NatsError::TooOld(_)) => return Err(e),
                Err(e) => {
                    tracing::error!(%tenant, error = crate::chain(&e), "a tenant's account cannot be reached");
                    failures.push(e);
                }
            }
        }
        match failures.pop() {
            Some(last) if failures.len() + 1 == count => Err(NatsError::Nobody(count, Box::new(last))),
            Some(_) | None => Ok(queue),
        }
    }

    /// What the servers told by themselves.
    pub fn advisories(&self) -> &Advisories {
        &self.advisories
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        // What is done while it is held cannot panic midway.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tenant's account, connected to where it was not yet: it may have been provisioned since.
    async fn lane(&self, tenant: &TenantId) -> Result<Arc<Lane>, NatsError> {
        if let Some(seat) = self.lanes().of.get(tenant) {
            return Ok(Arc::clone(&seat.lane));
        }
        let credentials = credentials_of(&self.settings.credentials, tenant)?;
        let connection = Connection::open(&self.settings, tenant.as_str(), credentials).await?;
        let lane = Arc::new(Lane::new(tenant.clone(), connection, self.limits));
        let mut lanes = self.lanes();
        if let Some(seat) = lanes.of.get(tenant) {
            // Somebody else was quicker.
            return Ok(Arc::clone(&seat.lane));
        }
        let mut parts = JoinSet::new();
        parts.spawn(pump::run(Arc::clone(&lane), self.wanted.subscribe(), Arc::clone(&self.arrived)));
        parts.spawn(pump::keep(Arc::clone(&lane)));
        let listening = advisories::run(lane.client().clone(), tenant.clone(), Arc::clone(&self.advisories));
        parts.spawn(async move {
            if let Err(e) = listening.await {
                tracing::warn!(error = crate::chain(&e), "advisories are not heard");
            }
        });
        lanes.of.insert(tenant.clone(), Seat { lane: Arc::clone(&lane), _parts: parts });
        Ok(lane)
    }

    fn all(&self) -> Vec<Arc<Lane>> {
        self.lanes().of.values().map(|seat| Arc::clone(&seat.lane)).collect()
    }

    /// Lets go of tenants whose credentials were taken away.
    fn forget_removed(&self) {
        let credentials = &self.settings.credentials;
        self.lanes().of.retain(|tenant, _| credentials.join(format!("{tenant}.creds")).exists());
    }

    /// What was received, one of each tenant in turn, beginning after the one whose turn was last.
    fn take(&self, max: usize) -> Vec<Delivery> {
        let mut lanes = self.lanes();
        let last = lanes.last.clone();
        let after = lanes.of.iter().filter(|(tenant, _)| Some(*tenant) > last.as_ref());
        let before = lanes.of.iter().filter(|(tenant, _)| Some(*tenant) <= last.as_ref());
        let order: Vec<Arc<Lane>> = after.chain(before).map(|(_, seat)| Arc::clone(&seat.lane)).collect();
        let (mut taken, mut more) = (Vec::new(), true);
        while more && taken.len() < max {
            more = false;
            for lane in &order {
                if taken.len() == max {
                    break;
                }
                if let Some(delivery) = hand_out(lane) {
                    more = true;
                    lanes.last = Some(lane.tenant.clone());
                    taken.push(delivery);
                }
            }
        }
        if order.iter().any(|lane| lane.standing().has_received()) {
            self.arrived.notify_one();
        }
        taken
    }

    fn of(&self, delivery: &Delivery) -> Option<(Arc<Lane>, String)> {
        let lane = self.lanes().of.get(delivery.subject.tenant()).map(|seat| Arc::clone(&seat.lane))?;
        match &delivery.receipt {
            Receipt::Nats(reply) => Some((lane, reply.to_string())),
            Receipt::Embedded(_) => None,
        }
    }
}

/// The next message of this tenant, under a lease that begins now. One that lay here for most of its lease comes again from the server.
fn hand_out(lane: &Lane) -> Option<Delivery> {
    let mut standing = lane.standing();
    loop {
        let Received { sequence, site, body, number, reply, at } = standing.next()?;
        let (now, lease) = (Instant::now(), lane.limits.lease);
        let age = now.duration_since(at);
        if age > lease / 2 {
            continue;
        }
        let mut until = at + lease;
        if age > lease / 20 {
            let (client, reply) = (lane.client().clone(), reply.clone());
            tokio::spawn(async move {
                if let Err(e) = client.publish(reply, "+WPI".into()).await {
                    tracing::warn!(error = %e, "a lease ends earlier than it should");
                }
            });
            until = now + lease;
        }
        standing.hold(sequence, reply.clone(), until);
        let subject = Subject::new(lane.tenant.clone(), site);
        return Some(Delivery {
            sequence: Sequence(sequence),
            subject,
            body,
            number,
            receipt: Receipt::Nats(reply.into()),
        });
    }
}

impl Queue for Nats {
    async fn publish(&self, subject: Subject, id: MessageId, body: Vec<u8>) -> Result<Published, QueueError> {
        let Limits { pending_max, body_bytes_max, .. } = self.limits;
        if body.len() > body_bytes_max {
            return Err(QueueError::TooLong { bytes: body.len(), limit: body_bytes_max });
        }
        let lane = self.lane(subject.tenant()).await?;
        let published = lane.publish(&subject, &id, body).await?;
        published.ok_or_else(|| QueueError::Full { tenant: subject.tenant().clone(), limit: pending_max })
    }

    async fn fetch(&self, max: usize) -> Result<Vec<Delivery>, QueueError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let _waiting = Waiting::new(&self.wanted);
        loop {
            let arrived = self.arrived.notified();
            let taken = self.take(max);
            if !taken.is_empty() {
                return Ok(taken);
            }
            arrived.await;
        }
    }

    async fn acknowledge(&self, delivery: Delivery) -> Result<(), QueueError> {
        let Some((lane, reply)) = self.of(&delivery) else { return Ok(()) };
        Ok(lane.acknowledge(delivery.sequence.0, delivery.subject.site().as_str(), &reply).await?)
    }

    async fn release(&self, delivery: Delivery, after: Duration) -> Result<(), QueueError> {
        let Some((lane, reply)) = self.of(&delivery) else { return Ok(()) };
        Ok(lane.release(delivery.sequence.0, &reply, after.min(DELAY_MAX)).await?)
    }

    async fn extend(&self, delivery: &Delivery) -> Result<(), QueueError> {
        let Some((lane, reply)) = self.of(delivery) else { return Ok(()) };
        Ok(lane.extend(delivery.sequence.0, &reply).await?)
    }

    async fn give_up(&self, delivery: Delivery, reason: Reason) -> Result<(), QueueError> {
        let Some((lane, reply)) = self.of(&delivery) else { return Ok(()) };
        let Delivery { sequence: Sequence(sequence), subject, body, number, receipt: _ } = delivery;
        if !lane.standing().is_in_hand(sequence, &reply, Instant::now()) {
            return Ok(());
        }
        let site = subject.site().clone();
        let message = Received { sequence, site, body, number, reply, at: Instant::now() };
        Ok(lane.bury(&message, number, &reason).await?)
    }

    async fn dead(&self, tenant: &TenantId, after: Sequence, max: usize) -> Result<Vec<Dead>, QueueError> {
        Ok(self.lane(tenant).await?.dead(after, max).await?)
    }

    async fn revive(&self, tenant: &TenantId, sequence: Sequence) -> Result<bool, QueueError> {
        Ok(self.lane(tenant).await?.revive(sequence).await?)
    }

    async fn replay(&self, tenant: &TenantId, from: Sequence, max: usize) -> Result<Vec<Kept>, QueueError> {
        Ok(self.lane(tenant).await?.replay(from, max).await?)
    }

    async fn purge(&self, tenant: &TenantId) -> Result<u64, QueueError> {
        Ok(self.lane(tenant).await?.purge().await?)
    }

    async fn depth(&self, tenant: &TenantId) -> Result<Depth, QueueError> {
        Ok(self.lane(tenant).await?.depth().await?)
    }

    async fn depth_of_all(&self) -> Result<Depth, QueueError> {
        self.forget_removed();
        let lanes = self.all();
        let mut sum = Depth::default();
        for depth in join_all(lanes.iter().map(|lane| lane.depth())).await {
            let Depth { waiting, in_hand, delayed, dead, oldest_age } = depth?;
            sum.waiting += waiting;
            sum.in_hand += in_hand;
            sum.delayed += delayed;
            sum.dead += dead;
            sum.oldest_age = sum.oldest_age.max(oldest_age);
        }
        Ok(sum)
    }
}
