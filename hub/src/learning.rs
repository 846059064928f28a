//! From what runs teach to rules that hold: looks again and again what to propose, and judges what is tried.
//!
//! What comes of the figures is proposed and nothing more. A named person approves it, on one site it is tried, everywhere it holds only after it did as
//! well there, and where it does worse it goes by itself ([`planner::learn`], which is pure, has no other way). Nothing here approves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use contract::fact::FactValue;
use contract::ids::{OperatorId, RunbookId};
use contract::outcome::Outcome;
use contract::runbook::TargetOs;
use contract::time::UtcTime;
use planner::learn::stage::{Proposal, Proposed, Proposer, Stage, Step, resume};
use planner::learn::{Adopt, Figures, Picker, Place, proposals, rehearse};
use planner::{Knowledge, RuleId};
use thiserror::Error;

use crate::hub::Hub;
use crate::library::Library;
use crate::problem::chain;
use crate::store::{Kept, LearntSaid, RanAt, Store, StoreError};
use crate::tables::{Learnt, Table, Tables};

/// What learning has to do with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) store: &'a Store,
    pub(crate) library: &'a Arc<Library>,
    pub(crate) tables: &'a Tables,
}

impl<'a> Parts<'a> {
    pub(crate) const fn of(hub: &'a Hub) -> Self {
        Self { store: &hub.store, library: &hub.library, tables: &hub.tables }
    }
}

/// Looks until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>, every: Duration) {
    let mut stop = hub.stop.clone();
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
        if let Err(e) = look(&Parts::of(&hub), edge::clock::utc()).await {
            tracing::error!(cause = chain(&e), "what runs teach cannot be looked at");
        }
    }
}

/// Judges what is tried, proposes what the figures speak for, and has hold what holds.
pub(crate) async fn look(hub: &Parts<'_>, now: UtcTime) -> Result<(), StoreError> {
    let runs = hub.store.runs(written_for(hub.library)).await?;
    let kept = hub.store.learnt().await?;
    for each in &kept {
        let Some(measured) = measured(each, &runs, now) else { continue };
        hub.store.learnt_goes_on(each.number, each.steps.len(), vec![measured]).await?;
    }
    let table = hub.tables.everywhere();
    let history = hub.store.over(written_for(hub.library)).await?;
    let known: BTreeSet<String> = kept.iter().map(|each| rule_of(&each.said.proposal).to_string()).collect();
    let new = propose(hub.library, &table, &runs, &history, &known);
    if !new.is_empty() {
        tracing::info!(proposals = new.len(), "runs teach something: it waits for a person's approval");
        hub.store.learn_of(new, now).await?;
    }
    hub.tables.set(hub.library, &standing(hub.store).await?);
    Ok(())
}

/// Where everything stands that was ever proposed. What cannot be gone through again holds nothing.
pub(crate) async fn standing(store: &Store) -> Result<Vec<Learnt>, StoreError> {
    Ok(store.learnt().await?.into_iter().filter_map(|kept| stage(&kept)).collect())
}

pub(crate) fn stage(kept: &Kept) -> Option<Learnt> {
    let LearntSaid { proposal, by, rehearsal, seen } = kept.said.clone();
    let of_the_file = matches!(proposal, Proposal::Retire(_));
    match resume(Proposed::new(proposal, by, rehearsal), &kept.steps) {
        Ok(stage) => Some(Learnt { stage, seen, of_the_file }),
        Err(e) => {
            tracing::error!(number = kept.number, error = %e, "the steps of a proposal make no sense, and it does not hold");
            None
        }
    }
}

/// Which rule a proposal is about.
pub(crate) const fn rule_of(proposal: &Proposal) -> &RuleId {
    match proposal {
        Proposal::Adopt(adopt) => &adopt.rule,
        Proposal::Retire(retire) => &retire.rule,
    }
}

/// For which systems a runbook is written.
fn written_for(library: &Arc<Library>) -> impl Fn(&RunbookId) -> Option<TargetOs> + Send + 'static + use<> {
    let library = Arc::clone(library);
    move |id| library.catalogue.runbook(id).map(|approved| approved.runbook.target_os)
}

/// The step that a rule's runs make it take now, where they do.
fn measured(kept: &Kept, runs: &[RanAt], now: UtcTime) -> Option<Step> {
    let since = kept.steps.last().map(at)?;
    let learnt = stage(kept)?;
    let figures = |adopted: &Adopt, place: Option<&Place>| {
        let mut figures = Figures::default();
        let own = runs
            .iter()
            .filter(|run| run.at > since && run.ran.picked_by == Picker::Rule(adopted.rule.clone()));
        own.filter(|run| place.is_none_or(|place| run.ran.place == *place))
            .for_each(|run| figures.add(&run.ran));
        figures
    };
    let (figures, judged, before) = match learnt.stage {
        Stage::Canary(tried) => {
            let figures = figures(tried.adopted(), Some(tried.place()));
            (figures.clone(), tried.judge(figures), "canary")
        }
        Stage::Everywhere(held) if fails_at(held.adopted(), runs, since) < FAILS_AT => return None,
        Stage::Everywhere(held) => {
            let figures = figures(held.adopted(), None);
            (figures.clone(), held.judge(figures), "everywhere")
        }
        Stage::Proposed(_) | Stage::Approved(_) | Stage::Retired(_) => return None,
    };
    let after = match judged {
        Stage::Canary(_) => "canary",
        Stage::Everywhere(_) => "everywhere",
        Stage::Proposed(_) | Stage::Approved(_) | Stage::Retired(_) => "over",
    };
    (before != after).then_some(Step::Measured { figures, at: now })
}

/// A rule that holds everywhere goes by itself only where it fails at so many sites: one site's machines do not take it from all the others. A person may.
const FAILS_AT: usize = 2;

/// At how many sites it failed since then.
fn fails_at(adopted: &Adopt, runs: &[RanAt], since: UtcTime) -> usize {
    let own =
        runs.iter().filter(|run| run.at > since && run.ran.picked_by == Picker::Rule(adopted.rule.clone()));
    let failed = own.filter(|run| match run.ran.outcome {
        Outcome::Failed | Outcome::Reverted | Outcome::Escalated => true,
        Outcome::Healed | Outcome::Deferred | Outcome::Refused | Outcome::Expired | Outcome::Observed => {
            false
        }
    });
    failed.map(|run| &run.ran.place).collect::<BTreeSet<_>>().len()
}

const fn at(step: &Step) -> UtcTime {
    match step {
        Step::Approved { at, .. } | Step::Began { at, .. } | Step::Measured { at, .. } => *at,
    }
}

/// What the figures speak for and was never proposed, each with what it would have done.
fn propose(
    library: &Library,
    table: &Table,
    runs: &[RanAt],
    history: &[planner::learn::Past],
    known: &BTreeSet<String>,
) -> Vec<(RuleId, LearntSaid)> {
    let knowledge =
        Knowledge { rules: &table.rules, baseline: &library.baseline, catalogue: &library.catalogue };
    let ran: Vec<_> = runs.iter().map(|run| run.ran.clone()).collect();
    let (adopt, retire) = proposals(&ran, &table.rules);
    let adopted = adopt.into_iter().filter_map(|adopt| {
        let seen: FactValue = runs.iter().find(|run| run.ran.control == adopt.control)?.seen.clone();
        let (_, rules) = adopt.carried_out(&table.text, &seen, &knowledge).ok()?;
        Some((Proposal::Adopt(adopt), Some(seen), rules))
    });
    let retired = retire.into_iter().filter_map(|retire| {
        let (_, rules) = retire.carried_out("the rule table", &table.text).ok()?;
        Some((Proposal::Retire(retire), None, rules))
    });
    let new = adopted.chain(retired).filter(|(proposal, ..)| !known.contains(&rule_of(proposal).to_string()));
    new.map(|(proposal, seen, rules)| {
        let rehearsal = rehearse(history, &knowledge, &Knowledge { rules: &rules, ..knowledge });
        (rule_of(&proposal).clone(), LearntSaid { proposal, by: Proposer::Planner, rehearsal, seen })
    })
    .collect()
}

/// Why somebody's approval is not taken.
#[derive(Debug, Error)]
pub(crate) enum NotApproved {
    /// There is none such.
    #[error("there is no such proposal")]
    NoneSuch,
    /// It is not to be approved, by them or at all.
    #[error(transparent)]
    NotTaken(#[from] planner::learn::stage::NotTaken),
    /// A new rule is tried on one site, which nobody named; or one was named where nothing is tried.
    #[error("a new rule is tried on one site: name tenant and site; for the end of a rule name none")]
    Where,
    /// Somebody else was faster.
    #[error("it took another step meanwhile: look at it again")]
    Meanwhile,
    /// Ours to mend.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A named person approves a proposal: a new rule begins on one site, a rule that is to go is gone.
pub(crate) async fn approve(
    hub: &Parts<'_>,
    number: u64,
    by: OperatorId,
    canary: Option<Place>,
    now: UtcTime,
) -> Result<(), NotApproved> {
    let kept = hub.store.learnt().await?.into_iter().find(|kept| kept.number == number);
    let kept = kept.ok_or(NotApproved::NoneSuch)?;
    let place = match (&kept.said.proposal, canary) {
        (Proposal::Adopt(_), Some(place)) => place,
        // Where it began says nothing for a rule that goes: the first site that it failed on stands for all.
        (Proposal::Retire(retire), None) => {
            retire.figures.places.first().cloned().ok_or(NotApproved::Where)?
        }
        (Proposal::Adopt(_), None) | (Proposal::Retire(_), Some(_)) => return Err(NotApproved::Where),
    };
    let steps = vec![Step::Approved { by, at: now }, Step::Began { place, at: now }];
    let learnt = stage(&kept).ok_or(NotApproved::NoneSuch)?;
    steps.iter().try_fold(learnt.stage, Stage::take)?;
    if !hub.store.learnt_goes_on(number, kept.steps.len(), steps).await? {
        return Err(NotApproved::Meanwhile);
    }
    hub.tables.set(hub.library, &standing(hub.store).await?);
    Ok(())
}

#[cfg(test)]
mod tests;
