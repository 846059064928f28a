//! Delivery: incidents go from the outbox to the hub, the newest first, and are deleted only once the hub says that it has them.
//!
//! After an outage the backlog drains at a measured pace: a hub that comes back meets all its sites at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::event::Event;
use contract::ids::IncidentId;
use contract::incident::{Incident, What};
use contract::socket::Question;
use edge::file::FileError;
use edge::trace::Tracer;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::backoff::{Backoff, pause};
use crate::executor::{Executor, Unanswered};
use crate::hub::{Disposition, Hub, HubError};
use crate::outbox::{Gap, Outbox, Slot};
use crate::ship::Shipping;

/// Between two incidents of a backlog: at most twenty a second from one site.
const PACE: Duration = Duration::from_millis(50);
/// How long the executor may be away before incidents go first again.
const WRITE_DOWN_MAX: Duration = Duration::from_secs(30);
/// So many go at once; more are a backlog.
const BURST: usize = 4;

/// The outbox, shared by those who put and the one who delivers.
#[derive(Debug, Clone)]
pub struct Incidents {
    outbox: Arc<Mutex<Outbox>>,
    /// What the hub knows and is told again. Not durable: the next full scan reminds it again.
    reminders: Arc<Mutex<Vec<Incident>>>,
    filled: Arc<Notify>,
    tracer: Tracer,
}

/// What is to be told next.
enum Next {
    Incident(Slot, Incident),
    Gap(Gap),
    Reminder(Incident),
}

impl Incidents {
    /// Shares `outbox`.
    pub fn new(outbox: Outbox, tracer: Tracer) -> Self {
        Self {
            outbox: Arc::new(Mutex::new(outbox)),
            reminders: Arc::default(),
            filled: Arc::default(),
            tracer,
        }
    }

    /// Keeps an incident, durably, and sends it on its way.
    pub async fn keep(&self, incident: Incident) -> Result<(), FileError> {
        let event = Event::IncidentKept {
            incident: incident.incident.clone(),
            control: match &incident.what {
                What::Drift { control, .. } => Some(control.clone()),
                What::Signal { .. } => None,
            },
        };
        self.with(move |outbox| outbox.put(&incident, edge::clock::utc())).await?;
        self.filled.notify_one();
        self.tracer.emit(event);
        Ok(())
    }

    /// The ids of all that the hub has not taken yet, oldest first.
    pub async fn waiting(&self) -> Result<Vec<IncidentId>, FileError> {
        self.with(|outbox| Ok(outbox.ids())).await
    }

    /// One of them, unless it was taken meanwhile.
    pub async fn find(&self, incident: IncidentId) -> Result<Option<Incident>, FileError> {
        self.with(move |outbox| Ok(outbox.find(&incident))).await
    }

    /// Tells the hub again of what is still open, once nothing else waits.
    pub fn remind(&self, open: Vec<Incident>) {
        *self.reminders.lock().unwrap_or_else(PoisonError::into_inner) = open;
        self.filled.notify_one();
    }

    /// Disk work, away from the one thread that everything else runs on.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Outbox) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let outbox = Arc::clone(&self.outbox);
        // A panic elsewhere leaves the index as it was: each of its changes follows a change on the disk that succeeded.
        let locked = move || work(&mut outbox.lock().unwrap_or_else(PoisonError::into_inner));
        let interrupted = |e: tokio::task::JoinError| FileError {
            path: "outbox".into(),
            action: "work on it",
            source: std::io::Error::other(e),
        };
        tokio::task::spawn_blocking(locked).await.map_err(interrupted)?
    }

    /// The next; a gap, which has to be written down too, only where that `may` be done.
    async fn next(&self, may: bool) -> Result<Option<Next>, FileError> {
        let kept = self.with(move |outbox| {
            let newest = outbox.newest(edge::clock::utc())?;
            let gap = || outbox.gap().filter(|_| may).cloned().map(Next::Gap);
            Ok(newest.map(|(slot, incident)| Next::Incident(slot, incident)).or_else(gap))
        });
        let reminder =
            || self.reminders.lock().unwrap_or_else(PoisonError::into_inner).pop().map(Next::Reminder);
        Ok(kept.await?.or_else(reminder))
    }

    async fn settle(&self, next: Next, told: Result<(), HubError>) -> Result<usize, FileError> {
        self.with(move |outbox| {
            match (next, told) {
                (Next::Incident(slot, _), Ok(())) => outbox.taken(slot)?,
                (Next::Incident(slot, _), Err(_)) => outbox.refused(slot, edge::clock::utc())?,
                // A hub that cannot take the telling of a gap has it in its own trace; telling it for ever helps nobody.
                (Next::Gap(gap), _) => outbox.gap_told(&gap)?,
                (Next::Reminder(_), _) => {}
            }
            Ok(outbox.len())
        })
        .await
    }
}

/// Delivers until the process stops.
pub async fn deliver(incidents: Incidents, hub: Hub, executor: Executor, shipping: Shipping) {
    let mut backoff = Backoff::new(250, 30_000);
    loop {
        match one(&incidents, &hub, &executor, &shipping).await {
            // A gap may be left that waits for the comparison. Incidents do not.
            Ok(None) => tokio::select! {
                () = incidents.filled.notified() => {}
                () = shipping.compared(), if !shipping.is_compared() => {}
            },
            Ok(Some(left)) => {
                backoff.reset();
                if left > BURST {
                    sleep(PACE).await;
                }
            }
            Err(error) => {
                tracing::warn!(error = crate::chain(&*error), "incidents wait in the outbox");
                pause(&mut backoff).await;
            }
        }
    }
}

/// Has the executor write a gap down. After the hub was told, which knows a repetition by its id; the log would hold it twice.
async fn write_down(executor: &Executor, gap: &Gap) -> Result<(), Unanswered> {
    let question = Question::Gap { from: gap.first, until: gap.last, lost: gap.lost };
    match tokio::time::timeout(WRITE_DOWN_MAX, executor.ask(question)).await {
        Ok(answer) => answer.map(drop),
        Err(_) => Err(Unanswered::Late),
    }
}

/// Delivers one; how many are left, or nothing where there was none.
async fn one(
    incidents: &Incidents,
    hub: &Hub,
    executor: &Executor,
    shipping: &Shipping,
) -> Result<Option<usize>, Box<dyn std::error::Error + Send + Sync>> {
    let Some(next) = incidents.next(shipping.is_compared()).await? else { return Ok(None) };
    let asked = match &next {
        Next::Incident(_, incident) | Next::Reminder(incident) => hub.incident(incident).await,
        Next::Gap(gap) => hub.incident(&gap.incident()).await,
    };
    let told = match asked {
        Err(error) if error.disposition() == Disposition::Retry => return Err(error.into()),
        Err(error) => {
            tracing::error!(error = crate::chain(&error), "the hub will never take this incident");
            Err(error)
        }
        Ok(_) => Ok(()),
    };
    if let Next::Gap(gap) = &next {
        write_down(executor, gap).await?;
    }
    let left = incidents.settle(next, told).await?;
    Ok(Some(left + incidents.reminders.lock().unwrap_or_else(PoisonError::into_inner).len()))
}
