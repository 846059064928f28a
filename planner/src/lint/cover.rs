//! Which rules are always heard before another, or always contradict it.

use contract::ids::{ControlId, DetectorId};
use contract::runbook::TargetOs;
use contract::signal::SignalKind;

use super::{Flaw, KnownDetector};
use crate::rules::{Condition, Named, Rule, Rules, SYSTEMS, serves};

/// One name on one system: what a rule speaks of is a number of these, each narrowed alike.
#[derive(Debug, Clone, Copy)]
enum Name<'a> {
    Control(&'a ControlId),
    Detector(&'a DetectorId, Option<SignalKind>),
    Kind(SignalKind),
}

pub(super) fn flaw(rule: &Rule, rules: &Rules, detectors: &[KnownDetector]) -> Option<Flaw> {
    let places: Vec<(Name<'_>, TargetOs)> = names(rule, detectors)
        .into_iter()
        .flat_map(|name| {
            SYSTEMS.into_iter().filter(|host| serves(rule.os, *host)).map(move |host| (name, host))
        })
        .collect();
    let equal = rules
        .iter()
        .filter(|other| other.priority == rule.priority && other.disagrees(rule))
        .find(|other| places.iter().all(|place| covers(other, rule, *place)));
    if let Some(other) = equal {
        return Some(Flaw::AlwaysDisagrees(other.id.clone()));
    }
    let higher: Vec<&Rule> = rules.iter().filter(|other| other.priority > rule.priority).collect();
    let before = |place: &(Name<'_>, TargetOs)| higher.iter().find(|other| covers(other, rule, *place));
    let first = before(places.first()?)?;
    if !places.iter().all(|place| before(place).is_some()) {
        return None;
    }
    let alone = higher.iter().find(|other| places.iter().all(|place| covers(other, rule, *place)));
    Some(match alone {
        Some(other) => Flaw::Shadowed(other.id.clone()),
        None => Flaw::ShadowedByMany(first.id.clone()),
    })
}

fn names<'a>(rule: &'a Rule, detectors: &[KnownDetector]) -> Vec<Name<'a>> {
    match &rule.when {
        Condition::Drifts(drifts) => drifts.controls.members().iter().map(Name::Control).collect(),
        Condition::Signals(signals) => match &signals.of {
            Named::Detectors(list) => {
                let kind = |id: &DetectorId| detectors.iter().find(|d| d.id == *id).map(|d| d.kind);
                list.members().iter().map(|id| Name::Detector(id, kind(id))).collect()
            }
            Named::Kinds(list) => list.members().iter().map(|kind| Name::Kind(*kind)).collect(),
        },
    }
}

/// Whether `other` speaks of all that `rule` speaks of at this place.
fn covers(other: &Rule, rule: &Rule, (name, host): (Name<'_>, TargetOs)) -> bool {
    if !serves(other.os, host) {
        return false;
    }
    match (&other.when, &rule.when, name) {
        (Condition::Drifts(theirs), Condition::Drifts(ours), Name::Control(control)) => {
            let wider = match (&theirs.observed, &ours.observed) {
                (None, _) => true,
                (Some(theirs), Some(ours)) => theirs.covers(ours),
                (Some(_), None) => false,
            };
            theirs.controls.members().contains(control) && wider
        }
        (Condition::Signals(theirs), Condition::Signals(ours), name) => {
            let names = match (&theirs.of, name) {
                (Named::Detectors(list), Name::Detector(id, _)) => list.members().contains(id),
                (Named::Kinds(list), Name::Detector(_, Some(kind)) | Name::Kind(kind)) => {
                    list.members().contains(&kind)
                }
                (Named::Detectors(_), Name::Kind(_) | Name::Control(_))
                | (Named::Kinds(_), Name::Detector(_, None) | Name::Control(_)) => false,
            };
            names && theirs.covers(ours)
        }
        (Condition::Drifts(_), Condition::Drifts(_), Name::Detector(..) | Name::Kind(_))
        | (Condition::Drifts(_), Condition::Signals(_), _)
        | (Condition::Signals(_), Condition::Drifts(_), _) => false,
    }
}
