//! Guardrail 3's questions, and guardrails 5 to 9 as one table. Each looks at an order and lets it pass or says why not.

use contract::baseline::Control;
use contract::order::Order;
use contract::record::Authority;
use contract::refusal::{Guardrail, Mode, Refusal};
use contract::resource::{Resource, UnitName};
use contract::runbook::{Action, Approval, Approved as Listed, Runbook, TargetOs};
use contract::time::ClockOffset;

use super::{Bound, Site, Surroundings};
use crate::ledger::Ledger;

type Ask = fn(&Bound<'_>, &Site, &Ledger, &Surroundings) -> Result<(), Refusal>;

/// Clock error above which disruptive steps wait, in milliseconds.
pub(crate) const CLOCK_ERROR_MAX_MS: u32 = 5000;

/// In the order in which they are asked. The tenth, the policy, answers more than yes or no: it is asked after them.
pub const REST: [(Guardrail, Ask); 5] = [
    (Guardrail::Mode, mode),
    (Guardrail::Window, window),
    (Guardrail::Clock, clock),
    (Guardrail::Cooldown, cooldown),
    (Guardrail::BlastRadius, blast_radius),
];

/// Guardrail 3: the catalogue that this site approved holds the runbook with these bytes, for this control and this system; its programs can be confined
/// as it demands; a standing order grants it.
pub(super) fn approved<'a>(
    order: &Order,
    authority: &Authority,
    site: &'a Site,
    around: &Surroundings,
) -> Result<(&'a Listed, &'a Control), Refusal> {
    let found = site.catalogue.runbook(&order.runbook).filter(|a| a.digest == order.runbook_digest);
    #[cfg(test)]
    let found = site.unless(Guardrail::ApprovedRunbook, found, || {
        site.catalogue.iter().find(|a| a.runbook.id == order.runbook)
    });
    let listed = found.ok_or(Refusal::RunbookNotApproved);
    if order.catalogue_digest != site.catalogue.digest() {
        let named = order.catalogue_digest;
        site.unless(Guardrail::ApprovedRunbook, Err(Refusal::CatalogueNotApproved { named }), || Ok(()))?;
    }
    let listed = listed?;
    let control = site.baseline.control(&order.control);
    let triggered = control.filter(|_| listed.runbook.triggers.contains(&order.control));
    #[cfg(test)]
    let triggered = site.unless(Guardrail::ApprovedRunbook, triggered, || control);
    let control = triggered.ok_or(Refusal::NotTriggered)?;
    site.unless(Guardrail::ApprovedRunbook, suits(&listed.runbook, authority, around), || Ok(()))?;
    Ok((listed, control))
}

fn suits(runbook: &Runbook, authority: &Authority, around: &Surroundings) -> Result<(), Refusal> {
    let other_system = match runbook.target_os {
        TargetOs::Linux => false,
        TargetOs::Debian | TargetOs::Nixos => runbook.target_os != around.system,
    };
    let missing = runbook.confinement.iter().find(|feature| !around.confinement.contains(feature));
    match (authority, missing) {
        _ if other_system => Err(Refusal::OtherSystem),
        (_, Some(feature)) => Err(Refusal::Unconfined(*feature)),
        // What disturbs somebody, or what a person has to agree to, always waits for the hub and for people.
        (Authority::StandingOrder(_), None) if runbook.disruptive || runbook.approval != Approval::None => {
            Err(Refusal::NotGranted)
        }
        (Authority::StandingOrder(_) | Authority::Hub, None) => Ok(()),
    }
}

/// 5. The site enforces, or enforces this runbook; or a named person broke the glass, and it is still broken.
fn mode(asked: &Bound<'_>, site: &Site, ledger: &Ledger, around: &Surroundings) -> Result<(), Refusal> {
    if let Some(grant) = &asked.order().break_glass {
        let in_force = ledger.break_glass(around.moment.now).is_some_and(|glass| glass.grant == *grant);
        return if in_force { Ok(()) } else { Err(Refusal::BreakGlassEnded(grant.clone())) };
    }
    match site.mode {
        Mode::Enforce => Ok(()),
        Mode::Observe if site.enforce.contains(&asked.runbook().id) => Ok(()),
        Mode::Observe | Mode::Maintenance => Err(Refusal::Mode(site.mode)),
    }
}

/// 6. What is disruptive runs while the window is open, and under break-glass (which guardrail 5 has just seen to be in force).
fn window(asked: &Bound<'_>, site: &Site, _: &Ledger, around: &Surroundings) -> Result<(), Refusal> {
    if !asked.runbook().disruptive || asked.order().break_glass.is_some() {
        return Ok(());
    }
    let window = site.window.as_ref().ok_or(Refusal::NoWindow)?;
    let opens = window.opens(around.moment.now).ok_or(Refusal::NoWindow)?;
    if opens == around.moment.now { Ok(()) } else { Err(Refusal::OutsideWindow { opens }) }
}

/// 7. Disruptive steps wait until the clock is disciplined.
fn clock(asked: &Bound<'_>, site: &Site, _: &Ledger, around: &Surroundings) -> Result<(), Refusal> {
    match around.moment.clock {
        _ if !asked.runbook().disruptive => Ok(()),
        ClockOffset::SynchronisedWithinMs(error) if error <= site.clock_error_ms_max => Ok(()),
        ClockOffset::SynchronisedWithinMs(_) | ClockOffset::Unsynchronised | ClockOffset::Unknown => {
            Err(Refusal::ClockUnsynchronised)
        }
    }
}

/// How much of the runbook's cooldown is left. A unit that it touched rests from it, whatever else it touches now. What is no unit may be shared by runs
/// that repair different things (a file with all kernel parameters): such a run is the same again where each of its targets is.
fn cooldown_left(asked: &Bound<'_>, ledger: &Ledger, around: &Surroundings) -> Option<u64> {
    let runbook = asked.runbook();
    let left = |target| {
        let since = ledger.ms_since_run(&runbook.id, target, &around.moment)?;
        runbook.cooldown_ms.checked_sub(since).filter(|left| *left > 0)
    };
    let units = asked.targets.iter().filter(|target| matches!(target, Resource::Unit(_)));
    let of_a_unit = units.filter_map(left).max();
    let all: Option<Vec<u64>> = asked.targets.iter().map(left).collect();
    of_a_unit.or_else(|| all?.into_iter().min())
}

/// 8. Not the same runbook on the same target within its cooldown; and not what goes back and forth, unless a person looked and signed.
fn cooldown(asked: &Bound<'_>, _: &Site, ledger: &Ledger, around: &Surroundings) -> Result<(), Refusal> {
    if let Some(left_ms) = cooldown_left(asked, ledger, around) {
        return Err(Refusal::CoolingDown { left_ms });
    }
    let control = &asked.order().control;
    match ledger.flapping(control, around.moment.now) {
        Some(flap) if asked.approved.verified.approvals.is_empty() => Err(Refusal::Flapping {
            control: control.clone(),
            transitions: flap.transitions,
            days: flap.days,
            opponent: around.opponent.clone(),
        }),
        Some(_) | None => Ok(()),
    }
}

/// No unit of a patient's visit that runs now goes down with `unit`. Where that cannot be told, it may.
fn critical(unit: &UnitName, site: &Site, around: &Surroundings) -> Result<(), Refusal> {
    if site.critical_units.is_empty() {
        return Ok(());
    }
    let Some(dependants) = around.dependants.get(unit) else {
        return Err(Refusal::DependantsUnknown { unit: unit.clone() });
    };
    match dependants.intersection(&site.critical_units).count() {
        0 => Ok(()),
        running => {
            let running = u32::try_from(running).unwrap_or(u32::MAX);
            Err(Refusal::DependantsCritical { unit: unit.clone(), running })
        }
    }
}

/// 9. Not too many things at once, nothing that units of a patient's visit stand on while they run, and not without the people who must agree.
fn blast_radius(asked: &Bound<'_>, site: &Site, _: &Ledger, around: &Surroundings) -> Result<(), Refusal> {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    if asked.targets.len() > site.targets_max {
        let (targets, max) = (count(asked.targets.len()), count(site.targets_max));
        return Err(Refusal::TooManyTargets { targets, max });
    }
    for action in asked.actions() {
        if let Action::UnitRestart(unit) | Action::UnitStop(unit) = action {
            critical(unit, site, around)?;
        }
    }
    let (have, need) = (asked.approved.verified.approvals.len(), asked.runbook().approval.people());
    if have < need {
        return Err(Refusal::NeedsApproval { have: count(have), need: count(need) });
    }
    Ok(())
}
