//! A number and the records that it is from, or the reason why there is none. There is no third.

use contract::fact::Absence;
use contract::ids::HostId;
use serde::{Deserialize, Serialize};

use crate::machine::At;

/// Records of one machine's log: those from one index to another, both among them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cite {
    /// Whose log; the hub's own where it is none of a machine.
    pub log: LogName,
    /// The first index.
    pub first: u64,
    /// The last index, which is the first again for one record.
    pub last: u64,
}

/// Which log a record stands in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogName {
    /// That of a machine.
    Host(HostId),
    /// The hub's own.
    Hub,
}

impl Cite {
    /// One record of a machine.
    pub fn one(host: &HostId, seq: u64) -> Self {
        Self { log: LogName::Host(host.clone()), first: seq, last: seq }
    }

    /// One record of the hub's own log.
    pub const fn of_hub(seq: u64) -> Self {
        Self { log: LogName::Hub, first: seq, last: seq }
    }

    /// All from one to another.
    pub fn range(host: &HostId, first: At, last: At) -> Self {
        let (first, last) = (first.seq.min(last.seq), first.seq.max(last.seq));
        Self { log: LogName::Host(host.clone()), first, last }
    }
}

/// What is said of the evidence: measured, with the records that it was measured from, or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Claim<T> {
    /// Measured.
    Measured {
        /// What.
        value: T,
        /// From which records; never none.
        records: Vec<Cite>,
    },
    /// Not measured.
    NotMeasured {
        /// Why.
        reason: Unmeasured,
    },
}

impl<T> Claim<T> {
    /// `value`, from these records. From no record at all nothing was measured.
    pub fn of(value: T, records: Vec<Cite>) -> Self {
        if records.is_empty() { Self::not(Unmeasured::NoRecord) } else { Self::Measured { value, records } }
    }

    /// Not measured.
    pub const fn not(reason: Unmeasured) -> Self {
        Self::NotMeasured { reason }
    }

    /// The value, where there is one.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Measured { value, .. } => Some(value),
            Self::NotMeasured { .. } => None,
        }
    }

    /// The records; none where nothing was measured.
    pub fn records(&self) -> &[Cite] {
        match self {
            Self::Measured { records, .. } => records,
            Self::NotMeasured { .. } => &[],
        }
    }
}

/// Why something was not measured. A closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmeasured {
    /// No machine has a record of the time.
    NoRecord,
    /// No record of this release tells of it.
    NoKind,
    /// No look was made lately enough to count.
    Stale,
    /// No record speaks of it.
    NeverSeen,
    /// It was looked for, and could not be had.
    Absent(Absence),
    /// The text that a record names by its digest is not at hand.
    TextNotHeld,
    /// What would tell is not kept over time.
    NotKept,
    /// Nothing of it happened, so that there is nothing to take the measure of.
    NothingHappened,
}
