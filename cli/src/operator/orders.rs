//! Orders that wait, people who sign them, grants.

use contract::decision::Because;
use contract::ids::{HostId, IncidentId, OrderId, TenantId};
use contract::plane::{Declining, EnvelopeCarried, OrderView, Ordered, PersonOrder, Withholding};
use serde_json::Value;

use super::Operator;
use crate::exit::Failure;

impl Operator {
    /// A tenant's orders that wait on their hosts.
    pub(crate) fn orders(&self, tenant: &TenantId) -> Result<Vec<OrderView>, Failure> {
        self.all(&format!("/api/v1/tenants/{tenant}/orders"))
    }

    /// The envelope of one of them, to be signed.
    pub(crate) fn order(&self, tenant: &TenantId, order: &OrderId) -> Result<EnvelopeCarried, Failure> {
        self.get(&format!("/api/v1/tenants/{tenant}/orders/{order}"))
    }

    /// Hands it in with a further signature.
    pub(crate) fn approve(
        &self,
        tenant: &TenantId,
        order: &OrderId,
        envelope: &EnvelopeCarried,
    ) -> Result<(), Failure> {
        self.post(&format!("/api/v1/tenants/{tenant}/orders/{order}/approve"), envelope).map(|_: Value| ())
    }

    /// Says no to it.
    pub(crate) fn decline(
        &self,
        tenant: &TenantId,
        order: &OrderId,
        because: Because,
    ) -> Result<(), Failure> {
        let said = Declining { because };
        self.post(&format!("/api/v1/tenants/{tenant}/orders/{order}/decline"), &said).map(|_: Value| ())
    }

    /// Has a break-glass grant carried to a host.
    pub(crate) fn break_glass(
        &self,
        tenant: &TenantId,
        host: &HostId,
        envelope: &EnvelopeCarried,
    ) -> Result<(), Failure> {
        self.post(&format!("/api/v1/tenants/{tenant}/hosts/{host}/break-glass"), envelope).map(|_: Value| ())
    }

    /// Orders what a person chose for an incident.
    pub(crate) fn order_by_person(
        &self,
        tenant: &TenantId,
        host: &HostId,
        incident: &IncidentId,
        chosen: &PersonOrder,
    ) -> Result<Ordered, Failure> {
        self.post(&format!("/api/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}/order"), chosen)
    }

    /// Withholds standing orders from a host, or from a whole tenant where none is named; or grants them again.
    pub(crate) fn withhold_standing(
        &self,
        tenant: &TenantId,
        host: Option<&HostId>,
        withheld: bool,
    ) -> Result<(), Failure> {
        let of = host.map_or_else(String::new, |host| format!("/hosts/{host}"));
        let said = Withholding { withheld };
        self.post(&format!("/api/v1/tenants/{tenant}{of}/standing"), &said).map(|_: Withholding| ())
    }
}
