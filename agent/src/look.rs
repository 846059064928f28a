//! A look at the machine: facts in, findings out, through the baseline's own evaluation and no other.

use std::collections::{BTreeMap, BTreeSet};

use contract::baseline::{Baseline, Users};
use contract::exception::Exceptions;
use contract::fact::{Absence, FactId, FactSet, Observation, Source};
use contract::finding::Finding;
use contract::probe::is_probed;
use contract::time::{MonoNs, UtcTime};
use facts::Reader;

/// A source that took longer is named.
const SLOW_MS: u64 = 50;

/// Where facts come from.
#[derive(Debug)]
pub enum Eyes {
    /// The real machine.
    Live(Reader),
    /// A file in which they were recorded.
    Recorded(FactSet),
}

/// What is looked at, and against what it is held.
#[derive(Debug)]
pub struct Looker {
    /// The baseline.
    pub baseline: Baseline,
    /// The tenant's accepted failures.
    pub exceptions: Exceptions,
    /// Who runs Suture here.
    pub users: Users,
    /// Where facts come from.
    pub eyes: Eyes,
}

/// What one look saw.
#[derive(Debug)]
pub struct Look {
    /// In the baseline's order.
    pub findings: Vec<Finding>,
    /// The facts behind them.
    pub facts: FactSet,
    /// How long it took.
    pub took_ms: u64,
    /// Sources that were slow, with their milliseconds, slowest first.
    pub slow: Vec<(String, u64)>,
}

impl Looker {
    /// Looks at `wanted` and at nothing else. `each` hears of each finding as soon as its fact is there. Blocks.
    pub fn look(&self, wanted: &[FactId], now: UtcTime, mut each: impl FnMut(&Finding)) -> Look {
        let began = edge::clock::mono();
        let mut last: BTreeMap<Source, MonoNs> = BTreeMap::new();
        let mut seen = |fact: &FactId, observation: &Observation| {
            last.insert(fact.source(), edge::clock::mono());
            let mut alone = FactSet::default();
            alone.insert(fact.clone(), observation.clone());
            self.findings(&alone, &BTreeSet::from([fact]), now).iter().for_each(&mut each);
        };
        let facts = match &self.eyes {
            Eyes::Live(reader) => reader.read_all(wanted, seen),
            Eyes::Recorded(recorded) => {
                let mut facts = FactSet::default();
                for fact in wanted {
                    let observation = recorded.observation(fact);
                    seen(fact, &observation);
                    facts.insert(fact.clone(), observation);
                }
                facts
            }
        };
        Look {
            findings: self.findings(&facts, &wanted.iter().collect(), now),
            facts,
            took_ms: edge::clock::mono().ms_since(began),
            slow: slowest(&last, began),
        }
    }

    /// The facts of `look` that only root can see, and that the executor looks at for us.
    pub fn hidden(look: &Look) -> Vec<FactId> {
        let hidden =
            |fact: &FactId| look.facts.observation(fact) == Err(Absence::NeedsRoot) && is_probed(fact);
        look.findings.iter().map(|f| f.fact.clone()).filter(hidden).collect()
    }

    /// Puts what the executor saw of `hidden` into `look`, and judges anew what hangs on it.
    pub fn show(&self, look: &mut Look, hidden: &[FactId], seen: &FactSet, now: UtcTime) {
        for fact in hidden {
            // What it does not tell of is as hidden as before.
            let observation = match seen.observation(fact) {
                Err(Absence::Unsupported) => Err(Absence::NeedsRoot),
                other => other,
            };
            look.facts.insert(fact.clone(), observation);
        }
        let wanted = look.findings.iter().map(|f| f.fact.clone()).collect::<Vec<_>>();
        look.findings = self.findings(&look.facts, &wanted.iter().collect(), now);
    }

    /// Every fact that the baseline asks for.
    pub fn all(&self) -> Vec<FactId> {
        self.baseline.facts()
    }

    fn findings(&self, facts: &FactSet, of: &BTreeSet<&FactId>, now: UtcTime) -> Vec<Finding> {
        let mut findings = self.baseline.evaluate(facts, &self.exceptions, now, self.users);
        findings.retain(|finding| of.contains(&finding.fact));
        findings
    }
}

fn slowest(last: &BTreeMap<Source, MonoNs>, began: MonoNs) -> Vec<(String, u64)> {
    let took = last.iter().map(|(source, at)| (source.word().to_owned(), at.ms_since(began)));
    let mut slow: Vec<_> = took.filter(|(_, ms)| *ms > SLOW_MS).collect();
    slow.sort_by_key(|(_, ms)| std::cmp::Reverse(*ms));
    slow
}
