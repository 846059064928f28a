//! Controls that failed: from the first record that says so to the one that ends it.

use std::collections::BTreeMap;

use contract::fact::FactValue;
use contract::finding::Verdict;
use contract::ids::{ControlId, OrderId};
use contract::outcome::Outcome;
use contract::record::{Ended, Resolution};

use crate::machine::At;
use crate::month::Span;

/// A control that failed, until it passed again.
///
/// What cannot be seen any more goes on failing: looking away ends nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// Which.
    pub control: ControlId,
    /// The first record that says so.
    pub began: At,
    /// What was seen then.
    pub observed: FactValue,
    /// How it ended; none while it goes on.
    pub over: Option<Over>,
    /// The repairs that were begun meanwhile, in their order.
    pub runs: Vec<OrderId>,
    /// It was seen to pass while a repair was under way: whose doing that is, the repair's end says.
    passed: Option<At>,
}

/// A repair that has not ended after so long ends nothing any more: what passes then passes by itself.
const UNDER_WAY_MS: u64 = 60 * 60 * 1000;

/// How an episode ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// A repair healed it: its own measurement is the proof.
    Healed(OrderId, At),
    /// It passed at the next look, and no repair says that it did that: somebody, or something, else mended it.
    Passed(At),
    /// A person accepted that it fails.
    Excepted(At),
}

impl Over {
    /// The record that ends it.
    pub const fn at(&self) -> At {
        match self {
            Self::Healed(_, at) | Self::Passed(at) | Self::Excepted(at) => *at,
        }
    }
}

/// The episodes of a log, those that are of no month but an earlier one left out.
#[derive(Debug, Default)]
pub(crate) struct Episodes {
    open: BTreeMap<ControlId, Episode>,
    over: Vec<Episode>,
    /// The repair of each control that is under way.
    under_way: BTreeMap<ControlId, (OrderId, At)>,
}

impl Episodes {
    pub(crate) fn found(&mut self, control: &ControlId, verdict: &Verdict, at: At, span: Span) {
        match verdict {
            Verdict::Fail(observed) => {
                self.opened(control, observed, at).passed = None;
            }
            Verdict::Pass(_) => self.passes(control, at, span),
            Verdict::Excepted(_) => self.end(control, Over::Excepted(at), span),
            Verdict::NotAssessed(_) => {}
        }
    }

    /// A repair was begun. One for what no finding has told of yet begins the episode: the executor measured it itself.
    pub(crate) fn begun(&mut self, control: &ControlId, order: &OrderId, measured: &FactValue, at: At) {
        self.under_way.insert(control.clone(), (order.clone(), at));
        self.opened(control, measured, at).runs.push(order.clone());
    }

    fn opened(&mut self, control: &ControlId, observed: &FactValue, at: At) -> &mut Episode {
        self.open.entry(control.clone()).or_insert_with(|| Episode {
            control: control.clone(),
            began: at,
            observed: observed.clone(),
            over: None,
            runs: Vec::new(),
            passed: None,
        })
    }

    /// While a repair is under way its control may pass before the repair is over, in its hold-down: then the repair's end says whose doing it is.
    fn passes(&mut self, control: &ControlId, at: At, span: Span) {
        let held =
            self.under_way.get(control).is_some_and(|(_, began)| at.time.ms_since(began.time) < UNDER_WAY_MS);
        match self.open.get_mut(control) {
            Some(episode) if held => {
                episode.passed.get_or_insert(at);
            }
            Some(_) | None => self.end(control, Over::Passed(at), span),
        }
    }

    pub(crate) fn ended(&mut self, outcome: Outcome, ended: &Ended, at: At, span: Span) {
        if self.under_way.get(&ended.control).is_some_and(|(order, _)| *order == ended.order) {
            self.under_way.remove(&ended.control);
        }
        let passed = self.open.get(&ended.control).and_then(|episode| episode.passed);
        match (outcome, &ended.resolution) {
            (Outcome::Healed, _) => self.end(&ended.control, Over::Healed(ended.order.clone(), at), span),
            // It was undone, or did nothing, and the control passes all the same.
            (_, Resolution::Passes(_)) => self.end(&ended.control, Over::Passed(at), span),
            (_, Resolution::NotMeasured(_)) => {
                if let Some(passed) = passed {
                    self.end(&ended.control, Over::Passed(passed), span);
                }
            }
            (_, Resolution::Fails(_)) => {
                if let Some(episode) = self.open.get_mut(&ended.control) {
                    episode.passed = None;
                }
            }
        }
    }

    fn end(&mut self, control: &ControlId, over: Over, span: Span) {
        let Some(mut episode) = self.open.remove(control) else { return };
        if span.meets(episode.began.time, over.at().time.max(episode.began.time)) {
            episode.over = Some(over);
            self.over.push(episode);
        }
    }

    /// Those of the month, in the order in which they began.
    pub(crate) fn end_of_month(self) -> Vec<Episode> {
        let mut all: Vec<_> = self.over.into_iter().chain(self.open.into_values()).collect();
        all.sort_by(|a, b| (a.began.seq, &a.control).cmp(&(b.began.seq, &b.control)));
        all
    }
}
