//! Signals become incidents: a detector's id and two numbers, nothing of the lines behind them.

use contract::incident::{Incident, What};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::backoff::{Backoff, pause};
use crate::deliver::Incidents;
use crate::detectors::Signal;

/// Keeps an incident for each signal, until nobody sends any.
pub async fn follow(mut signals: UnboundedReceiver<Signal>, incidents: Incidents) {
    while let Some(Signal { detector, count, window_s }) = signals.recv().await {
        let what = What::Signal { detector, count, window_s };
        let mut backoff = Backoff::new(200, 10_000);
        while let Err(error) = keep(&incidents, what.clone()).await {
            tracing::error!(error = crate::chain(&*error), "a signal is not kept");
            pause(&mut backoff).await;
        }
    }
}

async fn keep(incidents: &Incidents, what: What) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let incident = Incident { incident: crate::incident_id()?, found: edge::clock::utc(), what };
    Ok(incidents.keep(incident).await?)
}
