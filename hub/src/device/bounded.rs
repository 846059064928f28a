//! Bodies that count against their tenant's measure.

use std::time::Duration;

use axum::extract::Request;
use serde::de::DeserializeOwned;

use super::peer::Device;
use super::rates::Sent;
use crate::hub::Hub;
use crate::problem::{Fault, parse, read};

/// How long an answer to one who sends too much is held back, at most: so a connection cannot ask in a loop.
const HELD_BACK_MAX: Duration = Duration::from_secs(1);
/// So many seconds more, at most: those who are told at once do not come back at once.
const SPREAD_S: u64 = 4;

/// Reads the body of what a device sends, where its tenant has not sent too much.
pub(super) async fn read_measured<T: DeserializeOwned>(
    hub: &Hub,
    device: &Device,
    sent: Sent,
    request: Request,
    max: usize,
) -> Result<T, Fault> {
    let tenant = &device.holder.tenant;
    let once = u64::from(matches!(sent, Sent::Incident | Sent::Heartbeat));
    if let Err(wait) = hub.measures.take(tenant, sent, once, edge::clock::mono()) {
        // It is read nevertheless, for the answer to arrive (see `Unasked`).
        read(request, max).await?;
        tokio::time::sleep(wait.min(HELD_BACK_MAX)).await;
        let spread = edge::random::bytes::<1>().map_or(0, |[byte]| u64::from(byte) % (SPREAD_S + 1));
        let seconds = wait.as_secs() + 1 + spread;
        let problem = "this tenant's devices send more than their measure: nothing was taken, keep it and send it again later";
        return Err(Fault::slowed(problem, seconds));
    }
    let bytes = read(request, max).await?;
    if sent == Sent::EvidenceKb {
        // It is not full; how much this is, was not known before.
        let _ = hub.measures.take(tenant, sent, bytes.len() as u64 / 1024 + 1, edge::clock::mono());
    }
    parse(&bytes)
}
