//! What a signal has us look at. A signal alone names nothing that could be measured, so nothing is repaired for it; what the look finds may be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use contract::fact::FactId;
use contract::ids::{ControlId, DetectorId};
use tokio::sync::mpsc;

use crate::detectors::Library;
use crate::in_force::InForce;
use crate::observe::News;

/// The facts that are looked at as soon as a detector fires.
#[derive(Debug, Clone)]
pub struct Looks {
    controls: BTreeMap<DetectorId, Vec<ControlId>>,
    in_force: InForce,
    observer: mpsc::Sender<News>,
    /// What is to be looked at, until the observer has room for it.
    waiting: Arc<Mutex<BTreeSet<FactId>>>,
}

impl Looks {
    /// Those of `library` that the baseline in force has controls for.
    pub fn of(library: &Library, in_force: InForce, observer: mpsc::Sender<News>) -> Self {
        let controls = library.iter().map(|detector| (detector.id.clone(), detector.look.clone()));
        Self { controls: controls.collect(), in_force, observer, waiting: Arc::default() }
    }

    /// Has the observer look at what `detector` is about, as soon as it can: an observer that waits for the executor must not hold up what detectors
    /// say.
    pub fn after(&self, detector: &DetectorId) {
        let Some(controls) = self.controls.get(detector) else { return };
        let in_force = self.in_force.now();
        let known = controls.iter().filter_map(|id| in_force.baseline.control(id));
        let facts: BTreeSet<FactId> = known.map(|control| control.observe.clone()).collect();
        if facts.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = waiting.is_empty();
        waiting.extend(facts);
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
    use contract::baseline::{Baseline, Users};
    use contract::exception::Exceptions;
    use contract::fact::FactSet;

    use super::*;
    use crate::look::{Eyes, Looker};

    fn looks(baseline: &Baseline, observer: mpsc::Sender<News>) -> Looks {
        let (exceptions, eyes) = (Exceptions::default(), Eyes::Recorded(FactSet::default()));
        let looker = Looker { baseline: baseline.clone(), exceptions, users: Users::one(0), eyes };
        Looks::of(&crate::detectors::library().unwrap(), InForce::new(looker), observer)
    }

    fn shipped() -> Baseline {
        Baseline::parse("hipaa-v1.yaml", include_str!("../../baseline/hipaa-v1.yaml")).unwrap()
    }

    #[tokio::test]
    async fn a_signal_has_its_controls_looked_at() {
        let (observer, mut news) = mpsc::channel(4);
        let baseline = shipped();
        let looks = looks(&baseline, observer);
        looks.after(&"malware.found".parse().unwrap());
        looks.after(&"agent.log-gap".parse().unwrap());
        looks.after(&"disk.full".parse().unwrap());
        let fact = baseline.control(&"disk.space".parse().unwrap()).unwrap().observe.clone();
        let News::Changed(facts) = news.recv().await.unwrap() else { panic!("not a look") };
        assert_eq!(facts, BTreeSet::from([fact]), "nothing is looked at where nothing is named");
    }

    #[tokio::test]
    async fn an_observer_that_waits_holds_up_no_signal_and_looks_later() {
        let (observer, mut news) = mpsc::channel(1);
        observer.send(News::Changed(BTreeSet::new())).await.unwrap();
        let looks = looks(&shipped(), observer);
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
