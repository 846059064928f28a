//! Whether anything can ever come to a rule, and whether everything does.

use std::collections::BTreeSet;

use contract::baseline::{Baseline, Control, Expectation, Severity, Users};
use contract::fact::FactValue;
use contract::ids::DetectorId;
use contract::signal::SignalKind;

use super::{Flaw, KnownDetector};
use crate::rules::{Condition, Drifts, Named, Rule, Seen, Signals, Within};

pub(super) fn flaws(rule: &Rule, baseline: &Baseline, detectors: &[KnownDetector]) -> Vec<Flaw> {
    match &rule.when {
        Condition::Drifts(drifts) => of_drifts(drifts, baseline),
        Condition::Signals(signals) => of_signals(signals, rule.when.is_plain(), detectors),
    }
}

fn of_drifts(drifts: &Drifts, baseline: &Baseline) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let named = drifts.controls.members();
    if let Some(seen) = &drifts.observed {
        let declared = named.iter().filter_map(|id| baseline.control(id));
        flaws.extend(declared.filter(|c| !may_be_seen(c, seen)).map(|c| Flaw::NeverSeen(c.id.clone())));
    } else if baseline.controls().iter().all(|control| named.contains(&control.id)) {
        flaws.push(Flaw::MatchesEverything("control"));
    }
    flaws
}

/// Whether the control can fail with such a value. Numbers are tried at the ends of both ranges: whatever fails within bounds fails at one of these.
fn may_be_seen(control: &Control, seen: &Seen) -> bool {
    // No expectation of a switch, a number or a word asks who the user is.
    let fails = |value: FactValue| control.expect.met_by(&value, Users::one(0)) == Some(false);
    match seen {
        Seen::Flag(on) => fails(FactValue::Flag(*on)),
        Seen::Words(words) => words.members().iter().any(|word| fails(FactValue::Word(word.clone()))),
        Seen::Number(within) => {
            numbers(within, &control.expect).into_iter().any(|n| fails(FactValue::Number(n)))
        }
    }
}

fn numbers(within: &Within<i64>, expect: &Expectation) -> Vec<i64> {
    let edges = match expect {
        Expectation::Equals(n) | Expectation::AtLeast(n) | Expectation::AtMost(n) => vec![*n],
        Expectation::Between(range) => vec![range.low, range.high],
        Expectation::Flag(_)
        | Expectation::Word(_)
        | Expectation::OneOf(_)
        | Expectation::PortsWithin(_)
        | Expectation::Permissions(_) => Vec::new(),
    };
    let around = edges.into_iter().flat_map(|n| [n.saturating_sub(1), n, n.saturating_add(1)]);
    let own = [within.at_least(), within.at_most()].into_iter().flatten().copied();
    around.chain(own).chain([i64::MIN, i64::MAX]).filter(|n| within.holds(n)).collect()
}

fn of_signals(signals: &Signals, is_plain: bool, detectors: &[KnownDetector]) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let named: Vec<&KnownDetector> = match &signals.of {
        Named::Detectors(list) => {
            let known = |id: &DetectorId| detectors.iter().find(|detector| detector.id == *id);
            let unknown = list.members().iter().filter(|id| known(id).is_none());
            flaws.extend(unknown.map(|id| Flaw::NoDetector(id.clone())));
            list.members().iter().filter_map(known).collect()
        }
        Named::Kinds(list) => {
            // Agents of an earlier version told no kind: no detector has that one today.
            let told = |kind: SignalKind| {
                kind == SignalKind::Unsaid || detectors.iter().any(|detector| detector.kind == kind)
            };
            let untold = list.members().iter().filter(|kind| !told(**kind));
            flaws.extend(untold.map(|kind| Flaw::NoDetectorOfKind(*kind)));
            detectors.iter().filter(|detector| list.members().contains(&detector.kind)).collect()
        }
    };
    let ids: BTreeSet<&DetectorId> = named.iter().map(|detector| &detector.id).collect();
    if is_plain && !detectors.is_empty() && ids.len() == detectors.len() {
        let what = match &signals.of {
            Named::Detectors(_) => "detector",
            Named::Kinds(_) => "kind of signal",
        };
        flaws.push(Flaw::MatchesEverything(what));
    }
    let worst: Option<Severity> = named.iter().map(|detector| detector.severity).max();
    if let (Some(asked), Some(worst)) = (signals.severity_at_least, worst)
        && worst < asked
    {
        flaws.push(Flaw::NeverSoSevere(asked));
    }
    flaws
}
