//! How a device says that it fares.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use contract::attest::Attested;
use contract::heartbeat::{Heard, Heartbeat};

use super::bounded::read_measured;
use super::peer::Device;
use super::rates::Sent;
use super::{BODY_MAX_BYTES, attest};
use crate::events::Happened;
use crate::hub::Hub;
use crate::problem::{Fault, answer};

/// After so long without a heartbeat, the next one is news.
const SILENCE_MS: u64 = 3 * 60 * 1000;

/// `POST /v1/heartbeat`.
pub(super) async fn hear(
    State(hub): State<Arc<Hub>>,
    device: Device,
    request: Request,
) -> Result<Response, Fault> {
    let said: Heartbeat = read_measured(&hub, &device, Sent::Heartbeat, request, BODY_MAX_BYTES).await?;
    let heard = edge::clock::utc();
    let host = device.holder.host.clone();
    // What is as it was a minute ago is no news: ten thousand hosts say so all the time.
    let is_news = said.condition.now().is_some()
        || hub.pulses.of(&host).is_none_or(|before| heard.ms_since(before.at) > SILENCE_MS);
    let known = hub.pulses.hear(host.clone(), said, heard);
    let again = known.is_none();
    if is_news {
        hub.events.tell(&device.holder.tenant, &host, Happened::Heard);
    }
    if let Some(condition) = known {
        attest::judge(&hub, device.holder, Attested::of(&condition), heard).await?;
    }
    Ok(answer(StatusCode::OK, &Heard { heard, again }))
}
