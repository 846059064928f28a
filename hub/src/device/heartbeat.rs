//! How a device says that it fares.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contract::heartbeat::{Heard, Heartbeat};

use super::BODY_MAX_BYTES;
use super::peer::Device;
use crate::events::Happened;
use crate::hub::Hub;
use crate::problem::{Fault, Strict, answer};

/// After so long without a heartbeat, the next one is news.
const SILENCE_MS: u64 = 3 * 60 * 1000;

/// `POST /v1/heartbeat`.
pub(super) async fn hear(
    State(hub): State<Arc<Hub>>,
    device: Device,
    Strict(said): Strict<Heartbeat, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let heard = edge::clock::utc();
    let host = device.holder.host;
    // What is as it was a minute ago is no news: ten thousand hosts say so all the time.
    let is_news = said.condition.now().is_some()
        || hub.pulses.of(&host).is_none_or(|before| heard.ms_since(before.at) > SILENCE_MS);
    let again = !hub.pulses.hear(host.clone(), said, heard);
    if is_news {
        hub.events.tell(&device.holder.tenant, &host, Happened::Heard);
    }
    Ok(answer(StatusCode::OK, &Heard { heard, again }))
}
