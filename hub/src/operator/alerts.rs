//! Alerts: which there are, and that somebody looks after one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::people::Right;
use contract::plane::Page;
use contract::time::UtcTime;

use super::answers::{Done, Found};
use super::query::Paged;
use super::route::{Route, changes, reads};
use super::{BODY_MAX_BYTES, id};
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::{Fault, Unasked};
use crate::store::AlertView;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads("/api/v1/alerts", Right::AlertsRead, "What somebody has to hear of", list),
        changes(
            "/api/v1/alerts/{alert}/acknowledge",
            Right::AlertsAcknowledge,
            "Look after an alert: it goes no further",
            acknowledge,
        ),
    ]
}

/// For how long what is over is listed.
const LISTED_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// `GET /api/v1/alerts`: those within reach.
async fn list(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    paged: Paged<u64>,
) -> Result<Found<Page<AlertView>>, Fault> {
    Ok(paged.cut(alerts_within(&hub, &granted).await?, |view| view.id))
}

/// Those within reach that hold, or were over lately, in the order in which they first came.
pub(crate) async fn alerts_within(hub: &Hub, granted: &Granted) -> Result<Vec<AlertView>, Fault> {
    let now = edge::clock::utc();
    let since = UtcTime::from_unix_ms(now.unix_ms().saturating_sub(LISTED_MS)).unwrap_or(now);
    let alerts = hub.store.alerts(granted.reach(), since).await;
    alerts.map_err(|e| Fault::ours("list the alerts", &e))
}

/// `POST /api/v1/alerts/{alert}/acknowledge`.
async fn acknowledge(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(alert): Path<String>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    let alert: u64 = id(&alert)?;
    let by = granted.identity().person().clone();
    let taken = hub.store.acknowledge_alert(granted.reach(), alert, by, edge::clock::utc()).await;
    if taken.map_err(|e| Fault::ours("take the acknowledgement", &e))? {
        let all = alerts_within(&hub, &granted).await?;
        if let Some(alert) = all.into_iter().find(|view| view.id == alert) {
            hub.events.tell_of_alert(alert.tenant);
        }
        Ok(Done)
    } else {
        Err(Fault::theirs(StatusCode::NOT_FOUND, format!("there is no alert {alert}, or it is over")))
    }
}
