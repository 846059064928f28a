//! Finds the rules that name a control, a detector or a kind without looking at the others.

use std::collections::BTreeMap;

use contract::ids::{ControlId, DetectorId};
use contract::incident::What;
use contract::runbook::TargetOs;
use contract::signal::SignalKind;

use super::condition::{Condition, Named};
use super::rule::Rule;

/// Positions in the table by what the rules name. Each list is in the order of being heard: the highest priority first, then by id, so that the order of
/// the file never matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    controls: BTreeMap<ControlId, Vec<usize>>,
    detectors: BTreeMap<DetectorId, Vec<usize>>,
    kinds: BTreeMap<SignalKind, Vec<usize>>,
}

impl Index {
    pub(super) fn of(table: &[(u64, Rule)]) -> Self {
        let mut order: Vec<(usize, &Rule)> =
            table.iter().enumerate().map(|(at, (_, rule))| (at, rule)).collect();
        order.sort_by(|(_, a), (_, b)| b.priority.cmp(&a.priority).then_with(|| a.id.cmp(&b.id)));
        let mut index = Self::default();
        for (at, rule) in order {
            match &rule.when {
                Condition::Drifts(drifts) => {
                    for control in drifts.controls.members() {
                        index.controls.entry(control.clone()).or_default().push(at);
                    }
                }
                Condition::Signals(signals) => match &signals.of {
                    Named::Detectors(list) => {
                        for detector in list.members() {
                            index.detectors.entry(detector.clone()).or_default().push(at);
                        }
                    }
                    Named::Kinds(list) => {
                        for kind in list.members() {
                            index.kinds.entry(*kind).or_default().push(at);
                        }
                    }
                },
            }
        }
        index
    }

    /// The rules that are heard about `what` on a host of `os`: those of the highest priority among all that speak, by id.
    pub(super) fn heard<'a>(&self, table: &'a [(u64, Rule)], what: &What, os: TargetOs) -> Vec<&'a Rule> {
        let lists: [&[usize]; 2] = match what {
            What::Drift { control, .. } => [self.controls.get(control).map_or(&[], Vec::as_slice), &[]],
            What::Signal(signal) => [
                self.detectors.get(&signal.detector).map_or(&[], Vec::as_slice),
                self.kinds.get(&signal.kind).map_or(&[], Vec::as_slice),
            ],
        };
        let mut heard: Vec<&Rule> = Vec::new();
        for list in lists {
            for &at in list {
                let rule = &table[at].1;
                if heard.first().is_some_and(|first| first.priority > rule.priority) {
                    break;
                }
                if rule.matches(what, os) {
                    if heard.first().is_some_and(|first| first.priority < rule.priority) {
                        heard.clear();
                    }
                    heard.push(rule);
                }
            }
        }
        heard.sort_by(|a, b| a.id.cmp(&b.id));
        heard
    }
}
