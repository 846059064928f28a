//! Evidence shipping: what the executor wrote goes to the hub piece by piece, and the hub's receipt goes back to the executor.
//!
//! The agent understands none of it: the hub checks the bytes against the executor's signature, the executor checks the receipt against the
//! pinned witness. All the agent can do is to be slow, and its silence shows.

use std::sync::Arc;
use std::time::Duration;

use contract::event::Event;
use contract::socket::{Answer, EntryPackage, Question};
use edge::trace::Tracer;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::backoff::{Backoff, pause};
use crate::executor::{Executor, Unanswered};
use crate::hub::{Hub, HubError, Posted};

/// Looked for without being told, in case something was written that nobody told of.
const IDLE: Duration = Duration::from_secs(30);

/// Tells the shipping that there is something to ship.
#[derive(Debug, Clone, Default)]
pub struct Shipping(Arc<Notify>);

impl Shipping {
    /// Now.
    pub fn now(&self) {
        self.0.notify_one();
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
}

/// Ships until the process stops.
pub async fn ship(shipping: Shipping, executor: Executor, hub: Hub, tracer: Tracer) {
    let mut carrier = Carrier { executor, hub, tracer, held: None, receipted: 0 };
    let mut backoff = Backoff::new(250, 30_000);
    loop {
        match carrier.all().await {
            Ok(()) => {
                backoff.reset();
                // Told or not, the way is the same.
                let _ = timeout(IDLE, shipping.0.notified()).await;
            }
            Err(error) => {
                tracing::warn!(error = crate::chain(&error), "evidence waits");
                carrier.held = None;
                pause(&mut backoff).await;
            }
        }
    }
}

struct Carrier {
    executor: Executor,
    hub: Hub,
    tracer: Tracer,
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
            let Some(package) = self.entries(held).await? else { return Ok(()) };
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
            // It may say so in words. More at the hub than on the machine is another matter: then the log was cut.
            Err(Unanswered::Sorry(_)) if from <= self.executor.log_size() => return Ok(None),
            answer => answer?,
        };
        match answer {
            Answer::Entries(package) if package.from == from => Ok(Some(package)),
            Answer::Entries(package) => Err(ShipError::Disagree { held: from, from: package.from }),
            Answer::Welcome { .. }
            | Answer::Recorded { .. }
            | Answer::Order(_)
            | Answer::Kept
            | Answer::Sorry { .. } => Err(Unanswered::Unfitting.into()),
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
        match self.executor.ask(Question::Receipt { note }).await? {
            Answer::Kept => {
                self.receipted = taken.size;
                self.tracer.emit(Event::Receipted { size: taken.size });
                Ok(())
            }
            Answer::Welcome { .. }
            | Answer::Recorded { .. }
            | Answer::Order(_)
            | Answer::Entries(_)
            | Answer::Sorry { .. } => Err(Unanswered::Unfitting.into()),
        }
    }
}
