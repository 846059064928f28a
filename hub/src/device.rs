//! The device plane: what an enrolled machine may ask, and nothing without a certificate.

mod enrol;
mod evidence;
mod heartbeat;
mod incidents;
mod orders;
mod papers;
mod peer;
mod plane;
mod renew;
mod standing;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};

pub(crate) use plane::Certificates;
pub(crate) use plane::run;

use crate::hub::Hub;
use crate::problem::Fault;

/// The largest package of evidence: 1 MiB of entries, each byte of which JSON may have to escape.
const EVIDENCE_MAX_BYTES: usize = 5 << 20;
/// The largest of all other bodies.
const BODY_MAX_BYTES: usize = 64 * 1024;

/// All routes. Each handler takes a proof of who asks (`peer`), so none can be reached without one.
pub(crate) fn routes(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/v1/enrol", post(enrol::enrol))
        .route("/v1/heartbeat", post(heartbeat::hear))
        .route("/v1/renew", post(renew::renew))
        .route("/v1/incidents", post(incidents::take))
        .route("/v1/orders", get(orders::wait))
        .route("/v1/orders/{order}/answer", post(orders::answer))
        .route("/v1/break-glass/{number}/answer", post(orders::answer_glass))
        .route("/v1/standing", get(standing::fetch))
        .route("/v1/papers", get(papers::list))
        .route("/v1/papers/{kind}", get(papers::fetch))
        .route("/v1/evidence", get(evidence::held).post(evidence::take))
        .route("/v1/evidence/entries", get(evidence::entries))
        .fallback(|| async { Fault::theirs(StatusCode::NOT_FOUND, "the device plane has no such path") })
        .method_not_allowed_fallback(|| async {
            Fault::theirs(StatusCode::METHOD_NOT_ALLOWED, "the device plane does not do that with this path")
        })
        // `Strict` bounds each body by its own limit.
        .layer(DefaultBodyLimit::disable())
        .with_state(hub)
}
