//! What hosts may have, and which failures a tenant accepts.

use contract::ids::{HostId, SiteId, TenantId};
use contract::plane::{TextKept, TextSet};

use super::Operator;
use crate::exit::Failure;

/// Whose allowlist it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AllowedFor<'a> {
    /// That of every host of a site that has none of its own.
    Site(&'a SiteId),
    /// One host's.
    Host(&'a HostId),
}

impl Operator {
    /// Sets an allowlist, or takes it back.
    pub(crate) fn set_allowlist(
        &self,
        tenant: &TenantId,
        whose: AllowedFor<'_>,
        set: &TextSet,
    ) -> Result<TextKept, Failure> {
        let of = match whose {
            AllowedFor::Site(site) => format!("sites/{site}"),
            AllowedFor::Host(host) => format!("hosts/{host}"),
        };
        self.post(&format!("/api/v1/tenants/{tenant}/{of}/allowlist"), set)
    }

    /// Sets a tenant's exceptions, or takes them back.
    pub(crate) fn set_exceptions(&self, tenant: &TenantId, set: &TextSet) -> Result<TextKept, Failure> {
        self.post(&format!("/api/v1/tenants/{tenant}/exceptions"), set)
    }
}
