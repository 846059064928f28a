//! What a signal has us look at. A signal alone names nothing that could be measured, so nothing is repaired for it; what the look finds may be.

use std::collections::{BTreeMap, BTreeSet};

use contract::baseline::Baseline;
use contract::fact::FactId;
use contract::ids::DetectorId;
use tokio::sync::mpsc;

use crate::detectors::Library;
use crate::observe::News;

/// The facts that are looked at as soon as a detector fires.
#[derive(Debug, Clone)]
pub struct Looks {
    facts: BTreeMap<DetectorId, BTreeSet<FactId>>,
    observer: mpsc::Sender<News>,
}

impl Looks {
    /// Those of `library` that `baseline` has controls for.
    pub fn of(library: &Library, baseline: &Baseline, observer: mpsc::Sender<News>) -> Self {
        let facts = library.iter().map(|detector| {
            let controls = detector.look.iter().filter_map(|id| baseline.control(id));
            (detector.id.clone(), controls.map(|control| control.observe.clone()).collect())
        });
        Self { facts: facts.collect(), observer }
    }

    /// Has the observer look at what `detector` is about.
    pub async fn after(&self, detector: &DetectorId) {
        if let Some(facts) = self.facts.get(detector).filter(|facts| !facts.is_empty()) {
            // Nobody listens any more only while the process stops.
            let _ = self.observer.send(News::Changed(facts.clone())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_has_its_controls_looked_at() {
        let text = include_str!("../../baseline/hipaa-v1.yaml");
        let baseline = Baseline::parse("hipaa-v1.yaml", text).unwrap();
        let (observer, mut news) = mpsc::channel(4);
        let looks = Looks::of(&crate::detectors::library().unwrap(), &baseline, observer);
        looks.after(&"malware.found".parse().unwrap()).await;
        looks.after(&"agent.log-gap".parse().unwrap()).await;
        assert!(news.try_recv().is_err(), "nothing is looked at where nothing is named");
        looks.after(&"disk.full".parse().unwrap()).await;
        let fact = baseline.control(&"disk.space".parse().unwrap()).unwrap().observe.clone();
        let News::Changed(facts) = news.try_recv().unwrap() else { panic!("not a look") };
        assert_eq!(facts, BTreeSet::from([fact]));
    }
}
