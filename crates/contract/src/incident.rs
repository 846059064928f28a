//! Incidents: what a site tells its hub. Typed fields only, all bounded: no log line, no name, no path from a log.

use serde::{Deserialize, Serialize};

use crate::fact::{FactId, FactValue};
use crate::ids::{ControlId, IncidentId, SiteId, TenantId};
use crate::signal::Signal;
use crate::time::UtcTime;

/// One drift or one signal on one host. It does not name its tenant, site or host: the hub takes those from the client certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Its id, drawn by the agent.
    pub incident: IncidentId,
    /// When it was found, by the host's clock.
    pub found: UtcTime,
    /// What was found.
    pub what: What,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// A control of the baseline fails.
    Drift {
        /// The control.
        control: ControlId,
        /// What was looked at.
        fact: FactId,
        /// What was seen.
        observed: FactValue,
    },
    /// A detector fired over the host's logs.
    Signal(Signal),
}

impl What {
    /// What makes two incidents of one host the same: the control, or the detector and the unit, mount, device or origin that it fired for.
    pub fn subject(&self) -> String {
        match self {
            Self::Drift { control, .. } => format!("control:{control}"),
            Self::Signal(Signal { detector, about, .. }) => match about.identity() {
                Some(identity) => format!("detector:{detector}:{identity}"),
                None => format!("detector:{detector}"),
            },
        }
    }
}

/// The queue subject of a site's incidents. Made from parsed ids only, so it can hold neither wildcard nor another tenant's name.
pub fn subject(tenant: &TenantId, site: &SiteId) -> String {
    format!("tenants.{tenant}.sites.{site}.incidents")
}
