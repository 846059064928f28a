//! Incidents, as the evidence tells of them: a control failed, until it did not; and the repairs that were tried.

use std::collections::BTreeMap;

use contract::baseline::Severity;
use contract::decision::Provenance;
use contract::fact::FactValue;
use contract::ids::{ControlId, GrantId, HostId, IncidentId, OperatorId, OrderId, RunbookId};
use contract::outcome::Outcome;
use contract::record::{Authority, Counted};
use serde::{Deserialize, Serialize};

use crate::claim::{Cite, Claim, Unmeasured};
use crate::episodes::{Episode, Over};
use crate::input::Input;
use crate::machine::At;
use crate::month::Span;
use crate::runs::{Run, TurnedAway};

/// A control that failed on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// The machine.
    pub host: HostId,
    /// Which control.
    pub control: ControlId,
    /// What it asks; its name once more where the baseline no longer holds it.
    pub title: String,
    /// How much it matters; none where the baseline no longer holds it.
    pub severity: Option<Severity>,
    /// The first record that says that it failed.
    pub detected: At,
    /// What was seen.
    pub observed: FactValue,
    /// How it ended; none while it goes on.
    pub over: Option<Ending>,
    /// The repairs that were tried, by their orders.
    pub repairs: Vec<OrderId>,
}

/// How an incident ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// By whom.
    pub by: EndedBy,
    /// The record.
    pub at: At,
    /// From the first record to this one, by the machine's clock, in milliseconds; none where that clock was set back in between.
    pub after_ms: Option<u64>,
}

/// What an incident was ended by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EndedBy {
    /// A repair, by its order.
    Repair(OrderId),
    /// Somebody, or something, else: no repair says that it did it.
    Another,
    /// A person accepted that it fails.
    Exception,
}

/// A repair that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// The machine.
    pub host: HostId,
    /// Its order.
    pub order: OrderId,
    /// The incident that it answers.
    pub incident: IncidentId,
    /// The control that failed.
    pub control: ControlId,
    /// By which runbook.
    pub runbook: RunbookId,
    /// What that is called; none where the catalogue at hand does not say.
    pub title: Option<String>,
    /// Under whose authority.
    pub authority: Authority,
    /// Who or what chose the runbook.
    pub chosen: Provenance,
    /// Who agreed.
    pub approvals: Vec<OperatorId>,
    /// The break-glass grant that it made use of.
    pub break_glass: Option<GrantId>,
    /// The record that it was begun with.
    pub began: At,
    /// How it ended; none while it goes on.
    pub end: Option<RepairEnd>,
    /// The record with which undoing it began; none where it was not undone.
    pub undone: Option<At>,
    /// The record with which it was handed to a person; none where it was not.
    pub handed_over: Option<At>,
}

/// How a repair ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepairEnd {
    /// The record.
    pub at: At,
    /// How.
    pub outcome: Outcome,
    /// How long its steps took, by the monotonic clock, in milliseconds.
    pub acted_ms: u64,
    /// How long it was looked at after that.
    pub verified_ms: u64,
    /// What its steps counted.
    pub counts: Vec<Counted>,
}

/// An order that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotDone {
    /// The machine.
    pub host: HostId,
    /// The runbook, where the order could be read.
    pub runbook: Option<RunbookId>,
    /// As what it ended.
    pub outcome: Outcome,
    /// Why, in the words of the guardrail.
    pub why: String,
    /// The record.
    pub at: At,
}

impl Incident {
    fn of(host: &HostId, episode: &Episode, input: &Input<'_>) -> Self {
        let control = input.baseline.control(&episode.control);
        let ending = |over: &Over| {
            let by = match over {
                Over::Healed(order, _) => EndedBy::Repair(order.clone()),
                Over::Passed(_) => EndedBy::Another,
                Over::Excepted(_) => EndedBy::Exception,
            };
            let after_ms =
                (over.at().time >= episode.began.time).then(|| over.at().time.ms_since(episode.began.time));
            Ending { by, at: over.at(), after_ms }
        };
        // How it ended is of this month only where it ended in it.
        let over = episode.over.as_ref().filter(|over| over.at().time < input.cover.span.to());
        Self {
            host: host.clone(),
            control: episode.control.clone(),
            title: control.map_or_else(|| episode.control.to_string(), |control| control.title.clone()),
            severity: control.map(|control| control.severity),
            detected: episode.began,
            observed: episode.observed.clone(),
            over: over.map(ending),
            repairs: episode.runs.clone(),
        }
    }

    /// Whether it was repaired in the month.
    pub(crate) fn fixed(&self, span: Span) -> Option<&Ending> {
        self.over.as_ref().filter(|over| matches!(over.by, EndedBy::Repair(_)) && span.holds(over.at.time))
    }

    /// The records that it is from.
    pub fn cites(&self) -> Vec<Cite> {
        let ended = self.over.iter().map(|over| Cite::one(&self.host, over.at.seq));
        std::iter::once(Cite::one(&self.host, self.detected.seq)).chain(ended).collect()
    }
}

impl Repair {
    fn of(host: &HostId, run: &Run, runbooks: &BTreeMap<RunbookId, String>) -> Self {
        let Run { order, incident, control, runbook, authority, approvals, .. } = run.clone();
        let end = run.end.as_ref().map(|end| RepairEnd {
            at: end.at,
            outcome: end.outcome,
            acted_ms: end.acted_ms,
            verified_ms: end.verified_ms,
            counts: end.counts.clone(),
        });
        let title = runbooks.get(&runbook).cloned();
        Self {
            host: host.clone(),
            order,
            incident,
            control,
            runbook,
            title,
            authority,
            chosen: run.provenance.clone(),
            approvals,
            break_glass: run.break_glass.clone(),
            began: run.began,
            end,
            undone: run.undone,
            handed_over: run.trouble.as_ref().map(|(_, at)| *at),
        }
    }

    /// The records that it is from.
    pub fn cites(&self) -> Vec<Cite> {
        let later = self.undone.into_iter().chain(self.handed_over).chain(self.end.iter().map(|end| end.at));
        std::iter::once(self.began).chain(later).map(|at| Cite::one(&self.host, at.seq)).collect()
    }
}

/// All incidents of the month, the earliest first.
pub(crate) fn incidents(input: &Input<'_>) -> Vec<Incident> {
    let of_machine = |logged: &crate::input::Logged| -> Vec<Incident> {
        let host = &logged.machine.whose.host;
        logged.machine.episodes.iter().map(|episode| Incident::of(host, episode, input)).collect()
    };
    let mut all: Vec<_> = input.machines.iter().flat_map(of_machine).collect();
    all.sort_by(|a, b| {
        (a.detected.time, &a.host, a.detected.seq).cmp(&(b.detected.time, &b.host, b.detected.seq))
    });
    all
}

/// All repairs of the month, the earliest first.
pub(crate) fn repairs(input: &Input<'_>) -> Vec<Repair> {
    let of_machine = |logged: &crate::input::Logged| -> Vec<Repair> {
        let host = &logged.machine.whose.host;
        logged.machine.runs.iter().map(|run| Repair::of(host, run, &input.runbooks)).collect()
    };
    let mut all: Vec<_> = input.machines.iter().flat_map(of_machine).collect();
    all.sort_by(|a, b| (a.began.time, &a.host, a.began.seq).cmp(&(b.began.time, &b.host, b.began.seq)));
    all
}

/// All orders of the month that were not carried out.
pub(crate) fn not_done(input: &Input<'_>) -> Vec<NotDone> {
    let one = |host: &HostId, away: &TurnedAway| NotDone {
        host: host.clone(),
        runbook: away.runbook.clone(),
        outcome: away.outcome,
        why: away.refusal.to_string(),
        at: away.at,
    };
    let of_machine = |logged: &crate::input::Logged| -> Vec<NotDone> {
        let host = &logged.machine.whose.host;
        logged.machine.turned_away.iter().map(|away| one(host, away)).collect()
    };
    input.machines.iter().flat_map(of_machine).collect()
}

/// How long repairs took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealTimes {
    /// Of how many.
    pub of: u32,
    /// Repairs that are not among them, since a clock was set back meanwhile.
    pub untimed: u32,
    /// Half took no longer than this, in milliseconds.
    pub median_ms: u64,
    /// Nineteen of twenty took no longer than this.
    pub p95_ms: u64,
    /// How many took no longer than each of [`BUCKETS_MS`], and longer than the one before; the last are those that took longer than all.
    pub buckets: Vec<u32>,
}

/// Bounds that a person can picture: 2 and 10 seconds, 1 and 10 minutes, 1 hour, 1 day.
pub const BUCKETS_MS: [u64; 6] = [2_000, 10_000, 60_000, 600_000, 3_600_000, 86_400_000];

/// How long it took from the first record of each incident to the record of its repair.
pub(crate) fn heal_times(incidents: &[Incident], span: Span) -> Claim<HealTimes> {
    let fixed = || incidents.iter().filter_map(|incident| Some((incident, incident.fixed(span)?)));
    let mut times: Vec<u64> = fixed().filter_map(|(_, ending)| ending.after_ms).collect();
    let untimed = u32::try_from(fixed().count() - times.len()).unwrap_or(u32::MAX);
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    let (Some(median_ms), Some(p95_ms)) = (at(50), at(95)) else {
        return Claim::not(Unmeasured::NothingHappened);
    };
    let mut buckets = vec![0; BUCKETS_MS.len() + 1];
    for time in &times {
        let bucket = BUCKETS_MS.partition_point(|bound| bound < time);
        if let Some(many) = buckets.get_mut(bucket) {
            *many += 1;
        }
    }
    let of = u32::try_from(times.len()).unwrap_or(u32::MAX);
    let cites = fixed().flat_map(|(incident, _)| incident.cites()).collect();
    Claim::of(HealTimes { of, untimed, median_ms, p95_ms, buckets }, crate::standing::folded(cites))
}
