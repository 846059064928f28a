//! A tenant's incidents.

use std::sync::Arc;

use axum::extract::{Path, State};
use contract::people::Right;
use contract::plane::{DecisionView, IncidentView, Page};

use super::answers::Found;
use super::query::Paged;
use super::route::{Route, reads};
use super::tenants::known_tenant;
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::Fault;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads("/api/v1/tenants/{tenant}/incidents", Right::IncidentsRead, "A tenant's incidents", list),
        reads(
            "/api/v1/tenants/{tenant}/decisions",
            Right::IncidentsRead,
            "What was decided about them, with all that it was made of",
            decisions,
        ),
    ]
}

/// `GET /api/v1/tenants/{tenant}/decisions`.
async fn decisions(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    paged: Paged<u64>,
) -> Result<Found<Page<DecisionView>>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let decisions = hub.store.decisions(tenant, paged.after().copied(), paged.rows()).await;
    Ok(paged.page(decisions.map_err(|e| Fault::ours("list the decisions", &e))?))
}

/// `GET /api/v1/tenants/{tenant}/incidents`.
async fn list(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    paged: Paged<u64>,
) -> Result<Found<Page<IncidentView>>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let incidents = hub.store.incidents(tenant, paged.after().copied(), paged.rows()).await;
    Ok(paged.page(incidents.map_err(|e| Fault::ours("list the incidents", &e))?))
}
