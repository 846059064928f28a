//! The standing order: fetched from the hub at the start, daily, and when the hub says that it changed; handed to the executor, who judges it.
//!
//! The agent understands nothing of it. What it is good for while the hub is away is [`crate::alone`]'s affair.

use std::time::Duration;

use contract::digest::Digest;
use contract::plane::StandingIssued;
use contract::socket::Question;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::backoff::{Backoff, pause};
use crate::executor::{Executor, Unanswered};
use crate::hub::{Hub, HubError};
use crate::ship::Shipping;

/// It is good for a week: one that is a day old is renewed.
const RENEWED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What the hub says of its standing order, and how often one was handed over.
#[derive(Debug, Clone)]
pub struct Changes {
    said: watch::Sender<Option<Digest>>,
    taken: watch::Sender<u64>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { said: watch::Sender::new(None), taken: watch::Sender::new(0) }
    }
}

impl Changes {
    /// The hub says what a standing order would say now.
    pub fn heard(&self, says: Digest) {
        self.said.send_if_modified(|said| said.replace(says) != Some(says));
    }

    /// Hears of each standing order that the executor took.
    pub fn taken(&self) -> watch::Receiver<u64> {
        self.taken.subscribe()
    }
}

#[derive(Debug, Error)]
enum Untaken {
    #[error("the hub has not given it")]
    Hub(#[from] HubError),
    #[error("the executor has not taken it")]
    Executor(#[from] Unanswered),
}

/// Fetches and hands over until the process stops.
pub async fn keep(changes: Changes, hub: Hub, executor: Executor, shipping: Shipping) {
    shipping.compared().await;
    let mut said = changes.said.subscribe();
    let mut backoff = Backoff::new(1_000, 15 * 60_000);
    loop {
        said.mark_unchanged();
        match hand_over(&hub, &executor).await {
            Ok(says) => {
                backoff.reset();
                changes.taken.send_modify(|taken| *taken += 1);
                shipping.now();
                let _ = timeout(RENEWED_AFTER, says_otherwise(&mut said, says)).await;
            }
            Err(error) => {
                tracing::warn!(error = crate::chain(&error), "the standing order is not renewed");
                pause(&mut backoff).await;
            }
        }
    }
}

/// Waits until the hub says something else than what was fetched. Each saying counts once: one that was on its way before is fetched for nothing, and
/// no more than once.
async fn says_otherwise(said: &mut watch::Receiver<Option<Digest>>, says: Digest) {
    // The sender lives in `Changes`, which whoever waits here holds.
    while said.changed().await.is_ok() {
        if *said.borrow_and_update() != Some(says) {
            return;
        }
    }
}

async fn hand_over(hub: &Hub, executor: &Executor) -> Result<Digest, Untaken> {
    let StandingIssued { envelope, rules, says } = hub.standing().await?;
    executor.hand_over(Question::StandingOrder { envelope, rules }).await?;
    Ok(says)
}
