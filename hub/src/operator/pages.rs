//! What the console asks of the operator plane: who looks at a page, and whether they may.

use axum::http::HeaderMap;
use contract::ids::TenantId;
use contract::people::Right;
use contract::record::{Acted, NotAllowed, Stage};

use super::admit::{fault, presented, refuse};
use crate::hub::Hub;
use crate::people::{Granted, Identity, csrf};
use crate::problem::Fault;

/// Somebody who looks at a page, and what their page's script has to send with each change.
pub(crate) struct Shown {
    pub(crate) identity: Identity,
    pub(crate) csrf: String,
}

/// Who looks, by the browser's session; nobody where it has none, or has one that ended. A stranger who presents something is written down, as at the API;
/// one who presents nothing is shown the way in, and was refused nothing.
pub(crate) async fn admitted_by_cookie(hub: &Hub, headers: &HeaderMap) -> Result<Option<Shown>, Fault> {
    let Some(presented) = presented(headers, &hub.door) else { return Ok(None) };
    let now = edge::clock::utc();
    let known = hub.people.store.who(&presented.secret, now).await;
    match known.map_err(|e| Fault::ours("look up who asks", &e))? {
        Some(identity) => Ok(Some(Shown { identity, csrf: csrf(&presented.secret) })),
        None => {
            let written = hub.people.write_stranger(NotAllowed::NotKnown, now).await;
            written.map_err(|e| Fault::ours("record a refusal", &e))?;
            Ok(None)
        }
    }
}

/// Lets somebody see a page, or writes down that they may not.
pub(crate) async fn let_see(
    hub: &Hub,
    identity: Identity,
    right: Right,
    tenant: Option<&TenantId>,
    path: &str,
) -> Result<Granted, Fault> {
    let now = edge::clock::utc();
    let acted = Acted {
        person: Some(identity.person().clone()),
        machine_user: None,
        key: identity.key().cloned(),
        right: Some(right),
        tenant: tenant.cloned(),
        path: Some(path.chars().take(super::admit::PATH_MAX).collect()),
        stage: Stage::Begun,
    };
    match identity.admit(right, tenant, now) {
        Ok(granted) => Ok(granted),
        Err(why) => {
            refuse(hub, acted, why, now).await?;
            Err(fault(why, right, tenant))
        }
    }
}
