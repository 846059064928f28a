//! How each control stood when the month was over.

use std::collections::BTreeMap;

use contract::baseline::{Area, Citation, Control, Severity};
use contract::fact::{Absence, FactValue};
use contract::finding::Verdict;
use contract::ids::{ControlId, HostId, RunbookId};
use contract::score::{Counted, Score};
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

use crate::claim::{Cite, Claim, Unmeasured};
use crate::input::{Input, Logged, SilentReason};
use crate::machine::At;

/// One control, over all machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Which.
    pub control: ControlId,
    /// What it asks.
    pub title: String,
    /// What it is about.
    pub area: Area,
    /// How much a failure matters.
    pub severity: Severity,
    /// Which paragraphs it speaks to.
    pub citations: Vec<Citation>,
    /// What is expected.
    pub expected: String,
    /// The runbook that may repair it.
    pub runbook: Option<RunbookId>,
    /// Why a person has to, where one has to.
    pub person: Option<String>,
    /// Each machine.
    pub machines: Vec<Seen>,
}

/// One control on one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The machine.
    pub host: HostId,
    /// What it counts as.
    pub state: Counted,
    /// What was seen last, or why nothing was.
    pub observed: Observed,
    /// The record that first said so, without another word since; none where no record speaks of it.
    pub since: Option<At>,
    /// The record of the last look.
    pub checked: Option<At>,
}

/// What was seen, or why nothing was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Observed {
    /// A value.
    Value(FactValue),
    /// None.
    Not(Unmeasured),
}

impl Seen {
    fn of(control: &Control, logged: &Logged, now: UtcTime) -> Self {
        let host = logged.machine.whose.host.clone();
        let Some(held) = logged.machine.held.get(&control.id) else { return Self::never(host) };
        let observed = match &held.verdict {
            Verdict::Pass(value) | Verdict::Fail(value) | Verdict::Excepted(value) => {
                Observed::Value(value.clone())
            }
            Verdict::NotAssessed(absence) => Observed::Not(Unmeasured::Absent(*absence)),
        };
        let at = |(time, seq)| At { seq, time };
        Self {
            host,
            state: held.count(now),
            observed,
            since: Some(at(held.since)),
            checked: Some(at(held.checked)),
        }
    }

    /// No record speaks of it.
    pub(crate) const fn never(host: HostId) -> Self {
        let observed = Observed::Not(Unmeasured::NeverSeen);
        Self { host, state: Counted::Unknown, observed, since: None, checked: None }
    }

    /// The record of the last look.
    pub fn cite(&self) -> Option<Cite> {
        self.checked.map(|at| Cite::one(&self.host, at.seq))
    }

    /// Why it is not known; none where it is.
    pub fn unknown(&self) -> Option<Unmeasured> {
        match (self.state, &self.observed) {
            (Counted::Passes | Counted::Fails | Counted::Excepted, _) => None,
            (_, Observed::Not(reason)) => Some(*reason),
            // It was seen, and too long ago.
            (_, Observed::Value(_)) => Some(Unmeasured::Stale),
        }
    }

    /// Whether nothing has to be looked at: it makes no sense there, and was never seen to fail.
    pub fn is_out_of_scope(&self) -> bool {
        let makes_no_sense =
            matches!(self.observed, Observed::Not(Unmeasured::Absent(Absence::DoesNotApply)));
        makes_no_sense && self.state == Counted::Unknown
    }
}

impl Standing {
    /// Every control of the baseline, in its order.
    pub(crate) fn all(input: &Input<'_>) -> Vec<Self> {
        let now = input.cover.span.to();
        let one = |control: &Control| {
            let kept = input.machines.iter().filter(|logged| logged.counts(input.cover.span));
            let with_log = kept.map(|logged| Seen::of(control, logged, now));
            // A machine that was never enrolled is told of, and is nobody's to look at yet.
            let enrolled =
                input.silent.iter().filter(|silent| silent.reason == SilentReason::NoRecordReceived);
            let without = enrolled.map(|silent| Seen::never(silent.host.clone()));
            let mut machines: Vec<_> = with_log.chain(without).collect();
            machines.sort_by(|a, b| a.host.cmp(&b.host));
            Self {
                control: control.id.clone(),
                title: control.title.clone(),
                area: control.area,
                severity: control.severity,
                citations: control.citations.clone(),
                expected: control.expected_text(),
                runbook: control.runbook.clone(),
                person: control.person.clone(),
                machines,
            }
        };
        input.baseline.controls().iter().map(one).collect()
    }

    /// The machines that count so.
    pub fn machines_that(&self, state: Counted) -> impl Iterator<Item = &Seen> {
        self.machines.iter().filter(move |seen| seen.state == state)
    }
}

/// The score over all controls of all machines, and the records that each part of it is from.
pub(crate) fn score(standings: &[Standing]) -> Claim<Score> {
    let seen = || standings.iter().flat_map(|standing| &standing.machines);
    let cites: Vec<Cite> = seen().filter_map(Seen::cite).collect();
    Claim::of(Score::of(seen().map(|seen| seen.state)), folded(cites))
}

/// Neighbouring records of one log as one range, sorted.
pub(crate) fn folded(mut cites: Vec<Cite>) -> Vec<Cite> {
    cites.sort();
    let mut all: Vec<Cite> = Vec::new();
    for cite in cites {
        match all.last_mut() {
            Some(last) if last.log == cite.log && cite.first <= last.last.saturating_add(1) => {
                last.last = last.last.max(cite.last);
            }
            _ => all.push(cite),
        }
    }
    all
}

/// What could not be checked, together where machine and reason are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unchecked {
    /// The machine.
    pub host: HostId,
    /// Why.
    pub reason: Unmeasured,
    /// Which controls.
    pub controls: Vec<ControlId>,
    /// How many of them failed when they were seen last.
    pub unmet: u32,
    /// The records that say so; none where no record speaks of them.
    pub records: Vec<Cite>,
}

/// What could not be checked, the most first.
pub(crate) fn unchecked(standings: &[Standing]) -> Vec<Unchecked> {
    let mut groups: BTreeMap<(HostId, Unmeasured), Unchecked> = BTreeMap::new();
    for standing in standings {
        for seen in standing.machines.iter().filter(|seen| !seen.is_out_of_scope()) {
            let Some(reason) = seen.unknown() else { continue };
            let group = groups.entry((seen.host.clone(), reason)).or_insert_with(|| Unchecked {
                host: seen.host.clone(),
                reason,
                controls: Vec::new(),
                unmet: 0,
                records: Vec::new(),
            });
            group.controls.push(standing.control.clone());
            group.unmet += u32::from(seen.state == Counted::UnknownUnmet);
            group.records.extend(seen.cite());
        }
    }
    let mut all: Vec<_> = groups.into_values().collect();
    for group in &mut all {
        group.records = folded(std::mem::take(&mut group.records));
    }
    all.sort_by(|a, b| b.controls.len().cmp(&a.controls.len()).then_with(|| a.host.cmp(&b.host)));
    all
}
