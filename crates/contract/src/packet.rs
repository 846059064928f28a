//! What the operator plane says of packets, as JSON.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::exception::Prose;
use crate::ids::{OperatorId, TenantId};
use crate::time::UtcTime;

/// `POST /api/v1/tenants/{tenant}/packets`: make the packet of a month that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PacketRequest {
    /// The month, such as `2026-10`.
    pub month: String,
    /// Why the packet that is there has to be corrected: then a new one is made, which names it. Without this, the one that is there is the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Prose>,
}

/// What a packet is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PacketKind {
    /// A month: the packet.
    Month,
    /// A week: the postcard.
    Week,
}

impl PacketKind {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Week => "week",
        }
    }

    /// What is written so.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Month, Self::Week].into_iter().find(|kind| kind.word() == text)
    }
}

/// A packet that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PacketView {
    /// Its id. Its files are at `/api/v1/tenants/{tenant}/packets/{id}/{file}`.
    pub id: String,
    /// The tenant.
    pub tenant: TenantId,
    /// What it is of.
    pub kind: PacketKind,
    /// The month, such as `2026-10`, or the first day of the week.
    pub period: String,
    /// Which packet of this period it is, from 1.
    pub number: u32,
    /// The id of the one that it corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<String>,
    /// Who had it made; none where the hub did by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<OperatorId>,
    /// When it was made.
    pub made: UtcTime,
    /// Whether it was there before.
    pub again: bool,
    /// Its files.
    pub files: Vec<PacketFileView>,
    /// Why it has no PDF; none where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_pdf: Option<String>,
    /// The write-once stores in which every file of it lies, locked.
    pub locked_in: Vec<String>,
    /// Who has read it, by their own word.
    pub acknowledged: Vec<AcknowledgedView>,
    /// How long it took; none where it was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<PacketTook>,
}

/// A file of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PacketFileView {
    /// Its name.
    pub name: String,
    /// Its length, in bytes.
    pub bytes: u64,
    /// Its digest.
    pub digest: Digest,
}

/// Somebody has read a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcknowledgedView {
    /// Who.
    pub person: OperatorId,
    /// When.
    pub time: UtcTime,
}

/// How long a packet took, apart by what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PacketTook {
    /// Records that were verified, from the first of each log on.
    pub records: u64,
    /// Verifying them and folding the month out of them, in milliseconds.
    pub verified_ms: u64,
    /// Writing the packet down in all its forms, in milliseconds.
    pub written_ms: u64,
}

/// `GET /api/v1/tenants/{tenant}/packets/progress`: what is being made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PacketMaking {
    /// How far it is; none where no packet of the tenant is being made.
    pub making: Option<PacketProgress>,
}

/// How far a packet that is being made has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PacketProgress {
    /// Records that were verified.
    pub done: u64,
    /// Of so many.
    pub of: u64,
}
