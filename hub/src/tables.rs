//! The rule table that each site is decided by: the hub's own file, and over it what was learnt, approved and not retired.
//!
//! A new rule holds on one site first; so there are sites with a table of their own. What comes of the stages is computed anew from the file and the
//! proposals' steps, at the start and after each step: nothing else is kept, and nothing is written into the file.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use contract::fact::FactValue;
use contract::ids::{SiteId, TenantId};
use planner::learn::stage::Stage;
use planner::learn::{Place, Retire};
use planner::{Knowledge, Rules};

use crate::library::Library;

/// A rule table with its exact text, which a site that decides by it is handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) rules: Rules,
    pub(crate) text: String,
}

/// Something learnt, where it stands.
#[derive(Debug)]
pub(crate) struct Learnt {
    pub(crate) stage: Stage,
    /// A value that the control was found with: it makes the new rule's case.
    pub(crate) seen: Option<FactValue>,
    /// Whether the rule that is retired was the file's own, and not one that was learnt.
    pub(crate) of_the_file: bool,
}

/// All tables in force.
#[derive(Debug)]
pub(crate) struct Tables {
    now: RwLock<Now>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Now {
    everywhere: Arc<Table>,
    canaries: BTreeMap<Place, Arc<Table>>,
}

impl Tables {
    /// The library's own, and what was learnt over it.
    pub(crate) fn new(library: &Library, learnt: &[Learnt]) -> Self {
        Self { now: RwLock::new(in_force(library, learnt)) }
    }

    /// From now on these hold.
    pub(crate) fn set(&self, library: &Library, learnt: &[Learnt]) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = in_force(library, learnt);
    }

    /// The one by which a site's incidents are decided.
    pub(crate) fn of(&self, tenant: &TenantId, site: &SiteId) -> Arc<Table> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        let place = Place { tenant: tenant.clone(), site: site.clone() };
        Arc::clone(now.canaries.get(&place).unwrap_or(&now.everywhere))
    }

    /// The one that holds where nothing is being tried.
    pub(crate) fn everywhere(&self) -> Arc<Table> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).everywhere)
    }
}

/// Puts what was learnt over the file's table. What does not fit any more, since the files changed, is left out and said.
fn in_force(library: &Library, learnt: &[Learnt]) -> Now {
    let mut table = Table { rules: library.rules.clone(), text: library.rules_text.clone() };
    for each in learnt {
        match &each.stage {
            Stage::Everywhere(held) => {
                if let Some(next) = with(library, &table, held.adopted(), each.seen.as_ref()) {
                    table = next;
                }
            }
            Stage::Retired(gone) if each.of_the_file => {
                let retire = Retire { rule: gone.rule.clone(), figures: gone.figures.clone() };
                match retire.carried_out(FILE, &table.text) {
                    Ok((text, rules)) => table = Table { rules, text },
                    Err(e) => {
                        tracing::error!(error = %e, "a rule that was retired cannot be taken out of the table");
                    }
                }
            }
            Stage::Proposed(_) | Stage::Approved(_) | Stage::Canary(_) | Stage::Retired(_) => {}
        }
    }
    let mut canaries: BTreeMap<Place, Arc<Table>> = BTreeMap::new();
    for each in learnt {
        let Stage::Canary(tried) = &each.stage else { continue };
        let before = canaries.get(tried.place()).map_or(&table, |table| &**table);
        if let Some(next) = with(library, before, tried.adopted(), each.seen.as_ref()) {
            canaries.insert(tried.place().clone(), Arc::new(next));
        }
    }
    Now { everywhere: Arc::new(table), canaries }
}

/// What the table that is put together is called in messages.
const FILE: &str = "the rule table with what was learnt";

fn with(
    library: &Library,
    table: &Table,
    adopt: &planner::learn::Adopt,
    seen: Option<&FactValue>,
) -> Option<Table> {
    let seen = seen?;
    let knowledge =
        Knowledge { rules: &table.rules, baseline: &library.baseline, catalogue: &library.catalogue };
    match adopt.carried_out(&table.text, seen, &knowledge) {
        Ok((text, rules)) => Some(Table { rules, text }),
        Err(e) => {
            tracing::error!(rule = %adopt.rule, error = %e, "a rule that was learnt does not fit the table any more, and does not hold");
            None
        }
    }
}
