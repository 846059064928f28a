//! What a runbook may not say: contradictions, promises without proof, steps without bounds. A catalogue that holds one such is refused whole.
//!
//! Every rule is asked of every runbook, so that whoever writes one sees all that is wrong with it at once.

mod bounds;
mod fault;
mod parameters;
mod place;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::{Action, Inverse, Rollback, Runbook, Step, Verb};
use crate::baseline::Citation;

pub use fault::{BoundsFault, RunbookFault};
pub(super) use place::line;

/// The longest hold-down: an hour.
const HOLD_DOWN_MAX_MS: u64 = 60 * 60 * 1000;
/// The most steps.
const STEPS_MAX: usize = 16;
/// The longest title, in characters.
const TITLE_MAX: usize = 80;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// All that contradicts itself in a runbook. `file` is its file's name.
pub(super) fn faults(file: &str, r: &Runbook) -> Vec<RunbookFault> {
    let mut faults = Vec::new();
    name(file, r, &mut faults);
    lists(r, &mut faults);
    verbs(r, &mut faults);
    promises(r, &mut faults);
    numbers(r, &mut faults);
    parameters::declarations(r, &mut faults);
    for (index, step) in r.steps.iter().enumerate() {
        let at = index + 1;
        parameters::uses(r, step, &mut faults);
        let bad = |fault| RunbookFault::Step { step: at, verb: step.verb(), fault };
        faults.extend(bounds::faults(step).into_iter().map(bad));
        if r.rollback == Some(Rollback::Escalate) && parameters::may_be(r, step, Action::touches_access) {
            faults.push(RunbookFault::AccessWithoutInverse { step: at, verb: step.verb() });
        }
        if !keeps_the_filter(&r.steps[..index]) && parameters::may_be(r, step, Action::empties_the_filter) {
            faults.push(RunbookFault::FilterNotKept { step: at, verb: step.verb() });
        }
    }
    faults
}

/// Undone last first, such a step loads what was in force after all that came later was undone.
fn keeps_the_filter(before: &[Step]) -> bool {
    before.iter().any(|step| step.verb() == Verb::FirewallRestore)
}

/// The id is the file's name, and of the form that people sort by.
fn name(file: &str, r: &Runbook, faults: &mut Vec<RunbookFault>) {
    if file.strip_suffix(".yaml") != Some(r.id.as_str()) {
        faults.push(RunbookFault::NameDiffers(r.id.clone()));
    }
    let mut parts = r.id.as_str().splitn(4, '-');
    let part = |part: Option<&str>, fits: fn(u8) -> bool| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(fits))
    };
    let shaped = parts.next() == Some("RB")
        && part(parts.next(), |b| b.is_ascii_uppercase())
        && parts.next().is_some_and(|n| n.len() == 3 && n.bytes().all(|b| b.is_ascii_digit()))
        && part(parts.next(), |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !shaped {
        faults.push(RunbookFault::NameShape(r.id.clone()));
    }
    let title = r.title.trim();
    let is_line = title == r.title && !title.is_empty() && !title.contains(char::is_control);
    if !is_line || title.chars().count() > TITLE_MAX {
        faults.push(RunbookFault::Title);
    }
    if r.after.contains(&r.id) {
        faults.push(RunbookFault::AfterItself);
    }
}

fn lists(r: &Runbook, faults: &mut Vec<RunbookFault>) {
    let lists = [
        ("citations", r.citations.is_empty()),
        ("triggers", r.triggers.is_empty()),
        ("permissions", r.permissions.is_empty()),
        ("steps", r.steps.is_empty()),
        ("evidence", r.evidence.is_empty()),
    ];
    faults.extend(lists.iter().filter(|(_, empty)| *empty).map(|(name, _)| RunbookFault::EmptyList(name)));
    let repeating = [
        ("citations", repeats(&r.citations)),
        ("triggers", repeats(&r.triggers)),
        ("permissions", repeats(&r.permissions)),
        ("evidence", repeats(&r.evidence)),
        ("confinement", repeats(&r.confinement)),
        ("after", repeats(&r.after)),
    ];
    let twice = repeating.iter().filter(|(_, repeats)| *repeats);
    faults.extend(twice.map(|(name, _)| RunbookFault::Repeated(name)));
    let wrong = r.citations.iter().filter(|c| c.parse::<Citation>().is_err());
    faults.extend(wrong.map(|c| RunbookFault::BadCitation(c.chars().take(40).collect())));
}

pub(super) fn repeats<T: Ord>(items: &[T]) -> bool {
    items.iter().collect::<BTreeSet<_>>().len() != items.len()
}

/// What it asks for is what its steps use: no more, no less.
fn verbs(r: &Runbook, faults: &mut Vec<RunbookFault>) {
    let used: BTreeSet<Verb> = r.steps.iter().map(Step::verb).collect();
    let asked: BTreeSet<Verb> = r.permissions.iter().copied().collect();
    faults.extend(used.difference(&asked).map(|verb| RunbookFault::VerbNotAsked(*verb)));
    faults.extend(asked.difference(&used).map(|verb| RunbookFault::VerbNotUsed(*verb)));
}

/// Verification always; and whatever somebody would notice must be undone where it does not hold.
fn promises(r: &Runbook, faults: &mut Vec<RunbookFault>) {
    if r.verification.is_none() {
        faults.push(RunbookFault::NoVerification);
    }
    let invertible = r.steps.iter().any(|s| s.verb().inverse() == Inverse::PutBack);
    let verb = |wanted: Inverse| r.steps.iter().map(Step::verb).find(|v| v.inverse() == wanted);
    match (r.rollback, verb(Inverse::None)) {
        (None, _) => faults.push(RunbookFault::NoRollback),
        (Some(Rollback::Inverse), _) if !invertible => faults.push(RunbookFault::NothingToInvert),
        (Some(Rollback::Escalate), without) if r.disruptive => {
            let named = without.or_else(|| r.steps.first().map(Step::verb));
            faults.extend(named.map(RunbookFault::DisruptiveWithoutRollback));
        }
        (Some(Rollback::Inverse), Some(without)) if r.disruptive => {
            faults.push(RunbookFault::DisruptiveWithoutRollback(without));
        }
        (Some(Rollback::Inverse | Rollback::Escalate), _) => {}
    }
    let noticed = r.steps.iter().map(Step::verb).find(|v| v.always_disrupts());
    if let (false, Some(verb)) = (r.disruptive, noticed) {
        faults.push(RunbookFault::DisruptionUnsaid(verb));
    }
}

fn numbers(r: &Runbook, faults: &mut Vec<RunbookFault>) {
    let least_time = r.steps.iter().map(least_ms).fold(100, u64::saturating_add);
    let least_escalation = r.time_limit_ms.saturating_add(r.hold_down_ms);
    let ranges = [
        ("version", u64::from(r.version), 1, u64::from(u32::MAX)),
        ("cooldown_ms", r.cooldown_ms, 1000, 90 * DAY_MS),
        ("hold_down_ms", r.hold_down_ms, 1, HOLD_DOWN_MAX_MS),
        // Waits, and the limits of programs, are part of the whole.
        ("time_limit_ms", r.time_limit_ms, least_time, DAY_MS),
        ("escalate_after_ms", r.escalate_after_ms, least_escalation, 2 * DAY_MS),
        ("the number of steps", r.steps.len() as u64, 0, STEPS_MAX as u64),
    ];
    let outside = ranges.into_iter().filter(|(_, value, min, max)| !(min..=max).contains(&value));
    faults.extend(outside.map(|(field, value, min, max)| RunbookFault::OutOfRange {
        field,
        value,
        min,
        max,
    }));
}

/// What a step takes at least, or may take by its own declaration.
fn least_ms(step: &Step) -> u64 {
    match step {
        Step::Wait { ms } => u64::from(*ms),
        Step::CommandRun(command) => u64::from(command.time_limit_ms),
        Step::UnitRestart(_)
        | Step::UnitStart(_)
        | Step::UnitStop(_)
        | Step::UnitResetFailed(_)
        | Step::UnitEnable(_)
        | Step::FileRestore(_)
        | Step::SysctlRestore { .. }
        | Step::FilesPrune(_)
        | Step::JournalVacuum { .. }
        | Step::CertRenew(_)
        | Step::TimeSync {}
        | Step::UserLock { .. }
        | Step::FirewallRestore { .. }
        | Step::ProcessLimit(_)
        | Step::GenerationSwitch {}
        | Step::StoreGc { .. }
        | Step::BackupRun(_)
        | Step::RestoreTest(_)
        | Step::Check { .. } => 0,
    }
}
