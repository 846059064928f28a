//! The standing order of the device that asks.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::peer::Trusted;
use crate::hub::Hub;
use crate::problem::{Fault, answer};
use crate::standing;

/// `GET /v1/standing`: for exactly the certificate's tenant, site and host.
pub(super) async fn fetch(State(hub): State<Arc<Hub>>, Trusted(device): Trusted) -> Result<Response, Fault> {
    let issued = standing::issue(&hub, device.holder).await;
    let issued = issued.map_err(|e| Fault::ours("issue the standing order", &e))?;
    Ok(answer(StatusCode::OK, &issued))
}
