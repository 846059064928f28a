//! How every answer of the operator plane looks: problems as RFC 9457 has them, and what a browser is told not to do with any of it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use contract::people::ProblemDetails;

use super::answers::OwnPolicy;
use crate::console::OfConsole;
use crate::hub::Hub;
use crate::problem::Told;

/// No script, no style, no frame, from nowhere: the plane answers with data. A page that needs more says so itself, by digest, and never inline.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What stands in every answer. There is no permission for other origins anywhere, so their pages can read nothing.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Where the plane is reached over TLS: for a year, never otherwise.
const ONLY_TLS: &str = "max-age=31536000";

pub(super) async fn dress(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let answered = next.run(request).await;
    let status = answered.status();
    // A page says itself what it may load, and its errors are pages; what it does not say is as strict as for data.
    let of_console = answered.extensions().get::<OfConsole>().is_some();
    let says_itself = of_console || answered.extensions().get::<OwnPolicy>().is_some();
    let mut answered = if of_console {
        answered
    } else if status.is_client_error() || status.is_server_error() {
        as_problem(status, answered)
    } else {
        answered
    };
    for (name, value) in HEADERS {
        if !(says_itself && answered.headers().contains_key(&name)) {
            answered.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    if hub.door.is_secure() {
        answered.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONLY_TLS));
    }
    answered
}

/// The same error, with its headers, as a problem. What the framework itself refused says no more than its status.
fn as_problem(status: StatusCode, answered: Response) -> Response {
    let title = status.canonical_reason().unwrap_or("an error").to_owned();
    let (mut parts, _) = answered.into_parts();
    let detail = parts.extensions.remove::<Told>().map_or_else(
        || format!("{title}: the request is not one that this path takes"),
        |Told(problem)| problem,
    );
    let instance = edge::random::opaque()
        .map_or_else(|_| "urn:suture:answer".to_owned(), |id| format!("urn:suture:answer:{id}"));
    if status.is_server_error() {
        tracing::error!(instance, %status, detail, "the operator plane failed");
    }
    let r#type = "about:blank".to_owned();
    let problem = ProblemDetails { r#type, title, status: status.as_u16(), detail, instance };
    for replaced in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        parts.headers.remove(replaced);
    }
    let mut response = axum::Json(&problem).into_response();
    *response.status_mut() = status;
    let problem_json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, problem_json);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    for (name, value) in &parts.headers {
        response.headers_mut().append(name, value.clone());
    }
    response
}
