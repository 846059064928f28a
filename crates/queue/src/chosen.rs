//! The queue that the operator chose.

use std::time::Duration;

use contract::ids::TenantId;

use crate::nats::Nats;
use crate::{
    Dead, Delivery, Depth, Embedded, Kept, MessageId, Published, Queue, QueueError, Reason, Sequence, Subject,
};

/// One of the implementations.
#[derive(Debug)]
pub enum Chosen {
    /// In the hub's own directory.
    Embedded(Box<Embedded>),
    /// On NATS servers.
    Nats(Box<Nats>),
}

/// Whichever it is, it does this.
macro_rules! whichever {
    ($self:ident, $queue:ident => $does:expr) => {
        match $self {
            Chosen::Embedded($queue) => $does.await,
            Chosen::Nats($queue) => $does.await,
        }
    };
}

impl Queue for Chosen {
    async fn publish(&self, subject: Subject, id: MessageId, body: Vec<u8>) -> Result<Published, QueueError> {
        whichever!(self, queue => queue.publish(subject, id, body))
    }

    async fn fetch(&self, max: usize) -> Result<Vec<Delivery>, QueueError> {
        whichever!(self, queue => queue.fetch(max))
    }

    async fn acknowledge(&self, delivery: Delivery) -> Result<(), QueueError> {
        whichever!(self, queue => queue.acknowledge(delivery))
    }

    async fn release(&self, delivery: Delivery, after: Duration) -> Result<(), QueueError> {
        whichever!(self, queue => queue.release(delivery, after))
    }

    async fn extend(&self, delivery: &Delivery) -> Result<(), QueueError> {
        whichever!(self, queue => queue.extend(delivery))
    }

    async fn give_up(&self, delivery: Delivery, reason: Reason) -> Result<(), QueueError> {
        whichever!(self, queue => queue.give_up(delivery, reason))
    }

    async fn dead(&self, tenant: &TenantId, after: Sequence, max: usize) -> Result<Vec<Dead>, QueueError> {
        whichever!(self, queue => queue.dead(tenant, after, max))
    }

    async fn revive(&self, tenant: &TenantId, sequence: Sequence) -> Result<bool, QueueError> {
        whichever!(self, queue => queue.revive(tenant, sequence))
    }

    async fn replay(&self, tenant: &TenantId, from: Sequence, max: usize) -> Result<Vec<Kept>, QueueError> {
        whichever!(self, queue => queue.replay(tenant, from, max))
    }

    async fn purge(&self, tenant: &TenantId) -> Result<u64, QueueError> {
        whichever!(self, queue => queue.purge(tenant))
    }

    async fn depth(&self, tenant: &TenantId) -> Result<Depth, QueueError> {
        whichever!(self, queue => queue.depth(tenant))
    }

    async fn depth_of_all(&self) -> Result<Depth, QueueError> {
        whichever!(self, queue => queue.depth_of_all())
    }
}
