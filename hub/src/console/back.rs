//! `GET /login/back`: the browser comes back from the provider of identities.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{DOCTYPE, html};
use serde::Deserialize;

use super::layout::bare;
use super::{Page, of_console};
use crate::config::Door;
use crate::hub::Hub;
use crate::operator::{Cookie, Source};
use crate::people::{EntryFault, OidcFault, Returned};
use crate::problem::chain;

/// What the provider adds to the address (RFC 6749, section 4.1.2; others are of no use to us).
#[derive(Deserialize)]
pub(super) struct Brought {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

pub(super) async fn back(
    State(hub): State<Arc<Hub>>,
    Extension(source): Extension<Source>,
    Query(Brought { code, state, error }): Query<Brought>,
    headers: HeaderMap,
) -> Response {
    let (Some(oidc), Some(state)) = (&hub.oidc, state) else { return failed(&OidcFault::NotUnderWay) };
    let Some(code) = code.filter(|_| error.is_none()) else { return refused_there() };
    let cookie = Cookie::State.read(&headers, &hub.door).unwrap_or_default();
    let returned = Returned { code, state, cookie };
    match hub.people.let_in_by(oidc, returned, source.text(), edge::clock::utc()).await {
        Ok(opened) => go_on(&Cookie::of_session(&opened, &hub.door), &hub.door),
        Err(fault) => failed(&fault),
    }
}

/// On to the console, by a page of our own: a cookie that is for this site alone is not sent along with a way that began on another.
fn go_on(session: &str, door: &Door) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; meta http-equiv="refresh" content="0;url=/"; title { "Signed in" } }
            body { p { a href="/" { "You are signed in: go on" } } }
        }
    };
    let mut response = of_console(axum::response::Html(markup.into_string()).into_response());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let gone = Cookie::state_gone(door);
    for cookie in [session, &gone] {
        if let Ok(cookie) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

fn refused_there() -> Response {
    page(StatusCode::FORBIDDEN, "the provider of identities let nobody in: it was refused there, or given up")
}

fn failed(fault: &OidcFault) -> Response {
    match fault {
        OidcFault::NotUnderWay
        | OidcFault::Nobody
        | OidcFault::Entry(EntryFault::NoInvitation | EntryFault::Refused) => {
            page(StatusCode::FORBIDDEN, &fault.to_string())
        }
        OidcFault::Provider(_) | OidcFault::Token(_) => {
            tracing::warn!(cause = chain(fault), "the provider of identities is of no use");
            page(StatusCode::BAD_GATEWAY, &fault.to_string())
        }
        OidcFault::Entry(
            EntryFault::Slowed(_)
            | EntryFault::Password
            | EntryFault::Store(_)
            | EntryFault::Log(_)
            | EntryFault::Random(_)
            | EntryFault::Hash
            | EntryFault::Thread(_),
        ) => {
            tracing::error!(cause = chain(fault), "nobody could be let in");
            page(StatusCode::INTERNAL_SERVER_ERROR, "the hub failed: try again, and tell the operator")
        }
    }
}

fn page(status: StatusCode, detail: &str) -> Response {
    let body = html! {
        div .fault {
            p .detail { (detail) }
            p { a .button href="/login" { "To the way in" } }
        }
    };
    let page: Page = bare("Nobody was signed in", &body);
    page.with_status(status).into_response()
}
