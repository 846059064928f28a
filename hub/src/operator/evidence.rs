//! The records of a machine, searched; and one of them with its proof.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::ids::{ControlId, IncidentId};
use contract::people::Right;
use contract::record::Kind;
use contract::time::UtcTime;
use serde::Deserialize;

use super::answers::{Found, Text};
use super::grants::known_host;
use super::query::Asked;
use super::route::{Route, reads};
use super::tenants::known_tenant;
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::Fault;
use crate::store::HostLog;
use crate::view::evidence::{EvidenceFault, EvidenceView, RecordView, Wanted, record, search};

pub(super) fn routes() -> Vec<Route> {
    let right = Right::EvidenceRead;
    vec![
        reads("/api/v1/tenants/{tenant}/hosts/{host}/evidence", right, "Search a machine's records", list)
            .refuses(&[StatusCode::CONFLICT]),
        reads(
            "/api/v1/tenants/{tenant}/hosts/{host}/evidence/{index}",
            right,
            "A record with its proof",
            show,
        ),
        reads(
            "/api/v1/tenants/{tenant}/hosts/{host}/evidence/{index}/proof",
            right,
            "A record's proof, as a file for a verifier",
            proof,
        ),
    ]
}

/// What is searched for. All of it has to hold.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Sought {
    /// Records of this kind.
    #[param(inline)]
    kind: Option<Kind>,
    /// Those that speak of this control.
    control: Option<ControlId>,
    /// Those that are about this incident.
    incident: Option<IncidentId>,
    /// Not before this time, by the machine's clock.
    from: Option<UtcTime>,
    /// Not after this time.
    to: Option<UtcTime>,
    /// Below this index: the `next` of the answer before.
    before: Option<u64>,
}

impl Sought {
    pub(crate) const fn kind(&self) -> Option<Kind> {
        self.kind
    }

    pub(crate) const fn control(&self) -> Option<&ControlId> {
        self.control.as_ref()
    }

    pub(crate) const fn incident(&self) -> Option<&IncidentId> {
        self.incident.as_ref()
    }

    pub(crate) const fn from(&self) -> Option<UtcTime> {
        self.from
    }

    pub(crate) const fn to(&self) -> Option<UtcTime> {
        self.to
    }
}

/// `GET /api/v1/tenants/{tenant}/hosts/{host}/evidence?kind=&control=&incident=&from=&to=&before=`.
async fn list(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, host)): Path<(String, String)>,
    Asked(sought): Asked<Sought>,
) -> Result<Found<EvidenceView>, Fault> {
    found_records(&hub, &granted, &tenant, &host, sought).await.map(Found)
}

/// The records of a machine out of a path.
pub(crate) async fn found_records(
    hub: &Hub,
    granted: &Granted,
    tenant: &str,
    host: &str,
    sought: Sought,
) -> Result<EvidenceView, Fault> {
    let Sought { kind, control, incident, from, to, before } = sought;
    let of = known_host(hub, granted, tenant, host).await?;
    let found = search(hub, of, Wanted { kind, control, incident, from, to, before }).await;
    found.map_err(|e| ours(&e))?.ok_or_else(|| {
        let problem = format!("host {host} has not enrolled yet: there are no records");
        Fault::theirs(StatusCode::CONFLICT, problem)
    })
}

/// A tenant's logs out of a path: those of machines that enrolled.
pub(crate) async fn logs_within(hub: &Hub, granted: &Granted, tenant: &str) -> Result<Vec<HostLog>, Fault> {
    let tenant = known_tenant(hub, granted, tenant).await?;
    let logs = hub.store.logs_of(tenant).await.map_err(|e| Fault::ours("list the logs", &e))?;
    Ok(logs.into_iter().filter(|log| log.evidence_key.is_some()).collect())
}

/// `GET /api/v1/tenants/{tenant}/hosts/{host}/evidence/{index}`.
async fn show(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, host, index)): Path<(String, String, String)>,
) -> Result<Found<RecordView>, Fault> {
    found_record(&hub, &granted, &tenant, &host, &index).await.map(Found)
}

/// `GET /api/v1/tenants/{tenant}/hosts/{host}/evidence/{index}/proof`.
async fn proof(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, host, index)): Path<(String, String, String)>,
) -> Result<Text, Fault> {
    found_record(&hub, &granted, &tenant, &host, &index).await.map(|record| Text(record.proof))
}

/// A record out of a path.
pub(crate) async fn found_record(
    hub: &Hub,
    granted: &Granted,
    tenant: &str,
    host: &str,
    text: &str,
) -> Result<RecordView, Fault> {
    let of = known_host(hub, granted, tenant, host).await?;
    let index: u64 = text.parse().map_err(|_| {
        Fault::theirs(StatusCode::BAD_REQUEST, format!("{text:?} is not the index of a record"))
    })?;
    record(hub, of, index).await.map_err(|e| ours(&e))?.ok_or_else(|| {
        let problem = format!("host {host} has no record {index} under a head that this hub cosigned");
        Fault::theirs(StatusCode::NOT_FOUND, problem)
    })
}

fn ours(e: &EvidenceFault) -> Fault {
    Fault::ours("read the records", e)
}
