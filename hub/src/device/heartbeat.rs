//! How a device says that it fares.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contract::heartbeat::{Heard, Heartbeat};

use super::BODY_MAX_BYTES;
use super::peer::Device;
use crate::hub::Hub;
use crate::problem::{Fault, Strict, answer};

/// `POST /v1/heartbeat`.
pub(super) async fn hear(
    State(hub): State<Arc<Hub>>,
    device: Device,
    Strict(said): Strict<Heartbeat, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let heard = edge::clock::utc();
    let again = !hub.pulses.hear(device.holder.host, said, heard);
    Ok(answer(StatusCode::OK, &Heard { heard, again }))
}
