//! The list of what is decided about each incident that can come of what is shipped: every control that fails, every detector that fires. Hub and
//! executor are held to it by tests of their own, so that a site decides alone what its hub would have decided.
//!
//! `SUTURE_BLESS=1` writes it anew.

use std::collections::BTreeSet;

use contract::decision::{Choice, Decision, Provenance};
use contract::ids::DetectorId;
use planner::Knowledge;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Serialize)]
struct Line {
    what: What,
    choice: Choice,
}

/// What of a detector is in its signals.
#[derive(Debug, Deserialize)]
pub(super) struct Detector {
    pub(super) id: DetectorId,
    pub(super) kind: SignalKind,
    pub(super) severity: Severity,
}

pub(super) fn detectors() -> Vec<Detector> {
    let mut paths: Vec<_> =
        std::fs::read_dir(beside("agent/detectors")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        contract::yaml::parse::<Vec<Detector>>(&path.display().to_string(), &text).unwrap()
    };
    paths.iter().flat_map(read).collect()
}

pub(super) fn signals() -> Vec<What> {
    let signal = |Detector { id, kind, severity }: Detector| {
        What::Signal(Signal { detector: id, kind, severity, count: 9, window_s: 60, about: About::default() })
    };
    detectors().into_iter().map(signal).collect()
}

#[test]
fn the_list_of_decisions_is_the_one_that_the_shipped_rules_make() {
    let (baseline, catalogue, rules) = (baseline(), catalogue(), rules(SHIPPED.1));
    let drifts: Vec<What> = baseline.controls().iter().map(drift).collect();
    let signals = signals();
    assert!(
        drifts.len() > 60 && signals.len() >= 40,
        "{} controls, {} detectors",
        drifts.len(),
        signals.len()
    );
    let mut used = BTreeSet::new();
    let mut line = |what: What| {
        let knowledge = Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue };
        let Decision { choice, provenance } = plan(&what, Some(TargetOs::Debian), &knowledge);
        // A hub that does not know the system decides the same.
        assert_eq!(plan(&what, None, &knowledge).choice, choice);
        if let Provenance::Rules { rule: Some(rule), .. } = provenance {
            used.insert(rule);
        }
        serde_json::to_string(&Line { what, choice }).unwrap() + "\n"
    };
    // An agent of an earlier version does not say the kind.
    let unsaid = [signal(SignalKind::Unsaid)];
    let made: String = drifts.into_iter().chain(signals).chain(unsaid).map(&mut line).collect();
    let unused: Vec<_> =
        rules.iter().map(|rule| rule.id.to_string()).filter(|id| !used.contains(id)).collect();
    assert_eq!(unused, Vec::<String>::new(), "rules that no incident in the list comes to");
    let path = beside("planner/rules/decisions.jsonl");
    if std::env::var_os("SUTURE_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), made, "run this test with SUTURE_BLESS=1");
}
