//! Enrolment sheets: each makes one new host, with an opaque id.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::blob::Blob;
use contract::digest::{Digest, hex};
use contract::dsse::PayloadType;
use contract::ids::{HostId, SiteId, TenantId, TokenId};
use contract::people::Right;
use contract::plane::{EnrolmentSheet, Page};
use identity::Holder;

use super::answers::{Found, Made};
use super::query::Paged;
use super::route::{Route, changes, reads};
use super::tenants::known_tenant;
use super::{BODY_MAX_BYTES, id};
use crate::events::Happened;
use crate::hub::Hub;
use crate::people::{Granted, Scope};
use crate::problem::{Fault, Unasked};
use crate::store::NewHost;
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

/// How long a token waits for its first use. The machine that used it may ask again for as long as its bootstrap certificate is good, since an answer
/// can be lost.
const TOKEN_MS: u64 = 15 * 60 * 1000;

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
    let host = drawn("h")?.parse().map_err(|e: contract::ids::BadId| Fault::ours("draw a host id", &e))?;
    let token: TokenId =
        drawn("t")?.parse().map_err(|e: contract::ids::BadId| Fault::ours("draw a token", &e))?;
    let secret = hex(&edge::random::bytes::<32>().map_err(|e| Fault::ours("draw a secret", &e))?);
    let holder = Holder { tenant: (*scope).clone(), site, host };
    let origin = format!("{}/{}", hub.name, holder.host);
    // A host that was never there has no list of its own: what counts is its site's.
    let said = hub.store.said(holder.clone()).await.map_err(|e| Fault::ours("look up the allowlist", &e))?;
    let now = edge::clock::utc();
    let bootstrap = hub.keys.authority.bootstrap(&holder, now);
    let bootstrap = bootstrap.map_err(|e| Fault::ours("issue a bootstrap certificate", &e))?;

    let new = NewHost {
        holder: holder.clone(),
        origin: origin.clone(),
        token: token.clone(),
        secret: Digest::of(secret.as_bytes()),
        token_until: now.plus_ms(TOKEN_MS),
        bootstrap: bootstrap.issued.clone(),
    };
    hub.store.add_host(scope, new).await.map_err(|e| Fault::ours("keep the enrolment", &e))?;
    hub.events.tell(&holder.tenant, &holder.host, Happened::Enrolment(holder.site.clone()));
    let Holder { tenant, site, host } = holder;
    let signed = |kind, bytes: &[u8]| Blob(hub.keys.orders.sign(kind, bytes));
    let sheet = EnrolmentSheet {
        hub: format!("https://{}:{}", hub.name, hub.device_port),
        hub_authority: hub.keys.authority.certificate_pem().to_owned(),
        hub_key: hub.keys.orders.public(),
        witness_key: hub.keys.witness.verifier().to_string(),
        tenant,
        site,
        host,
        origin,
        token,
        secret,
        bootstrap_certificate: bootstrap.issued.certificate_pem,
        bootstrap_key: bootstrap.key_pem,
        baseline: signed(PayloadType::Baseline, &hub.library.baseline_bytes),
        catalogue: signed(PayloadType::Catalogue, &hub.library.catalogue_bytes),
        allowlist: said.allowlist.map(|text| signed(PayloadType::Allowlist, text.as_bytes())),
    };
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

fn drawn(prefix: &str) -> Result<String, Fault> {
    let opaque = edge::random::opaque().map_err(|e| Fault::ours("draw an id", &e))?;
    Ok(format!("{prefix}-{opaque}"))
}
