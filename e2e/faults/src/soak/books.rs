//! What was done to the machine, against what the hub holds of it: that nothing was lost is counted here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contract::ids::{IncidentId, OrderId, RunbookId};
use contract::outcome::Outcome;
use contract::plane::{IncidentState, IncidentView};
use contract::record::{Authority, Body, Record};

use super::is_of;
use crate::Result;
use crate::catalogue::Fault;
use crate::site::Site;

/// What was done so shortly before a cut may have been lost with it: the kernel writes to the disk within 30 s (`vm.dirty_expire_centisecs`).
const UNWRITTEN: Duration = Duration::from_secs(40);

/// What was done so shortly before may be whole again and its repair still have to hold: done again now, it would be the same incident.
const UNDER_WAY: Duration = Duration::from_secs(30);

/// One fault that was done.
#[derive(Debug)]
struct Done {
    which: usize,
    at: Duration,
    /// The power was cut soon after: it may never have been seen.
    may_be_lost: bool,
}

/// All that was done.
#[derive(Debug)]
pub(super) struct Books<'a> {
    faults: &'a [Fault],
    done: Vec<Done>,
    skipped: usize,
    /// What the hub held before: reports by incident.
    before: BTreeMap<IncidentId, u64>,
}

/// How it adds up.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) injected: usize,
    pub(super) skipped: usize,
    pub(super) whole: usize,
    pub(super) stopped: usize,
    pub(super) incidents: usize,
    pub(super) wrong: Vec<String>,
}

impl<'a> Books<'a> {
    pub(super) fn new(faults: &'a [Fault], incidents: &[IncidentView]) -> Self {
        let before = incidents.iter().map(|i| (i.incident.clone(), i.reports)).collect();
        Self { faults, done: Vec::new(), skipped: 0, before }
    }

    /// Does a fault where the machine is whole in that point: what is still broken cannot be broken again.
    pub(super) fn inject(&mut self, site: &mut Site, which: usize, at: Duration) -> Result<()> {
        let fault = &self.faults[which];
        let is_alike = |done: &&Done| self.faults[done.which].seen_by == fault.seen_by;
        if self.done.iter().rfind(is_alike).is_some_and(|done| done.at + UNDER_WAY > at) {
            self.skipped += 1;
            return Ok(());
        }
        // What the hub holds to be broken still is not broken again: it would be the same incident.
        let is_open = |i: &IncidentView| is_of(i, fault) && !i.state.is_over();
        if site.hub.incidents()?.iter().any(is_open) {
            self.skipped += 1;
            return Ok(());
        }
        let proof = fault.proof.as_deref().unwrap_or("true");
        if !site.machine.sh(proof)?.is_good() {
            self.skipped += 1;
            return Ok(());
        }
        site.machine.ok(&format!("mark() {{ :; }}\n{}", fault.inject))?;
        self.done.push(Done { which, at, may_be_lost: false });
        Ok(())
    }

    /// What was done a moment before is not counted as seen.
    pub(super) fn power_was_cut(&mut self, at: Duration) {
        for done in &mut self.done {
            done.may_be_lost |= done.at + UNWRITTEN > at;
        }
    }

    /// Compares with what the hub holds. A fault that was done is a report of an incident there, and is whole again, or waits for a named reason.
    pub(super) fn close(&self, site: &mut Site, incidents: &[IncidentView]) -> Result<Account> {
        let mut account = Account { injected: self.done.len(), skipped: self.skipped, ..Account::default() };
        // Faults that are noticed as the same thing share their reports.
        let mut kinds: BTreeMap<&BTreeSet<String>, BTreeMap<usize, Vec<&Done>>> = BTreeMap::new();
        for done in &self.done {
            let alike = kinds.entry(&self.faults[done.which].seen_by).or_default();
            alike.entry(done.which).or_default().push(done);
        }
        for alike in kinds.values() {
            let all: Vec<&Done> = alike.values().flatten().copied().collect();
            let of_it: Vec<_> = incidents.iter().filter(|i| is_of(i, &self.faults[all[0].which])).collect();
            account.incidents += of_it.len();
            self.count(&all, &of_it, &mut account.wrong);
            for (which, done) in alike {
                let fault = &self.faults[*which];
                let open = of_it.iter().find(|i| !matches!(i.state, IncidentState::Closed { .. }));
                let is_whole = site.machine.sh(fault.proof.as_deref().unwrap_or("true"))?.is_good();
                match (is_whole, open) {
                    (true, _) => account.whole += done.len(),
                    (false, Some(open)) if waits(open) => {
                        account.whole += done.len() - 1;
                        account.stopped += 1;
                        eprintln!("{}: stands, {:?}: {:?}", fault.id, open.state, open.why);
                    }
                    (false, open) => {
                        let says = open.map(|open| (&open.state, &open.why));
                        account.wrong.push(format!("{}: broken, and the hub says {says:?}", fault.id));
                    }
                }
            }
        }
        Ok(account)
    }

    /// As many reports as faults, at least: what was there before is not among them.
    fn count(&self, done: &[&Done], of_it: &[&IncidentView], wrong: &mut Vec<String>) {
        let before = |i: &IncidentView| self.before.get(&i.incident).copied().unwrap_or_default();
        let reports: u64 = of_it.iter().map(|i| i.reports.saturating_sub(before(i))).sum();
        let certain = done.iter().filter(|done| !done.may_be_lost).count();
        if reports >= certain as u64 {
            return;
        }
        let at: Vec<u64> = done.iter().map(|done| done.at.as_secs()).collect();
        let held = of_it
            .iter()
            .map(|i| format!("{} found {}, {} reports, {:?}", i.incident, i.found, i.reports, i.state));
        wrong.push(format!(
            "{}: done {certain} times, at {at:?} s, and the hub holds {reports} reports of it: {}",
            self.faults[done[0].which].id,
            held.collect::<Vec<_>>().join("; ")
        ));
    }
}

/// Whether a person is called for it, or it goes on by itself once its time has come.
const fn waits(open: &IncidentView) -> bool {
    let comes_again = matches!(&open.state, IncidentState::Open { outcome: Outcome::Deferred, .. });
    open.waits_for_person || comes_again || matches!(&open.state, IncidentState::Escalated)
}

/// Runs of a runbook that is not right for what it ran for, as far as one of these faults breaks it.
pub(super) fn stray(faults: &[Fault], records: &[Record], first: u64) -> Vec<String> {
    let accepted =
        records.iter().filter(|record| record.seq >= first).filter_map(|record| match &record.body {
            Body::Accepted(accepted) => Some(accepted),
            _ => None,
        });
    let is_stray = |control: &str, runbook: &RunbookId| {
        let mut of_it = faults.iter().filter(|fault| fault.seen_by.contains(control)).peekable();
        of_it.peek().is_some() && of_it.all(|fault| !fault.runbooks.contains(runbook))
    };
    accepted
        .filter(|accepted| is_stray(accepted.control.as_str(), &accepted.runbook))
        .map(|accepted| format!("{} for {}", accepted.runbook, accepted.control))
        .collect()
}

/// Runs that healed, from this record on. An order that ended twice, or an incident that was healed twice, is wrong.
pub(super) fn healed(records: &[Record], first: u64, wrong: &mut Vec<String>) -> usize {
    let (mut orders, mut incidents) = (BTreeSet::<&OrderId>::new(), BTreeSet::<&IncidentId>::new());
    for record in records.iter().filter(|record| record.seq >= first) {
        let Body::Ended(outcome, ended) = &record.body else { continue };
        if !orders.insert(&ended.order) {
            wrong.push(format!("order {} ended twice", ended.order));
        }
        if *outcome == Outcome::Healed && !incidents.insert(&ended.incident) {
            wrong.push(format!("incident {} was healed twice", ended.incident));
        }
    }
    incidents.len()
}

/// Of these, those that stood on a standing order: the site decided itself.
pub(super) fn healed_alone(records: &[Record], first: u64) -> usize {
    let new = || records.iter().filter(|record| record.seq >= first);
    let alone: BTreeSet<&OrderId> = new()
        .filter_map(|record| match &record.body {
            Body::Accepted(accepted) if matches!(accepted.authority, Authority::StandingOrder(_)) => {
                Some(&accepted.order)
            }
            _ => None,
        })
        .collect();
    let healed = |record: &&Record| matches!(&record.body, Body::Ended(Outcome::Healed, ended) if alone.contains(&ended.order));
    new().filter(healed).count()
}
