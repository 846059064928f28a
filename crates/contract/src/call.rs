//! Calls: one to a person for each cause that waits for one, until somebody has it or it is over.

use serde::{Deserialize, Serialize};

use crate::baseline::Severity;
use crate::decision::Provenance;
use crate::ids::{HostId, IncidentId, OperatorId, OrderId, RunbookId, SiteId, TenantId};
use crate::incident::What;
use crate::time::UtcTime;

/// How long a call of this severity may wait for somebody, in milliseconds: 15 minutes, one hour, four, eight.
pub const fn period_ms(severity: Severity) -> u64 {
    const MINUTE: u64 = 60 * 1000;
    match severity {
        Severity::Critical => 15 * MINUTE,
        Severity::High => 60 * MINUTE,
        Severity::Medium => 4 * 60 * MINUTE,
        Severity::Low => 8 * 60 * MINUTE,
    }
}

/// A call, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CallView {
    /// Its number at this hub.
    pub call: u64,
    /// Whose machine.
    pub tenant: TenantId,
    /// Where.
    pub site: SiteId,
    /// Which.
    pub host: HostId,
    /// The incident that is the cause.
    pub incident: IncidentId,
    /// What was seen.
    pub what: What,
    /// Why it is a person's, in one line; none where it came to be one otherwise than by the planner.
    pub why: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// How many other incidents follow from it.
    pub symptoms: u64,
    /// Since when.
    pub raised: UtcTime,
    /// By when somebody has to have it; where somebody has, by when it is to be over.
    pub due: UtcTime,
    /// How often it was called anew, since that time went by.
    pub again: u32,
    /// Who has it.
    pub holder: Option<OperatorId>,
    /// Since when it is over; none where it is not.
    pub over: Option<UtcTime>,
}

/// A call with all that a person needs to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CallWhole {
    /// The call.
    pub call: CallView,
    /// What was tried, the last one last.
    pub tried: Vec<Tried>,
    /// What may be tried: approved runbooks that fit, those that disturb nobody first.
    pub may_try: Vec<MayTry>,
    /// Paragraphs of 45 CFR that the control supports; none where a detector fired.
    pub citations: Vec<String>,
    /// Why the baseline leaves it to people, where it does.
    pub left_to_people: Option<String>,
    /// Who had it, and when.
    pub steps: Vec<CallStep>,
}

/// A runbook that was ordered for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// The order.
    pub order: OrderId,
    /// The runbook.
    pub runbook: RunbookId,
    /// Who or what chose it.
    pub by: Provenance,
    /// When it was signed.
    pub at: UtcTime,
    /// What came of it, in words.
    pub came: String,
}

/// A runbook that may be ordered for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MayTry {
    /// The runbook.
    pub runbook: RunbookId,
    /// What it does.
    pub title: String,
    /// Whether somebody at the clinic would notice: it waits for the maintenance window.
    pub disruptive: bool,
    /// How many people have to approve it.
    pub approvals: u32,
}

/// Somebody took a call, or handed it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CallStep {
    /// When.
    pub at: UtcTime,
    /// Who did.
    pub by: OperatorId,
    /// Who has it since then.
    pub holder: OperatorId,
}

/// `POST /api/v1/calls/{call}/hand`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// Who is to have it.
    pub to: OperatorId,
}
