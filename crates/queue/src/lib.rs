//! The tenants' queues: durable, deduplicated, bounded, and fair between tenants.
//!
//! Every message stands on a [`Subject`], which can only be made from parsed ids: no tenant can name another's queue, write a wildcard, or see
//! what others publish. A message is pending until it is acknowledged; what was fetched and not acknowledged comes again after a restart, so
//! whoever fetches must do its work before it acknowledges, and must be able to do it twice.
//!
//! Fetching goes round: one message of each tenant in turn, and within a tenant one of each site in turn, so a flood at one clinic delays that
//! clinic and nobody else. A tenant that is over its bound is told so ([`QueueError::Full`]); the others never notice.
#![forbid(unsafe_code)]

mod embedded;
mod error;
mod message;
mod subject;
mod turns;
pub mod writer;

use std::future::Future;

pub use embedded::{Embedded, Limits, SCHEMA};
pub use error::QueueError;
pub use message::{BadMessageId, Delivery, MessageId, Published, Sequence};
pub use subject::Subject;

/// A queue with one group of consumers: each message is worked on by one of them.
pub trait Queue: Send + Sync {
    /// Puts a message on `subject` and answers once it is durable. A message with an `id` that this tenant used before is not put there again:
    /// the answer is the first one's sequence.
    fn publish(
        &self,
        subject: Subject,
        id: MessageId,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<Published, QueueError>> + Send;

    /// Waits until something is pending and takes at most `max` messages, tenants in turn. Where taking them fails, or the future is dropped
    /// after it began to take them, they are pending again at once.
    fn fetch(&self, max: usize) -> impl Future<Output = Result<Vec<Delivery>, QueueError>> + Send;

    /// The work is done and durable: the message never comes again.
    fn acknowledge(&self, delivery: Delivery) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// The work could not be done now: the message is pending again at once.
    fn release(&self, delivery: Delivery);
}
