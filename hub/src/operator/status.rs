//! How the hosts stand.

use std::sync::Arc;

use axum::extract::State;
use contract::digest::Digest;
use contract::ids::{HostId, SiteId, TenantId};
use contract::people::Right;
use contract::plane::Page;
use contract::time::UtcTime;
use identity::Holder;
use serde::Serialize;
use utoipa::ToSchema;

use super::answers::Found;
use super::query::Paged;
use super::route::{Route, reads};
use crate::heads::HeadsView;
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::Fault;
use crate::pulses::Heard;
use crate::store::HostRow;
use crate::worm::{self, ArchiveView};

pub(super) fn routes() -> Vec<Route> {
    vec![reads("/api/v1/status", Right::StatusRead, "How the hosts and the hub's own parts stand", show)]
}

/// `GET /api/v1/status`.
#[derive(Debug, Serialize, ToSchema)]
struct StatusView {
    /// The hosts of the tenants within reach, a page of them.
    hosts: Vec<HostView>,
    /// The `cursor` of the next page; none on the last one.
    next: Option<String>,
    heads: HeadsView,
    /// The write-once stores, and how far the logs of these hosts have come into them.
    archives: Vec<ArchiveView>,
}

/// One host.
#[derive(Debug, Serialize, ToSchema)]
struct HostView {
    tenant: TenantId,
    site: SiteId,
    host: HostId,
    origin: String,
    /// When it was last heard of, to within a minute; none where it never was.
    seen: Option<UtcTime>,
    /// Evidence records that are held, verified, and have changed the incidents they speak of.
    evidence: u64,
    /// What its evidence did that it must never do.
    alarms: u64,
    /// Its newest certificate, the bootstrap certificate where it has not enrolled.
    certificate: Option<CertificateView>,
    /// What it last said of itself; none where it has said nothing since this hub started.
    heartbeat: Option<Heard>,
}

/// One certificate.
#[derive(Debug, Serialize, ToSchema)]
struct CertificateView {
    fingerprint: Digest,
    enrolled: bool,
    expires: UtcTime,
    revoked: bool,
}

async fn show(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    paged: Paged<(TenantId, SiteId, HostId)>,
) -> Result<Found<StatusView>, Fault> {
    let hosts =
        hub.store.hosts_within(granted.reach()).await.map_err(|e| Fault::ours("list the hosts", &e))?;
    let heads = hub.heads.view().await.map_err(|e| Fault::ours("look at the log of heads", &e))?;
    let hosts = hosts.into_iter().map(|row| view(&hub, row)).collect();
    let place = |host: &HostView| (host.tenant.clone(), host.site.clone(), host.host.clone());
    let Found(Page { items: hosts, next }) = paged.cut(hosts, place);
    let archives =
        worm::views(&hub.store, hub.archives, |host| hosts.iter().any(|one| one.host == *host)).await;
    let archives = archives.map_err(|e| Fault::ours("look at the archives", &e))?;
    Ok(Found(StatusView { hosts, next, heads, archives }))
}

fn view(hub: &Hub, row: HostRow) -> HostView {
    let HostRow { holder: Holder { tenant, site, host }, origin, seen, settled, certificate, alarms } = row;
    let certificate = certificate.map(|c| CertificateView {
        fingerprint: c.fingerprint,
        enrolled: c.kind == crate::store::Kind::Device,
        expires: c.expires,
        revoked: c.revoked,
    });
    let heartbeat = hub.pulses.of(&host);
    HostView { tenant, site, host, origin, seen, evidence: settled, alarms, certificate, heartbeat }
}
