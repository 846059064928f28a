//! Reads the frame that all records share, in one pass over the bytes and without allocating.
//!
//! A record is in canonical form, so its keys stand in one order and around its few free values every byte is known. The reader
//! walks along them; only `details` is looked into by [`canonical`]. Where the bytes are anything else, a second look says what.

use contract::canonical::{self, NotCanonical};
use contract::record::{INTEGER_MAX, RECORD_MAX_BYTES};

mod time;
mod token;

pub(crate) use time::Stamp;
pub(crate) use token::hex_bytes;

/// What the frame of a record says. Slices are parts of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// The object of `details`, canonical, not read.
    pub(crate) details: &'a [u8],
    /// The kind's word.
    pub(crate) kind: &'a [u8],
    /// The origin as it stands between its quotes: a quote or a backslash in it is escaped.
    pub(crate) origin: &'a [u8],
    /// The previous leaf's hash; none in record 0 and only there.
    pub(crate) prev: Option<[u8; 32]>,
    /// The index that the record claims.
    pub(crate) seq: u64,
    /// Its time.
    pub(crate) time: Stamp,
}

/// Why an entry is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than a record may be.
    #[error("its {0} bytes are more than a record may have ({RECORD_MAX_BYTES})")]
    TooLong(usize),
    /// The bytes are not their own canonical form.
    #[error("its bytes are not their own canonical form: {0}")]
    NotCanonical(NotCanonical),
    /// Canonical JSON, and not a record of this format: what stands here is missing, unknown or out of range.
    #[error("it is not a record of format 1: see its {0}")]
    NotARecord(&'static str),
}

/// The kinds that this release knows, and whether they have an outcome.
const KINDS: [(&[u8], bool); 12] = [
    (b"opened", false),
    (b"findings", false),
    (b"accepted", false),
    (b"refused", true),
    (b"intent", false),
    (b"ended", true),
    (b"recovered", false),
    (b"standing", false),
    (b"gap", false),
    (b"restored", false),
    (b"key_named", false),
    (b"key_taken", false),
];

/// How a run can end.
const OUTCOMES: [&[u8]; 8] =
    [b"healed", b"failed", b"reverted", b"deferred", b"refused", b"expired", b"escalated", b"observed"];

/// What a record can have been made under, in the order in which it says so.
const DIGESTS: [&[u8]; 5] = [b"baseline", b"catalogue", b"order", b"runbook", b"system"];

/// Most characters of an origin and of a subject.
const TEXT_MAX: usize = 160;
/// Most characters of a kind.
const KIND_MAX: usize = 32;

impl<'a> Frame<'a> {
    /// Reads the exact bytes of an entry.
    pub(crate) fn read(entry: &'a [u8]) -> Result<Self, FrameError> {
        if entry.len() > RECORD_MAX_BYTES {
            return Err(FrameError::TooLong(entry.len()));
        }
        let mut reader = Reader { rest: entry, place: "keys" };
        match reader.frame() {
            Some(frame) => Ok(frame),
            None => Err(match canonical::check(entry) {
                Err(error) => FrameError::NotCanonical(error),
                Ok(()) => FrameError::NotARecord(reader.place),
            }),
        }
    }
}

/// What is left to read, and the key whose value is being read. `None` from a method: this is no record.
struct Reader<'a> {
    rest: &'a [u8],
    place: &'static str,
}

impl<'a> Reader<'a> {
    fn frame(&mut self) -> Option<Frame<'a>> {
        self.at("clock", b"{\"clock\":")?;
        self.clock()?;
        self.at("details", b",\"details\":")?;
        let details = self.details()?;
        self.at("digests", b",\"digests\":{")?;
        self.digests()?;
        self.at("format", b",\"format\":")?;
        self.take(b"1")?;
        self.at("kind", b",\"kind\":\"")?;
        let kind = self.kind()?;
        self.at("origin", b",\"origin\":\"")?;
        let origin = self.text()?;
        self.outcome(kind)?;
        self.at("prev", b",\"prev\":")?;
        let prev = if self.take(b"null").is_some() { None } else { Some(self.hash()?) };
        self.at("seq", b",\"seq\":")?;
        let seq = self.number(INTEGER_MAX)?;
        self.at("subject", b",\"subject\":\"")?;
        self.text()?;
        self.at("time", b",\"time\":\"")?;
        let time = Stamp::read(self.chunk()?)?;
        self.take(b"\"}")?;
        self.place = "prev";
        let whole = self.rest.is_empty() && (seq == 0) == prev.is_none();
        whole.then_some(Frame { details, kind, origin, prev, seq, time })
    }

    fn clock(&mut self) -> Option<()> {
        if self.take(b"{\"synchronised_within_ms\":").is_some() {
            self.number(u32::MAX.into())?;
            self.take(b"}")
        } else {
            self.take(b"\"unsynchronised\"").or_else(|| self.take(b"\"unknown\""))
        }
    }

    fn details(&mut self) -> Option<&'a [u8]> {
        if self.rest.first() != Some(&b'{') {
            return None;
        }
        let length = canonical::check_first(self.rest, 1).ok()?;
        let details = self.split(length)?;
        str::from_utf8(details).ok().map(str::as_bytes)
    }

    /// What follows the opening brace, and the closing one.
    fn digests(&mut self) -> Option<()> {
        let mut first = true;
        for name in DIGESTS {
            let before = self.rest;
            let separated = first || self.take(b",").is_some();
            let named = separated && self.take(b"\"").and_then(|()| self.take(name)).is_some();
            if !named {
                self.rest = before;
                continue;
            }
            self.take(b"\":\"sha256:")?;
            hex_bytes(self.chunk()?)?;
            self.take(b"\"")?;
            first = false;
        }
        self.take(b"}")
    }

    fn kind(&mut self) -> Option<&'a [u8]> {
        let length = self.rest.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b'_'))?;
        let kind = self.split(length)?;
        self.take(b"\"")?;
        let word = (1..=KIND_MAX).contains(&length) && kind[0] != b'_';
        word.then_some(kind)
    }

    /// For a kind that is known it is known whether it has one.
    fn outcome(&mut self, kind: &[u8]) -> Option<()> {
        self.place = "outcome";
        let found = self.take(b",\"outcome\":\"").is_some();
        if found {
            OUTCOMES.iter().find_map(|word| self.take(word))?;
            self.take(b"\"")?;
        }
        let known = KINDS.iter().find(|(word, _)| *word == kind);
        known.is_none_or(|(_, needed)| *needed == found).then_some(())
    }

    fn hash(&mut self) -> Option<[u8; 32]> {
        self.take(b"\"")?;
        let hash = hex_bytes(self.chunk()?)?;
        self.take(b"\"")?;
        Some(hash)
    }
}

#[cfg(test)]
mod tests;
