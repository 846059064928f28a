//! Episodes: from the moment a control fails until it passes again there is one incident, however often it is looked at and however often
//! this process is started anew.
//!
//! Pure: findings, the time and fresh ids go in; what opened and what closed comes out. Only a value that was seen closes an episode: a control
//! that cannot be assessed any more keeps its incident.

mod kept;

use std::collections::BTreeMap;

use contract::finding::{Finding, Verdict};
use contract::ids::{ControlId, IncidentId};
use contract::incident::{Incident, What};
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

pub use kept::{load, store};

/// One control's failing, from found to passing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Episode {
    /// What the hub is told.
    pub incident: Incident,
    /// True once it lies in the outbox. Written down before that as false, so that a power cut in between loses nothing.
    pub kept: bool,
}

/// All controls that fail now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Episodes(BTreeMap<ControlId, Episode>);

/// What findings change.
#[derive(Debug, PartialEq, Eq)]
pub struct Changes {
    /// How things stand then.
    pub after: Episodes,
    /// Incidents that begin.
    pub opened: Vec<Incident>,
    /// Controls that pass again, or whose failing a person has accepted.
    pub closed: Vec<ControlId>,
}

impl Episodes {
    /// What `findings` change. Nothing is changed here: the caller goes on with `after` once the findings are evidence.
    pub fn update<E>(
        &self,
        findings: &[Finding],
        now: UtcTime,
        mut draw: impl FnMut() -> Result<IncidentId, E>,
    ) -> Result<Changes, E> {
        let mut changes = Changes { after: self.clone(), opened: Vec::new(), closed: Vec::new() };
        for Finding { control, fact, verdict } in findings {
            match verdict {
                Verdict::Fail(observed) if !changes.after.0.contains_key(control) => {
                    let what = What::Drift {
                        control: control.clone(),
                        fact: fact.clone(),
                        observed: observed.clone(),
                    };
                    let incident = Incident { incident: draw()?, found: now, what };
                    changes.opened.push(incident.clone());
                    changes.after.0.insert(control.clone(), Episode { incident, kept: false });
                }
                Verdict::Pass(_) | Verdict::Excepted(_) => {
                    if changes.after.0.remove(control).is_some() {
                        changes.closed.push(control.clone());
                    }
                }
                Verdict::Fail(_) | Verdict::NotAssessed(_) => {}
            }
        }
        Ok(changes)
    }

    /// An order healed `control`: its episode is over, whatever the next look finds.
    pub fn healed(&mut self, control: &ControlId) -> bool {
        self.0.remove(control).is_some()
    }

    /// True where `incident` is the one that is open over `control`.
    pub fn is_of(&self, control: &ControlId, incident: &IncidentId) -> bool {
        self.0.get(control).is_some_and(|episode| episode.incident.incident == *incident)
    }

    /// All incidents that are open, to be told again: the hub plans anew what it had put off, and learns again what it may have lost.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.0.values().map(|e| &e.incident)
    }

    /// Incidents that were not in the outbox yet when this was written down.
    pub fn unkept(&self) -> impl Iterator<Item = &Incident> {
        self.0.values().filter(|e| !e.kept).map(|e| &e.incident)
    }

    /// Notes that `incident` lies in the outbox.
    pub fn keep(&mut self, incident: &IncidentId) {
        for episode in self.0.values_mut().filter(|e| e.incident.incident == *incident) {
            episode.kept = true;
        }
    }
}

#[cfg(test)]
mod tests;
