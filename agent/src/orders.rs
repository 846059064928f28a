//! Orders: fetched from the hub, handed to the executor as the bytes they came in, answered until the hub has the answer.
//!
//! Each is followed by a task of its own, since a run may take minutes: it is asked about with the same bytes until it has an end. None holds up another,
//! and so many are followed at once at most. What else the hub has for this machine comes the same way: break-glass, and that its standing order changed.
//!
//! None is fetched before the executor's log was compared with the hub's copy ([`Shipping::compared`]): a machine that was put back to an older state
//! must know again what it has done before it does anything.

mod followed;

use std::sync::Arc;
use std::time::Duration;

use contract::heartbeat::Part;
use contract::plane::{GrantAnswer, GrantWaiting, OrdersWaiting};
use contract::socket::Question;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::backoff::{HUB, pause, random};
use crate::executor::{Executor, Unanswered};
use crate::hub::Hub;
use crate::observe::News;
use crate::ship::Shipping;
use crate::{papers, standing};
use followed::{Followed, follow_one};

/// How long the hub holds a request back for an order to come, at least.
const WAIT: Duration = Duration::from_secs(20);
/// And so much more at most, drawn each time: sites that came back together do not go on asking together.
const WAIT_MORE_MS: u64 = 4_000;
/// How many orders are followed at once. The executor has its own, lower bound on what runs.
const FOLLOWED_MAX: usize = 16;
/// Before asking again, where the hub had nothing new and did not wait.
const NOTHING_NEW: Duration = Duration::from_secs(1);

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
    /// Who fetches the standing order.
    pub standing: standing::Changes,
    /// Who fetches the papers.
    pub papers: papers::Changes,
}

/// Fetches and hands on until the process stops.
pub async fn follow(parts: Parts) {
    parts.shipping.compared().await;
    let parts = Arc::new(parts);
    let followed = Followed::default();
    // They end with this part.
    let mut tasks = JoinSet::new();
    let mut backoff = HUB;
    loop {
        while tasks.len() >= FOLLOWED_MAX {
            let _ = tasks.join_next().await;
        }
        while tasks.try_join_next().is_some() {}
        let known = followed.ids();
        let wait = WAIT + Duration::from_millis(random() % (WAIT_MORE_MS + 1));
        let waiting = tokio::select! {
            waiting = parts.hub.orders(wait, &known) => waiting,
            () = followed.may_come_again() => continue,
        };
        parts.hub.board().says(Part::Orders, waiting.is_ok());
        let OrdersWaiting { orders, break_glass, standing, papers } = match waiting {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::warn!(error = crate::chain(&error), "no orders can be fetched");
                pause(&mut backoff).await;
                continue;
            }
        };
        if let Some(says) = standing {
            parts.standing.heard(says);
        }
        if let Some(says) = papers {
            parts.papers.heard(says);
        }
        let (some, mut news) = (!orders.is_empty() || !break_glass.is_empty(), false);
        for grant in break_glass {
            news |= break_the_glass(&parts, grant).await;
        }
        for order in orders {
            // The bound is the loop's: what has no room now is given again.
            if tasks.len() < FOLLOWED_MAX && followed.begin(&order.order) {
                news = true;
                tasks.spawn(follow_one(Arc::clone(&parts), followed.clone(), order));
            }
        }
        backoff.reset();
        if some && !news {
            tokio::time::sleep(NOTHING_NEW).await;
        }
    }
}

/// Hands a person's grant to the executor, who alone can judge it, and tells the hub what it said. True where the hub knows.
async fn break_the_glass(parts: &Parts, grant: GrantWaiting) -> bool {
    let GrantWaiting { number, envelope } = grant;
    let refused = match parts.executor.hand_over(Question::BreakGlass { envelope }).await {
        Ok(()) => None,
        Err(Unanswered::Sorry(why)) => Some(why),
        Err(unfitting @ Unanswered::Unfitting) => Some(unfitting.to_string()),
        Err(error) => {
            tracing::error!(number, error = crate::chain(&error), "a break-glass grant waits");
            return false;
        }
    };
    match &refused {
        None => tracing::warn!(number, "break-glass is in force"),
        Some(why) => tracing::error!(number, why, "break-glass was refused"),
    }
    parts.shipping.now();
    match parts.hub.answer_glass(number, &GrantAnswer { refused }).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(number, error = crate::chain(&error), "the answer to a grant waits");
            false
        }
    }
}
