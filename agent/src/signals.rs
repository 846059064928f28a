//! Signals become incidents and records: typed fields from closed sets, nothing of the lines behind them. Lost lines become incidents and records of
//! their own kind.
//!
//! An incident waits for the outbox alone. Its record comes beside it, or later where the executor is away.

use std::io;
use std::time::Duration;

use contract::incident::{Incident, What};
use contract::record::Signalled;
use contract::socket::Question;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::backoff::{Backoff, pause};
use crate::deliver::Incidents;
use crate::detectors::Signal;
use crate::executor::{Executor, Unanswered};
use crate::logs::{Inlet, Loss, Told};
use crate::looks::Looks;
use crate::ship::Shipping;
use crate::unwritten::{Sifting, Unwritten};

/// What fires within so long stands in one record.
const TOGETHER: Duration = Duration::from_secs(1);
/// Between two records of signals. The executor writes six a minute at most: a question that was lost over its answer may be asked anew.
const PACE: Duration = Duration::from_secs(14);

/// The incident of a detector that fired just now.
pub fn incident(signal: &Signal) -> io::Result<Incident> {
    let what = What::Signal(signal.clone());
    Ok(Incident { incident: crate::incident_id()?, found: edge::clock::utc(), what })
}

/// Keeps an incident for each signal and each loss, until nobody sends any, and has looked at what a signal is about. Signals go on to `unwritten` and
/// losses to `losses`, to be written down.
pub async fn follow(
    mut inlet: Inlet,
    incidents: Incidents,
    looks: Looks,
    unwritten: Unwritten,
    losses: UnboundedSender<Loss>,
) {
    while let Some(told) = inlet.told.recv().await {
        let incident = match &told {
            Told::Signal(incident) => incident.clone(),
            Told::Loss(loss) => loss.incident(),
        };
        look(&incident, &looks);
        keep(&incident, &incidents).await;
        match told {
            Told::Signal(incident) => {
                add(&incident, &unwritten).await;
                // Nobody listens any more only while the process stops; then it is said again by the next one.
                drop(inlet.arrived.send(incident.incident));
            }
            Told::Loss(loss) => drop(losses.send(loss)),
        }
    }
}

/// Keeps an incident for one signal of no log, and has looked at what it is about.
pub async fn take(signal: Signal, incidents: &Incidents, looks: &Looks, unwritten: &Unwritten) {
    let mut backoff = Backoff::new(200, 10_000);
    let incident = loop {
        match incident(&signal) {
            Ok(incident) => break incident,
            Err(error) => {
                tracing::error!(error = crate::chain(&error), "no id can be drawn for a signal");
                pause(&mut backoff).await;
            }
        }
    };
    look(&incident, looks);
    keep(&incident, incidents).await;
    add(&incident, unwritten).await;
}

/// Before it is kept: a look needs no disk, and may find what can be repaired.
fn look(incident: &Incident, looks: &Looks) {
    match &incident.what {
        What::Signal(signal) => looks.after(&signal.detector),
        What::Drift { .. } => {}
    }
}

async fn keep(incident: &Incident, incidents: &Incidents) {
    let mut backoff = Backoff::new(200, 10_000);
    while let Err(error) = incidents.keep(incident.clone()).await {
        tracing::error!(error = crate::chain(&error), "a signal is not kept");
        pause(&mut backoff).await;
    }
}

/// To be written down. A loss is not: its record is a gap.
async fn add(incident: &Incident, unwritten: &Unwritten) {
    if let Some(signal) = Signalled::of(incident) {
        unwritten.add(signal).await;
    }
}

/// Has the executor write signals down, those that came together in one record, and that there were more than could be kept. They stay in
/// `unwritten` until that is durable.
pub async fn have_written(unwritten: Unwritten, executor: Executor, shipping: Shipping) {
    // Nothing is written before it is known that the hub does not hold a longer log.
    shipping.compared().await;
    let (mut backoff, mut sifting) = (Backoff::new(1_000, 60_000), Sifting::default());
    loop {
        unwritten.next(1).await;
        tokio::time::sleep(TOGETHER).await;
        let owed = unwritten.next(sifting.most()).await;
        match executor.record(owed.question()).await {
            Ok(()) => {
                backoff.reset();
                sifting.written();
                unwritten.written(owed).await;
                shipping.now();
                tokio::time::sleep(PACE).await;
            }
            Err(error) => {
                tracing::warn!(error = crate::chain(&error), "signals are not written down yet");
                // All else passes: an executor that is away, that stops, whose disk is full.
                if matches!(error, Unanswered::NoRecord(_)) && sifting.refused(owed.many()) {
                    tracing::error!("a signal makes no record; that it is missing is told as a gap");
                    unwritten.given_up(owed).await;
                }
                pause(&mut backoff).await;
            }
        }
    }
}

/// Has the executor write down each loss. Only then is it settled: after a restart it is told again under its id, and may be in the evidence
/// twice, which is better than not at all.
pub async fn write_down(
    mut losses: UnboundedReceiver<Loss>,
    arrived: std::sync::mpsc::Sender<contract::ids::IncidentId>,
    executor: Executor,
    shipping: Shipping,
) {
    // Nothing is written before it is known that the hub does not hold a longer log.
    shipping.compared().await;
    while let Some(loss) = losses.recv().await {
        let mut backoff = Backoff::new(500, 60_000);
        let Loss { incident, why, lost, from, until } = loss;
        while let Err(error) = executor.record(Question::LinesLost { why, from, until, lost }).await {
            tracing::error!(error = crate::chain(&error), "lost lines are not written down");
            pause(&mut backoff).await;
        }
        let _ = arrived.send(incident);
    }
}
