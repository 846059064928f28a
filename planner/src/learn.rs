//! What runs teach: a model's pick that keeps healing is proposed as a rule, and a rule that keeps failing is proposed to be retired.
//!
//! Pure: runs go in, proposals come out, each with the records that it rests on. A proposal changes nothing. It becomes a rule by a named person who did not
//! propose it, on one site first, and everywhere only after it did as well there ([`stage`]); the types have no other way. **Absent:** a way to write the
//! table: what comes out is its new text, for people to keep.

mod proposal;
mod rehearse;
pub mod stage;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use contract::ids::{ControlId, HostId, ModelId, RunbookId, SiteId, TenantId};
use contract::outcome::Outcome;
use contract::runbook::TargetOs;
use serde::{Deserialize, Serialize};

use crate::rules::{RuleId, os_word};

pub use proposal::{Adopt, NoRule, Retire, proposals};
pub use rehearse::{Past, Rehearsal, rehearse};

/// A model's pick must have healed so often,
pub const ADOPT_HEALED: u32 = 5;
/// with at least so many of a hundred of its runs,
pub const ADOPT_PERCENT: u32 = 90;
/// on so many sites.
pub const ADOPT_SITES: usize = 2;
/// A rule is judged after so many runs: with fewer, one bad day looks like a bad rule.
pub const RETIRE_RUNS: u32 = 10;
/// It is proposed to be retired where fewer of a hundred healed: more often than not it did nothing but act.
pub const RETIRE_PERCENT: u32 = 50;

/// Who chose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picker {
    /// A rule.
    Rule(RuleId),
    /// A model.
    Model(ModelId),
}

/// A site, which is only unique within its tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub site: SiteId,
}

/// A record in a host's log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Whose log.
    pub host: HostId,
    /// Which entry of it, counted from 0.
    pub record: u64,
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ran {
    /// Who chose it.
    pub picked_by: Picker,
    /// What ran.
    pub runbook: RunbookId,
    /// What failed.
    pub control: ControlId,
    /// The machine's system.
    pub os: TargetOs,
    /// Where.
    pub place: Place,
    /// How it ended.
    pub outcome: Outcome,
    /// The record of its end.
    pub evidence: Evidence,
}

/// How often something healed, and where that stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// So many runs healed,
    pub healed: u32,
    /// of so many that tried.
    pub tried: u32,
    /// On these sites.
    pub places: BTreeSet<Place>,
    /// The records of all of them.
    pub evidence: BTreeSet<Evidence>,
}

impl Figures {
    /// Adds a run, as far as it tried anything. A record that is in already counts once.
    pub fn add(&mut self, ran: &Ran) {
        let healed = match ran.outcome {
            Outcome::Healed => true,
            Outcome::Failed | Outcome::Reverted | Outcome::Escalated => false,
            // Nothing was tried, so nothing was shown.
            Outcome::Deferred | Outcome::Refused | Outcome::Expired | Outcome::Observed => return,
        };
        if self.evidence.insert(ran.evidence.clone()) {
            self.tried = self.tried.saturating_add(1);
            self.healed = self.healed.saturating_add(u32::from(healed));
            self.places.insert(ran.place.clone());
        }
    }

    /// True where at least so many of a hundred healed. Of none, no share is any.
    pub fn is_at_least(&self, percent: u32) -> bool {
        self.tried > 0 && u64::from(self.healed) * 100 >= u64::from(self.tried) * u64::from(percent)
    }
}

/// What is told apart: which runbook for which control on which system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pick {
    control: ControlId,
    runbook: RunbookId,
    os: &'static str,
}

fn by_pick(runs: &[Ran]) -> BTreeMap<Pick, (TargetOs, Figures)> {
    let mut tallies: BTreeMap<Pick, (TargetOs, Figures)> = BTreeMap::new();
    for ran in runs.iter().filter(|ran| matches!(ran.picked_by, Picker::Model(_))) {
        let pick = Pick { control: ran.control.clone(), runbook: ran.runbook.clone(), os: os_word(ran.os) };
        tallies.entry(pick).or_insert_with(|| (ran.os, Figures::default())).1.add(ran);
    }
    tallies
}

/// How each rule did, by its id: its measured success.
pub fn by_rule(runs: &[Ran]) -> BTreeMap<RuleId, Figures> {
    let mut tallies: BTreeMap<RuleId, Figures> = BTreeMap::new();
    for ran in runs {
        if let Picker::Rule(rule) = &ran.picked_by {
            tallies.entry(rule.clone()).or_default().add(ran);
        }
    }
    tallies
}
