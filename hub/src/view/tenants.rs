//! Tenants and sites, as they are listed.

use contract::ids::{SiteId, TenantId};
use serde::Serialize;
use utoipa::ToSchema;

/// A tenant with its sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TenantView {
    /// Which.
    pub(crate) tenant: TenantId,
    /// Its sites, by name.
    pub(crate) sites: Vec<TenantSite>,
}

/// A site, and how many hosts it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TenantSite {
    /// Which.
    pub(crate) site: SiteId,
    /// Hosts, those that wait for their machine among them.
    pub(crate) hosts: u64,
}
