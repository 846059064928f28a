//! Records: the facts of the evidence log. The bytes written are the leaf; this module parses them and builds what is to be written.
//!
//! A record is one JSON object in RFC 8785 form of at most 16 KiB. Parsing is strict in two steps: the frame that all records share, then the
//! details that belong to its kind. The format does not change; a new kind is a new word.

mod body;
mod device;
mod log;
mod packet;
mod people;
mod run;
mod signals;
mod site;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

pub use body::{Body, FindingsTaken, Kind, Trigger};
pub use device::{DeviceEvent, DeviceNoted, NotLetIn};
pub use log::{
    Answered, Gap, GapReason, KeyNamed, KeyTaken, LastRun, LineLoss, Lost, Opened, Recovered, Restored,
    RootHash, Standing, StandingHeld, Succeeds, SuccessionReason, Turned,
};
pub use packet::{PacketNoted, PacketWhat};
pub use people::{Acted, Entry, LoggedIn, NotAllowed, Stage};
pub use run::{
    Accepted, Authority, Before, Connection, Count, Counted, Ended, Escalated, FileBefore, Intent, Moved,
    Refused, Resolution, Resumed, RunState, Trouble, Unseen, Waiting, WaitingFor,
};
pub use signals::{Named, SIGNALS_MAX, Signalled, SignalsTaken};
pub use site::{
    BreakGlass, Confined, DeadManFired, GenerationHealthy, GlassState, Intruded, Intrusion, Opponent,
    PaperState, PaperTaken, PolicyState, PolicyTaken, StandingTaken,
};

use crate::digest::{Digest, hex, unhex};
use crate::outcome::Outcome;
use crate::time::{ClockOffset, UtcTime};

/// The longest a record may be, in bytes.
pub const RECORD_MAX_BYTES: usize = 16 * 1024;

/// The largest integer in a record: 2^53, beyond which JSON readers disagree.
pub const INTEGER_MAX: u64 = 1 << 53;

/// The only format there is.
pub const FORMAT: u32 = 1;

/// A leaf's hash: SHA-256(0x00 ‖ entry), as RFC 6962 §2.1 says. Sixty-four lower-case hexadecimal characters in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PreviousLeaf(pub [u8; 32]);

impl TryFrom<String> for PreviousLeaf {
    type Error = &'static str;
    fn try_from(s: String) -> Result<Self, Self::Error> {
        unhex::<32>(&s).map(Self).ok_or("not 64 lower-case hexadecimal characters")
    }
}

impl From<PreviousLeaf> for String {
    fn from(h: PreviousLeaf) -> String {
        hex(&h.0)
    }
}

/// What a record was made under. Only what applies is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digests {
    /// The baseline's bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Digest>,
    /// The approved catalogue's bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<Digest>,
    /// The order's signed bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Digest>,
    /// The runbook's bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook: Option<Digest>,
    /// The running system closure, where there is one (NixOS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<Digest>,
}

/// One record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The log's origin, the same in all its records and checkpoints.
    pub origin: String,
    /// Its index in the log, from 0.
    pub seq: u64,
    /// When it was written, by the host's clock.
    pub time: UtcTime,
    /// How far that clock can be trusted.
    pub clock: ClockOffset,
    /// The previous leaf's hash; none for the first record.
    pub prev: Option<PreviousLeaf>,
    /// What it is about: a control, an order, the log itself.
    pub subject: String,
    /// What it was made under.
    pub digests: Digests,
    /// What happened.
    pub body: Body,
}

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordError {
    /// Longer than [`RECORD_MAX_BYTES`].
    #[error("{0} bytes are more than a record may have ({RECORD_MAX_BYTES})")]
    TooLong(usize),
    /// Not RFC 8785 JSON of our restricted kind.
    #[error("the bytes are not their own canonical form")]
    NotCanonical(#[from] crate::canonical::NotCanonical),
    /// Canonical JSON, and not a record of this format.
    #[error("not a record of format {FORMAT}: {0}")]
    NotARecord(String),
    /// A field is longer or larger than it may be.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
}

/// The same, as it is read: the details stay as they are written until their kind is known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameRead<'r> {
    format: u32,
    origin: String,
    seq: u64,
    time: UtcTime,
    clock: ClockOffset,
    prev: Option<PreviousLeaf>,
    subject: String,
    digests: Digests,
    kind: Kind,
    outcome: Option<Outcome>,
    #[serde(borrow)]
    details: &'r RawValue,
}

/// The frame that all records share, as it stands in JSON.
#[derive(Serialize)]
struct Frame {
    format: u32,
    origin: String,
    seq: u64,
    time: UtcTime,
    clock: ClockOffset,
    prev: Option<PreviousLeaf>,
    subject: String,
    digests: Digests,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    details: Value,
}

impl Record {
    /// Parses the exact bytes of an entry. Refuses what is not its own canonical form, and every unknown key.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > RECORD_MAX_BYTES {
            return Err(RecordError::TooLong(bytes.len()));
        }
        crate::canonical::check(bytes)?;
        let not_a_record = |e: serde_json::Error| RecordError::NotARecord(e.to_string());
        let frame: FrameRead<'_> = serde_json::from_slice(bytes).map_err(not_a_record)?;
        let FrameRead { format, origin, seq, time, clock, prev, subject, digests, kind, outcome, details } =
            frame;
        if format != FORMAT {
            return Err(RecordError::NotARecord(format!("format {format}")));
        }
        if (seq == 0) != prev.is_none() {
            return Err(RecordError::OutOfRange("prev"));
        }
        let body = Body::from_parts(kind, outcome, details).map_err(RecordError::NotARecord)?;
        let record = Self { origin, seq, time, clock, prev, subject, digests, body };
        record.in_range()?;
        Ok(record)
    }

    /// The record as a JSON value, to be written in canonical form by the log's writer.
    pub fn to_value(&self) -> Result<Value, RecordError> {
        self.in_range()?;
        let (kind, outcome, details) =
            self.body.to_parts().map_err(|e| RecordError::NotARecord(e.to_string()))?;
        let frame = Frame {
            format: FORMAT,
            origin: self.origin.clone(),
            seq: self.seq,
            time: self.time,
            clock: self.clock,
            prev: self.prev,
            subject: self.subject.clone(),
            digests: self.digests,
            kind,
            outcome,
            details,
        };
        serde_json::to_value(frame).map_err(|e| RecordError::NotARecord(e.to_string()))
    }

    fn in_range(&self) -> Result<(), RecordError> {
        let plain =
            |s: &str, max: usize| !s.is_empty() && s.len() <= max && s.bytes().all(|b| b.is_ascii_graphic());
        if self.seq > INTEGER_MAX {
            Err(RecordError::OutOfRange("seq"))
        } else if !plain(&self.origin, 160) {
            Err(RecordError::OutOfRange("origin"))
        } else if !plain(&self.subject, 160) {
            Err(RecordError::OutOfRange("subject"))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
