//! What hosts may have, and which failures a tenant accepts: set by an operator, refused with line and column before anything of it is kept.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::allowlist::{Allowlist, AllowlistError};
use contract::digest::Digest;
use contract::exception::{ExceptionError, Exceptions};
use contract::ids::TenantId;
use contract::people::{Right, Role};
use contract::plane::{TextKept, TextSet, TextView};
use identity::Holder;
use thiserror::Error;

use super::BODY_MAX_BYTES;
use super::answers::{Found, Tagged};
use super::enrolments::known_site;
use super::grants::known_host;
use super::precondition::{IfMatch, text_tag};
use super::route::{Route, changes, reads};
use super::tenants::known_tenant;
use crate::hub::Hub;
use crate::people::{Granted, Scope};
use crate::problem::{Fault, Strict};
use crate::store::{AllowedFor, StoreError};

/// A text that makes no sense.
const UNREADABLE: &[StatusCode] = &[StatusCode::UNPROCESSABLE_ENTITY];

pub(super) fn routes() -> Vec<Route> {
    use Right as R;
    vec![
        reads(
            "/api/v1/tenants/{tenant}/sites/{site}/allowlist",
            R::AllowlistsSet,
            "What the hosts of a site may have that have no list of their own",
            show_site_allowlist,
        ),
        reads(
            "/api/v1/tenants/{tenant}/hosts/{host}/allowlist",
            R::AllowlistsSet,
            "What a host may have, where it has a list of its own",
            show_host_allowlist,
        ),
        changes(
            "/api/v1/tenants/{tenant}/sites/{site}/allowlist",
            R::AllowlistsSet,
            "Set what the hosts of a site may have",
            site_allowlist,
        )
        .refuses(UNREADABLE),
        changes(
            "/api/v1/tenants/{tenant}/hosts/{host}/allowlist",
            R::AllowlistsSet,
            "Set what a host may have",
            host_allowlist,
        )
        .refuses(UNREADABLE),
        changes(
            "/api/v1/tenants/{tenant}/exceptions",
            R::ExceptionsSet,
            "Set which failures a tenant accepts",
            exceptions,
        )
        .refuses(UNREADABLE),
    ]
}

/// The longest name of a file in a message.
const FILE_CHARS_MAX: usize = 200;

/// Why a text is not kept. Whoever wrote it must put it right.
#[derive(Debug, Error)]
enum BadText {
    #[error(transparent)]
    Allowlist(#[from] AllowlistError),
    #[error(transparent)]
    Exceptions(#[from] ExceptionError),
    #[error("the name of a file has 1 to {FILE_CHARS_MAX} printable characters")]
    File,
}

impl From<BadText> for Fault {
    fn from(bad: BadText) -> Self {
        Self::theirs(StatusCode::UNPROCESSABLE_ENTITY, bad.to_string())
    }
}

/// `GET /api/v1/tenants/{tenant}/sites/{site}/allowlist`.
async fn show_site_allowlist(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, site)): Path<(String, String)>,
) -> Result<Tagged<TextView>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let site = known_site(&hub, &tenant, &site).await?;
    shown(hub.store.allowlist(AllowedFor::Site(tenant, site)).await)
}

/// `GET /api/v1/tenants/{tenant}/hosts/{host}/allowlist`.
async fn show_host_allowlist(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, host)): Path<(String, String)>,
) -> Result<Tagged<TextView>, Fault> {
    let whose = known_host(&hub, &granted, &tenant, &host).await?;
    shown(hub.store.allowlist(AllowedFor::Host(whose)).await)
}

/// A text under the tag by which it can be replaced.
fn shown(text: Result<Option<String>, StoreError>) -> Result<Tagged<TextView>, Fault> {
    let text = text.map_err(|e| Fault::ours("look up the allowlist", &e))?;
    let digest = text.as_ref().map(|text| Digest::of(text.as_bytes()));
    Ok(Tagged { tag: text_tag(text.as_deref()), found: TextView { text, digest } })
}

/// `POST /api/v1/tenants/{tenant}/sites/{site}/allowlist`: for the site's hosts that have none of their own.
async fn site_allowlist(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, site)): Path<(String, String)>,
    before: IfMatch,
    Strict(set): Strict<TextSet, BODY_MAX_BYTES>,
) -> Result<Found<TextKept>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let site = known_site(&hub, &tenant, &site).await?;
    readable_allowlist(&set)?;
    let whose = AllowedFor::Site(tenant.clone(), site.clone());
    keep_allowlist(&hub, whose, &set, before).await?;
    told(&hub, tenant, &set, |holder| holder.site == site).await
}

/// `POST /api/v1/tenants/{tenant}/hosts/{host}/allowlist`.
async fn host_allowlist(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, host)): Path<(String, String)>,
    before: IfMatch,
    Strict(set): Strict<TextSet, BODY_MAX_BYTES>,
) -> Result<Found<TextKept>, Fault> {
    let whose = known_host(&hub, &granted, &tenant, &host).await?;
    readable_allowlist(&set)?;
    keep_allowlist(&hub, AllowedFor::Host(whose.clone()), &set, before).await?;
    told(&hub, whose.holding(whose.tenant.clone()), &set, |holder| *holder == *whose).await
}

/// `POST /api/v1/tenants/{tenant}/exceptions`.
async fn exceptions(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    before: IfMatch,
    Strict(set): Strict<TextSet, BODY_MAX_BYTES>,
) -> Result<Found<TextKept>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    // The text names whoever it likes as approvers: that is for those who could make anybody an approver anyway, and for programs that keep the file
    // in their name, by a key that was made for it.
    if granted.identity().role() != Role::MspAdmin {
        let problem =
            "the whole text is set by an MSP admin: propose an exception, and let somebody else accept it";
        return Err(Fault::theirs(StatusCode::FORBIDDEN, problem));
    }
    if let Some(text) = &readable(&set)?.text {
        let exceptions = Exceptions::parse(&set.file, text).map_err(BadText::from)?;
        exceptions.check_against(&hub.library.baseline).map_err(BadText::from)?;
    }
    keep_exceptions(&hub, tenant.clone(), &set, before).await?;
    told(&hub, tenant, &set, |_| true).await
}

fn readable(set: &TextSet) -> Result<&TextSet, BadText> {
    let characters = set.file.chars().count();
    let plain = (1..=FILE_CHARS_MAX).contains(&characters) && !set.file.chars().any(char::is_control);
    if plain { Ok(set) } else { Err(BadText::File) }
}

fn readable_allowlist(set: &TextSet) -> Result<(), BadText> {
    match &readable(set)?.text {
        Some(text) => Ok(Allowlist::parse(&set.file, text).map(drop)?),
        None => Ok(()),
    }
}

async fn keep_allowlist(hub: &Hub, whose: AllowedFor, set: &TextSet, before: IfMatch) -> Result<(), Fault> {
    tracing::warn!(?whose, digest = ?digest(set), "an allowlist is set");
    let holds = move |text: Option<&str>| before.holds(text);
    let kept = hub.store.set_allowlist(whose, set.text.clone(), edge::clock::utc(), holds).await;
    if kept.map_err(|e| Fault::ours("keep the allowlist", &e))? { Ok(()) } else { Err(IfMatch::failed()) }
}

async fn keep_exceptions(
    hub: &Hub,
    tenant: Scope<TenantId>,
    set: &TextSet,
    before: IfMatch,
) -> Result<(), Fault> {
    tracing::warn!(tenant = %*tenant, digest = ?digest(set), "exceptions are set");
    if let Some(text) = &set.text {
        kept_for_packets(hub, &tenant, text).await?;
    }
    let holds = move |text: Option<&str>| before.holds(text);
    let kept = hub.store.replace_exceptions(tenant, set.text.clone(), edge::clock::utc(), holds).await;
    if kept.map_err(|e| Fault::ours("keep the exceptions", &e))? { Ok(()) } else { Err(IfMatch::failed()) }
}

/// Keeps a text of exceptions before it is in force: a record will name it by its digest, and a packet has to know what it said.
pub(super) async fn kept_for_packets(hub: &Hub, tenant: &TenantId, text: &str) -> Result<(), Fault> {
    let kept = hub.packets.keep_exceptions(tenant, text, edge::clock::utc()).await;
    kept.map_err(|e| Fault::ours("keep the exceptions for packets", &e))
}

/// Wakes those of the tenant's hosts that it is for.
async fn told(
    hub: &Hub,
    of: Scope<TenantId>,
    set: &TextSet,
    is_for: impl Fn(&Holder) -> bool,
) -> Result<Found<TextKept>, Fault> {
    told_of(hub, of, digest(set), is_for).await
}

/// Wakes all of the tenant's hosts: what is said of them has another digest now.
pub(super) async fn told_all(
    hub: &Hub,
    of: Scope<TenantId>,
    digest: Option<Digest>,
) -> Result<Found<TextKept>, Fault> {
    tracing::warn!(tenant = %*of, ?digest, "exceptions are set");
    told_of(hub, of, digest, |_| true).await
}

async fn told_of(
    hub: &Hub,
    of: Scope<TenantId>,
    digest: Option<Digest>,
    is_for: impl Fn(&Holder) -> bool,
) -> Result<Found<TextKept>, Fault> {
    let all = hub.store.logs_of(of).await.map_err(|e| Fault::ours("list the hosts", &e))?;
    let hosts: Vec<_> = all.into_iter().map(|row| row.holder).filter(|holder| is_for(holder)).collect();
    for holder in &hosts {
        hub.bells.ring(&holder.host);
    }
    Ok(Found(TextKept { digest, hosts: hosts.len() as u64 }))
}

fn digest(set: &TextSet) -> Option<Digest> {
    set.text.as_ref().map(|text| Digest::of(text.as_bytes()))
}
