//! Incidents come in: durable and on the queue before they are answered.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use contract::blob::Blob;
use contract::dsse::PayloadType;
use contract::incident::Incident;
use contract::plane::{IncidentReceipt, IncidentTaken};
use queue::QueueError;

use super::BODY_MAX_BYTES;
use super::bounded::{put_off, read_measured};
use super::peer::Device;
use super::rates::Sent;
use crate::events::Happened;
use crate::hub::Hub;
use crate::planning;
use crate::problem::{Fault, answer};
use crate::store::Taken;

/// After so long a host that has too many open incidents may offer another again.
const FULL_FOR: Duration = Duration::from_secs(60);

/// `POST /v1/incidents`.
pub(super) async fn take(
    State(hub): State<Arc<Hub>>,
    device: Device,
    request: Request,
) -> Result<Response, Fault> {
    let incident: Incident = read_measured(&hub, &device, Sent::Incident, request, BODY_MAX_BYTES).await?;
    let (reported, host) = (incident.incident.clone(), device.holder.host.clone());
    let tenant = device.holder.tenant.clone();
    let taken = hub.store.take(device.holder, incident, edge::clock::utc()).await;
    let (incident, plan) = match taken.map_err(|e| Fault::ours("keep the incident", &e))? {
        Taken::As(incident, plan) => (incident, plan),
        Taken::Contradicted => {
            let problem =
                format!("incident {reported} was reported before with another content; draw a new id");
            return Err(Fault::theirs(StatusCode::CONFLICT, problem));
        }
        // Told as what passes, so that the agent keeps it: it is in its outbox, and what that cannot hold is counted there.
        Taken::Full(first) => {
            if first {
                tracing::error!(%host, %tenant, "too many incidents of this host are open: others are put off");
                hub.events.tell(&tenant, &host, Happened::Alarm);
            }
            return Err(put_off(FULL_FOR, "too many incidents of this machine are open").await);
        }
    };
    hub.events.tell(&tenant, &host, Happened::Incident(incident.clone()));
    if let Some(plan) = plan {
        planning::enqueue(&hub, plan).await.map_err(|e| match e {
            QueueError::Full { .. } => Fault::slowed(
                "this tenant's queue is full: the incident is kept; send it again in a minute",
                60,
            ),
            QueueError::TooLong { .. } | QueueError::Database(_) | QueueError::Nats(_) => {
                Fault::ours("put the incident on the queue", &e)
            }
        })?;
    }
    let said = serde_json::to_vec(&IncidentReceipt { host, reported });
    let said = said.map_err(|e| Fault::ours("write the receipt", &e))?;
    let receipt = Blob(hub.keys.orders.sign(PayloadType::IncidentReceipt, &said));
    Ok(answer(StatusCode::OK, &IncidentTaken { incident, receipt }))
}
