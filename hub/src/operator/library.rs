//! Runbooks and baseline, as they are handed out.

use std::sync::Arc;

use axum::extract::State;
use contract::paper::PaperKind;
use contract::people::Right;

use super::answers::Found;
use super::route::{Route, reads};
use crate::hub::Hub;
use crate::problem::Fault;
use crate::view::library::{self, BaselineView, HandedOut, RunbooksView};

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads("/api/v1/runbooks", Right::LibraryRead, "The runbooks that are handed out", runbooks),
        reads("/api/v1/baseline", Right::LibraryRead, "The baseline that is handed out", baseline),
    ]
}

/// `GET /api/v1/runbooks`.
pub(crate) async fn runbooks(State(hub): State<Arc<Hub>>) -> Result<Found<RunbooksView>, Fault> {
    let history = history(&hub, PaperKind::Catalogue).await?;
    Ok(Found(library::runbooks(&hub.library.catalogue, history)))
}

/// `GET /api/v1/baseline`.
pub(crate) async fn baseline(State(hub): State<Arc<Hub>>) -> Result<Found<BaselineView>, Fault> {
    let history = history(&hub, PaperKind::Baseline).await?;
    Ok(Found(library::baseline(&hub.library.baseline, history)))
}

async fn history(hub: &Hub, kind: PaperKind) -> Result<Vec<HandedOut>, Fault> {
    hub.store.handed_out(kind).await.map_err(|e| Fault::ours("look up what was handed out", &e))
}
