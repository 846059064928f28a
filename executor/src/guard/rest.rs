//! Guardrails 4 to 10. Each looks at one approved order and lets it pass or says why not.

use contract::refusal::{Guardrail, Mode, Refusal};
use contract::runbook::{Approval, ParameterValue, Step, Verb};
use contract::time::ClockOffset;

use super::{Approved, Moment, Site, own_directory_mode};
use crate::ledger::Ledger;

type Ask = fn(&Approved<'_>, &Site, &Ledger, &Moment) -> Result<(), Refusal>;

/// Clock error above which disruptive steps wait, in milliseconds.
const CLOCK_ERROR_MAX_MS: u32 = 5000;

/// In the order in which they are asked.
pub const REST: [(Guardrail, Ask); 7] = [
    (Guardrail::Parameters, parameters),
    (Guardrail::Mode, mode),
    (Guardrail::Window, window),
    (Guardrail::Clock, clock),
    (Guardrail::Cooldown, cooldown),
    (Guardrail::BlastRadius, blast_radius),
    (Guardrail::Policy, policy),
];

/// 4. Exactly what the runbook's bindings yield for the failing control, and within the declarations.
fn parameters(asked: &Approved<'_>, _: &Site, _: &Ledger, _: &Moment) -> Result<(), Refusal> {
    let checked = asked.runbook.check(&asked.order.parameters, asked.control);
    checked.map_err(|(name, fault)| Refusal::Parameter { name, fault })
}

/// 5. The site enforces, or enforces this runbook.
fn mode(asked: &Approved<'_>, site: &Site, _: &Ledger, _: &Moment) -> Result<(), Refusal> {
    match site.mode {
        Mode::Enforce => Ok(()),
        Mode::Observe if site.enforce.contains(&asked.runbook.id) => Ok(()),
        Mode::Observe | Mode::Maintenance => Err(Refusal::Mode(site.mode)),
    }
}

/// 6. No site has declared a window yet, so everything disruptive waits.
fn window(asked: &Approved<'_>, _: &Site, _: &Ledger, _: &Moment) -> Result<(), Refusal> {
    if asked.runbook.disruptive { Err(Refusal::NoWindow) } else { Ok(()) }
}

/// 7. Disruptive steps wait until the clock is disciplined.
fn clock(asked: &Approved<'_>, _: &Site, _: &Ledger, moment: &Moment) -> Result<(), Refusal> {
    match moment.clock {
        _ if !asked.runbook.disruptive => Ok(()),
        ClockOffset::SynchronisedWithinMs(error) if error <= CLOCK_ERROR_MAX_MS => Ok(()),
        ClockOffset::SynchronisedWithinMs(_) | ClockOffset::Unsynchronised | ClockOffset::Unknown => {
            Err(Refusal::ClockUnsynchronised)
        }
    }
}

/// 8. Not the same runbook on the same target within its cooldown.
fn cooldown(asked: &Approved<'_>, _: &Site, ledger: &Ledger, moment: &Moment) -> Result<(), Refusal> {
    match ledger.ms_since_run(&asked.order.runbook, &asked.order.control, moment) {
        Some(since) if since < asked.runbook.cooldown_ms => {
            Err(Refusal::CoolingDown { left_ms: asked.runbook.cooldown_ms - since })
        }
        Some(_) | None => Ok(()),
    }
}

/// 9. One target (an order names one control), one run at a time, and nothing that needs a person's approval.
fn blast_radius(asked: &Approved<'_>, _: &Site, ledger: &Ledger, _: &Moment) -> Result<(), Refusal> {
    match asked.runbook.approval {
        Approval::OnePerson | Approval::TwoPeople => Err(Refusal::NeedsApproval),
        Approval::None if ledger.unfinished().any(|run| run.accepted.order != asked.order.order) => {
            Err(Refusal::AnotherRun)
        }
        Approval::None => Ok(()),
    }
}

/// 10. The built-in rules, and nothing else yet: nothing matched is deny.
///
/// One thing is allowed: to give one of our own directories the private mode that is declared for it. It cannot open anything up.
fn policy(asked: &Approved<'_>, _: &Site, _: &Ledger, _: &Moment) -> Result<(), Refusal> {
    asked.runbook.steps.iter().try_for_each(|step| match step {
        Step::FileRestore { target, mode } => {
            let value = |name| asked.order.parameters.get(name);
            match (value(&target.0), value(&mode.0)) {
                (Some(ParameterValue::OwnDirectory(directory)), Some(ParameterValue::FileMode(mode)))
                    if mode.bits() == own_directory_mode(*directory) =>
                {
                    Ok(())
                }
                (_, _) => Err(Refusal::NotAllowed(Verb::FileRestore)),
            }
        }
        Step::SysctlSet { .. } | Step::UnitRestart { .. } => Err(Refusal::NotAllowed(step.verb())),
    })
}
