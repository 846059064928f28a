//! A tenant's incidents.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::tenants::known_tenant;
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::{Fault, answer};

/// `GET /v1/tenants/{tenant}/incidents`.
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
) -> Result<Response, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let incidents = hub.store.incidents(tenant).await.map_err(|e| Fault::ours("list the incidents", &e))?;
    Ok(answer(StatusCode::OK, &incidents))
}
