//! The console: the operator plane's pages, made on the server, with one style sheet and one small script.
//!
//! Invariants:
//! - A page shows what an API route answers, through the same function; what a page changes goes through `/api/v1`, from the page's script.
//! - Each page stands in [`table`] with the right that it asks for, as routes of the API do. Another tenant's page is none.
//! - No script, style or handler stands in a page: what the browser runs came from [`assets`], under a name that holds its digest.
//! - What is not known is said in words, and is never green.
//!
//! | module | what it does |
//! |---|---|
//! | `back` | coming back from the provider of identities |
//! | `enter` | from a browser's request to somebody who may see the page, or to the way in |
//! | `layout` | the frame around each page |
//! | `parts` | what pages are made of: chips, scores, tables, times, what is empty or cannot be had |
//! | `chart` | small charts as SVG |
//! | `assets` | style sheet, script and icon |
//! | `faults` | a problem, as a page |

mod alarms;
mod alerts;
mod approvals;
mod assets;
mod audit;
mod back;
mod calls;
mod chart;
mod clinic;
mod enrolment;
mod enter;
mod evidence;
mod exceptions;
mod faults;
mod first_run;
mod fleet;
mod host;
mod incidents;
mod kits;
mod layout;
mod library;
mod me;
mod packets;
mod parts;
mod people;
mod proof;
mod quarantine;
mod score;
mod sign_in;
mod site;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use contract::people::Right;
use maud::Markup;

use crate::hub::Hub;

pub(crate) use faults::not_found;

/// What a page may load and ask: its own origin, and nothing that stands in the page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page, as it is answered.
#[derive(Debug)]
pub(crate) struct Page {
    status: StatusCode,
    markup: Markup,
}

impl Page {
    /// The same with another status.
    fn with_status(self, status: StatusCode) -> Self {
        Self { status, markup: self.markup }
    }
}

/// Marks an answer that is of the console: it says itself what a browser may do with it, and its errors are pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfConsole;

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = axum::response::Html(self.markup.into_string()).into_response();
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        of_console(response)
    }
}

/// The same answer, as one of the console.
fn of_console(mut response: Response) -> Response {
    response.extensions_mut().insert(OfConsole);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    response.headers_mut().insert(opener, HeaderValue::from_static("same-origin"));
    response
}

/// One page.
struct Sheet {
    path: &'static str,
    right: Right,
    handler: MethodRouter<Arc<Hub>>,
}

/// A page that asks for a right; for the tenant in its path, where it is about one.
fn page<H: Handler<T, Arc<Hub>>, T: 'static>(path: &'static str, right: Right, handler: H) -> Sheet {
    Sheet { path, right, handler: get(handler) }
}

/// All pages, but for those by which people come in.
fn table() -> Vec<Sheet> {
    use Right as R;
    vec![
        page("/", R::StatusRead, fleet::page),
        page("/tenants/{tenant}/sites/{site}", R::HostsRead, site::page),
        page("/tenants/{tenant}/hosts/{host}", R::HostsRead, host::page),
        page("/tenants/{tenant}/incidents", R::IncidentsRead, incidents::page),
        page("/tenants/{tenant}/hosts/{host}/incidents/{incident}", R::IncidentsRead, incidents::one),
        page("/tenants/{tenant}/evidence", R::EvidenceRead, kits::page),
        page("/tenants/{tenant}/packets", R::PacketsRead, packets::of_tenant),
        page("/packets", R::StatusRead, packets::newest),
        page("/tenants/{tenant}/evidence/{host}", R::EvidenceRead, evidence::page),
        page("/tenants/{tenant}/evidence/{host}/{index}", R::EvidenceRead, evidence::one),
        page("/approvals", R::ApprovalsRead, approvals::page),
        page("/calls", R::AlertsRead, calls::page),
        page("/calls/{call}", R::AlertsRead, calls::one),
        page("/alerts", R::AlertsRead, alerts::page),
        page("/tenants/{tenant}/exceptions", R::ExceptionsRead, exceptions::show),
        page("/tenants/{tenant}/clinic", Right::IncidentsRead, clinic::page),
        page("/enrolment", R::EnrolmentsRead, enrolment::show),
        page("/runbooks", R::LibraryRead, library::runbooks),
        page("/baseline", R::LibraryRead, library::baseline),
        page("/people", R::PeopleRead, people::show),
        page("/me", R::OwnRead, me::show),
        page("/audit", R::AuditRead, audit::list),
        page("/audit/{seq}", R::AuditRead, audit::prove),
        page("/first-run", R::TenantsAdd, first_run::show),
    ]
}

/// Every page with the right that it asks for.
pub(crate) fn pages() -> Vec<(&'static str, Right)> {
    table().into_iter().map(|sheet| (sheet.path, sheet.right)).collect()
}

/// The console's routes.
pub(crate) fn routes(hub: &Arc<Hub>) -> Router<Arc<Hub>> {
    let mut router = Router::new()
        .route("/login", get(sign_in::log_in))
        .route("/login/back", get(back::back))
        .route("/join", get(sign_in::join))
        .route("/assets/{name}", get(assets::fetch));
    for Sheet { path, right, handler } in table() {
        let entered = handler.route_layer(from_fn_with_state((Arc::clone(hub), right), enter::enter));
        router = router.route(path, entered);
    }
    router
}
