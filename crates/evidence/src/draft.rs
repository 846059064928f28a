//! Records before and after the log gives them their place.

use contract::record::{Body, Digests, PreviousLeaf, Record, RecordError};
use contract::time::{ClockOffset, UtcTime};
use tlog::hash::{Hash, leaf_hash};

/// A record before the log gives it its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When it is written.
    pub time: UtcTime,
    /// How far that clock can be trusted.
    pub clock: ClockOffset,
    /// What it is about.
    pub subject: String,
    /// What it was made under.
    pub digests: Digests,
    /// What happened.
    pub body: Body,
}

/// Proof that these records are durable under a signed head. Only the writer makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    records: Vec<Record>,
    size: u64,
}

impl Appended {
    pub(crate) const fn new(records: Vec<Record>, size: u64) -> Self {
        Self { records, size }
    }

    /// The records, with the places that they were given.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The index of the last of them.
    pub const fn seq(&self) -> u64 {
        self.size.saturating_sub(1)
    }

    /// The log's size, where these records are the last.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Divides a group's proof among those whose records went into it: so many of them each, in order.
    pub(crate) fn split(self, counts: &[usize]) -> Vec<Self> {
        let mut size = self.size - self.records.len() as u64;
        let mut records = self.records.into_iter();
        let part = |count: &usize| {
            size += *count as u64;
            Self { records: records.by_ref().take(*count).collect(), size }
        };
        counts.iter().map(part).collect()
    }
}

/// Records in their places: as they are, their bytes, and the hashes of those.
pub(crate) struct Encoded {
    pub(crate) records: Vec<Record>,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) leaves: Vec<Hash>,
}

/// Gives each draft its place from `size` on, after the leaf `last`: the record, the bytes that will stand there, and their hash.
pub(crate) fn encode(
    origin: &str,
    size: u64,
    last: Option<Hash>,
    drafts: Vec<Draft>,
) -> Result<Encoded, RecordError> {
    let mut records = Vec::with_capacity(drafts.len());
    let mut entries = Vec::with_capacity(drafts.len());
    let mut leaves: Vec<Hash> = Vec::with_capacity(drafts.len());
    for (seq, draft) in (size..).zip(drafts) {
        let Draft { time, clock, subject, digests, body } = draft;
        let prev = leaves.last().copied().or(last).map(|h| PreviousLeaf(*h.as_bytes()));
        let record = Record { origin: origin.to_owned(), seq, time, clock, prev, subject, digests, body };
        let bytes = canonical(&record)?;
        leaves.push(leaf_hash(&bytes));
        records.push(record);
        entries.push(bytes);
    }
    Ok(Encoded { records, entries, leaves })
}

/// The record's bytes, in RFC 8785 form, checked to be what a verifier will accept: what we could not read again must never be signed.
fn canonical(record: &Record) -> Result<Vec<u8>, RecordError> {
    let not_a_record = |e: serde_json::Error| RecordError::NotARecord(e.to_string());
    let value = record.to_value()?;
    // A record has ASCII keys and integers only, for which plain JSON with sorted keys is the canonical form already, in half the time. The check
    // decides; what it does not accept is written by the long way.
    let plain = serde_json::to_vec(&value).map_err(not_a_record)?;
    let bytes = match Record::parse(&plain) {
        Ok(_) => return Ok(plain),
        Err(RecordError::NotCanonical(_)) => {
            serde_json_canonicalizer::to_vec(&value).map_err(not_a_record)?
        }
        Err(e) => return Err(e),
    };
    Record::parse(&bytes)?;
    Ok(bytes)
}
