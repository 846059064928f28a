//! Why the queue did not take or give a message.

use contract::ids::TenantId;
use thiserror::Error;

use crate::writer::WriteError;

/// Why the queue did not do what was asked.
#[derive(Debug, Error)]
pub enum QueueError {
    /// The tenant has as many messages pending or dead as it may. The tenant may try again when some are worked off, revived or purged.
    #[error("the queue of tenant {tenant} is full: {limit} messages are pending or dead")]
    Full {
        /// Whose queue.
        tenant: TenantId,
        /// Its bound.
        limit: usize,
    },
    /// The body is too long. The publisher's fault.
    #[error("a message has at most {limit} bytes, not {bytes}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// The database did not take it. Nothing was acknowledged; the operator must look at the disk.
    #[error("the queue's database did not take it")]
    Database(#[source] WriteError<rusqlite::Error>),
    /// The servers did not do it, or did not say so. What was asked for may have happened; asking again is harmless.
    #[cfg(feature = "nats")]
    #[error("the queue's servers did not do it")]
    Nats(#[from] crate::nats::NatsError),
}
