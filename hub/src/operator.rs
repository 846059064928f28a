//! The operator plane: on loopback, for people who are known by name, and for their programs.
//!
//! Plain HTTP, since it never leaves the machine. A name that was rebound to loopback is not the name that this plane answers to, another page's request
//! is not let in, and a browser's own needs more than its cookie.
//!
//! Each route stands in [`table`] with the right that it asks for; the router is made of that table, and there is no other way into it. So a test can walk
//! every route, and a new one without an answer for another tenant's identifiers is red.

mod admit;
mod certificates;
mod dress;
mod enrolments;
mod grants;
mod guard;
mod heads;
mod incidents;
mod kits;
mod me;
mod orders;
mod papers;
mod people;
mod sheets;
mod status;
mod tenants;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};
use contract::people::Right;
use tokio::net::TcpListener;

use crate::connection;
use crate::hub::Hub;
use crate::problem::Fault;

/// The largest body.
const BODY_MAX_BYTES: usize = 64 * 1024;
/// How long what was written in the hub's own log may wait until others can read it.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source(IpAddr);

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Nothing: coming in.
    Open,
    /// A right; for the tenant in the path, where it is about one.
    Right(Right),
}

/// One route.
struct Route {
    method: &'static str,
    path: &'static str,
    access: Access,
    handler: MethodRouter<Arc<Hub>>,
}

/// One route, to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteView {
    /// Its method.
    pub method: &'static str,
    /// Its path, with names in braces.
    pub path: &'static str,
    /// What it asks for; none where it is the way in.
    pub right: Option<Right>,
}

/// Serves the operator plane until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>, listener: TcpListener) {
    let (router, stop) = (routes(Arc::clone(&hub)), hub.stop.clone());
    let accepting = connection::accept("operator", listener, hub.stop.clone(), |stream| {
        // A peer that is gone already has no address, and is of no account.
        let source = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
        connection::serve(stream, router.clone(), Source(source), stop.clone())
    });
    tokio::select! {
        () = accepting => {}
        () = publish(&hub) => {}
    }
}

async fn publish(hub: &Hub) {
    let mut due = tokio::time::interval(PUBLISH_EVERY);
    loop {
        due.tick().await;
        if let Err(e) = hub.people.log.publish().await {
            tracing::error!(cause = crate::problem::chain(&e), "the hub's own log cannot be published");
            // It stays so until the hub is started anew: whoever wants to act is told.
            std::future::pending::<()>().await;
        }
    }
}

/// All routes of the plane, but for those by which logs ask this hub as a witness.
fn table() -> Vec<Route> {
    use Right as R;
    let mut all = vec![
        reads("/v1/status", R::StatusRead, status::show),
        reads("/v1/heads/proof", R::HeadsProve, heads::proof),
        reads("/v1/keys", R::HubKeysRead, sheets::keys),
        changes("/v1/tenants", R::TenantsAdd, tenants::add_tenant),
        changes("/v1/tenants/{tenant}/sites", R::SitesAdd, tenants::add_site),
        changes("/v1/tenants/{tenant}/sites/{site}/enrolments", R::EnrolmentsAdd, enrolments::add),
        changes("/v1/tenants/{tenant}/sites/{site}/allowlist", R::AllowlistsSet, papers::site_allowlist),
        changes("/v1/tenants/{tenant}/hosts/{host}/allowlist", R::AllowlistsSet, papers::host_allowlist),
        changes("/v1/tenants/{tenant}/exceptions", R::ExceptionsSet, papers::exceptions),
        reads("/v1/tenants/{tenant}/incidents", R::IncidentsRead, incidents::list),
        changes("/v1/tenants/{tenant}/standing", R::StandingWithhold, grants::tenant_standing),
        changes("/v1/tenants/{tenant}/hosts/{host}/standing", R::StandingWithhold, grants::host_standing),
        changes("/v1/tenants/{tenant}/hosts/{host}/break-glass", R::BreakGlassCarry, grants::break_glass),
        changes(
            "/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}/order",
            R::RunbooksOrder,
            orders::order,
        ),
        reads("/v1/tenants/{tenant}/orders", R::OrdersRead, orders::list),
        reads("/v1/tenants/{tenant}/orders/{order}", R::OrdersRead, orders::fetch),
        changes("/v1/tenants/{tenant}/orders/{order}/approve", R::OrdersApprove, orders::approve),
        changes("/v1/tenants/{tenant}/kits", R::KitsMake, kits::add),
        reads("/v1/tenants/{tenant}/kits/{id}", R::KitsFetch, kits::fetch),
        reads("/v1/tenants/{tenant}/hosts/{host}/sheet", R::SheetsRead, sheets::sheet),
        changes("/v1/certificates/{fingerprint}/revoke", R::CertificatesRevoke, certificates::revoke),
    ];
    all.extend(of_people());
    all
}

/// The routes by which people come in and are looked after.
fn of_people() -> [Route; 13] {
    use Right as R;
    [
        comes_in("/v1/join", people::join),
        comes_in("/v1/login", people::log_in),
        changes("/v1/logout", R::OwnChange, me::log_out),
        reads("/v1/me", R::OwnRead, me::show),
        changes("/v1/me/totp", R::OwnChange, me::begin_totp),
        changes("/v1/me/totp/confirm", R::OwnChange, me::confirm_totp),
        reads("/v1/me/keys", R::OwnRead, me::keys),
        changes("/v1/me/keys", R::OwnChange, me::add_key),
        changes("/v1/me/keys/{key}/rotate", R::OwnChange, me::rotate_key),
        changes("/v1/me/keys/{key}/revoke", R::OwnChange, me::revoke_key),
        reads("/v1/people", R::PeopleRead, people::list),
        changes("/v1/people", R::PeopleChange, people::invite),
        changes("/v1/people/{person}/{what}", R::PeopleChange, people::change),
    ]
}

fn reads<H: Handler<T, Arc<Hub>>, T: 'static>(path: &'static str, right: Right, handler: H) -> Route {
    Route { method: "GET", path, access: Access::Right(right), handler: get(handler) }
}

fn changes<H: Handler<T, Arc<Hub>>, T: 'static>(path: &'static str, right: Right, handler: H) -> Route {
    Route { method: "POST", path, access: Access::Right(right), handler: post(handler) }
}

fn comes_in<H: Handler<T, Arc<Hub>>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route { method: "POST", path, access: Access::Open, handler: post(handler) }
}

pub(crate) fn views() -> Vec<RouteView> {
    let view = |Route { method, path, access, handler: _ }| {
        let right = match access {
            Access::Open => None,
            Access::Right(right) => Some(right),
        };
        RouteView { method, path, right }
    };
    table().into_iter().map(view).collect()
}

fn routes(hub: Arc<Hub>) -> Router {
    let mut router = Router::new();
    for Route { method: _, path, access, handler } in table() {
        let admitted = match access {
            Access::Open => handler,
            Access::Right(right) => {
                handler.route_layer(from_fn_with_state((Arc::clone(&hub), right), admit::admit))
            }
        };
        router = router.route(path, admitted);
    }
    router
        .fallback(|_: admit::Known| async {
            Fault::theirs(StatusCode::NOT_FOUND, "the operator plane has no such path")
        })
        .method_not_allowed_fallback(|_: admit::Known| async {
            Fault::theirs(
                StatusCode::METHOD_NOT_ALLOWED,
                "the operator plane does not do that with this path",
            )
        })
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&hub), guard::guard))
        // Outermost, so that every answer is dressed.
        .layer(from_fn(dress::dress))
        .with_state(Arc::clone(&hub))
        // Beside the guard: a witness is asked by logs, which nobody knows by name, and believes nothing but their signatures.
        .merge(crate::witness::routes(hub))
}

/// Reads an id out of a path.
fn id<T>(text: &str) -> Result<T, Fault>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|e: T::Err| Fault::theirs(StatusCode::BAD_REQUEST, e.to_string()))
}
