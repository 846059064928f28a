//! What an agent says of itself once a minute, so that silence and blindness show: typed, bounded, and naming no person, file or address.
//!
//! Nothing is decided by it. What a machine is found to be is evidence; this is how well somebody looks.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fact::Word;
use crate::ids::{DetectorId, OperatorId};
use crate::record::LineLoss;
use crate::refusal::Mode;
use crate::runbook::Confinement;
use crate::time::{ClockOffset, UtcTime};
use crate::window::DeclaredWindow;

/// `POST /v1/heartbeat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// When, by the host's clock: what it is off by, the hub sees.
    pub at: UtcTime,
    /// What the kernel says of the clock.
    pub clock: ClockOffset,
    /// The size of the evidence log as the executor last said it; none before it said so.
    pub log_size: Option<u64>,
    /// The outbox.
    pub outbox: OutboxHealth,
    /// Lines that were read since the agent started, by source.
    pub lines: BTreeMap<LogSource, u64>,
    /// All that seldom changes.
    pub condition: Said,
}

/// What seldom changes is told when it did: an idle site has a few kilobytes a minute for everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Said {
    /// As it was in the last heartbeat that the hub answered.
    Unchanged,
    /// It is so now.
    Now(Box<Condition>),
}

impl Said {
    /// What it says, where it says it.
    pub fn now(&self) -> Option<&Condition> {
        match self {
            Self::Unchanged => None,
            Self::Now(condition) => Some(condition),
        }
    }
}

/// How the agent and what it stands on fare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The agent's version.
    pub agent: Word,
    /// The digest of the file that the agent was started from; none where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<Digest>,
    /// The running system's closure, where there is one (NixOS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closure: Option<Word>,
    /// Until when the certificate is good.
    pub certificate_until: Option<UtcTime>,
    /// What the executor says of itself.
    pub executor: ExecutorHealth,
    /// The parts of the agent that have said how they fare. What is missing has not: it is not known to be well.
    pub parts: BTreeMap<Part, PartHealth>,
    /// How the hub itself was found, since the agent started.
    pub troubles: BTreeMap<Trouble, Troubles>,
    /// The sources of log lines. One that is missing is not followed.
    pub sources: BTreeMap<LogSource, SourceHealth>,
    /// Log lines that were lost since this machine was enrolled, or the times that it happened, by reason.
    pub losses: BTreeMap<LineLoss, u64>,
    /// The detectors.
    pub detectors: DetectorsHealth,
}

/// Its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// When, by the hub's clock.
    pub heard: UtcTime,
    /// True where nothing changed and the hub does not know from what: it was started anew. All is to be told again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// What the executor says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ExecutorHealth {
    /// Nobody sits at its socket.
    Away,
    /// It is there, and did not answer this in time.
    Silent,
    /// Its log lacks entries that the hub holds: it does nothing until it has them back.
    Restoring,
    /// It stands so.
    Stands(Box<ExecutorCondition>),
}

/// How an executor stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ExecutorCondition {
    /// Its version.
    pub software: Word,
    /// The digest of the file that it was started from; none where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<Digest>,
    /// What runbooks may do here.
    pub mode: Mode,
    /// Who set the mode, where the configuration names somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode_set_by: Option<OperatorId>,
    /// When what is disruptive may run, where the site declared it; it never does otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<DeclaredWindow>,
    /// Until when a person may go around the mode, where the glass is broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass_until: Option<UtcTime>,
    /// What the kernel offers to confine the programs of steps with. The others of [`Confinement::ALL`] are missing.
    pub confinement: BTreeSet<Confinement>,
}

/// Where log lines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// The systemd journal.
    Journal,
    /// Log files.
    Files,
}

/// Whether a source is being followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Following {
    /// It is: so many streams.
    Streams(u32),
    /// There is nothing to follow, or none of it may be read.
    NothingReadable,
    /// The kernel does not let us, or journalctl does not run.
    Refused,
}

/// How a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SourceHealth {
    /// Whether it is followed.
    pub state: Following,
    /// Log files that are not followed: they may not be read, or there are too many.
    pub unfollowed: u64,
}

/// How the detectors fare: those that are not blind are shown every line that they are for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DetectorsHealth {
    /// How many there are.
    pub known: u32,
    /// Those that are not shown what they are for, by the reason.
    pub blind: BTreeMap<Blind, BTreeSet<DetectorId>>,
    /// Those that fired since the agent started.
    pub fired: BTreeMap<DetectorId, Fired>,
}

/// Why a detector sees nothing. It is no fault where the machine has no such program; nothing that it would have seen can be said to be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Blind {
    /// No log that it looks at is followed.
    NotFollowed,
    /// A log that it looks at is there, and may not be read.
    Unreadable,
    /// What it looks at could not be measured.
    NotMeasured,
}

/// How often a detector fired, and when last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Fired {
    /// How often.
    pub count: u64,
    /// When last, by the host's clock.
    pub last: UtcTime,
}

/// How full the outbox is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OutboxHealth {
    /// Incidents that the hub has not given its receipt for.
    pub waiting: u64,
    /// What they take of the disk.
    pub bytes: u64,
    /// Incidents that were lost, and not told as a gap yet.
    pub lost: u64,
    /// Incidents that were lost since the agent started, told or not.
    pub lost_in_all: u64,
    /// Incidents that cannot be read, or that the hub did not take: those are offered again after the next start.
    #[serde(default)]
    pub aside: u64,
}

/// A part of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The certificate's renewal.
    Certificate,
    /// The delivery of incidents.
    Incidents,
    /// The shipping of evidence.
    Evidence,
    /// The fetching of orders.
    Orders,
    /// The watch over files and units.
    Watch,
    /// The fetching of signed papers.
    Papers,
    /// The connection to the executor.
    Executor,
}

/// How a part fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PartHealth {
    /// Whether what it did last went well.
    pub well: bool,
    /// Since when it has been so.
    pub since: UtcTime,
}

/// What a hub can do to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Nobody answered, the connection failed, or it closed early.
    Unreachable,
    /// Whoever answered shows no certificate of the pinned authority.
    WrongCertificate,
    /// It says that it is broken or busy (5xx, 429), or sends the device elsewhere.
    Broken,
    /// It did not take what it was sent (another 4xx).
    Refused,
    /// It answered something else than was agreed.
    NotUnderstood,
    /// It gave a receipt that is none.
    NoReceipt,
    /// It gave a paper that is not believed, makes no sense, or is older than what is here.
    BadPaper,
    /// It gave a catalogue that this site has not approved.
    Unapproved,
}

/// How often, and when last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Troubles {
    /// How often.
    pub count: u64,
    /// When last, by the host's clock.
    pub last: UtcTime,
}
