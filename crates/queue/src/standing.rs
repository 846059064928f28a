//! How much there is, and what is kept.

use std::time::Duration;

use crate::{Reason, Sequence, Subject};

/// How many messages are to be worked on, by how they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// To be had now.
    pub waiting: u64,
    /// Handed out, under a lease.
    pub in_hand: u64,
    /// Released, and not yet to be had again. A queue that cannot tell them apart counts them as in hand.
    pub delayed: u64,
    /// Given up, and kept.
    pub dead: u64,
    /// How long ago the oldest was published that is neither acknowledged nor dead. It never goes back while the queue is open, however the
    /// machine's clock is set.
    pub oldest_age: Option<Duration>,
}

impl Depth {
    /// All that will be worked on: the dead ones will not.
    pub const fn pending(&self) -> u64 {
        self.waiting + self.in_hand + self.delayed
    }
}

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// By which it is revived.
    pub sequence: Sequence,
    /// Where it stood.
    pub subject: Subject,
    /// What was published.
    pub body: Vec<u8>,
    /// How often it was handed out.
    pub deliveries: u32,
    /// Why it was given up.
    pub reason: Reason,
}

/// A message that is kept, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its place.
    pub sequence: Sequence,
    /// Where it stood.
    pub subject: Subject,
    /// What was published.
    pub body: Vec<u8>,
}
