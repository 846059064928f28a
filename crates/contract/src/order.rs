//! Orders: a decision made binding for one host, once, for a while, by the hub's signature.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::decision::Provenance;
use crate::digest::Digest;
use crate::dsse::Signed;
use crate::ids::{
    ControlId, GrantId, HostId, IncidentId, OrderId, ParameterName, RunbookId, SiteId, TenantId,
};
use crate::runbook::ParameterValue;
use crate::time::UtcTime;

/// How long an order is good for, in milliseconds: 15 minutes.
pub const LIFETIME_MS: u64 = 15 * 60 * 1000;

/// The order, as the hub writes it and the executor parses it: from signed bytes only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Its id.
    pub order: OrderId,
    /// For this tenant,
    pub tenant: TenantId,
    /// this site,
    pub site: SiteId,
    /// this host.
    pub host: HostId,
    /// What it answers.
    pub incident: IncidentId,
    /// The failing control. The executor measures it before and after.
    pub control: ControlId,
    /// The runbook chosen.
    pub runbook: RunbookId,
    /// The digest of that runbook's bytes.
    pub runbook_digest: Digest,
    /// The digest of the catalogue that holds it.
    pub catalogue_digest: Digest,
    /// Bound from the incident by the runbook's own binding.
    pub parameters: BTreeMap<ParameterName, ParameterValue>,
    /// Strictly rising for each host.
    pub counter: u64,
    /// When it was signed.
    pub issued: UtcTime,
    /// When it stops being good.
    pub expires: UtcTime,
    /// Who or what chose the runbook.
    pub provenance: Provenance,
    /// The break-glass grant that it makes use of, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<GrantId>,
}

impl Order {
    /// Parses the order out of signed bytes. The error is the column at which they stop making sense.
    pub fn from_signed(signed: &Signed) -> Result<Self, u32> {
        serde_json::from_slice(signed.payload()).map_err(|e| u32::try_from(e.column()).unwrap_or(u32::MAX))
    }
}
