//! Records of the hub's own log about packets: one was made, or somebody said that they read it.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::{OperatorId, TenantId};
use crate::packet::PacketKind;

/// Something about a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketNoted {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is of.
    pub packet: PacketKind,
    /// The month, such as `2026-10`, or the first day of the week.
    pub period: String,
    /// Which packet of this period, from 1. A later one stands in the place of the one before, and names it.
    pub number: u32,
    /// The digest of its JSON.
    pub digest: Digest,
    /// The digest of the list of all its files: a line for each, by name, with the name, a space and the digest.
    pub files: Digest,
    /// The digest of the JSON of the one in whose place it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Digest>,
    /// What.
    pub what: PacketWhat,
}

/// What became of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PacketWhat {
    /// It was made, and is kept.
    Made,
    /// This person says that they read it.
    Acknowledged(OperatorId),
}
