//! The ten guardrails and their typed refusals. A refusal is evidence, so its words are a closed set.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;
use crate::dsse::SignatureFault;
use crate::ids::ParameterName;
use crate::outcome::Outcome;
use crate::runbook::{ParameterFault, Verb};
use crate::time::UtcTime;

/// The guardrails, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guardrail {
    /// 1. Signed by the pinned hub key, for this very host.
    Signature,
    /// 2. Not expired, not replayed.
    Freshness,
    /// 3. A runbook of the catalogue that this site approved.
    ApprovedRunbook,
    /// 4. Parameters of the declared type, range and scope.
    Parameters,
    /// 5. The site lets this runbook act.
    Mode,
    /// 6. Disruptive steps only inside the maintenance window.
    Window,
    /// 7. Disruptive steps only with a disciplined clock.
    Clock,
    /// 8. Not again within the cooldown.
    Cooldown,
    /// 9. Not too much at once.
    BlastRadius,
    /// 10. The site's policy.
    Policy,
}

impl Guardrail {
    /// All ten, in order.
    pub const ALL: [Self; 10] = [
        Self::Signature,
        Self::Freshness,
        Self::ApprovedRunbook,
        Self::Parameters,
        Self::Mode,
        Self::Window,
        Self::Clock,
        Self::Cooldown,
        Self::BlastRadius,
        Self::Policy,
    ];
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Refusal {
    /// Guardrail 1: the bytes.
    #[error("signature: {0}")]
    Signature(SignatureFault),
    /// Guardrail 1: the bytes were signed, and they are not an order that makes sense.
    #[error("signature: the signed bytes are not an order: column {column}")]
    NotAnOrder {
        /// Where the parser stopped, counted from 1.
        column: u32,
    },
    /// Guardrail 1: the order is for someone else.
    #[error("signature: the order is for another {0}")]
    NotForUs(Addressee),
    /// Guardrail 2: too old.
    #[error("freshness: the order expired at {at}")]
    Expired {
        /// Its expiry.
        at: UtcTime,
    },
    /// Guardrail 2: issued in this host's future by more than the allowance, so one of the two clocks is wrong.
    #[error("freshness: the order was issued at {at}, in this host's future")]
    FromTheFuture {
        /// Its issue time.
        at: UtcTime,
    },
    /// Guardrail 2: an order with this counter or a higher one was already accepted.
    #[error("freshness: counter {counter} is not above {highest}")]
    Replayed {
        /// The order's counter.
        counter: u64,
        /// The highest ever accepted.
        highest: u64,
    },
    /// Guardrail 3: the order names another catalogue than the approved one.
    #[error("approved_runbook: the order names catalogue {named}, which this site has not approved")]
    CatalogueNotApproved {
        /// The catalogue's digest in the order.
        named: Digest,
    },
    /// Guardrail 3: the catalogue holds no such runbook with these bytes.
    #[error("approved_runbook: the approved catalogue holds no such runbook with these bytes")]
    RunbookNotApproved,
    /// Guardrail 3: this runbook may not repair this control.
    #[error("approved_runbook: this runbook is not triggered by this control")]
    NotTriggered,
    /// Guardrail 4.
    #[error("parameters: {name}: {fault}")]
    Parameter {
        /// Which parameter.
        name: ParameterName,
        /// What is wrong with it.
        fault: ParameterFault,
    },
    /// Guardrail 5.
    #[error("mode: the site is in {0} mode")]
    Mode(Mode),
    /// Guardrail 6.
    #[error("window: a disruptive step waits for a maintenance window, and this site has declared none")]
    NoWindow,
    /// Guardrail 7.
    #[error("clock: a disruptive step waits until the clock is synchronised")]
    ClockUnsynchronised,
    /// Guardrail 8.
    #[error("cooldown: the same runbook ran on the same target; {left_ms} ms left")]
    CoolingDown {
        /// Milliseconds until it may run again.
        left_ms: u64,
    },
    /// Guardrail 9.
    #[error("blast_radius: the runbook needs a person's approval, and orders cannot carry one yet")]
    NeedsApproval,
    /// Guardrail 9: one run at a time.
    #[error("blast_radius: another run is under way")]
    AnotherRun,
    /// Guardrail 10: nothing in the built-in policy allows it.
    #[error("policy: no rule allows {0} on this resource")]
    NotAllowed(Verb),
    /// The executor measured the check itself, and it does not fail: nothing to repair.
    #[error("the check does not fail here and now: nothing was done")]
    NoFailingCheck,
    /// The executor could not measure the check, so a repair could not be proven.
    #[error("the check cannot be measured here: {0}")]
    CheckNotMeasured(crate::fact::Absence),
}

/// What an order is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressee {
    /// The tenant.
    Tenant,
    /// The site.
    Site,
    /// The host.
    Host,
}

impl std::fmt::Display for Addressee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tenant => "tenant",
            Self::Site => "site",
            Self::Host => "host",
        })
    }
}

/// What a site lets runbooks do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Look, plan, say what would be done; touch nothing.
    Observe,
    /// Repair.
    Enforce,
    /// People are at work on the machine: touch nothing.
    Maintenance,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
            Self::Maintenance => "maintenance",
        })
    }
}

impl Refusal {
    /// The guardrail that refused; `None` where all ten passed and the executor's own measurement did not bear the order out.
    pub const fn guardrail(&self) -> Option<Guardrail> {
        Some(match self {
            Self::Signature(_) | Self::NotAnOrder { .. } | Self::NotForUs(_) => Guardrail::Signature,
            Self::Expired { .. } | Self::FromTheFuture { .. } | Self::Replayed { .. } => Guardrail::Freshness,
            Self::CatalogueNotApproved { .. } | Self::RunbookNotApproved | Self::NotTriggered => {
                Guardrail::ApprovedRunbook
            }
            Self::Parameter { .. } => Guardrail::Parameters,
            Self::Mode(_) => Guardrail::Mode,
            Self::NoWindow => Guardrail::Window,
            Self::ClockUnsynchronised => Guardrail::Clock,
            Self::CoolingDown { .. } => Guardrail::Cooldown,
            Self::NeedsApproval | Self::AnotherRun => Guardrail::BlastRadius,
            Self::NotAllowed(_) => Guardrail::Policy,
            Self::NoFailingCheck | Self::CheckNotMeasured(_) => return None,
        })
    }

    /// How the order ends because of it.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Expired { .. } => Outcome::Expired,
            Self::Mode(Mode::Observe) => Outcome::Observed,
            Self::Mode(Mode::Maintenance | Mode::Enforce)
            | Self::NoWindow
            | Self::ClockUnsynchronised
            | Self::CoolingDown { .. }
            | Self::AnotherRun => Outcome::Deferred,
            Self::Signature(_)
            | Self::NotAnOrder { .. }
            | Self::NotForUs(_)
            | Self::FromTheFuture { .. }
            | Self::Replayed { .. }
            | Self::CatalogueNotApproved { .. }
            | Self::RunbookNotApproved
            | Self::NotTriggered
            | Self::Parameter { .. }
            | Self::NeedsApproval
            | Self::NotAllowed(_)
            | Self::NoFailingCheck
            | Self::CheckNotMeasured(_) => Outcome::Refused,
        }
    }
}
