//! Signals become incidents: typed fields from closed sets, nothing of the lines behind them.

use contract::incident::{Incident, What};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::backoff::{Backoff, pause};
use crate::deliver::Incidents;
use crate::detectors::Signal;
use crate::looks::Looks;

/// Keeps an incident for each signal, until nobody sends any.
pub async fn follow(mut signals: UnboundedReceiver<Signal>, incidents: Incidents, looks: Looks) {
    while let Some(signal) = signals.recv().await {
        take(signal, &incidents, &looks).await;
    }
}

/// Keeps an incident for one signal, and has looked at what it is about.
pub async fn take(signal: Signal, incidents: &Incidents, looks: &Looks) {
    // First the look: it needs no disk, and may find what can be repaired.
    looks.after(&signal.detector).await;
    let mut backoff = Backoff::new(200, 10_000);
    while let Err(error) = keep(incidents, What::Signal(signal.clone())).await {
        tracing::error!(error = crate::chain(&*error), "a signal is not kept");
        pause(&mut backoff).await;
    }
}

async fn keep(incidents: &Incidents, what: What) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let incident = Incident { incident: crate::incident_id()?, found: edge::clock::utc(), what };
    Ok(incidents.keep(incident).await?)
}
