//! A message that is being worked on.

use crate::{Sequence, Subject};

/// By what an implementation knows one handing out of one message.
#[derive(Debug)]
pub(crate) enum Receipt {
    /// The embedded queue's: how many were handed out before it, of whatever messages, since it was opened.
    Embedded(u64),
    /// On NATS: the subject to which it is settled.
    #[cfg(feature = "nats")]
    Nats(Box<str>),
}

/// A message that is being worked on, under a lease. Settle it; one that is dropped comes again when its lease ends.
#[derive(Debug)]
#[must_use = "acknowledge it, release it or give it up"]
pub struct Delivery {
    pub(crate) sequence: Sequence,
    pub(crate) subject: Subject,
    pub(crate) body: Vec<u8>,
    pub(crate) number: u32,
    pub(crate) receipt: Receipt,
}

impl Delivery {
    /// Its place.
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// Where it stood.
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What was published.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// How often the message was handed out, this time included: 1 for the first, and released ones count here.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The subject to which it is settled, on NATS: for tests in which somebody else tries to.
    #[cfg(all(feature = "nats", feature = "conformance"))]
    pub fn settled_at(&self) -> Option<&str> {
        match &self.receipt {
            Receipt::Nats(reply) => Some(reply),
            Receipt::Embedded(_) => None,
        }
    }
}
