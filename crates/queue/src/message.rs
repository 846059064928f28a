//! Messages: their ids, their sequence, and a delivery that is worked on.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::Subject;

/// A message's place in the whole queue. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub(crate) i64);

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// By what a message that is published twice is known: at most 100 printable characters, and the publisher's to choose.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(String);

/// Why a string is not a message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a message id has 1 to 100 printable ASCII characters and no space")]
pub struct BadMessageId;

impl MessageId {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = BadMessageId;
    fn from_str(s: &str) -> Result<Self, BadMessageId> {
        let plain = (1..=100).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_graphic());
        if plain { Ok(Self(s.to_owned())) } else { Err(BadMessageId) }
    }
}

/// What became of a message that was published. It is durable either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Its place.
    pub sequence: Sequence,
    /// True where the same id had been published before.
    pub repeated: bool,
}

/// A message that is being worked on. Acknowledge it or release it: one that is dropped comes again only after a restart.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "acknowledge or release it"]
pub struct Delivery {
    pub(crate) sequence: Sequence,
    pub(crate) subject: Subject,
    pub(crate) body: Vec<u8>,
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
}
