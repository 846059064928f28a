//! What the agent's user may not watch, the executor watches: it is asked, over a line of its own, and answers when something has changed.

use std::collections::BTreeSet;
use std::time::Duration;

use contract::fact::FactId;
use contract::probe;
use contract::socket::{Answer, Question};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::executor::{Executor, Unanswered};
use crate::observe::News;

/// How long nobody is asked after an executor that does not answer: while its log is put back, say.
const PAUSE: Duration = Duration::from_secs(2);

/// Tells the observer of what the executor hears, until the process stops.
pub async fn follow(executor: Executor, observer: mpsc::Sender<News>) {
    let connections = executor.connections();
    // What was on its way when a line broke is lost, and so is what happened while nobody listened.
    let (mut over, mut missed) = (1, false);
    loop {
        match executor.ask(Question::AwaitChange).await {
            Ok(Answer::Changed { facts }) => {
                missed |= over != *connections.borrow();
                over = *connections.borrow();
                let facts = if std::mem::take(&mut missed) { all() } else { only_probed(facts) };
                if !facts.is_empty() && observer.send(News::Changed(facts)).await.is_err() {
                    return;
                }
            }
            Err(Unanswered::Stopping) => return,
            Ok(_) | Err(_) => {
                missed = true;
                sleep(PAUSE).await;
            }
        }
    }
}

fn all() -> BTreeSet<FactId> {
    probe::PROBED.iter().filter_map(|fact| fact.parse().ok()).collect()
}

fn only_probed(facts: Vec<FactId>) -> BTreeSet<FactId> {
    facts.into_iter().filter(probe::is_probed).collect()
}
