//! Which run goes next. Pure: what waits and what runs goes in, one move comes out.
//!
//! Priorities 1 to 5, first come first served within one; whoever waits rises by at most two. One run at a time on a target. What a run waits for
//! ends first; if it does not heal, the run fails with that reason. An urgent run may have a patient one paused or cancelled, where that one's
//! runbook allows it.

use std::collections::{BTreeMap, BTreeSet};

use contract::ids::{OrderId, RunbookId};
use contract::resource::Resource;
use contract::runbook::{Priority, WhenUrgent};
use contract::time::MonoNs;

/// Waiting for so long raises a run by one.
const AGEING_MS: u64 = 5 * 60 * 1000;
/// The most that waiting raises a run.
const AGEING_MAX: u64 = 2;
/// Orders that may wait for their turn; more than these is a flood.
pub const QUEUE_MAX: usize = 64;

/// What the schedule knows of a run.
#[derive(Debug, Clone)]
pub struct Entry {
    /// How urgent its runbook is.
    pub priority: Priority,
    /// What an urgent run may do to it.
    pub when_urgent: WhenUrgent,
    /// What it touches.
    pub targets: BTreeSet<Resource>,
    /// Its runbook.
    pub runbook: RunbookId,
    /// Runbooks that are to end well before it.
    pub after: Vec<RunbookId>,
    /// Since when it is here.
    pub since: MonoNs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Queued,
    Running,
    Paused,
}

#[derive(Debug)]
struct Place {
    entry: Entry,
    state: State,
    /// Its place in the line: first come, first served.
    ticket: u64,
    /// The run that it waited for and that did not heal.
    doomed: Option<RunbookId>,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Begin it.
    Start(OrderId),
    /// Freeze it: something urgent waits.
    Pause(OrderId),
    /// Stop and undo it: something urgent waits.
    Cancel(OrderId),
    /// Let it go on.
    GoOn(OrderId),
    /// It will never begin: what it waited for did not heal.
    Fail(OrderId, RunbookId),
}

/// Everything that waits or runs.
#[derive(Debug)]
pub struct Schedule {
    places: BTreeMap<OrderId, Place>,
    /// How many may run at once.
    runs_max: usize,
    next_ticket: u64,
    /// Asked to stop already: asking again changes nothing.
    cancelled: BTreeSet<OrderId>,
}

impl Schedule {
    /// An empty one.
    pub const fn new(runs_max: usize) -> Self {
        Self { places: BTreeMap::new(), runs_max, next_ticket: 0, cancelled: BTreeSet::new() }
    }

    /// Puts a run in line. False where the line is full.
    pub fn enter(&mut self, order: OrderId, entry: Entry) -> bool {
        let queued = self.places.values().filter(|p| p.state == State::Queued).count();
        if queued >= QUEUE_MAX {
            return false;
        }
        let place = Place { entry, state: State::Queued, ticket: self.next_ticket, doomed: None };
        self.next_ticket += 1;
        self.places.entry(order).or_insert(place);
        true
    }

    /// The next move, if there is one to make. Making it is told by [`Self::made`].
    pub fn next(&self, now: MonoNs) -> Option<Move> {
        if let Some((order, failed)) = self
            .places
            .iter()
            .find_map(|(id, p)| Some((id, p.doomed.as_ref().filter(|_| p.state == State::Queued)?)))
        {
            return Some(Move::Fail(order.clone(), failed.clone()));
        }
        let room = self.active() < self.runs_max;
        // Whatever was paused for something urgent stays so until that has begun: the two would take turns for ever.
        let urgent = self
            .places
            .values()
            .any(|p| p.state == State::Queued && p.entry.priority == Priority::FIRST && self.may_begin(p));
        // A paused run is an earlier one that was begun: it goes on before anything as urgent as itself begins.
        let mut line: Vec<_> = self.places.iter().filter(|(_, p)| p.state != State::Running).collect();
        line.sort_by_key(|(_, p)| (p.rank(now), p.state == State::Queued, p.ticket));
        for (order, place) in line {
            match place.state {
                State::Paused if room && !urgent => return Some(Move::GoOn(order.clone())),
                State::Queued if self.may_begin(place) => {
                    if room {
                        return Some(Move::Start(order.clone()));
                    }
                    if let Some(yielding) = self.make_room(place) {
                        return Some(yielding);
                    }
                }
                State::Paused | State::Queued | State::Running => {}
            }
        }
        None
    }

    /// Notes that a move was made.
    pub fn made(&mut self, made: &Move) {
        let (order, state) = match made {
            Move::Start(order) | Move::GoOn(order) => (order, State::Running),
            Move::Pause(order) => (order, State::Paused),
            Move::Cancel(order) => {
                self.cancelled.insert(order.clone());
                return;
            }
            Move::Fail(order, _) => return self.leave(order, false),
        };
        if let Some(place) = self.places.get_mut(order) {
            place.state = state;
        }
    }

    /// A run ended, or will not begin. Whoever waits for it in vain is told.
    pub fn leave(&mut self, order: &OrderId, healed: bool) {
        self.cancelled.remove(order);
        let Some(left) = self.places.remove(order) else { return };
        if healed {
            return;
        }
        for place in self.places.values_mut() {
            if place.ticket > left.ticket && place.entry.after.contains(&left.entry.runbook) {
                place.doomed = Some(left.entry.runbook.clone());
            }
        }
    }

    /// Whether it is here.
    pub fn holds(&self, order: &OrderId) -> bool {
        self.places.contains_key(order)
    }

    /// How many are begun, paused ones included.
    pub fn begun(&self) -> usize {
        self.places.values().filter(|p| p.state != State::Queued).count()
    }

    fn active(&self) -> usize {
        self.places.values().filter(|p| p.state == State::Running).count()
    }

    /// Its targets are free, and what it waits for is over.
    fn may_begin(&self, place: &Place) -> bool {
        let locks =
            |p: &&Place| p.state != State::Queued && !p.entry.targets.is_disjoint(&place.entry.targets);
        let first = |p: &&Place| p.ticket < place.ticket && place.entry.after.contains(&p.entry.runbook);
        !self.places.values().any(|p| locks(&p) || first(&p))
    }

    /// For an urgent run without room: the most patient run that yields.
    fn make_room(&self, urgent: &Place) -> Option<Move> {
        if urgent.entry.priority != Priority::FIRST {
            return None;
        }
        let running = self.places.iter().filter(|(_, p)| p.state == State::Running);
        // One that was asked to stop makes room as soon as it has undone itself.
        if running.clone().any(|(order, _)| self.cancelled.contains(order)) {
            return None;
        }
        let yields = running.filter(|(_, p)| p.entry.priority > urgent.entry.priority);
        let most_patient = yields
            .filter(|(_, p)| p.entry.when_urgent != WhenUrgent::GoOn)
            .max_by_key(|(_, p)| (p.entry.priority, p.ticket));
        most_patient.and_then(|(order, p)| match p.entry.when_urgent {
            WhenUrgent::GoOn => None,
            WhenUrgent::Pause => Some(Move::Pause(order.clone())),
            WhenUrgent::Cancel => Some(Move::Cancel(order.clone())),
        })
    }
}

impl Place {
    /// Its priority, less what it has risen by waiting.
    fn rank(&self, now: MonoNs) -> u64 {
        let risen = (now.ms_since(self.entry.since) / AGEING_MS).min(AGEING_MAX);
        u64::from(self.entry.priority.number()).saturating_sub(risen).max(1)
    }
}

#[cfg(test)]
mod tests;
