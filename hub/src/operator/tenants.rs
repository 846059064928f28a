//! Tenants and their sites. Adding one that is there is no mistake.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use contract::ids::TenantId;
use contract::plane::{NewSite, NewTenant};

use super::admit::no_such_tenant;
use super::{BODY_MAX_BYTES, id};
use crate::hub::Hub;
use crate::people::{Granted, Scope};
use crate::problem::{Fault, Strict, answer};

/// `POST /v1/tenants`.
pub(super) async fn add_tenant(
    State(hub): State<Arc<Hub>>,
    Strict(new): Strict<NewTenant, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let added = hub.store.add_tenant(new.tenant.clone(), edge::clock::utc()).await;
    let added = added.map_err(|e| Fault::ours("add the tenant", &e))?;
    Ok(answer(status_of(added), &new))
}

/// `POST /v1/tenants/{tenant}/sites`.
pub(super) async fn add_site(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    Strict(new): Strict<NewSite, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let added = hub.store.add_site(tenant, new.site.clone(), edge::clock::utc()).await;
    let added = added.map_err(|e| Fault::ours("add the site", &e))?;
    Ok(answer(status_of(added), &new))
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

const fn status_of(added: bool) -> StatusCode {
    if added { StatusCode::CREATED } else { StatusCode::OK }
}
