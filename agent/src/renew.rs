//! Renewal: the certificate is exchanged for the next one when two thirds of its time have gone, over the same key.
//!
//! It is tried for as long as it takes, after the certificate's end as well: the hub takes the handshake of one that has run out for this request and
//! no other. Whether it is time is asked of the wall clock every hour, and at once where the hub says that the certificate is not good at this time:
//! one of the two clocks may be wrong. A machine that was revoked is told so by the first request that it makes, and stops.

use std::time::Duration;

use contract::heartbeat::Part;
use contract::plane::TurnedAway;
use edge::file::{self, FileError};
use identity::{DeviceKey, IdentityError, Validity};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::backoff::{HUB, pause};
use crate::hub::{Hub, HubError};
use crate::run::RunError;
use crate::site::{self, Places, SiteError};

/// Between two looks at the clock: it may be set, and the machine may sleep.
const LOOK: Duration = Duration::from_secs(60 * 60);

/// After a look: what was asked with the certificate before has time to end. Before the hub's complaint is acted on again: it may be one clock against
/// the other, for days.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_REFUSED: Duration = Duration::from_secs(60);

/// What renewal works with.
#[derive(Debug)]
pub struct Parts {
    /// Where key and certificate lie.
    pub places: Places,
    /// The hub's authority, in PEM.
    pub authority: String,
    /// Who signs, and who is shown the certificate.
    pub hub: Hub,
}

#[derive(Debug, Error)]
enum NotRenewed {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the process is stopping")]
    Stopping,
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error("the key or the certificate cannot be used")]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(
        "the hub's new certificate is not good now, or for no longer than the one before: is the clock right?"
    )]
    NoBetter,
}

/// Renews until the process stops, or the hub says that this machine was revoked.
pub async fn keep(parts: Parts) -> Result<(), RunError> {
    let mut turned_away = parts.hub.turned_away();
    let renewing = renew_in_time(&parts, parts.hub.turned_away());
    tokio::select! {
        never = renewing => match never {},
        // The sender lives in `parts`.
        _ = turned_away.wait_for(|why| *why == Some(TurnedAway::Revoked)) => {
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Status("revoked by the operator of the hub")]);
            Err(RunError::Revoked)
        }
    }
}

async fn renew_in_time(
    parts: &Parts,
    mut turned_away: watch::Receiver<Option<TurnedAway>>,
) -> std::convert::Infallible {
    let mut backoff = HUB;
    loop {
        let refused = *turned_away.borrow_and_update() == Some(TurnedAway::OutOfTime);
        let done = look(parts, refused).await;
        parts.hub.board().says(Part::Certificate, done.is_ok());
        match done {
            Ok(until_due) => {
                backoff.reset();
                sleep(if refused { PAUSE_REFUSED } else { PAUSE }).await;
                tokio::select! {
                    () = sleep(until_due.min(LOOK)) => {}
                    _ = turned_away.wait_for(|why| *why == Some(TurnedAway::OutOfTime)) => {}
                }
            }
            Err(error) => {
                tracing::error!(error = crate::chain(&error), "this machine's certificate is not renewed");
                pause(&mut backoff).await;
            }
        }
    }
}

/// Renews where it is due or `refused`, and says how long there is nothing to do.
async fn look(parts: &Parts, refused: bool) -> Result<Duration, NotRenewed> {
    let certificate = site::read_certificate(&parts.places)?;
    let held = identity::validity_of(&certificate)?;
    let now = edge::clock::utc();
    if now < held.due() && !refused {
        return Ok(Duration::from_millis(held.due().ms_since(now)));
    }
    // A TPM takes its time to open it.
    let places = parts.places.clone();
    let read = tokio::task::spawn_blocking(move || site::read_device(&places)).await;
    let (_, key) = read.map_err(|_| NotRenewed::Stopping)??;
    let csr = DeviceKey::load(&key)?.request()?;
    let renewed = parts.hub.renew(csr).await?.certificate;
    let tls = identity::client_config(&parts.authority, &renewed, &key)?;
    if renewed == certificate {
        // A wait that began with the one before ended late; or the answer that brought this one was lost; or this clock is ahead of the hub's, to
        // which nothing is due yet.
        parts.hub.show(tls)?;
        return Ok(LOOK);
    }
    let next = better(held, identity::validity_of(&renewed)?).ok_or(NotRenewed::NoBetter)?;
    file::write_durably(&parts.places.device_certificate(), renewed.as_bytes())?;
    parts.hub.show(tls)?;
    tracing::info!(until = %next.until, "this machine's certificate was renewed");
    Ok(Duration::from_millis(next.due().ms_since(edge::clock::utc())))
}

/// A certificate from a hub whose clock is wrong must not take the place of one that works.
fn better(held: Validity, next: Validity) -> Option<Validity> {
    let now = edge::clock::utc();
    (next.holds(now) && (next.until > held.until || !held.holds(now))).then_some(next)
}
