//! How often a fact is looked at because of others: whoever can change a thing must not have root look at it without end. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use contract::fact::FactId;

/// The first change is told at once, those within this time after it together.
const FLOOR: Duration = Duration::from_secs(1);

/// What was told when, and what waits.
#[derive(Debug, Default)]
pub(super) struct Calm {
    told: BTreeMap<FactId, Instant>,
    waiting: BTreeSet<FactId>,
}

impl Calm {
    /// These have changed.
    pub(super) fn touched(&mut self, facts: BTreeSet<FactId>) {
        self.waiting.extend(facts);
    }

    /// Those that may be told now. They count as told.
    pub(super) fn ready(&mut self, now: Instant) -> BTreeSet<FactId> {
        let told = &mut self.told;
        let ready: BTreeSet<FactId> =
            self.waiting.extract_if(.., |fact| told.get(fact).is_none_or(|at| now >= *at + FLOOR)).collect();
        told.extend(ready.iter().map(|fact| (fact.clone(), now)));
        ready
    }

    /// When something that waits may be told; none where nothing waits.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.waiting.iter().map(|fact| self.told.get(fact).map_or(now, |at| *at + FLOOR)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_is_told_at_once_and_a_thousand_after_it_together() {
        let fact: FactId = "own:evidence".parse().unwrap();
        let all = || BTreeSet::from([fact.clone()]);
        let (mut calm, start) = (Calm::default(), Instant::now());
        calm.touched(all());
        assert_eq!(calm.due(start), Some(start), "never told");
        calm.touched(all());
        assert_eq!(calm.ready(start), all());
        assert_eq!((calm.due(start), calm.ready(start).len()), (None, 0));
        for ms in 1..1000 {
            calm.touched(all());
            assert!(calm.ready(start + Duration::from_millis(ms)).is_empty(), "after {ms} ms");
        }
        assert_eq!(calm.due(start), Some(start + FLOOR));
        assert_eq!(calm.ready(start + FLOOR), all());
        assert_eq!(calm.ready(start + FLOOR * 2), BTreeSet::new());
    }
}
