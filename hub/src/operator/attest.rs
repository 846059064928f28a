//! What may run on hosts: releases, announced generations, and hosts that are in quarantine for want of either.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::attest::{Announced, QuarantineApproval, QuarantineView, Release};
use contract::ids::HostId;
use contract::people::Right;
use contract::plane::Page;

use super::BODY_MAX_BYTES;
use super::answers::{Done, Found, Made};
use super::grants::known_host;
use super::query::Paged;
use super::route::{Route, changes, reads};
use super::tenants::known_tenant;
use crate::events::Happened;
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::{Fault, Strict};
use crate::store::Approving;

pub(super) fn routes() -> Vec<Route> {
    use Right as R;
    vec![
        changes("/api/v1/releases", R::ReleasesAdd, "Add a program that may run on machines", add_release),
        changes(
            "/api/v1/tenants/{tenant}/generations",
            R::GenerationsAnnounce,
            "Announce a generation that a tenant's machines are going to run",
            announce,
        ),
        reads(
            "/api/v1/tenants/{tenant}/quarantine",
            R::IncidentsRead,
            "A tenant's machines on which something runs that nothing explains",
            quarantined,
        ),
        changes(
            "/api/v1/tenants/{tenant}/hosts/{host}/quarantine/approve",
            R::QuarantineApprove,
            "Approve what runs on a machine",
            approve,
        )
        .refuses(&[StatusCode::CONFLICT]),
    ]
}

/// `POST /api/v1/releases`.
async fn add_release(
    State(hub): State<Arc<Hub>>,
    Strict(release): Strict<Release, BODY_MAX_BYTES>,
) -> Result<Made<Release>, Fault> {
    let added = hub.store.add_release(release.clone(), edge::clock::utc()).await;
    let added = added.map_err(|e| Fault::ours("keep the release", &e))?;
    Ok(Made::or_there(added, release))
}

/// `POST /api/v1/tenants/{tenant}/generations`.
async fn announce(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    Strict(announced): Strict<Announced, BODY_MAX_BYTES>,
) -> Result<Made<Announced>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let added = hub.store.announce(tenant, announced.clone(), edge::clock::utc()).await;
    let added = added.map_err(|e| Fault::ours("keep the announcement", &e))?;
    Ok(Made::or_there(added, announced))
}

/// `GET /api/v1/tenants/{tenant}/quarantine`.
async fn quarantined(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    paged: Paged<HostId>,
) -> Result<Found<Page<QuarantineView>>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let all = hub.store.quarantined(tenant).await;
    let all = all.map_err(|e| Fault::ours("list the quarantine", &e))?;
    Ok(paged.cut(all, |view| view.host.clone()))
}

/// `POST /api/v1/tenants/{tenant}/hosts/{host}/quarantine/approve`: of exactly what was seen.
async fn approve(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, host)): Path<(String, String)>,
    Strict(approval): Strict<QuarantineApproval, BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    let holder = known_host(&hub, &granted, &tenant, &host).await?;
    let (tenant, host) = (holder.tenant.clone(), holder.host.clone());
    let done = hub.store.approve_software(holder, approval.digest, edge::clock::utc()).await;
    match done.map_err(|e| Fault::ours("approve what runs there", &e))? {
        Approving::Approved => {
            tracing::warn!(%host, "what runs on a host was approved");
            hub.events.tell(&tenant, &host, Happened::Heard);
            Ok(Done)
        }
        Approving::NotQuarantined => {
            Err(Fault::theirs(StatusCode::NOT_FOUND, format!("host {host} is not in quarantine")))
        }
        Approving::OtherThanSeen => Err(Fault::theirs(
            StatusCode::CONFLICT,
            format!("host {host} says something else by now than {}: look again", approval.digest),
        )),
    }
}
