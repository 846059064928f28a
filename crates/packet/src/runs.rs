//! Repairs: under whose authority each was begun, and how it ended.

use std::collections::BTreeMap;

use contract::decision::Provenance;
use contract::ids::{ControlId, GrantId, IncidentId, OperatorId, OrderId, RunbookId};
use contract::outcome::Outcome;
use contract::record::{
    Accepted, Authority, Counted, Ended, Escalated, Moved, Refused, Resolution, RunState, Trouble,
};
use contract::refusal::Refusal;

use crate::machine::At;
use crate::month::Span;

/// One repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its order.
    pub order: OrderId,
    /// The incident that it answers.
    pub incident: IncidentId,
    /// The control that failed.
    pub control: ControlId,
    /// By which runbook.
    pub runbook: RunbookId,
    /// Under whose authority.
    pub authority: Authority,
    /// Who agreed to it.
    pub approvals: Vec<OperatorId>,
    /// The break-glass grant that it made use of.
    pub break_glass: Option<GrantId>,
    /// Who or what chose the runbook.
    pub provenance: Provenance,
    /// The record that it was begun with.
    pub began: At,
    /// How it ended; none while it goes on.
    pub end: Option<End>,
    /// Undoing was begun, or the dead-man timer did it.
    pub undone: Option<At>,
    /// It was handed to a person: why, and the last record that says so.
    pub trouble: Option<(Trouble, At)>,
}

/// How a repair ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The record.
    pub at: At,
    /// How.
    pub outcome: Outcome,
    /// What the last measurement saw.
    pub resolution: Resolution,
    /// From its beginning to the end of its steps, by the monotonic clock, in milliseconds.
    pub acted_ms: u64,
    /// From there to the end of the hold-down.
    pub verified_ms: u64,
    /// What its steps counted.
    pub counts: Vec<Counted>,
}

/// An order that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnedAway {
    /// The order, where its bytes could be trusted.
    pub order: Option<OrderId>,
    /// The runbook that would have run.
    pub runbook: Option<RunbookId>,
    /// As what it ended.
    pub outcome: Outcome,
    /// Why.
    pub refusal: Refusal,
    /// The record.
    pub at: At,
}

impl TurnedAway {
    pub(crate) fn of(outcome: Outcome, refused: &Refused, at: At) -> Self {
        let Refused { order, runbook, refusal, .. } = refused.clone();
        Self { order, runbook, outcome, refusal, at }
    }
}

/// The runs of a log, those that ended before the month left out.
#[derive(Debug, Default)]
pub(crate) struct Runs(BTreeMap<OrderId, Run>);

impl Runs {
    pub(crate) fn begun(&mut self, accepted: &Accepted, at: At) {
        let Accepted {
            order, incident, control, runbook, authority, approvals, break_glass, provenance, ..
        } = accepted.clone();
        let run = Run {
            order: order.clone(),
            incident,
            control,
            runbook,
            authority,
            approvals,
            break_glass,
            provenance,
            began: at,
            end: None,
            undone: None,
            trouble: None,
        };
        self.0.insert(order, run);
    }

    pub(crate) fn moved(&mut self, moved: &Moved, at: At) {
        match moved.to {
            RunState::Reverting => self.undone(&moved.order, at),
            RunState::Verifying
            | RunState::Holding
            | RunState::Paused
            | RunState::GoingOn
            | RunState::Stuck => {}
        }
    }

    pub(crate) fn escalated(&mut self, escalated: &Escalated, at: At) {
        if let Some(run) = self.0.get_mut(&escalated.order) {
            run.trouble = Some((escalated.trouble.clone(), at));
        }
    }

    pub(crate) fn undone(&mut self, order: &OrderId, at: At) {
        if let Some(run) = self.0.get_mut(order) {
            run.undone.get_or_insert(at);
        }
    }

    pub(crate) fn ended(&mut self, outcome: Outcome, ended: &Ended, at: At, span: Span) {
        let Ended { order, resolution, acted_ms, verified_ms, counts, .. } = ended.clone();
        if at.time < span.from() {
            self.0.remove(&order);
        } else if let Some(run) = self.0.get_mut(&order) {
            run.end = Some(End { at, outcome, resolution, acted_ms, verified_ms, counts });
        }
    }

    /// Those of the month, in the order in which they began.
    pub(crate) fn end_of_month(self) -> Vec<Run> {
        let mut all: Vec<_> = self.0.into_values().collect();
        all.sort_by_key(|run| run.began.seq);
        all
    }
}
