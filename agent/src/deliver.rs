//! Delivery: incidents go from the outbox to the hub, the newest first, and are deleted only on the hub's signed receipt for that very incident.
//!
//! After an outage the backlog drains at a measured pace: a hub that comes back meets all its sites at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::dsse::{self, HubKey, PayloadType, SignatureFault};
use contract::event::Event;
use contract::heartbeat::{Part, Trouble};
use contract::ids::{HostId, IncidentId};
use contract::incident::{Incident, What};
use contract::plane::{IncidentReceipt, IncidentTaken};
use contract::socket::Question;
use edge::file::FileError;
use edge::trace::Tracer;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::backoff::{HUB, pause};
use crate::executor::{Executor, Unanswered};
use crate::hub::{Disposition, Hub, HubError};
use crate::outbox::{Gap, Outbox, Slot};
use crate::ship::Shipping;
use crate::site::Identity;

/// Between two incidents of a backlog: at most twenty a second from one site.
const PACE: Duration = Duration::from_millis(50);
/// How long the executor may be away before incidents go first again.
const WRITE_DOWN_MAX: Duration = Duration::from_secs(30);
/// So many go at once; more are a backlog.
const BURST: usize = 4;

/// By what a receipt is known.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The hub's key.
    pub hub_key: HubKey,
    /// This machine.
    pub host: HostId,
}

/// Why what the hub answered is no receipt. The incident stays.
#[derive(Debug, Error)]
pub enum NoReceipt {
    /// The pinned key did not sign it.
    #[error("the hub's receipt is not believed")]
    Signature(#[source] SignatureFault),
    /// It is signed, and makes no sense.
    #[error("the hub's receipt is not understood: {0}")]
    Bent(String),
    /// It is for another incident or another machine.
    #[error("the hub's receipt is for incident {} of host {}", .0.reported, .0.host)]
    Other(IncidentReceipt),
}

impl Pinned {
    /// What was pinned at enrolment.
    pub fn of(identity: &Identity) -> Self {
        Self { hub_key: identity.hub_key.clone(), host: identity.host.clone() }
    }

    /// Checks that the hub holds `incident` of this machine.
    pub fn check(&self, incident: &IncidentId, taken: &IncidentTaken) -> Result<(), NoReceipt> {
        let signed =
            dsse::open(PayloadType::IncidentReceipt, &taken.receipt.0, std::slice::from_ref(&self.hub_key))
                .map_err(NoReceipt::Signature)?;
        let said: IncidentReceipt =
            serde_json::from_slice(signed.payload()).map_err(|e| NoReceipt::Bent(e.to_string()))?;
        if said.host == self.host && said.reported == *incident {
            Ok(())
        } else {
            Err(NoReceipt::Other(said))
        }
    }
}

/// The outbox, shared by those who put and the one who delivers.
#[derive(Debug, Clone)]
pub struct Incidents {
    outbox: Arc<Mutex<Outbox>>,
    /// What the hub knows and is told again. Not durable: the next full scan reminds it again.
    reminders: Arc<Mutex<Vec<Incident>>>,
    filled: Arc<Notify>,
    /// Until when the hub takes nothing that detectors found.
    signals_after: Arc<Mutex<Option<Instant>>>,
    tracer: Tracer,
    pinned: Arc<Pinned>,
}

/// What is to be told next.
enum Next {
    Incident(Slot, Incident),
    Gap(Gap),
    Reminder(Incident),
}

impl Incidents {
    /// Shares `outbox`.
    pub fn new(outbox: Outbox, tracer: Tracer, pinned: Pinned) -> Self {
        Self {
            outbox: Arc::new(Mutex::new(outbox)),
            reminders: Arc::default(),
            filled: Arc::default(),
            signals_after: Arc::default(),
            tracer,
            pinned: Arc::new(pinned),
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
    pub(crate) async fn with<T: Send + 'static>(
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

    /// Until when signals are put off; none where they are not.
    fn signals_after(&self) -> Option<Instant> {
        let until = *self.signals_after.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| *until > Instant::now())
    }

    /// The hub takes no signals for so long: what controls say goes past them.
    fn put_signals_off(&self, wait: Duration) {
        *self.signals_after.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + wait);
    }

    /// The next; a gap, which has to be written down too, only where that `may` be done. A gap is told as a signal.
    async fn next(&self, may: bool) -> Result<Option<Next>, FileError> {
        let signals = self.signals_after().is_none();
        let kept = self.with(move |outbox| {
            let now = edge::clock::utc();
            let newest = if signals { outbox.newest(now)? } else { outbox.newest_but_signals(now)? };
            let gap = || outbox.gap().filter(|_| may && signals).cloned().map(Next::Gap);
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
    let mut backoff = HUB;
    loop {
        let done = one(&incidents, &hub, &executor, &shipping).await;
        hub.board().says(Part::Incidents, done.is_ok());
        match done {
            // A gap may be left that waits for the comparison. Incidents do not.
            Ok(None) => tokio::select! {
                () = incidents.filled.notified() => {}
                () = shipping.compared(), if !shipping.is_compared() => {}
                () = until(incidents.signals_after()) => {}
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

/// Returns then; never where there is no time.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Has the executor write a gap down. After the hub was told, which knows a repetition by its id; the log would hold it twice.
async fn write_down(executor: &Executor, gap: &Gap) -> Result<(), Unanswered> {
    let question = Question::Gap { from: gap.first, until: gap.last, lost: gap.lost };
    tokio::time::timeout(WRITE_DOWN_MAX, executor.record(question)).await.unwrap_or(Err(Unanswered::Late))
}

/// Delivers one; how many are left, or nothing where there was none.
async fn one(
    incidents: &Incidents,
    hub: &Hub,
    executor: &Executor,
    shipping: &Shipping,
) -> Result<Option<usize>, Box<dyn std::error::Error + Send + Sync>> {
    let Some(next) = incidents.next(shipping.is_compared()).await? else { return Ok(None) };
    let told_of = match &next {
        Next::Incident(_, incident) | Next::Reminder(incident) => incident.clone(),
        Next::Gap(gap) => gap.incident(),
    };
    let told = match hub.incident(&told_of).await {
        Err(error) if error.disposition() == Disposition::Retry => {
            if let (What::Signal(_), HubError::Refused { put_off: Some(wait), .. }) = (&told_of.what, &error)
            {
                incidents.put_signals_off(*wait);
            }
            return Err(error.into());
        }
        Err(error) => {
            tracing::error!(error = crate::chain(&error), "the hub will never take this incident");
            Err(error)
        }
        Ok(taken) => {
            let checked = incidents.pinned.check(&told_of.incident, &taken);
            checked.inspect_err(|_| hub.board().found(Trouble::NoReceipt))?;
            Ok(())
        }
    };
    if let Next::Gap(gap) = &next {
        write_down(executor, gap).await?;
    }
    let left = incidents.settle(next, told).await?;
    Ok(Some(left + incidents.reminders.lock().unwrap_or_else(PoisonError::into_inner).len()))
}
