//! From a browser's request to somebody who may see the page. Whoever is not known is shown the way in; whoever may not is told so in words.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use contract::ids::{OperatorId, TenantId};
use contract::people::{Right, Role};

use super::{OfConsole, faults};
use crate::hub::Hub;
use crate::operator::{Shown, admitted_by_cookie};
use crate::people::Identity;
use crate::problem::{Fault, Told};

/// What the frame around a page shows of whoever looks at it.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(super) person: OperatorId,
    pub(super) role: Role,
    /// The rights about the hub that whoever looks has: what the navigation leads to.
    pub(super) rights: Vec<Right>,
    /// What the page's script sends with each change.
    pub(super) csrf: String,
    /// The page's path.
    pub(super) path: String,
    /// Alerts that hold and that nobody looks after; none where whoever looks may not see them, or that could not be looked up.
    pub(super) alerts: Option<usize>,
}

impl Frame {
    fn of(identity: &Identity, csrf: String, path: &str) -> Self {
        let now = edge::clock::utc();
        let may = |right: &Right| identity.clone().admit(*right, None, now).is_ok();
        Self {
            person: identity.person().clone(),
            role: identity.role(),
            rights: Right::ALL.iter().copied().filter(may).collect(),
            csrf,
            path: path.to_owned(),
            alerts: None,
        }
    }

    /// Whether whoever looks has a right about the hub.
    pub(crate) fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// Whether whoever looks works for tenants: what the role alone says, so that a page does not offer what would be refused.
    pub(crate) const fn is_staff(&self) -> bool {
        match self.role {
            Role::MspAdmin | Role::Technician => true,
            Role::ClinicViewer | Role::Auditor => false,
        }
    }

    /// Who looks at the page.
    pub(crate) const fn person(&self) -> &OperatorId {
        &self.person
    }
}

impl<S: Sync> FromRequestParts<S> for Frame {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        // Only `enter` puts one there.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Fault::theirs(StatusCode::FORBIDDEN, "this page lets nobody in: that is the hub's mistake")
        })
    }
}

/// Lets whoever may see the page.
pub(super) async fn enter(
    State((hub, right)): State<(Arc<Hub>, Right)>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let shown = match admitted_by_cookie(&hub, request.headers()).await {
        Ok(Some(shown)) => shown,
        Ok(None) => {
            return sign_in(request.headers(), request.uri().path_and_query().map_or("/", |p| p.as_str()));
        }
        Err(fault) => return faults::page(None, &fault.into_response()),
    };
    let Shown { identity, csrf } = shown;
    let mut frame = Frame::of(&identity, csrf, &path);
    let tenant = params.iter().find(|(name, _)| *name == "tenant").map(|(_, text)| text.parse::<TenantId>());
    let Ok(tenant) = tenant.transpose() else { return faults::page(Some(&frame), &nothing_there()) };
    match crate::operator::let_see(&hub, identity, right, tenant.as_ref(), &path).await {
        Ok(granted) => {
            frame.alerts = super::alerts::unattended(&hub, &frame, &granted).await;
            request.extensions_mut().insert(granted)
        }
        Err(fault) => return faults::page(Some(&frame), &fault.into_response()),
    };
    request.extensions_mut().insert(frame.clone());
    let answered = next.run(request).await;
    let failed = answered.status().is_client_error() || answered.status().is_server_error();
    if failed && answered.extensions().get::<OfConsole>().is_none() {
        return faults::page(Some(&frame), &answered);
    }
    answered
}

fn nothing_there() -> Response {
    Fault::theirs(StatusCode::NOT_FOUND, "there is no such page").into_response()
}

/// To the way in, and back from there. A part of a page that asks anew is told by the status alone.
fn sign_in(headers: &HeaderMap, from: &str) -> Response {
    if headers.get("sec-fetch-mode").is_some_and(|mode| mode != "navigate") {
        let ended = Fault::theirs(StatusCode::UNAUTHORIZED, "the session has ended: sign in again");
        return faults::page(None, &ended.into_response());
    }
    let to = if from == "/" { "/login".to_owned() } else { format!("/login?to={}", escaped(from)) };
    let mut response = Redirect::to(&to).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store"));
    super::of_console(response)
}

/// A path as a value in a query: everything that could end it or begin another one is escaped.
pub(super) fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            all.push(char::from(byte));
        } else {
            let _ = write!(all, "%{byte:02X}");
        }
        all
    })
}

/// What a problem says.
pub(super) fn told(answered: &Response) -> String {
    let told = answered.extensions().get::<Told>().map(|Told(problem)| problem.clone());
    told.unwrap_or_else(|| "the request is not one that this page takes".to_owned())
}
