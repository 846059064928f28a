//! How the fleet stands: sites, machines, incidents from the observation to the receipt, and what waits.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::ids::{HostId, IncidentId, SiteId};
use contract::people::Right;
use serde::Deserialize;

use super::answers::Found;
use super::grants::known_host;
use super::id;
use super::query::Asked;
use super::route::{Route, reads};
use super::tenants::known_tenant;
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::Fault;
use crate::store::Filter;
use crate::view::approvals::{ApprovalsView, approvals};
use crate::view::fleet::{FleetView, SiteView, fleet, site};
use crate::view::host::{HostView, host};
use crate::view::incident::{IncidentsView, TimelineView, list, timeline};

pub(super) fn routes() -> Vec<Route> {
    use Right as R;
    vec![
        reads("/api/v1/fleet", R::StatusRead, "Every site within reach, with its score", show),
        reads("/api/v1/tenants/{tenant}/sites/{site}", R::HostsRead, "A site with its machines", show_site),
        reads(
            "/api/v1/tenants/{tenant}/hosts/{host}",
            R::HostsRead,
            "A machine with its controls",
            show_host,
        ),
        reads(
            "/api/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}",
            R::IncidentsRead,
            "An incident from the observation to the receipt",
            show_incident,
        ),
        reads(
            "/api/v1/tenants/{tenant}/incidents/newest",
            R::IncidentsRead,
            "A tenant's incidents, the newest first",
            newest,
        ),
        reads("/api/v1/approvals", R::ApprovalsRead, "Orders that wait on their machines", waiting),
    ]
}

/// `GET /api/v1/fleet`.
async fn show(State(hub): State<Arc<Hub>>, granted: Granted) -> Result<Found<FleetView>, Fault> {
    let view = fleet(&hub, granted.reach(), edge::clock::utc()).await;
    Ok(Found(view.map_err(|e| Fault::ours("look at the fleet", &e))?))
}

/// `GET /api/v1/tenants/{tenant}/sites/{site}`.
async fn show_site(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, site)): Path<(String, String)>,
) -> Result<Found<SiteView>, Fault> {
    found_site(&hub, &granted, &tenant, &site).await.map(Found)
}

/// A site out of a path.
pub(crate) async fn found_site(
    hub: &Hub,
    granted: &Granted,
    tenant: &str,
    text: &str,
) -> Result<SiteView, Fault> {
    let tenant = known_tenant(hub, granted, tenant).await?;
    let wanted: SiteId = id(text)?;
    let view = site(hub, tenant.clone(), wanted.clone(), edge::clock::utc()).await;
    view.map_err(|e| Fault::ours("look at the site", &e))?.ok_or_else(|| {
        Fault::theirs(StatusCode::NOT_FOUND, format!("tenant {} has no site {wanted}", *tenant))
    })
}

/// `GET /api/v1/tenants/{tenant}/hosts/{host}`.
async fn show_host(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, host)): Path<(String, String)>,
) -> Result<Found<HostView>, Fault> {
    found_host(&hub, &granted, &tenant, &host).await.map(Found)
}

/// A machine out of a path.
pub(crate) async fn found_host(
    hub: &Hub,
    granted: &Granted,
    tenant: &str,
    text: &str,
) -> Result<HostView, Fault> {
    let of = known_host(hub, granted, tenant, text).await?;
    let view = host(hub, of, edge::clock::utc()).await;
    view.map_err(|e| Fault::ours("look at the machine", &e))?
        .ok_or_else(|| Fault::theirs(StatusCode::NOT_FOUND, format!("tenant {tenant} has no host {text}")))
}

/// `GET /api/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}`.
async fn show_incident(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, host, incident)): Path<(String, String, String)>,
) -> Result<Found<TimelineView>, Fault> {
    found_incident(&hub, &granted, &tenant, &host, &incident).await.map(Found)
}

/// An incident out of a path.
pub(crate) async fn found_incident(
    hub: &Hub,
    granted: &Granted,
    tenant: &str,
    host: &str,
    incident: &str,
) -> Result<TimelineView, Fault> {
    let of = known_host(hub, granted, tenant, host).await?;
    let incident: IncidentId = id(incident)?;
    let view = timeline(hub, of, incident.clone()).await;
    view.map_err(|e| Fault::ours("look at the incident", &e))?.ok_or_else(|| {
        Fault::theirs(StatusCode::NOT_FOUND, format!("host {host} has no incident {incident}"))
    })
}

/// Which incidents. All of it has to hold.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Newest {
    /// Those of this site.
    site: Option<SiteId>,
    /// Those of this machine.
    host: Option<HostId>,
    /// `true`: those alone that are not closed.
    #[serde(default)]
    pub(crate) open: bool,
    /// The `next` of the answer before.
    before: Option<u64>,
}

impl Newest {
    /// A tenant's open ones, from the newest or from the answer before on.
    pub(crate) fn of_open(before: Option<u64>) -> Self {
        Self { open: true, before, ..Self::default() }
    }
}

/// `GET /api/v1/tenants/{tenant}/incidents/newest?site=&host=&open=&before=`.
async fn newest(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    Asked(asked): Asked<Newest>,
) -> Result<Found<IncidentsView>, Fault> {
    found_incidents(&hub, &granted, &tenant, asked).await.map(Found)
}

/// The incidents of a tenant out of a path.
pub(crate) async fn found_incidents(
    hub: &Hub,
    granted: &Granted,
    tenant: &str,
    Newest { site, host, open, before }: Newest,
) -> Result<IncidentsView, Fault> {
    let tenant = known_tenant(hub, granted, tenant).await?;
    if before.is_some_and(|before| i64::try_from(before).is_err()) {
        let problem = "`before` is beyond every place: take the `next` of the answer before";
        return Err(Fault::theirs(StatusCode::BAD_REQUEST, problem));
    }
    let view = list(hub, tenant, Filter { site, host, open }, before).await;
    view.map_err(|e| Fault::ours("list the incidents", &e))
}

/// `GET /api/v1/approvals`.
async fn waiting(State(hub): State<Arc<Hub>>, granted: Granted) -> Result<Found<ApprovalsView>, Fault> {
    let view = approvals(&hub, granted.reach(), edge::clock::utc()).await;
    Ok(Found(view.map_err(|e| Fault::ours("look at what waits", &e))?))
}
