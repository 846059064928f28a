//! What a signal has us look at. A signal alone names nothing that could be measured, so nothing is repaired for it; what the look finds may be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// What is to be looked at, until the observer has room for it.
    waiting: Arc<Mutex<BTreeSet<FactId>>>,
}

impl Looks {
    /// Those of `library` that `baseline` has controls for.
    pub fn of(library: &Library, baseline: &Baseline, observer: mpsc::Sender<News>) -> Self {
        let facts = library.iter().map(|detector| {
            let controls = detector.look.iter().filter_map(|id| baseline.control(id));
            (detector.id.clone(), controls.map(|control| control.observe.clone()).collect())
        });
        Self { facts: facts.collect(), observer, waiting: Arc::default() }
    }

    /// Has the observer look at what `detector` is about, as soon as it can: an observer that waits for the executor must not hold up what detectors
    /// say.
    pub fn after(&self, detector: &DetectorId) {
        let Some(facts) = self.facts.get(detector).filter(|facts| !facts.is_empty()) else { return };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = waiting.is_empty();
        waiting.extend(facts.iter().cloned());
        if is_first {
            tokio::spawn(tell(self.observer.clone(), Arc::clone(&self.waiting)));
        }
    }
}

async fn tell(observer: mpsc::Sender<News>, waiting: Arc<Mutex<BTreeSet<FactId>>>) {
    // Nobody listens any more only while the process stops.
    let Ok(room) = observer.reserve().await else { return };
    let facts = std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
    room.send(News::Changed(facts));
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
        looks.after(&"malware.found".parse().unwrap());
        looks.after(&"agent.log-gap".parse().unwrap());
        looks.after(&"disk.full".parse().unwrap());
        let fact = baseline.control(&"disk.space".parse().unwrap()).unwrap().observe.clone();
        let News::Changed(facts) = news.recv().await.unwrap() else { panic!("not a look") };
        assert_eq!(facts, BTreeSet::from([fact]), "nothing is looked at where nothing is named");
    }

    #[tokio::test]
    async fn an_observer_that_waits_holds_up_no_signal_and_looks_later() {
        let text = include_str!("../../baseline/hipaa-v1.yaml");
        let baseline = Baseline::parse("hipaa-v1.yaml", text).unwrap();
        let (observer, mut news) = mpsc::channel(1);
        observer.send(News::Changed(BTreeSet::new())).await.unwrap();
        let looks = Looks::of(&crate::detectors::library().unwrap(), &baseline, observer);
        for _ in 0..1_000 {
            looks.after(&"disk.full".parse().unwrap());
            looks.after(&"backup.missing".parse().unwrap());
            tokio::task::yield_now().await;
        }
        let News::Changed(first) = news.recv().await.unwrap() else { panic!("not a look") };
        assert!(first.is_empty());
        let News::Changed(facts) = news.recv().await.unwrap() else { panic!("not a look") };
        assert_eq!(facts.len(), 2, "two thousand signals came to more than one look at two facts");
        assert!(news.try_recv().is_err());
        looks.after(&"disk.full".parse().unwrap());
        assert!(news.recv().await.is_some(), "after that nothing was looked at any more");
    }
}
