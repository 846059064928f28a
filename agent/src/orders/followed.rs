//! One order, from the moment it came until the hub has its answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::blob::Blob;
use contract::ids::OrderId;
use contract::order::Order;
use contract::outcome::Outcome;
use contract::plane::OrderWaiting;
use contract::socket::{Answer, OrderAnswer, Question};
use serde::Deserialize;
use tokio::sync::Notify;

use super::Parts;
use crate::backoff::{Backoff, HUB, pause};
use crate::executor::Unanswered;
use crate::hub::{Disposition, Hub};
use crate::observe::News;

/// How often an order that cannot be answered is tried before it is let go. The hub gives it again while it is good.
const TRIES_MAX: u32 = 20;
/// Between two questions about an order that is under way.
const PACE: Duration = Duration::from_secs(2);
/// Longer by so much for each other order: the executor takes two seconds over each question, and is to be free half of its time.
const PACE_EACH: Duration = Duration::from_secs(4);

/// The orders that are followed now.
#[derive(Debug, Clone, Default)]
pub(super) struct Followed {
    now: Arc<Mutex<BTreeSet<OrderId>>>,
    deferred: Arc<Notify>,
}

impl Followed {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<OrderId>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready once one has ended that the hub may give again, signed by somebody more: until then it was told that it is known.
    pub(super) async fn may_come_again(&self) {
        self.deferred.notified().await;
    }

    /// All of them.
    pub(super) fn ids(&self) -> BTreeSet<OrderId> {
        self.lock().clone()
    }

    /// Begins with one; false where it is followed already.
    pub(super) fn begin(&self, order: &OrderId) -> bool {
        self.lock().insert(order.clone())
    }

    fn end(&self, order: &OrderId) {
        self.lock().remove(order);
    }

    fn pace(&self) -> Duration {
        let others = self.lock().len().saturating_sub(1);
        PACE + PACE_EACH * u32::try_from(others).unwrap_or(u32::MAX)
    }
}

/// Follows one order to its end.
pub(super) async fn follow_one(parts: Arc<Parts>, followed: Followed, order: OrderWaiting) {
    let mut backoff = Backoff::new(250, 30_000);
    loop {
        match carry_out(&parts, &followed, &order).await {
            Ok(answer) => {
                tell(&parts.hub, &order, &answer).await;
                followed.end(&order.order);
                if answer.outcome == Outcome::Deferred {
                    followed.deferred.notify_one();
                }
                return;
            }
            Err(error) => {
                tracing::error!(order = %order.order, error = crate::chain(&error), "an order is not answered");
                pause(&mut backoff).await;
                if backoff.tries() >= TRIES_MAX {
                    break;
                }
            }
        }
    }
    followed.end(&order.order);
}

/// Asks, with the same bytes, until there is an end.
async fn carry_out(
    parts: &Parts,
    followed: &Followed,
    waiting: &OrderWaiting,
) -> Result<OrderAnswer, Unanswered> {
    let answer = loop {
        let question = Question::Order { envelope: waiting.envelope.clone() };
        match parts.executor.ask(question).await? {
            Answer::Order(answer) => break answer,
            Answer::UnderWay { .. } => {
                // That it began is evidence: the hub then knows that it lives.
                parts.shipping.now();
                tokio::time::sleep(followed.pace()).await;
            }
            Answer::Welcome { .. }
            | Answer::Recorded { .. }
            | Answer::Entries(_)
            | Answer::Condition(_)
            | Answer::Probed(_)
            | Answer::Changed { .. }
            | Answer::NotApproved { .. }
            | Answer::PaperRefused { .. }
            | Answer::Kept
            | Answer::Restoring { .. }
            | Answer::Pruned { .. }
            | Answer::Unrecorded { .. }
            | Answer::Sorry { .. } => return Err(Unanswered::Unfitting),
        }
    };
    // Its end is evidence already: that leaves before the answer does.
    parts.shipping.now();
    if answer.outcome == Outcome::Healed
        && let Some(order) = opened(waiting)
    {
        // The observer outlives this part, except while the process stops.
        let _ = parts.observer.send(News::Healed { control: order.control, incident: None }).await;
    }
    Ok(answer)
}

/// What of an envelope says what it holds.
#[derive(Deserialize)]
struct Envelope {
    payload: Blob,
}

/// The order in it. Nobody verifies it here: the executor did, before it said that these very bytes healed something.
fn opened(waiting: &OrderWaiting) -> Option<Order> {
    let envelope: Envelope = serde_json::from_slice(&waiting.envelope.0).ok()?;
    serde_json::from_slice(&envelope.payload.0).ok()
}

/// Tells the hub, again and again, until it knows or no longer wants to.
async fn tell(hub: &Hub, waiting: &OrderWaiting, answer: &OrderAnswer) {
    let mut backoff = HUB;
    loop {
        match hub.answer(&waiting.order, answer).await {
            Ok(()) => return,
            Err(error) if error.is_settled() || error.disposition() == Disposition::PutAside => {
                tracing::error!(order = %waiting.order, error = crate::chain(&error), "the hub does not want this answer");
                return;
            }
            Err(error) => {
                tracing::warn!(order = %waiting.order, error = crate::chain(&error), "an answer waits");
                pause(&mut backoff).await;
            }
        }
    }
}
