//! From a request to somebody who may do what it asks for: who they are, whether they may, and the record of it before it is done.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use contract::digest::Digest;
use contract::ids::TenantId;
use contract::people::Right;
use contract::record::{Acted, NotAllowed, Stage};
use contract::time::UtcTime;

use super::cookies::Cookie;
use super::id;
use crate::config::Door;
use crate::hub::Hub;
use crate::people::{Granted, Identity, Secret, csrf};
use crate::problem::Fault;

/// The longest part of a path that is written down.
pub(super) const PATH_MAX: usize = 256;

/// What a request presents: a secret, and whether a browser sent it by itself.
pub(super) struct Presented {
    pub(super) secret: Secret,
    by_cookie: bool,
}

/// Reads it out of the headers; a program's before a browser's.
pub(super) fn presented(headers: &HeaderMap, door: &Door) -> Option<Presented> {
    let text = |value: &axum::http::HeaderValue| value.to_str().ok().map(str::to_owned);
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let secret = Secret::presented(text(value)?.strip_prefix("Bearer ")?)?;
        return Some(Presented { secret, by_cookie: false });
    }
    Secret::presented(&Cookie::Session.read(headers, door)?)
        .map(|secret| Presented { secret, by_cookie: true })
}

/// Who asks. A stranger is written down, within the ration of strangers.
async fn identify(hub: &Hub, method: &Method, headers: &HeaderMap, now: UtcTime) -> Result<Identity, Fault> {
    let presented = presented(headers, &hub.door);
    let known = match &presented {
        Some(presented) => hub.people.store.who(&presented.secret, now).await,
        None => Ok(None),
    };
    let known = known.map_err(|e| Fault::ours("look up who asks", &e))?;
    let (why, status, problem) = match (known, presented) {
        (Some(identity), Some(presented)) if !is_forged(method, headers, &presented) => return Ok(identity),
        (Some(_), _) => {
            let problem = "send X-Suture-Csrf with what the login answered: a cookie alone changes nothing";
            (NotAllowed::CrossSite, StatusCode::FORBIDDEN, problem)
        }
        (None, _) => {
            let problem = "log in (suture login), and send `Authorization: Bearer <session or key>`: what came opens nothing, or has ended";
            (NotAllowed::NotKnown, StatusCode::UNAUTHORIZED, problem)
        }
    };
    hub.people.write_stranger(why, now).await.map_err(|e| Fault::ours("record a refusal", &e))?;
    Err(Fault::turned_away(status, problem))
}

/// Whether a browser may have been made to send this by somebody else's page: its cookie comes by itself, the other value does not.
fn is_forged(method: &Method, headers: &HeaderMap, presented: &Presented) -> bool {
    if !presented.by_cookie || looks(method) {
        return false;
    }
    let sent = headers.get("x-suture-csrf").map_or(&b""[..], axum::http::HeaderValue::as_bytes);
    // Digests are compared, so how long it takes says nothing.
    Digest::of(sent) != Digest::of(csrf(&presented.secret).as_bytes())
}

/// A HEAD is a GET whose answer's body is left out.
fn looks(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Lets whoever may do what the route is for.
pub(super) async fn admit(
    State((hub, right)): State<(Arc<Hub>, Right)>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Result<Response, Fault> {
    let now = edge::clock::utc();
    let identity = identify(&hub, request.method(), request.headers(), now).await?;
    let tenant = params.iter().find(|(name, _)| *name == "tenant").map(|(_, text)| id::<TenantId>(text));
    let tenant = tenant.transpose()?;
    let path: String = request.uri().path().chars().take(PATH_MAX).collect();
    let acted = Acted {
        person: Some(identity.person().clone()),
        machine_user: None,
        key: identity.key().cloned(),
        right: Some(right),
        tenant: tenant.clone(),
        path: Some(path),
        stage: Stage::Begun,
    };
    let granted = match identity.admit(right, tenant.as_ref(), now) {
        Ok(granted) => granted,
        Err(why) => {
            refuse(&hub, acted, why, now).await?;
            return Err(fault(why, right, tenant.as_ref()));
        }
    };
    // What only looks is not written down; evidence that leaves is.
    let only_looks = looks(request.method()) && right != Right::KitsFetch;
    request.extensions_mut().insert(granted);
    if only_looks {
        return Ok(next.run(request).await);
    }
    hub.people
        .write(acted.clone(), now)
        .await
        .map_err(|e| Fault::ours("record what is about to be done", &e))?;
    request.extensions_mut().insert(acted.clone());
    // In a task of its own: what was begun is ended and written down, also where whoever asked went away.
    let changes_people = matches!(right, Right::OwnChange | Right::PeopleChange);
    let ended = tokio::spawn(async move {
        let response = next.run(request).await;
        if changes_people {
            hub.people.changed();
        }
        let stage = Stage::Ended { status: response.status().as_u16() };
        let written = hub.people.write(Acted { stage, ..acted }, edge::clock::utc()).await;
        written.map(|()| response).map_err(|e| Fault::unrecorded(&e))
    });
    match ended.await {
        Ok(ended) => ended,
        Err(e) => std::panic::resume_unwind(e.into_panic()),
    }
}

/// Writes that somebody who is known was refused.
pub(super) async fn refuse(hub: &Hub, acted: Acted, why: NotAllowed, now: UtcTime) -> Result<(), Fault> {
    let stage = Stage::Refused { why, times: 1 };
    let written = hub.people.write(Acted { stage, ..acted }, now).await;
    written.map_err(|e| Fault::ours("record a refusal", &e))
}

/// What somebody who is known and was refused is told.
pub(super) fn fault(why: NotAllowed, right: Right, tenant: Option<&TenantId>) -> Fault {
    let word = right.word();
    match (why, tenant) {
        (NotAllowed::OtherTenant, Some(tenant)) => no_such_tenant(tenant),
        (NotAllowed::Key, _) => Fault::theirs(
            StatusCode::FORBIDDEN,
            format!("this key was not made for {word}: make one that is"),
        ),
        (
            NotAllowed::Role
            | NotAllowed::OtherTenant
            | NotAllowed::NotKnown
            | NotAllowed::CrossSite
            | NotAllowed::OtherPerson,
            _,
        ) => {
            let problem = format!("your role has no right to {word}: ask an MSP admin");
            Fault::theirs(StatusCode::FORBIDDEN, problem)
        }
    }
}

/// The same for a tenant that is not there and for one that is none of whoever asks.
pub(super) fn no_such_tenant(tenant: &TenantId) -> Fault {
    let problem = format!("there is no tenant {tenant}: add it with POST /api/v1/tenants");
    Fault::theirs(StatusCode::NOT_FOUND, problem)
}

/// Somebody who is known, whatever they may.
pub(super) struct Known;

impl FromRequestParts<Arc<Hub>> for Known {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Fault> {
        identify(hub, &parts.method, &parts.headers, edge::clock::utc()).await.map(|_| Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Granted {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        // Only `admit` puts one there: a route that went around it is answered to nobody.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Fault::theirs(StatusCode::FORBIDDEN, "this path lets nobody in: that is the hub's mistake")
        })
    }
}

/// What stands in the log of the request that is being served: for a refusal that only its body shows.
pub(super) struct Begun(pub(super) Acted);

impl<S: Sync> FromRequestParts<S> for Begun {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        parts.extensions.get::<Acted>().cloned().map(Self).ok_or_else(|| {
            Fault::theirs(StatusCode::FORBIDDEN, "this path records nothing: that is the hub's mistake")
        })
    }
}
