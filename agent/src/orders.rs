//! Orders: fetched from the hub, handed to the executor as the bytes they came in, answered until the hub has the answer.
//!
//! None is fetched before the executor's log was compared with the hub's copy ([`Shipping::compared`]): a machine that was put back to an older state
//! must know again what it has done before it does anything.

use std::time::Duration;

use contract::dsse::{self, HubKey, PayloadType};
use contract::order::Order;
use contract::outcome::Outcome;
use contract::plane::OrderWaiting;
use contract::socket::{Answer, OrderAnswer, Question};
use tokio::sync::mpsc;

use crate::backoff::{Backoff, pause};
use crate::executor::{Executor, Unanswered};
use crate::hub::{Disposition, Hub};
use crate::observe::News;
use crate::ship::Shipping;

/// How long the hub holds a request back for an order to come.
const WAIT: Duration = Duration::from_secs(20);

/// What fetching orders works with.
#[derive(Debug)]
pub struct Parts {
    /// Where they come from.
    pub hub: Hub,
    /// Who carries them out, or refuses.
    pub executor: Executor,
    /// Who carries the evidence of it to the hub.
    pub shipping: Shipping,
    /// Who looks at what was healed.
    pub observer: mpsc::Sender<News>,
    /// The pinned key of the hub.
    pub hub_key: HubKey,
}

/// Fetches and hands on until the process stops.
pub async fn follow(parts: Parts) {
    parts.shipping.compared().await;
    let mut backoff = Backoff::new(250, 30_000);
    loop {
        let waiting = match parts.hub.orders(WAIT).await {
            Ok(waiting) => waiting.orders,
            Err(error) => {
                tracing::warn!(error = crate::chain(&error), "no orders can be fetched");
                pause(&mut backoff).await;
                continue;
            }
        };
        let mut unanswered = false;
        for order in waiting {
            match carry_out(&parts, &order).await {
                Ok(answer) => tell(&parts.hub, &order, &answer).await,
                Err(error) => {
                    // The hub gives it again. One order that cannot be answered must not hold up the others.
                    tracing::error!(order = %order.order, error = crate::chain(&error), "an order is not answered");
                    unanswered = true;
                }
            }
        }
        if unanswered {
            pause(&mut backoff).await;
        } else {
            backoff.reset();
        }
    }
}

async fn carry_out(parts: &Parts, waiting: &OrderWaiting) -> Result<OrderAnswer, Unanswered> {
    let answer = match parts.executor.ask(Question::Order { envelope: waiting.envelope.clone() }).await? {
        Answer::Order(answer) => answer,
        Answer::Welcome { .. }
        | Answer::Recorded { .. }
        | Answer::Entries(_)
        | Answer::Kept
        | Answer::Restoring { .. }
        | Answer::Pruned { .. }
        | Answer::Sorry { .. } => {
            return Err(Unanswered::Unfitting);
        }
    };
    // Its end is evidence already: that leaves before the answer does.
    parts.shipping.now();
    if answer.outcome == Outcome::Healed
        && let Ok(signed) =
            dsse::open(PayloadType::Order, &waiting.envelope.0, std::slice::from_ref(&parts.hub_key))
        && let Ok(order) = Order::from_signed(&signed)
    {
        // The observer outlives this part, except while the process stops.
        let _ = parts.observer.send(News::Healed(order.control)).await;
    }
    Ok(answer)
}

/// Tells the hub, again and again, until it knows or no longer wants to.
async fn tell(hub: &Hub, waiting: &OrderWaiting, answer: &OrderAnswer) {
    let mut backoff = Backoff::new(100, 30_000);
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
