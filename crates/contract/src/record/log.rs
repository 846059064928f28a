//! Records about the log itself: how it began, what interrupted it, what it lost, which key signs it, and where replay may begin.

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::digest::Digest;
use crate::ids::{ControlId, HostId, OrderId, RunbookId, SiteId, TenantId};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::resource::Resource;
use crate::time::UtcTime;

/// The first record of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// Whose log it is.
    pub tenant: TenantId,
    /// Where.
    pub site: SiteId,
    /// Which machine.
    pub host: HostId,
    /// The key that signs its first checkpoints, as a C2SP verifier key.
    pub key: String,
    /// The version of the executor that opened it.
    pub software: String,
    /// The log that it goes on from, where that one could not go on itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub succeeds: Option<Succeeds>,
}

/// The log before a successor log. A `gap` record follows the first one and says what is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Succeeds {
    /// Its origin.
    pub origin: String,
    /// The size of its last known head.
    pub size: u64,
    /// The root of its last known head.
    pub root: RootHash,
    /// Why it could not go on.
    pub reason: SuccessionReason,
}

/// A tree's root: 32 bytes, in base64 as a checkpoint writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Blob", into = "Blob")]
pub struct RootHash(pub [u8; 32]);

impl TryFrom<Blob> for RootHash {
    type Error = &'static str;
    fn try_from(blob: Blob) -> Result<Self, Self::Error> {
        blob.0.try_into().map(Self).map_err(|_| "not 32 bytes in base64")
    }
}

impl From<RootHash> for Blob {
    fn from(root: RootHash) -> Self {
        Self(root.0.to_vec())
    }
}

/// Why a log could not go on. A closed set, since it is an operator's word in evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuccessionReason {
    /// Entries are gone, and the mirror has not got them either.
    LogLost,
    /// What is there is not what was signed, and cannot be put right.
    LogDamaged,
    /// The key is gone or cannot be opened any more.
    KeyLost,
    /// The log and its mirror hold different histories.
    Forked,
}

/// The executor came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovered {
    /// Bytes of a torn last entry that were cut off, above the last signed size.
    pub torn_bytes: u64,
    /// Runs that had begun and not ended. Each is taken up again by the normal path.
    pub unfinished: Vec<OrderId>,
}

/// Where the executor stands: all that it needs of the records before this one. Written only while no run is unfinished.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The highest counter ever accepted; 0 where none was.
    pub highest_counter: u64,
    /// When each runbook last ended on each target, in ascending order of runbook and target.
    pub last_runs: Vec<LastRun>,
    /// The controls whose last word in the log is that they fail, in ascending order.
    pub failing: Vec<ControlId>,
    /// When controls last went from passing to failing or back, as far as it counts for flapping.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turned: Vec<Turned>,
    /// The standing order in force: its counter, and the digest of its signed bytes; 0 and none where there never was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing_order: Option<StandingHeld>,
    /// The last break-glass grant: its counter, and the record's details where it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<super::site::BreakGlass>,
    /// The digest of the policy in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Digest>,
    /// The digest of the policy that was last announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_announced: Option<Digest>,
    /// The latest time that has been, as far as was known: a clock that says less is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<UtcTime>,
    /// The papers that came last, by kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub papers: Vec<super::site::PaperTaken>,
    /// What the kernel offered to confine programs with, when it was last written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confined: Option<super::site::Confined>,
    /// The generations that were healthy, the newest word last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub healthy: Vec<super::site::GenerationHealthy>,
    /// How the newest orders ended, oldest first: as many as the record has room for.
    pub answers: Vec<Answered>,
}

/// A standing order that was taken: which, and how far its counter is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingHeld {
    /// Its counter.
    pub counter: u64,
    /// The digest of its envelope.
    pub envelope: Digest,
}

/// When a control went from passing to failing or back, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turned {
    /// The control.
    pub control: ControlId,
    /// When.
    pub at: Vec<UtcTime>,
}

/// When a runbook last ended on a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastRun {
    /// The runbook.
    pub runbook: RunbookId,
    /// What it touched.
    pub target: Resource,
    /// The time of the record of its end.
    pub ended: UtcTime,
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The order.
    pub order: OrderId,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was not carried out, where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// The record that says so.
    pub seq: u64,
}

/// Something was not observed, or not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// From when on, as far as is known.
    pub from: UtcTime,
    /// Until when.
    pub until: UtcTime,
    /// How much.
    pub lost: Lost,
}

/// Why something was not observed or not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Nobody wrote records: the executor, or the whole machine, was off or could not write (a full disk stops it).
    NotRunning,
    /// The hub could not be reached for so long that the agent's outbox dropped incidents.
    OutboxFull,
    /// Records of the log before this one are lost: in a successor log.
    LogLost,
    /// Lines of the host's own logs were not read.
    Lines(LineLoss),
}

/// Why lines of the host's logs were not read, or may not have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LineLoss {
    /// A file was rotated away unseen, and is compressed or deleted.
    RotatedAway,
    /// A file was cut, and no copy of what it held was found.
    Truncated,
    /// The kernel dropped events: a file that came and went meanwhile was not seen.
    EventsDropped,
    /// Only the beginning of a line was looked at, or nothing of a journal entry: it was too long.
    TooLong,
    /// There are more log files than are followed, and one of the others was written to.
    TooManyFiles,
    /// A file that was followed can no longer be read.
    Unreadable,
    /// How far the logs were read is no longer known.
    PlacesLost,
    /// The journal no longer holds the entry that was read last.
    JournalForgot,
    /// The journal itself says that it, or the kernel, dropped entries.
    JournalDropped,
    /// The journal handed over an entry that is not understood.
    JournalBent,
    /// Signals of detectors could not be kept until they were written down, or make no record.
    Unkept,
}

/// How much was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Lost {
    /// So many: incidents for [`GapReason::OutboxFull`], lines or the times that it happened for [`GapReason::Lines`], records for the others.
    Count(u64),
    /// Nobody can tell.
    Unknown,
}

/// Entries that the log had lost were fetched back from the mirror, each checked against a head that this log's own key signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restored {
    /// The index of the first that was fetched back.
    pub from: u64,
    /// The size of the log when all of them were there.
    pub size: u64,
    /// The root at that size.
    pub root: RootHash,
}

/// The key in force names the next one. The head of exactly this record is the last that it signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyNamed {
    /// The next key, as a C2SP verifier key.
    pub key: String,
}

/// The next key takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyTaken {
    /// The head that covers the naming record and no more, as a note signed by the key that was in force until then.
    pub handover: String,
    /// The key that was named.
    pub key: String,
}
