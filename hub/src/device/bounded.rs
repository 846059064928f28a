//! Requests and bodies that count against a measure: of the certificate that asks, and of its tenant.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use identity::Holder;
use serde::de::DeserializeOwned;

use super::BODY_MAX_BYTES;
use super::bodies::Room;
use super::peer::{Device, Peer};
use super::rates::Sent;
use crate::hub::Hub;
use crate::problem::{Fault, announced, parse, read};

/// How long an answer to one who sends too much is held back, at most: so a connection cannot ask in a loop.
const HELD_BACK_MAX: Duration = Duration::from_secs(1);
/// So many seconds more, at most: those who are told at once do not come back at once.
const SPREAD_S: u64 = 4;

/// Lets a request through where its certificate has not asked too often: before anything is looked up, written or signed for it, whatever it asks.
pub(super) async fn each(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    // Without a certificate nobody comes this far; should it be, the handlers turn it away.
    let asked = match request.extensions().get::<Peer>() {
        Some(peer) => hub.measures.ask(peer.fingerprint, edge::clock::mono()),
        None => Ok(()),
    };
    let Err(wait) = asked else { return next.run(request).await };
    // It is read nevertheless, for the answer to arrive (see `Unasked`).
    let fault = match read(request, BODY_MAX_BYTES).await {
        Ok(_) => put_off(wait, "this machine asks more often than its measure").await,
        Err(fault) => fault,
    };
    fault.into_response()
}

/// Lets a request of a tenant's machine through where all of them together have not asked too often.
pub(super) async fn of_tenant(hub: &Hub, holder: &Holder) -> Result<(), Fault> {
    match hub.measures.take(&holder.tenant, Sent::Request, 1, edge::clock::mono()) {
        Ok(()) => Ok(()),
        Err(wait) => Err(put_off(wait, "this tenant's devices ask more often than their measure").await),
    }
}

/// Holds the answer back, and says when to come again.
pub(super) async fn put_off(wait: Duration, why: &str) -> Fault {
    tokio::time::sleep(wait.min(HELD_BACK_MAX)).await;
    let spread = edge::random::bytes::<1>().map_or(0, |[byte]| u64::from(byte) % (SPREAD_S + 1));
    let problem = format!("{why}: nothing was taken, keep it and send it again later");
    Fault::slowed(problem, wait.as_secs() + 1 + spread)
}

/// Room for a large body of so many bytes, before anything of it is read.
pub(super) async fn room(hub: &Hub, device: &Device, bytes: usize) -> Result<Room, Fault> {
    let room = hub.bodies.room(&device.holder.tenant, bytes).await;
    let full =
        "there is no room for a body of this length now: nothing was taken, keep it and send it again later";
    room.ok_or_else(|| Fault::crowded(full, 5))
}

/// Reads the body of what a device sends, where its tenant has not sent too much.
pub(super) async fn read_measured<T: DeserializeOwned>(
    hub: &Hub,
    device: &Device,
    sent: Sent,
    request: Request,
    max: usize,
) -> Result<T, Fault> {
    let tenant = &device.holder.tenant;
    // Evidence counts by what is announced, before it is read: sixteen at once are not all within a measure that has room for one.
    let announced_kb = announced(&request).map(|bytes| bytes.min(max) as u64 / 1024 + 1);
    let once = match sent {
        Sent::Incident | Sent::Heartbeat | Sent::Request => 1,
        Sent::EvidenceKb => announced_kb.unwrap_or(0),
    };
    if let Err(wait) = hub.measures.take(tenant, sent, once, edge::clock::mono()) {
        // It is read nevertheless, for the answer to arrive (see `Unasked`).
        read(request, max).await?;
        return Err(put_off(wait, "this tenant's devices send more than their measure").await);
    }
    let bytes = read(request, max).await?;
    if sent == Sent::EvidenceKb && announced_kb.is_none() {
        // It is not full; how much this is, was not known before.
        let _ = hub.measures.take(tenant, sent, bytes.len() as u64 / 1024 + 1, edge::clock::mono());
    }
    parse(&bytes)
}
