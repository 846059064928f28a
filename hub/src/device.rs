//! The device plane: what an enrolled machine may ask, and nothing without a certificate.

mod attest;
mod bodies;
mod bounded;
mod enrol;
mod evidence;
mod heartbeat;
mod incidents;
mod lobby;
mod orders;
mod papers;
mod peer;
mod plane;
mod rates;
mod refusals;
mod renew;
mod standing;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

pub(crate) use bodies::Bodies;
pub(crate) use plane::Certificates;
pub(crate) use plane::run;
pub(crate) use rates::Measures;
pub use rates::{Rate, Rates};
pub(crate) use refusals::Refusals;

use crate::hub::Hub;
use crate::problem::Fault;
use crate::spans::{self, Plane};

/// The largest package of evidence: 1 MiB of entries, each byte of which JSON may have to escape.
const EVIDENCE_MAX_BYTES: usize = 5 << 20;
/// The largest of all other bodies.
const BODY_MAX_BYTES: usize = 64 * 1024;

/// One route.
struct Route {
    method: &'static str,
    path: &'static str,
    handler: MethodRouter<Arc<Hub>>,
}

fn reads<H: Handler<T, Arc<Hub>>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route { method: "GET", path, handler: get(handler) }
}

fn takes<H: Handler<T, Arc<Hub>>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route { method: "POST", path, handler: post(handler) }
}

fn table() -> [Route; 13] {
    [
        takes("/v1/enrol", enrol::enrol),
        takes("/v1/heartbeat", heartbeat::hear),
        takes("/v1/renew", renew::renew),
        takes("/v1/incidents", incidents::take),
        reads("/v1/orders", orders::wait),
        takes("/v1/orders/{order}/answer", orders::answer),
        takes("/v1/break-glass/{number}/answer", orders::answer_glass),
        reads("/v1/standing", standing::fetch),
        reads("/v1/papers", papers::list),
        reads("/v1/papers/{kind}", papers::fetch),
        reads("/v1/evidence", evidence::held),
        takes("/v1/evidence", evidence::take),
        reads("/v1/evidence/entries", evidence::entries),
    ]
}

/// Each route's method and path.
pub(crate) fn paths() -> Vec<(&'static str, &'static str)> {
    table().into_iter().map(|route| (route.method, route.path)).collect()
}

/// All routes. Each handler takes a proof of who asks (`peer`), so none can be reached without one.
pub(crate) fn routes(hub: Arc<Hub>) -> Router {
    let router =
        table().into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler));
    router
        .fallback(|| async { Fault::theirs(StatusCode::NOT_FOUND, "the device plane has no such path") })
        .method_not_allowed_fallback(|| async {
            Fault::theirs(StatusCode::METHOD_NOT_ALLOWED, "the device plane does not do that with this path")
        })
        .layer(from_fn_with_state(Arc::clone(&hub), bounded::each))
        // `Strict` bounds each body by its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state((Arc::clone(&hub), Plane::Device), spans::request))
        .with_state(hub)
}
