//! A problem, as a page: what happened, and the way on.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::html;

use super::enter::{Frame, told};
use super::layout::{bare, framed};

/// The page for a problem, with the answer's own headers.
pub(super) fn page(frame: Option<&Frame>, answered: &Response) -> Response {
    let (status, detail) = (answered.status(), told(answered));
    let heading = match status {
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::FORBIDDEN => "Not yours to see",
        StatusCode::UNAUTHORIZED => "Sign in again",
        _ if status.is_server_error() => "The hub failed",
        _ => "That did not work",
    };
    let body = html! {
        div .fault {
            p .code { (status.as_u16()) }
            p .detail { (detail) }
            p { a .button href="/" { "To the fleet" } }
        }
    };
    let page = match frame {
        Some(frame) => framed(frame, heading, &[], &body),
        None => bare(heading, &body),
    };
    let mut response = page.with_status(status).into_response();
    for (name, value) in answered.headers() {
        // What says something about the other body is of no use to this one.
        if !["content-type", "content-length"].contains(&name.as_str())
            && !response.headers().contains_key(name)
        {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// The page where there is none.
pub(crate) fn not_found() -> Response {
    let detail =
        "Nothing is kept under this address. It may have been typed wrongly, or what it showed is gone.";
    let body = html! {
        div .fault {
            p .code { "404" }
            p .detail { (detail) }
            p { a .button href="/" { "To the fleet" } }
        }
    };
    bare("There is no such page", &body).with_status(StatusCode::NOT_FOUND).into_response()
}
