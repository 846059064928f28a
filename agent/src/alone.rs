//! The hub is away: incidents that it could not be told of for some minutes are put before the executor, which may decide under its standing order.
//!
//! Whether the hub was silent, the executor knows for itself, and believes nobody else. Incidents stay in the outbox: the hub hears of each when it is
//! back, and the evidence tells it what was done. Times are monotonic.

mod asked;

use std::time::Duration;

use contract::ids::ControlId;
use contract::incident::{Incident, What};
use contract::socket::{Answer, Question};
use edge::file::FileError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::deliver::Incidents;
use crate::executor::{Executor, Unanswered};
use crate::observe::News;
use crate::ship::Shipping;
use asked::{Asked, Next};

/// What deciding without the hub works with.
#[derive(Debug)]
pub struct Parts {
    /// What the hub was not told of.
    pub incidents: Incidents,
    /// Who decides, or does not.
    pub executor: Executor,
    /// Who carries the evidence of it to the hub when that is back.
    pub shipping: Shipping,
    /// Who looks at what was healed.
    pub observer: mpsc::Sender<News>,
    /// Hears of each new standing order.
    pub standing: watch::Receiver<u64>,
    /// How long an incident waits for the hub first.
    pub silence: Duration,
}

/// Watches the outbox until the process stops.
pub async fn decide(mut parts: Parts) {
    parts.shipping.compared().await;
    let look_every = (parts.silence / 20).clamp(Duration::from_millis(20), Duration::from_secs(5));
    let mut asked = Asked::new(parts.silence);
    loop {
        if let Err(error) = look(&mut parts, &mut asked).await {
            tracing::error!(error = crate::chain(&error), "the outbox cannot be looked at");
        }
        sleep(look_every).await;
    }
}

async fn look(parts: &mut Parts, asked: &mut Asked) -> Result<(), FileError> {
    if parts.standing.has_changed().unwrap_or(false) {
        parts.standing.mark_unchanged();
        asked.granted(Instant::now());
    }
    asked.note(&parts.incidents.waiting().await?, Instant::now());
    while let Some(incident) = asked.due(Instant::now()) {
        let next = match parts.incidents.find(incident.clone()).await? {
            // A detector names no control that could be measured: no runbook can be ordered for it.
            None | Some(Incident { what: What::Signal { .. }, .. }) => Next::NeverAgain,
            Some(Incident { what: what @ What::Drift { .. }, .. }) => {
                put_before(parts, &incident, what).await
            }
        };
        asked.answered(&incident, next, Instant::now());
    }
    Ok(())
}

async fn put_before(parts: &Parts, incident: &contract::ids::IncidentId, what: What) -> Next {
    let What::Drift { control, .. } = &what else { return Next::NeverAgain };
    let control: ControlId = control.clone();
    match parts.executor.ask(Question::Decide { incident: incident.clone(), what }).await {
        Ok(Answer::Order(answer)) => {
            let next = Next::after(&answer, parts.silence);
            if let Next::Healed = next {
                tracing::warn!(%incident, %control, "healed under the standing order");
                parts.shipping.now();
                let healed = News::Healed { control, incident: Some(incident.clone()) };
                // The observer outlives this part, except while the process stops.
                let _ = parts.observer.send(healed).await;
            } else {
                let refusal = answer.refusal.as_ref().map(ToString::to_string);
                tracing::info!(%incident, outcome = %answer.outcome, refusal, "asked to decide without the hub");
            }
            next
        }
        Ok(Answer::UnderWay { .. }) => Next::UnderWay,
        Ok(_) => failed(incident, &Unanswered::Unfitting),
        Err(error) => failed(incident, &error),
    }
}

fn failed(incident: &contract::ids::IncidentId, error: &Unanswered) -> Next {
    tracing::warn!(%incident, error = crate::chain(error), "not decided without the hub");
    Next::Later
}
