//! The tenants' queues: durable, deduplicated, bounded, and fair between tenants.
//!
//! Every message stands on a [`Subject`], which can only be made from parsed ids: no tenant can name another's queue, write a wildcard, or see
//! what others publish. A message waits until it is acknowledged. Whoever fetches one has a lease of it: what is neither acknowledged nor extended
//! in that time comes again, whatever became of who had it, so the work must be done before it is acknowledged, and must be able to be done twice.
//! Leases and delays are measured by a clock that nobody can set.
//!
//! Fetching goes round: each tenant that has something waiting gets the same bytes in turn, and within a tenant each site one message in turn, so a
//! flood at one clinic delays that clinic and nobody else. A tenant that is over its bound is told so ([`QueueError::Full`]); the others never
//! notice. A message at which its consumers die again and again is given up by itself and kept for a person to look at.
//!
//! Deliberately absent: an order among the messages of a tenant (sites take turns, and what comes again comes later), and exactly-once work.
#![forbid(unsafe_code)]

#[cfg(feature = "nats")]
mod chosen;
#[cfg(feature = "conformance")]
pub mod conformance;
mod delivery;
mod embedded;
mod error;
mod held;
mod limits;
mod message;
#[cfg(feature = "nats")]
pub mod nats;
mod pending;
mod standing;
mod subject;
mod turns;
pub mod writer;

use std::future::Future;
use std::time::Duration;

use contract::ids::TenantId;

#[cfg(feature = "nats")]
pub use chosen::Chosen;
pub use delivery::Delivery;
pub use embedded::{Embedded, SCHEMA};
pub use error::QueueError;
pub use limits::Limits;
pub use message::{BadMessageId, MessageId, Published, Reason, Sequence};
pub use standing::{Dead, Depth, Kept};
pub use subject::Subject;

/// A queue with one group of consumers: each message is worked on by one of them at a time.
///
/// Futures may be dropped at any point: what was asked for then happens or does not, and nothing is lost.
pub trait Queue: Send + Sync {
    /// Puts a message on `subject` and answers once it is durable. A message with an `id` that this tenant used before is not put there again:
    /// the answer is the first one's sequence. Ids are remembered for as long as the message is kept.
    fn publish(
        &self,
        subject: Subject,
        id: MessageId,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<Published, QueueError>> + Send;

    /// Waits until something is to be had and takes at most `max` messages, tenants in turn, each under a lease that begins now. Where taking them
    /// fails, or the future is dropped before it answers, they come again.
    fn fetch(&self, max: usize) -> impl Future<Output = Result<Vec<Delivery>, QueueError>> + Send;

    /// The work is done and durable: the message never comes again. That counts even where the lease has ended, since the work is done all the same.
    /// Where it fails the message comes again.
    fn acknowledge(&self, delivery: Delivery) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// The work could not be done now, and that is not the message's fault: it comes again after this time, or earlier where the queue is opened
    /// anew meanwhile. What is released does not count towards giving up, up to [`Limits::releases_max`] times. Where it fails the message comes
    /// again all the same. Does nothing where the lease has ended.
    fn release(
        &self,
        delivery: Delivery,
        after: Duration,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// The work is in progress: the lease begins anew. Does nothing where it has ended.
    fn extend(&self, delivery: &Delivery) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// The work will never be done: the message is dead, durably, and kept with its reason. Does nothing where the lease has ended.
    fn give_up(
        &self,
        delivery: Delivery,
        reason: Reason,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// At most `max` dead messages of this tenant that come after that place, in their order.
    fn dead(
        &self,
        tenant: &TenantId,
        after: Sequence,
        max: usize,
    ) -> impl Future<Output = Result<Vec<Dead>, QueueError>> + Send;

    /// A dead message waits again, durably, as if it had never been handed out; its sequence may become another one. `false` where this tenant has
    /// no such dead message.
    fn revive(
        &self,
        tenant: &TenantId,
        sequence: Sequence,
    ) -> impl Future<Output = Result<bool, QueueError>> + Send;

    /// At most `max` messages of this tenant that are still kept, from that place on and in their order, whatever became of them: acknowledged ones
    /// are kept up to [`Limits::remembered_max`]. Changes nothing, takes no lease, and does not wait.
    fn replay(
        &self,
        tenant: &TenantId,
        from: Sequence,
        max: usize,
    ) -> impl Future<Output = Result<Vec<Kept>, QueueError>> + Send;

    /// Removes everything of this tenant, durably, dead messages too, and says how many were kept. What is in somebody's hands may be settled as
    /// before; that does nothing any more.
    fn purge(&self, tenant: &TenantId) -> impl Future<Output = Result<u64, QueueError>> + Send;

    /// How much of this tenant is to be worked on.
    fn depth(&self, tenant: &TenantId) -> impl Future<Output = Result<Depth, QueueError>> + Send;

    /// How much of all tenants is to be worked on. It names none of them.
    fn depth_of_all(&self) -> impl Future<Output = Result<Depth, QueueError>> + Send;
}

/// An error with all its causes, for a trace.
#[cfg(feature = "nats")]
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
