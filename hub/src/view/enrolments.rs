//! Hosts that wait for their machine, as they are listed.

use contract::ids::{HostId, SiteId, TenantId, TokenId};
use contract::time::UtcTime;
use serde::Serialize;
use utoipa::ToSchema;

/// One enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct EnrolmentView {
    /// Whose.
    pub(crate) tenant: TenantId,
    /// Where.
    pub(crate) site: SiteId,
    /// The host that it makes.
    pub(crate) host: HostId,
    /// The token's name. Its secret stands in the sheet alone.
    pub(crate) token: TokenId,
    /// Until when the token can be used.
    pub(crate) until: UtcTime,
    /// How far it came.
    pub(crate) state: EnrolmentState,
    /// When the machine was last heard of.
    pub(crate) seen: Option<UtcTime>,
}

/// How far an enrolment came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EnrolmentState {
    /// The token was not used yet.
    Waits,
    /// The token's time is over, and no machine used it.
    Over,
    /// A machine has it.
    Enrolled,
}
