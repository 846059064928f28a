//! A tenant's accepted failures, and those that somebody proposes to accept.

use contract::digest::Digest;
use contract::exception::{Date, Exception, Exceptions, Person, Prose};
use contract::ids::{ControlId, OperatorId, TenantId};
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A tenant's exceptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ExceptionsView {
    /// Whose.
    pub(crate) tenant: TenantId,
    /// Of the text that hosts are given; none where there is none.
    pub(crate) digest: Option<Digest>,
    /// Those in the text.
    pub(crate) exceptions: Vec<ExceptionView>,
    /// Those that wait for a second person.
    pub(crate) proposals: Vec<ProposalView>,
}

/// One exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ExceptionView {
    /// The control that fails.
    pub(crate) control: ControlId,
    /// Why it is left so.
    pub(crate) reason: Prose,
    /// What could come of it.
    pub(crate) risk: Prose,
    /// What is done instead.
    pub(crate) compensating_controls: Vec<Prose>,
    /// Who answers for it.
    pub(crate) owner: Person,
    /// Who accepted it.
    pub(crate) approver: Person,
    /// Its first day (UTC).
    pub(crate) from: Date,
    /// Its last day (UTC).
    pub(crate) until: Date,
    /// Whether it excuses anything now.
    pub(crate) state: ExceptionState,
    /// Days until its last one is over, the present one counted; none where they are.
    pub(crate) days_left: u64,
}

/// Whether an exception excuses anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExceptionState {
    /// It begins later.
    ToCome,
    /// It does.
    InForce,
    /// It is over, excuses nothing, and stays to be seen until somebody ends it.
    Expired,
}

/// `POST /api/v1/tenants/{tenant}/exceptions/proposals`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProposal {
    /// The control that fails.
    pub(crate) control: ControlId,
    /// Why it is to be left so.
    pub(crate) reason: Prose,
    /// What could come of it.
    pub(crate) risk: Prose,
    /// What is done instead.
    pub(crate) compensating_controls: Vec<Prose>,
    /// Who answers for it.
    pub(crate) owner: Person,
    /// The first day (UTC).
    pub(crate) from: Date,
    /// The last day (UTC).
    pub(crate) until: Date,
}

/// A proposal that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ProposalView {
    /// Its name.
    pub(crate) id: String,
    /// Who proposed it.
    pub(crate) proposer: OperatorId,
    /// When.
    pub(crate) time: UtcTime,
    /// What.
    pub(crate) proposed: NewProposal,
}

impl NewProposal {
    /// The exception that it becomes once `approver` accepts it.
    pub(crate) fn accepted(self, approver: Person) -> Exception {
        let Self { control, reason, risk, compensating_controls, owner, from, until } = self;
        Exception { control, reason, risk, compensating_controls, owner, approver, from, until }
    }
}

/// The exceptions of a text, as they stand now.
pub(crate) fn list(exceptions: &Exceptions, now: UtcTime) -> Vec<ExceptionView> {
    exceptions.iter().map(|exception| one(exception.clone(), now)).collect()
}

fn one(exception: Exception, now: UtcTime) -> ExceptionView {
    let state = if exception.expired(now) {
        ExceptionState::Expired
    } else if exception.in_force(now) {
        ExceptionState::InForce
    } else {
        ExceptionState::ToCome
    };
    let days_left = exception.until.ends().ms_since(now).div_ceil(DAY_MS);
    let Exception { control, reason, risk, compensating_controls, owner, approver, from, until } = exception;
    ExceptionView {
        control,
        reason,
        risk,
        compensating_controls,
        owner,
        approver,
        from,
        until,
        state,
        days_left,
    }
}
