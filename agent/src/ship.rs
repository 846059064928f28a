//! Evidence shipping: what the executor wrote goes to the hub piece by piece, and the hub's receipt goes back to the executor.
//!
//! The agent understands none of it: the hub checks the bytes against the executor's signature, the executor checks the receipt against the
//! pinned witness. All the agent can do is to be slow, and its silence shows. Where the executor's log is shorter than the hub's copy, the same way is
//! gone in the other direction.
//!
//! Nothing is written before the two were compared once after a start: a machine that was put back to an older state takes its entries back first. A hub
//! that cannot be reached, or does not show what it says it holds, is waited for `alone_after_s` (60 s unless configured, by the monotonic clock,
//! from the first failed try on); then the site goes on alone, which an error in the trace says. What it was put back to then, if it was, is found as a
//! fork when the hub is back. While the executor is away nothing can be written, and that time does not count.

use std::sync::Arc;
use std::time::Duration;

use contract::event::Event;
use contract::heartbeat::Part;
use contract::socket::{Answer, EntryPackage, Question};
use edge::trace::Tracer;
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use crate::backoff::{HUB, pause};
use crate::executor::{Executor, Unanswered};
use crate::hub::{Hub, HubError, Posted};

/// Looked for without being told, in case something was written that nobody told of.
const IDLE: Duration = Duration::from_secs(30);

/// Tells the shipping that there is something to ship.
#[derive(Debug, Clone, Default)]
pub struct Shipping {
    wanted: Arc<Notify>,
    compared: Arc<watch::Sender<bool>>,
}

impl Shipping {
    /// Now.
    pub fn now(&self) {
        self.wanted.notify_one();
    }

    /// True where [`Shipping::compared`] would not wait.
    pub fn is_compared(&self) -> bool {
        *self.compared.borrow()
    }

    /// Waits until the executor's log was compared with the hub's copy once, or the hub could not be asked for a bounded time. What is written before that could begin
    /// another history of a log that was put back to an older state.
    pub async fn compared(&self) {
        // The sender lives in `self`: this cannot fail.
        let _ = self.compared.subscribe().wait_for(|done| *done).await;
    }
}

#[derive(Debug, Error)]
enum ShipError {
    #[error("the hub has not got the evidence")]
    Hub(#[from] HubError),
    #[error("the executor has not given the evidence")]
    Executor(#[from] Unanswered),
    #[error("hub and executor do not agree on how far the log goes ({held} entries held, piece from {from})")]
    Disagree { held: u64, from: u64 },
    #[error(
        "the hub holds {held} entries, and the executor dropped those before entry {first} because the hub had given its receipt for them: the \
         hub has lost evidence that it once held; tell its operator to bring it back from the archive"
    )]
    Pruned { held: u64, first: u64 },
    #[error("the executor wants entries from {wanted} on, and the hub does not bring them")]
    NotGivenBack { wanted: u64 },
}

/// Ships until the process stops.
pub async fn ship(shipping: Shipping, executor: Executor, hub: Hub, tracer: Tracer, alone_after: Duration) {
    let compared = Arc::clone(&shipping.compared);
    let mut carrier = Carrier { executor, hub, tracer, compared, held: None, receipted: 0 };
    let mut trouble = Trouble::new(alone_after);
    let mut backoff = HUB;
    loop {
        let done = carrier.all().await;
        carrier.hub.board().says(Part::Evidence, done.is_ok());
        match done {
            Ok(()) => {
                backoff.reset();
                trouble = Trouble::new(alone_after);
                // Told or not, the way is the same.
                let _ = timeout(IDLE, shipping.wanted.notified()).await;
            }
            Err(error) => {
                trouble.say(&error);
                if !*carrier.compared.borrow() && trouble.alone(&error, Instant::now()) {
                    tracing::error!(
                        "the hub's copy of the log cannot be compared: the site goes on without it"
                    );
                    carrier.compared.send_replace(true);
                }
                carrier.held = None;
                pause(&mut backoff).await;
            }
        }
    }
}

/// What went wrong since the last time that all went well.
struct Trouble {
    alone_after: Duration,
    since: Option<Instant>,
    /// What the hub lacks and the machine dropped, as it was said last.
    pruned: Option<(u64, u64)>,
}

impl Trouble {
    const fn new(alone_after: Duration) -> Self {
        Self { alone_after, since: None, pruned: None }
    }

    /// Says it: what only people can mend as an error, once for each change.
    fn say(&mut self, error: &ShipError) {
        let pruned = match error {
            ShipError::Pruned { held, first } => Some((*held, *first)),
            ShipError::Hub(_)
            | ShipError::Executor(_)
            | ShipError::Disagree { .. }
            | ShipError::NotGivenBack { .. } => None,
        };
        if pruned.is_none() {
            tracing::warn!(error = crate::chain(error), "evidence waits");
        } else if pruned != self.pruned {
            tracing::error!(error = crate::chain(error), "evidence cannot be shipped");
        }
        self.pruned = pruned.or(self.pruned);
    }

    /// True where there is nothing to compare with, or was not for too long.
    fn alone(&mut self, error: &ShipError, now: Instant) -> bool {
        match error {
            // Compared: the hub holds less than there is here.
            ShipError::Pruned { .. } => true,
            ShipError::Executor(Unanswered::Lost(_) | Unanswered::Late | Unanswered::Stopping) => {
                self.since = None;
                false
            }
            ShipError::Hub(_)
            | ShipError::Executor(
                Unanswered::Sorry(_)
                | Unanswered::NoRecord(_)
                | Unanswered::Restoring { .. }
                | Unanswered::Pruned { .. }
                | Unanswered::Unfitting,
            )
            | ShipError::Disagree { .. }
            | ShipError::NotGivenBack { .. } => {
                now.duration_since(*self.since.get_or_insert(now)) >= self.alone_after
            }
        }
    }
}

struct Carrier {
    executor: Executor,
    hub: Hub,
    tracer: Tracer,
    /// Who waits for the first comparison.
    compared: Arc<watch::Sender<bool>>,
    /// How much the hub holds; unknown at the start and after anything went wrong.
    held: Option<u64>,
    receipted: u64,
}

impl Carrier {
    async fn all(&mut self) -> Result<(), ShipError> {
        loop {
            let held = match self.held {
                Some(held) => held,
                None => self.hub.evidence_held().await?.size,
            };
            self.held = Some(held);
            let package = self.entries(held).await?;
            self.compared.send_replace(true);
            let Some(package) = package else { return Ok(()) };
            // Nothing new, and the hub's word for all of it: done.
            if package.entries.is_empty() && self.receipted >= held {
                return Ok(());
            }
            let last = package.entries.is_empty();
            self.piece(package).await?;
            if last {
                return Ok(());
            }
        }
    }

    /// The next piece; none where the executor has nothing from there on.
    async fn entries(&self, from: u64) -> Result<Option<EntryPackage>, ShipError> {
        let answer = match self.executor.ask(Question::Entries { from }).await {
            // It may say so in words. More at the hub than on the machine is another matter: then the log was cut, and gets it back. Less is neither.
            Err(Unanswered::Sorry(_)) if from == self.executor.log_size() => return Ok(None),
            Err(Unanswered::Sorry(_)) if from > self.executor.log_size() => {
                self.give_back(self.executor.log_size()).await?;
                return Ok(None);
            }
            Err(Unanswered::Restoring { from }) => {
                self.give_back(from).await?;
                return Ok(None);
            }
            Err(Unanswered::Pruned { first }) => return Err(ShipError::Pruned { held: from, first }),
            answer => answer?,
        };
        let Answer::Entries(package) = answer else { return Err(Unanswered::Unfitting.into()) };
        if package.from == from {
            Ok(Some(package))
        } else {
            Err(ShipError::Disagree { held: from, from: package.from })
        }
    }

    /// Carries what the executor lacks from the hub to it, from `from` on, until it has all of it. Either may be lying; the executor checks.
    async fn give_back(&self, mut from: u64) -> Result<(), ShipError> {
        tracing::warn!(from, "the executor's log is shorter than the hub's copy: entries are fetched back");
        loop {
            let package = self.hub.evidence_entries(from).await?;
            let (asked, brought) = (from, package.entries.len());
            match self.executor.record(Question::Restore(package)).await {
                Ok(()) => {
                    tracing::info!(size = self.executor.log_size(), "the executor's log is whole again");
                    return Ok(());
                }
                // It may want to begin anew; a piece that brought nothing cannot be followed by another.
                Err(Unanswered::Restoring { from: wanted }) if brought > 0 && wanted != asked => {
                    from = wanted;
                }
                Err(Unanswered::Restoring { from: wanted }) => {
                    return Err(ShipError::NotGivenBack { wanted });
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn piece(&mut self, package: EntryPackage) -> Result<(), ShipError> {
        let taken = match self.hub.evidence(&package).await? {
            Posted::Taken(taken) => taken,
            // It knows best how much it holds. Where it says the same again there is no progress to be made at this pace.
            Posted::Elsewhere(elsewhere) if elsewhere.size == package.from => {
                return Err(ShipError::Disagree { held: elsewhere.size, from: package.from });
            }
            Posted::Elsewhere(elsewhere) => {
                self.held = Some(elsewhere.size);
                return Ok(());
            }
        };
        self.held = Some(taken.size);
        let Some(note) = taken.receipt else { return Ok(()) };
        self.executor.hand_over(Question::Receipt { note }).await?;
        self.receipted = taken.size;
        self.tracer.emit(Event::Receipted { size: taken.size });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_goes_on_alone_only_after_the_hub_was_away_for_long_while_the_executor_was_there() {
        let missing = || ShipError::Disagree { held: 1, from: 0 };
        let mut trouble = Trouble::new(Duration::from_secs(60));
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        assert!(!trouble.alone(&missing(), after(100)), "the first failed try counted as a comparison");
        assert!(!trouble.alone(&missing(), after(159)));
        assert!(!trouble.alone(&ShipError::Executor(Unanswered::Late), after(170)));
        assert!(!trouble.alone(&missing(), after(171)), "the time without an executor was counted");
        assert!(!trouble.alone(&missing(), after(230)));
        assert!(trouble.alone(&missing(), after(231)));
        let mut compared = Trouble::new(Duration::from_secs(60));
        assert!(compared.alone(&ShipError::Pruned { held: 0, first: 256 }, began));
    }
}
