//! Standing orders, withheld or not; break-glass, carried.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::ids::{HostId, TenantId};
use contract::people::Right;
use contract::plane::{EnvelopeCarried, Withholding};
use identity::Holder;

use super::answers::{Accepted, Found};
use super::route::{Route, changes};
use super::tenants::known_tenant;
use super::{BODY_MAX_BYTES, id};
use crate::hub::Hub;
use crate::people::{Granted, Scope};
use crate::problem::{Fault, Strict};

pub(super) fn routes() -> Vec<Route> {
    use Right as R;
    vec![
        changes(
            "/api/v1/tenants/{tenant}/standing",
            R::StandingWithhold,
            "Withhold standing orders of a tenant, or no longer do",
            tenant_standing,
        ),
        changes(
            "/api/v1/tenants/{tenant}/hosts/{host}/standing",
            R::StandingWithhold,
            "Withhold standing orders of a host, or no longer do",
            host_standing,
        ),
        changes(
            "/api/v1/tenants/{tenant}/hosts/{host}/break-glass",
            R::BreakGlassCarry,
            "Have a break-glass grant carried to a host",
            break_glass,
        )
        .refuses(&[StatusCode::TOO_MANY_REQUESTS]),
    ]
}

/// The longest break-glass envelope.
const GLASS_MAX_BYTES: usize = 16 * 1024;

/// A host out of a path, where the tenant has it.
pub(super) async fn known_host(
    hub: &Hub,
    granted: &Granted,
    tenant: &str,
    host: &str,
) -> Result<Scope<Holder>, Fault> {
    let tenant = known_tenant(hub, granted, tenant).await?;
    let host: HostId = id(host)?;
    let found = hub.store.holder(tenant.clone(), host.clone()).await;
    found.map_err(|e| Fault::ours("look up the host", &e))?.ok_or_else(|| {
        let problem = format!("tenant {} has no host {host}", *tenant);
        Fault::theirs(StatusCode::NOT_FOUND, problem)
    })
}

/// `POST /api/v1/tenants/{tenant}/standing`.
async fn tenant_standing(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    Strict(said): Strict<Withholding, BODY_MAX_BYTES>,
) -> Result<Found<Withholding>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    withhold(&hub, tenant.clone(), None, said).await?;
    let hosts = hub.store.logs_of(tenant).await.map_err(|e| Fault::ours("list the hosts", &e))?;
    for row in hosts {
        hub.bells.ring(&row.holder.host);
    }
    Ok(Found(said))
}

/// `POST /api/v1/tenants/{tenant}/hosts/{host}/standing`.
async fn host_standing(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, host)): Path<(String, String)>,
    Strict(said): Strict<Withholding, BODY_MAX_BYTES>,
) -> Result<Found<Withholding>, Fault> {
    let holder = known_host(&hub, &granted, &tenant, &host).await?;
    let host = holder.host.clone();
    withhold(&hub, holder.holding(holder.tenant.clone()), Some(host.clone()), said).await?;
    hub.bells.ring(&host);
    Ok(Found(said))
}

async fn withhold(
    hub: &Hub,
    tenant: Scope<TenantId>,
    host: Option<HostId>,
    Withholding { withheld }: Withholding,
) -> Result<(), Fault> {
    tracing::warn!(tenant = %*tenant, ?host, withheld, "standing orders");
    let kept = hub.store.withhold(tenant, host, withheld, edge::clock::utc()).await;
    kept.map_err(|e| Fault::ours("keep that standing orders are withheld", &e))
}

/// `POST /api/v1/tenants/{tenant}/hosts/{host}/break-glass`: carried to the host as it came. Who may break the glass is pinned there, not here.
async fn break_glass(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, host)): Path<(String, String)>,
    Strict(EnvelopeCarried { envelope }): Strict<EnvelopeCarried, BODY_MAX_BYTES>,
) -> Result<Accepted, Fault> {
    let holder = known_host(&hub, &granted, &tenant, &host).await?;
    let host = holder.host.clone();
    if envelope.0.len() > GLASS_MAX_BYTES {
        let problem = format!("a break-glass envelope has at most {GLASS_MAX_BYTES} bytes");
        return Err(Fault::theirs(StatusCode::PAYLOAD_TOO_LARGE, problem));
    }
    let kept = hub.store.add_glass(holder, envelope.0, edge::clock::utc()).await;
    if !kept.map_err(|e| Fault::ours("keep the grant", &e))? {
        let problem = "too many grants wait for this host already: it has to fetch those first";
        return Err(Fault::theirs(StatusCode::TOO_MANY_REQUESTS, problem));
    }
    tracing::warn!(%host, "break-glass is on its way");
    hub.bells.ring(&host);
    Ok(Accepted)
}
