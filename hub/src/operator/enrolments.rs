//! Enrolment sheets: each makes one new host, with an opaque id.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::ids::{HostId, SiteId, TenantId};
use contract::people::Right;
use contract::plane::{EnrolmentSheet, Page};

use super::answers::{Found, Made};
use super::query::Paged;
use super::route::{Route, changes, reads};
use super::tenants::known_tenant;
use super::{BODY_MAX_BYTES, id};
use crate::enrolment::{self, Maker, SheetError};
use crate::events::Happened;
use crate::hub::Hub;
use crate::people::{Granted, Scope};
use crate::problem::{Fault, Unasked};
use crate::view::enrolments::EnrolmentView;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/enrolments",
            Right::EnrolmentsRead,
            "Hosts that wait for their machine, and those that came lately",
            page,
        ),
        changes(
            "/api/v1/tenants/{tenant}/sites/{site}/enrolments",
            Right::EnrolmentsAdd,
            "Make an enrolment sheet for a new host",
            add,
        ),
    ]
}

/// For how long a host that was enrolled is listed after its token's end.
const LISTED_MS: u64 = 24 * 60 * 60 * 1000;

/// All of them.
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
) -> Result<Found<Vec<EnrolmentView>>, Fault> {
    let now = edge::clock::utc();
    let listed = hub.store.enrolments_within(granted.reach(), now, LISTED_MS).await;
    Ok(Found(listed.map_err(|e| Fault::ours("list the enrolments", &e))?))
}

/// `GET /api/v1/enrolments`.
async fn page(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    paged: Paged<HostId>,
) -> Result<Found<Page<EnrolmentView>>, Fault> {
    let Found(all) = list(State(hub), granted).await?;
    Ok(paged.cut(all, |view| view.host.clone()))
}

/// `POST /api/v1/tenants/{tenant}/sites/{site}/enrolments`.
async fn add(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, site)): Path<(String, String)>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Made<EnrolmentSheet>, Fault> {
    let scope = known_tenant(&hub, &granted, &tenant).await?;
    let site = known_site(&hub, &scope, &site).await?;
    let maker = Maker {
        store: &hub.store,
        keys: &hub.keys,
        library: &hub.library,
        name: &hub.name,
        device_port: hub.device_port,
    };
    let sheet = enrolment::sheet(maker, scope, site, edge::clock::utc()).await;
    let sheet = sheet.map_err(|SheetError { doing, source }| Fault::ours(doing, &*source))?;
    hub.events.tell(&sheet.tenant, &sheet.host, Happened::Enrolment(sheet.site.clone()));
    Ok(Made::new(sheet))
}

/// A site out of a path, where the tenant has it.
pub(super) async fn known_site(hub: &Hub, tenant: &Scope<TenantId>, text: &str) -> Result<SiteId, Fault> {
    let site: SiteId = id(text)?;
    let known = hub.store.has_site(tenant.clone(), site.clone()).await;
    if known.map_err(|e| Fault::ours("look up the site", &e))? {
        Ok(site)
    } else {
        let tenant = &**tenant;
        let problem =
            format!("tenant {tenant} has no site {site}: add it with POST /api/v1/tenants/{tenant}/sites");
        Err(Fault::theirs(StatusCode::NOT_FOUND, problem))
    }
}
