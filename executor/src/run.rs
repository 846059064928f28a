//! Runs: from signed bytes to a durable end.
//!
//! - `admit`: an order comes in; it is answered, refused, put in line or begun.
//! - `transaction`: the run itself, state by state.
//! - `dispatch`: who goes next, and who has taken too long.
//! - `settle`: what an interruption left.
//! - `grants`: standing orders and break-glass.
//! - `papers`: what the hub signs anew.
//! - `findings`: what the agent reports.
//! - `signals`: what the agent's detectors tell, bounded.
//! - `turned_away`: refusals that can come without end, bounded.
//! - `condition`: how this executor stands, for whoever asks.
//! - `generation`: which NixOS generation was healthy.

mod admit;
mod condition;
mod dispatch;
mod findings;
mod generation;
mod grants;
mod papers;
mod precondition;
mod settle;
mod signals;
mod transaction;
mod turned_away;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use contract::digest::Digest;
use contract::event::Event;
use contract::ids::OrderId;
use contract::record::{Body, Refused};
use contract::resource::UnitName;
use contract::runbook::Action;
use contract::socket::OrderAnswer;
use contract::time::MonoNs;
use evidence::AppendError;
use hands::Interrupt;

use crate::guard::{Denied, Moment, Site, Surroundings, VerifiedStanding};
use crate::links::RealLinks;
use crate::machine::{GivenUp, Machine};
use crate::opponent;
use crate::recorder::Recorder;
use crate::schedule::Schedule;

pub use findings::FindingsError;
pub use grants::GrantError;
pub use papers::PaperError;
use signals::Minute;
pub use signals::SignalsError;
use turned_away::TurnedAway;

/// What an order is answered with at once.
#[derive(Debug)]
pub enum Reply {
    /// How it ended.
    Answered(OrderAnswer),
    /// It is being carried out: ask again with the same bytes.
    UnderWay(OrderId),
}

/// Why an order has no answer.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The log cannot be written: nothing was done, or what was done is settled at the next start.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log is being put back.
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
}

/// What to do where the log cannot be written while nobody waits for an answer: the process must not go on.
pub type Fatal = Arc<dyn Fn(AppendError) + Send + Sync>;

/// Carries orders out: several at a time, one on each target.
pub struct Runner {
    /// What this site is and has approved; exchanged as a whole when the hub has signed another baseline.
    site: RwLock<Arc<Site>>,
    machine: Machine,
    /// One order is admitted at a time: between the guardrails and the record that spends the counter nobody else comes.
    admission: Mutex<()>,
    line: Mutex<Line>,
    /// Something in the line moved, or a run ended.
    moved: Condvar,
    standing: Mutex<Option<VerifiedStanding>>,
    /// Refused grants that the log holds already.
    refused_grants: Mutex<BTreeSet<Digest>>,
    turned_away: Mutex<TurnedAway>,
    signalled: Mutex<Minute>,
    fatal: Fatal,
}

/// What waits and runs now. The log knows more; this is what threads need.
#[derive(Debug)]
struct Line {
    schedule: Schedule,
    begun: BTreeMap<OrderId, Begun>,
    /// Envelopes of what waits for its turn.
    envelopes: BTreeMap<OrderId, Queued>,
    /// How each run that was started can be paused and stopped.
    interrupts: BTreeMap<OrderId, Arc<Interrupt>>,
    /// The highest counter in line: an order below it is too late, though none above it was accepted yet.
    highest: u64,
    /// True once nothing may begin any more.
    closed: bool,
}

/// An order in line.
#[derive(Debug, Clone)]
struct Queued {
    envelope: Vec<u8>,
    standing: bool,
}

/// A run under way.
#[derive(Debug)]
struct Begun {
    since: MonoNs,
    escalate_after_ms: u64,
    digest: Digest,
    incident: contract::ids::IncidentId,
    control: contract::ids::ControlId,
    told: bool,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("site", &self.site().site)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl Runner {
    /// One for this site, on this machine, with at most `runs_max` runs at once.
    pub fn new(site: Arc<Site>, machine: Machine, runs_max: usize, fatal: Fatal) -> Self {
        let line = Line {
            schedule: Schedule::new(runs_max),
            begun: BTreeMap::new(),
            envelopes: BTreeMap::new(),
            interrupts: BTreeMap::new(),
            highest: 0,
            closed: false,
        };
        Self {
            site: RwLock::new(site),
            machine,
            admission: Mutex::new(()),
            line: Mutex::new(line),
            moved: Condvar::new(),
            standing: Mutex::new(None),
            refused_grants: Mutex::new(BTreeSet::new()),
            turned_away: Mutex::default(),
            signalled: Mutex::default(),
            fatal,
        }
    }

    /// What this site is and has approved, now.
    fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn exchange_site(&self, site: Arc<Site>) {
        *self.site.write().unwrap_or_else(PoisonError::into_inner) = site;
    }

    /// What runs work with.
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Gives the log up, for it to be put back. None while a run is under way: that one ends first.
    pub fn give_up(&self) -> Option<Recorder> {
        let mut line = self.lock();
        if line.schedule.begun() > 0 {
            return None;
        }
        line.closed = true;
        drop(line);
        self.moved.notify_all();
        self.machine.give_up()
    }

    /// Lets nothing begin any more, and waits until no run is under way, or for so long.
    pub fn close(&self, wait_ms: u64) {
        self.await_runs(wait_ms);
        if let Err(OrderError::Append(e)) = self.tell_all_turned_away() {
            (self.fatal)(e);
        }
    }

    fn await_runs(&self, wait_ms: u64) {
        let until = std::time::Instant::now() + std::time::Duration::from_millis(wait_ms);
        let mut line = self.lock();
        line.closed = true;
        self.moved.notify_all();
        while line.schedule.begun() > 0 {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return;
            }
            line = self.moved.wait_timeout(line, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What surrounds this moment, as far as guardrails ask about an order with this control.
    fn surroundings(&self, control: Option<&contract::ids::ControlId>, actions: &[Action]) -> Surroundings {
        let moment = self.machine.moment();
        let flaps = control.is_some_and(|c| {
            self.machine.with_ledger(|l| l.flapping(c, moment.now).is_some()).unwrap_or(false)
        });
        let opponent = if flaps { opponent::of(actions) } else { contract::record::Opponent::Unknown };
        Surroundings {
            moment,
            confinement: self.machine.confinement.clone(),
            system: self.machine.system,
            dependants: self.dependants(actions),
            opponent,
            policy: Arc::clone(&self.machine.policy),
            links: Arc::new(RealLinks),
        }
    }

    /// What runs now and goes down with the units that `actions` would restart or stop. One that cannot be asked about is left out.
    fn dependants(&self, actions: &[Action]) -> BTreeMap<UnitName, BTreeSet<UnitName>> {
        if self.site().critical_units.is_empty() {
            return BTreeMap::new();
        }
        known_dependants(actions, hands::dependants)
    }

    /// Writes a refusal down.
    fn refuse(&self, envelope: &[u8], denied: Denied) -> Result<OrderAnswer, OrderError> {
        let Denied { order, digest, counter_spent, refusal, policy } = denied;
        let outcome = refusal.outcome();
        let refused = Refused {
            order: order.as_ref().map(|o| o.order.clone()),
            incident: order.as_ref().map(|o| o.incident.clone()),
            runbook: order.as_ref().map(|o| o.runbook.clone()),
            // A site's own order has no counter, and may be made again when what kept it has passed.
            counter: order.as_ref().filter(|o| counter_spent && o.counter > 0).map(|o| o.counter),
            envelope: Digest::of(envelope),
            refusal: refusal.clone(),
            policy: policy.map(|decided| *decided),
        };
        let id = refused.order.clone();
        // What spends no counter can come again without end.
        if refused.counter.is_none() && !self.is_worth_a_record()? {
            let seq = self.machine.with_log(|recorder| recorder.size())?.saturating_sub(1);
            return Ok(OrderAnswer { order: id, outcome, refusal: Some(refusal), seq });
        }
        let subject = order.as_ref().map_or_else(|| "order".to_owned(), |o| format!("control:{}", o.control));
        let digest = digest.unwrap_or(refused.envelope);
        let written = self.machine.about_subject(&subject, digest, vec![Body::Refused(outcome, refused)])?;
        self.machine.tracer.emit(Event::Refused { order: id.clone(), refusal: refusal.clone() });
        Ok(OrderAnswer { order: id, outcome, refusal: Some(refusal), seq: written.seq() })
    }

    fn now(&self) -> MonoNs {
        self.machine.clock.mono()
    }

    fn moment(&self) -> Moment {
        self.machine.moment()
    }
}

/// For each unit that `actions` would restart or stop, what runs now and depends on it, as `ask` says; a unit without an answer is not among them.
fn known_dependants<E: std::error::Error>(
    actions: &[Action],
    ask: impl Fn(&UnitName) -> Result<Vec<(UnitName, bool)>, E>,
) -> BTreeMap<UnitName, BTreeSet<UnitName>> {
    let mut known = BTreeMap::new();
    for action in actions {
        let (Action::UnitRestart(unit) | Action::UnitStop(unit)) = action else { continue };
        match ask(unit) {
            Ok(found) => {
                let running = found.into_iter().filter(|(_, well)| *well).map(|(dependant, _)| dependant);
                known.insert(unit.clone(), running.collect());
            }
            Err(e) => {
                tracing::warn!("what depends on {unit} is not known: {}", crate::serve::chain(&e));
            }
        }
    }
    known
}

/// Whether systemd knows `unit`, and would start it.
fn unit_is_known(unit: &UnitName) -> bool {
    hands::knows(unit).unwrap_or(false)
}

#[cfg(test)]
mod tests;
