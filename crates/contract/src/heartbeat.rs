//! What an agent says of itself once a minute, so that silence and blindness show: typed, bounded, and naming no person, file or address.
//!
//! Nothing is decided by it. What a machine is found to be is evidence; this is how well somebody looks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::Word;
use crate::time::{ClockOffset, UtcTime};

/// `POST /v1/heartbeat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// When, by the host's clock: what it is off by, the hub sees.
    pub at: UtcTime,
    /// The agent's version.
    pub agent: Word,
    /// The running system's closure, where there is one (NixOS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closure: Option<Word>,
    /// What the kernel says of the clock.
    pub clock: ClockOffset,
    /// The size of the evidence log as the executor last said it; none before it said so.
    pub log_size: Option<u64>,
    /// Until when the certificate is good.
    pub certificate_until: Option<UtcTime>,
    /// The outbox.
    pub outbox: OutboxHealth,
    /// The parts of the agent that have said how they fare. What is missing has not: it is not known to be well.
    pub parts: BTreeMap<Part, PartHealth>,
    /// How the hub itself was found, since the agent started.
    pub troubles: BTreeMap<Trouble, Troubles>,
}

/// Its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// When, by the hub's clock.
    pub heard: UtcTime,
}

/// How full the outbox is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxHealth {
    /// Incidents that the hub has not given its receipt for.
    pub waiting: u64,
    /// What they take of the disk.
    pub bytes: u64,
    /// Incidents that were lost, and not told as a gap yet.
    pub lost: u64,
}

/// A part of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
}

/// How a part fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartHealth {
    /// Whether what it did last went well.
    pub well: bool,
    /// Since when it has been so.
    pub since: UtcTime,
}

/// What a hub can do to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
#[serde(deny_unknown_fields)]
pub struct Troubles {
    /// How often.
    pub count: u64,
    /// When last, by the host's clock.
    pub last: UtcTime,
}
