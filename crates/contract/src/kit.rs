//! What the operator plane says of kits, keys and installation sheets, as JSON.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::dsse::HubKey;
use crate::exception::Person;
use crate::ids::{HostId, SiteId, TenantId};
use crate::time::UtcTime;

/// `POST /api/v1/tenants/{tenant}/kits`: export a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KitRequest {
    /// The period's first instant.
    pub from: UtcTime,
    /// The first instant after it.
    pub to: UtcTime,
    /// Who asks: it stands in the kit, and in the history of exports in later kits.
    pub by: Person,
    /// Say what the kit would be, and keep nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Its answer: an export that is kept, or what it would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KitView {
    /// The export's id; none for a dry run. The kit is at `/api/v1/tenants/{tenant}/kits/{id}`.
    pub id: Option<String>,
    /// The tenant.
    pub tenant: TenantId,
    /// The period's first instant.
    pub from: UtcTime,
    /// The first instant after it.
    pub to: UtcTime,
    /// Who exported it.
    pub by: Person,
    /// When it was exported.
    pub time: UtcTime,
    /// Whether this very export was there before, and its kit is the same as then.
    pub again: bool,
    /// The length of the zip, in bytes.
    pub bytes: u64,
    /// The digest of the zip.
    pub digest: Digest,
    /// The logs in it.
    pub logs: Vec<KitLogView>,
}

/// One log of a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KitLogView {
    /// Whose.
    pub host: HostId,
    /// Where.
    pub site: SiteId,
    /// Its size at the pinned head.
    pub size: u64,
    /// The first entry in the kit.
    pub first: u64,
    /// The one after the last.
    pub end: u64,
    /// How many of them are of the period.
    pub records: u64,
}

/// `GET /api/v1/keys`: the hub's public keys, as they are printed on paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HubKeys {
    /// Signs orders, the catalogue and the baseline.
    pub orders: HubKey,
    /// Cosigns the heads of the sites' logs, as a C2SP verifier key.
    pub witness: String,
    /// Signs the log of all sites' heads, as a C2SP verifier key.
    pub heads: String,
    /// Signs the covers of kits, as a C2SP verifier key.
    pub kits: String,
    /// Signs the hub's own log, in which people's acts stand, as a C2SP verifier key; none from an older hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<String>,
}
