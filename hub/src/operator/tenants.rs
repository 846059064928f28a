//! Tenants and their sites. Adding one that is there is no mistake.

use std::sync::Arc;

use axum::extract::{Path, State};
use contract::ids::TenantId;
use contract::people::Right;
use contract::plane::{NewSite, NewTenant, Page};

use super::admit::no_such_tenant;
use super::answers::{Found, Made};
use super::query::Paged;
use super::route::{Route, changes, reads};
use super::{BODY_MAX_BYTES, id};
use crate::hub::Hub;
use crate::people::{Granted, Scope};
use crate::problem::{Fault, Strict};
use crate::view::tenants::TenantView;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads("/api/v1/tenants", Right::TenantsRead, "The tenants within reach, with their sites", page),
        changes("/api/v1/tenants", Right::TenantsAdd, "Add a tenant", add_tenant),
        changes("/api/v1/tenants/{tenant}/sites", Right::SitesAdd, "Add a site of a tenant", add_site),
    ]
}

/// All of them.
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
) -> Result<Found<Vec<TenantView>>, Fault> {
    let tenants = hub.store.tenants_within(granted.reach()).await;
    Ok(Found(tenants.map_err(|e| Fault::ours("list the tenants", &e))?))
}

/// `GET /api/v1/tenants`.
async fn page(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    paged: Paged<TenantId>,
) -> Result<Found<Page<TenantView>>, Fault> {
    let Found(all) = list(State(hub), granted).await?;
    Ok(paged.cut(all, |view| view.tenant.clone()))
}

/// `POST /api/v1/tenants`.
async fn add_tenant(
    State(hub): State<Arc<Hub>>,
    Strict(new): Strict<NewTenant, BODY_MAX_BYTES>,
) -> Result<Made<NewTenant>, Fault> {
    let added = hub.store.add_tenant(new.tenant.clone(), edge::clock::utc()).await;
    let added = added.map_err(|e| Fault::ours("add the tenant", &e))?;
    Ok(Made::or_there(added, new))
}

/// `POST /api/v1/tenants/{tenant}/sites`.
async fn add_site(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    Strict(new): Strict<NewSite, BODY_MAX_BYTES>,
) -> Result<Made<NewSite>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let added = hub.store.add_site(tenant, new.site.clone(), edge::clock::utc()).await;
    let added = added.map_err(|e| Fault::ours("add the site", &e))?;
    Ok(Made::or_there(added, new))
}

/// A tenant out of a path, where there is such a tenant and whoever asks has to do with it.
pub(super) async fn known_tenant(hub: &Hub, granted: &Granted, text: &str) -> Result<Scope<TenantId>, Fault> {
    let tenant: TenantId = id(text)?;
    let scope = granted.scope(tenant.clone()).ok_or_else(|| no_such_tenant(&tenant))?;
    let known = hub.store.has_tenant(scope.clone()).await;
    if known.map_err(|e| Fault::ours("look up the tenant", &e))? {
        Ok(scope)
    } else {
        Err(no_such_tenant(&tenant))
    }
}
