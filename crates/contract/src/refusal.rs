//! The ten guardrails and their typed refusals. A refusal is evidence, so its words are a closed set.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;
use crate::dsse::SignatureFault;
use crate::ids::{ControlId, GrantId, ParameterName, RunbookId};
use crate::outcome::Outcome;
use crate::record::Opponent;
use crate::resource::UnitName;
use crate::runbook::{Confinement, ParameterFault, Verb};
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
    /// Guardrail 1: a signature over the bytes is good, and its key's time is over.
    #[error("signature: by the hub's previous key, which ended at {at}")]
    KeyEnded {
        /// When it ended.
        at: UtcTime,
    },
    /// Guardrail 1: a grant whose signature is good, and which makes no sense here.
    #[error("signature: {0} is refused")]
    GrantRefused(Granted),
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
    /// Guardrail 2: this host's clock is behind a time that has been, so nothing can be said of an expiry. It passes when the clock is right.
    #[error("freshness: this host's clock is behind {at}, which has been: no expiry can be judged by it")]
    ClockBehind {
        /// A time that has been, by the log, the hub's receipts and what the clock itself said before.
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
    /// Guardrail 3: the kernel does not offer what the runbook demands for its confinement.
    #[error("approved_runbook: confinement: {0} unavailable, and the runbook demands it")]
    Unconfined(Confinement),
    /// Guardrail 3: it is written for another system.
    #[error("approved_runbook: the runbook is written for another operating system")]
    OtherSystem,
    /// Guardrail 3: a standing order does not grant this runbook, or it is one that always waits for a person or a window.
    #[error("approved_runbook: the standing order does not grant this runbook")]
    NotGranted,
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
    /// Guardrail 5: it makes use of a break-glass grant that is not in force: it never was, or its time is over.
    #[error("mode: break-glass {0} is not in force")]
    BreakGlassEnded(GrantId),
    /// Guardrail 6.
    #[error("window: a disruptive step waits for a maintenance window, and this site has declared none")]
    NoWindow,
    /// Guardrail 6: the window is shut.
    #[error("window: a disruptive step waits for the maintenance window, which opens at {opens}")]
    OutsideWindow {
        /// When it opens.
        opens: UtcTime,
    },
    /// Guardrail 7.
    #[error("clock: a disruptive step waits until the clock is synchronised")]
    ClockUnsynchronised,
    /// Guardrail 8: the same thing breaks again and again, repairs or not.
    #[error(
        "cooldown: {control} went back and forth {transitions} times in {days} days: something is fighting us; a person has to look"
    )]
    Flapping {
        /// The control.
        control: ControlId,
        /// How often it went from passing to failing or back, successes included.
        transitions: u32,
        /// Within so many days.
        days: u32,
        /// Who else changes it, as far as the machine tells.
        opponent: Opponent,
    },
    /// Guardrail 8.
    #[error("cooldown: the same runbook ran on the same target; {left_ms} ms left")]
    CoolingDown {
        /// Milliseconds until it may run again.
        left_ms: u64,
    },
    /// Guardrail 9.
    #[error("blast_radius: the runbook needs the approval of {need} people, and {have} have signed")]
    NeedsApproval {
        /// How many pinned operators have signed the same bytes.
        have: u32,
        /// How many must.
        need: u32,
    },
    /// Guardrail 9: as many runs as this machine may carry are under way, or one on the same target.
    #[error("blast_radius: another run is under way")]
    AnotherRun,
    /// Guardrail 9: too many things at once.
    #[error("blast_radius: the run touches {targets} things, and {max} are the most")]
    TooManyTargets {
        /// How many it would touch.
        targets: u32,
        /// The most allowed.
        max: u32,
    },
    /// Guardrail 9: units that a patient's visit waits for depend on it, and run now.
    #[error("blast_radius: {running} critical units that run now depend on {unit}")]
    DependantsCritical {
        /// The unit that would be touched.
        unit: UnitName,
        /// How many.
        running: u32,
    },
    /// Guardrail 9: who depends on it cannot be told, and this site has critical units.
    #[error("blast_radius: what depends on {unit} cannot be told now, and a critical unit may")]
    DependantsUnknown {
        /// The unit that would be touched.
        unit: UnitName,
    },
    /// Guardrail 10: nothing in the policy allows it, or something denies it.
    #[error("policy: {0} on this resource is denied")]
    NotAllowed(Verb),
    /// Guardrail 10: the policy asks for a person's approval.
    #[error("policy: {0} on this resource needs a person's approval")]
    NeedsReview(Verb),
    /// The executor measured the check itself, and it does not fail: nothing to repair.
    #[error("gone: the check does not fail here and now, and nothing was done")]
    NoFailingCheck,
    /// Something that must hold before the run does not.
    #[error("precondition {number} of the runbook does not hold")]
    Precondition {
        /// Which, from 1.
        number: u32,
    },
    /// A run that this one waits for did not heal.
    #[error("the run of {0} that this one waits for did not heal")]
    DependencyFailed(RunbookId),
    /// It waited for so long that it is no longer meant.
    #[error("it waited until {at}, and what it waited for did not come")]
    WaitedTooLong {
        /// When the wait ended.
        at: UtcTime,
    },
    /// Standing order: the hub was not silent for long enough.
    #[error("standing order: the hub was heard {ago_ms} ms ago")]
    HubHeard {
        /// How long ago.
        ago_ms: u64,
    },
    /// Standing order: none is in force.
    #[error("standing order: none is in force")]
    NoStandingOrder,
    /// Standing order: its rules do not name exactly one runbook for this control.
    #[error("standing order: its rules leave this control to a person")]
    NoRule,
    /// The executor could not measure the check, so a repair could not be proven.
    #[error("the check cannot be measured here: {0}")]
    CheckNotMeasured(crate::fact::Absence),
}

/// What a grant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granted {
    /// A standing order.
    StandingOrder,
    /// Break-glass.
    BreakGlass,
    /// A paper: see [`crate::paper`].
    Paper,
}

impl std::fmt::Display for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::StandingOrder => "a standing order",
            Self::BreakGlass => "break-glass",
            Self::Paper => "a paper",
        })
    }
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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
            Self::Signature(_)
            | Self::NotAnOrder { .. }
            | Self::NotForUs(_)
            | Self::KeyEnded { .. }
            | Self::GrantRefused(_) => Guardrail::Signature,
            Self::Expired { .. }
            | Self::FromTheFuture { .. }
            | Self::ClockBehind { .. }
            | Self::Replayed { .. } => Guardrail::Freshness,
            Self::CatalogueNotApproved { .. }
            | Self::RunbookNotApproved
            | Self::NotTriggered
            | Self::Unconfined(_)
            | Self::OtherSystem
            | Self::NotGranted => Guardrail::ApprovedRunbook,
            Self::Parameter { .. } => Guardrail::Parameters,
            Self::Mode(_) | Self::BreakGlassEnded(_) => Guardrail::Mode,
            Self::NoWindow | Self::OutsideWindow { .. } => Guardrail::Window,
            Self::ClockUnsynchronised => Guardrail::Clock,
            Self::CoolingDown { .. } | Self::Flapping { .. } => Guardrail::Cooldown,
            Self::NeedsApproval { .. }
            | Self::AnotherRun
            | Self::TooManyTargets { .. }
            | Self::DependantsCritical { .. }
            | Self::DependantsUnknown { .. } => Guardrail::BlastRadius,
            Self::NotAllowed(_) | Self::NeedsReview(_) => Guardrail::Policy,
            Self::NoFailingCheck
            | Self::CheckNotMeasured(_)
            | Self::Precondition { .. }
            | Self::DependencyFailed(_)
            | Self::WaitedTooLong { .. }
            | Self::HubHeard { .. }
            | Self::NoStandingOrder
            | Self::NoRule => return None,
        })
    }

    /// How the order ends because of it.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Expired { .. } | Self::WaitedTooLong { .. } => Outcome::Expired,
            Self::Mode(Mode::Observe) | Self::NoFailingCheck => Outcome::Observed,
            Self::Flapping { .. } => Outcome::Escalated,
            Self::Mode(Mode::Maintenance | Mode::Enforce)
            | Self::NoWindow
            | Self::OutsideWindow { .. }
            | Self::ClockUnsynchronised
            | Self::ClockBehind { .. }
            | Self::CoolingDown { .. }
            | Self::NeedsApproval { .. }
            | Self::NeedsReview(_)
            | Self::AnotherRun
            | Self::DependantsCritical { .. }
            | Self::DependantsUnknown { .. }
            | Self::HubHeard { .. } => Outcome::Deferred,
            Self::Signature(_)
            | Self::NotAnOrder { .. }
            | Self::NotForUs(_)
            | Self::FromTheFuture { .. }
            | Self::Replayed { .. }
            | Self::CatalogueNotApproved { .. }
            | Self::RunbookNotApproved
            | Self::NotTriggered
            | Self::KeyEnded { .. }
            | Self::GrantRefused(_)
            | Self::Unconfined(_)
            | Self::OtherSystem
            | Self::NotGranted
            | Self::Parameter { .. }
            | Self::BreakGlassEnded(_)
            | Self::TooManyTargets { .. }
            | Self::NotAllowed(_)
            | Self::Precondition { .. }
            | Self::DependencyFailed(_)
            | Self::NoStandingOrder
            | Self::NoRule
            | Self::CheckNotMeasured(_) => Outcome::Refused,
        }
    }
}
