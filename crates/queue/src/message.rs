//! Messages: their ids, their sequence, and why one is dead.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use thiserror::Error;

/// A message's place in its tenant's queue: it rises, with gaps, and none is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub(crate) u64);

impl Sequence {
    /// Before every message.
    pub const START: Self = Self(0);
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Sequence {
    type Err = ParseIntError;
    fn from_str(s: &str) -> Result<Self, ParseIntError> {
        s.parse().map(Self)
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

/// Why a message is dead, in words for a person: at most 200 printable ASCII characters, so that it fits into a header of any wire format.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reason(String);

impl Reason {
    /// The most characters.
    pub const CHARS_MAX: usize = 200;

    /// These words, cut to the bound, with `?` for every character that is not printable ASCII.
    pub fn new(words: &str) -> Self {
        let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
        Self(words.chars().take(Self::CHARS_MAX).map(plain).collect())
    }

    /// What a message is dead of that was handed out so often that its consumers must have died of it.
    pub fn never_answered(times: u32) -> Self {
        Self(format!("handed out {times} times and never answered"))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_printable_line() {
        assert_eq!(Reason::new("disk\r\nfüll: 3 %").as_str(), "disk??f?ll: 3 %");
        assert_eq!(Reason::new(&"x".repeat(1000)).as_str().len(), Reason::CHARS_MAX);
    }
}
