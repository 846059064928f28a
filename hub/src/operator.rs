//! The operator plane: for people who are known by name, and for their programs.
//!
//! Plain HTTP where it never leaves the machine, and TLS otherwise: a reverse proxy's, or its own. A name that was rebound to loopback is not the name that this plane answers to, another page's request
//! is not let in, and a browser's own needs more than its cookie.
//!
//! Each route stands in [`table`] with the right that it asks for; the router is made of that table, and there is no other way into it. So a test can walk
//! every route, and a new one without an answer for another tenant's identifiers is red.

mod admit;
mod alerts;
mod answers;
mod attest;
pub(crate) mod audit;
mod calls;
mod certificates;
mod checks;
mod cookies;
mod describe;
mod door;
mod dress;
pub(crate) mod enrolments;
mod events;
mod evidence;
pub(crate) mod exceptions;
mod fleet;
mod grants;
mod guard;
mod heads;
mod incidents;
mod kits;
pub(crate) mod learning;
pub(crate) mod library;
pub(crate) mod me;
mod metrics;
mod oidc;
mod openapi;
mod orders;
pub(crate) mod packets;
mod pages;
mod papers;
pub(crate) mod people;
mod precondition;
mod query;
mod route;
mod sheets;
mod status;
pub(crate) mod tenants;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts as _, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;

pub use self::door::DoorError;
use self::door::OwnCertificate;
use crate::config::Door;
use crate::connection::{self, Patience};
use crate::console;
use crate::hub::Hub;
use crate::problem::Fault;
use crate::seats::Seats;
use crate::spans::{self, Plane};
pub(crate) use alerts::alerts_within;
pub(crate) use answers::Found;
pub(crate) use calls::calls_within;
use checks::Rules;
pub(crate) use cookies::Cookie;
pub(crate) use events::{READERS_EACH, READERS_MAX};
pub(crate) use evidence::{Sought, found_record, found_records, logs_within};
pub(crate) use fleet::{Newest, found_host, found_incident, found_incidents, found_site};
pub(crate) use openapi::document;
pub(crate) use pages::{Shown, admitted_by_cookie, let_see};
pub(crate) use query::{Asked, Cursors, narrowed};
pub use route::RouteView;
use route::{Access, Route};

/// The largest body.
const BODY_MAX_BYTES: usize = 64 * 1024;
/// How long what was written in the hub's own log may wait until others can read it.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Connections at a time: it is for people, of whom there are a few.
pub(crate) const CONNECTIONS_MAX: usize = 1_024;
/// Of them from one place, where the plane has TLS of its own: an office has a few browsers. Behind a proxy, and on loopback, all come from there.
const CONNECTIONS_EACH: usize = 128;

/// What is usual; tests do not wait half a minute for a peer that takes nothing of what it is sent.
fn patience() -> Patience {
    let usual = Patience::default();
    if cfg!(test) { Patience { unread: Duration::from_secs(2), ..usual } } else { usual }
}

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source(IpAddr);

impl Source {
    /// As tries are counted by it. Whoever has one address of IPv6 has a network of them (RFC 6177), and is one source all the same.
    pub(crate) fn text(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

/// Serves the operator plane until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>, listener: TcpListener, shown: Option<OwnCertificate>) {
    let shown = shown.map(Arc::new);
    let (router, stop) = (routes(Arc::clone(&hub)), hub.stop.clone());
    let each = if shown.is_some() { CONNECTIONS_EACH } else { CONNECTIONS_MAX };
    let places = Seats::new(CONNECTIONS_MAX, each);
    let seats = connection::seats_of_people(CONNECTIONS_MAX);
    let accepting = connection::accept("operator", listener, seats, hub.stop.clone(), |stream| {
        // A peer that is gone already has no address, and is of no account.
        let source = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
        let (router, stop, shown) = (router.clone(), stop.clone(), shown.clone());
        let place = places.take(&Source(source).text());
        async move {
            // Dropped without a word: whoever opens so many has no use for one.
            let Ok(_place) = place else { return };
            let Some(shown) = shown else {
                return connection::serve(stream, router, Source(source), patience(), stop).await;
            };
            match shown.greet(stream).await {
                Ok(stream) => connection::serve(stream, router, Source(source), patience(), stop).await,
                Err(e) => tracing::info!(error = %e, "a handshake with the operator plane came to nothing"),
            }
        }
    });
    tokio::select! {
        () = accepting => {}
        () = publish(&hub) => {}
    }
}

/// The certificate that the plane shows, where it has TLS of its own.
pub(crate) fn shown(door: &Door) -> Result<Option<OwnCertificate>, DoorError> {
    match door {
        Door::Loopback | Door::Proxy { .. } => Ok(None),
        Door::Tls { name: _, certificate, key } => OwnCertificate::read(certificate, key).map(Some),
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

/// All routes of the plane, room by room, but for those by which logs ask this hub as a witness.
fn table() -> Vec<Route> {
    let rooms: &[fn() -> Vec<Route>] = &[
        status::routes,
        fleet::routes,
        evidence::routes,
        metrics::routes,
        alerts::routes,
        calls::routes,
        learning::routes,
        heads::routes,
        sheets::routes,
        tenants::routes,
        enrolments::routes,
        papers::routes,
        incidents::routes,
        grants::routes,
        orders::routes,
        kits::routes,
        packets::routes,
        certificates::routes,
        attest::routes,
        me::routes,
        people::routes,
        oidc::routes,
        exceptions::routes,
        library::routes,
        audit::routes,
        events::routes,
        openapi::routes,
    ];
    rooms.iter().flat_map(|room| room()).collect()
}

pub(crate) fn views() -> Vec<RouteView> {
    table().iter().map(Route::view).collect()
}

fn routes(hub: Arc<Hub>) -> Router {
    let mut router = Router::new();
    for route in table() {
        let rules = Arc::new(Rules::of(&route.sketch()));
        let Route { path, access, handler, .. } = route;
        let checked = handler.route_layer(from_fn_with_state(Arc::clone(&rules), checks::check));
        let admitted = match access {
            Access::Open => checked,
            Access::Right(right) => {
                checked.route_layer(from_fn_with_state((Arc::clone(&hub), right), admit::admit))
            }
        };
        let kept_to = if cfg!(debug_assertions) {
            admitted.route_layer(from_fn_with_state(rules, checks::keep_to))
        } else {
            admitted
        };
        router = router.route(path, kept_to);
    }
    router
        .merge(console::routes(&hub))
        .fallback(nothing)
        .method_not_allowed_fallback(|_: admit::Known| async {
            Fault::theirs(
                StatusCode::METHOD_NOT_ALLOWED,
                "the operator plane does not do that with this path",
            )
        })
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&hub), guard::guard))
        // Outside of it, so that every answer is dressed.
        .layer(from_fn_with_state(Arc::clone(&hub), dress::dress))
        .layer(from_fn_with_state((Arc::clone(&hub), Plane::Operator), spans::request))
        .with_state(Arc::clone(&hub))
        // Beside the guard: a witness is asked by logs, which nobody knows by name, and believes nothing but their signatures.
        .merge(crate::witness::routes(hub))
}

/// Where there is nothing: a page for a person who went there, a problem for a program that is known.
async fn nothing(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    let is_person = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if is_person.is_some_and(|accept| accept.contains("text/html")) {
        return console::not_found();
    }
    let (mut parts, _) = request.into_parts();
    match admit::Known::from_request_parts(&mut parts, &hub).await {
        Ok(_) => Fault::theirs(StatusCode::NOT_FOUND, "the operator plane has no such path").into_response(),
        Err(fault) => fault.into_response(),
    }
}

/// Reads an id out of a path.
fn id<T>(text: &str) -> Result<T, Fault>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|e: T::Err| Fault::theirs(StatusCode::BAD_REQUEST, e.to_string()))
}
