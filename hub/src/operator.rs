//! The operator plane: on loopback, for whoever holds the operator's token.
//!
//! Plain HTTP, since it never leaves the machine. A page in a browser on the same machine cannot use it: it has no token, and a name that was
//! rebound to loopback is not the name that this plane answers to.

mod certificates;
mod enrolments;
mod grants;
mod guard;
mod heads;
mod incidents;
mod kits;
mod orders;
mod papers;
mod sheets;
mod status;
mod tenants;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::connection;
use crate::hub::Hub;
use crate::problem::Fault;

/// The largest body.
const BODY_MAX_BYTES: usize = 64 * 1024;

/// Serves the operator plane until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>, listener: TcpListener) {
    let (router, stop) = (routes(Arc::clone(&hub)), hub.stop.clone());
    connection::accept("operator", listener, hub.stop.clone(), |stream| {
        connection::serve(stream, router.clone(), (), stop.clone())
    })
    .await;
}

fn routes(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/v1/tenants", post(tenants::add_tenant))
        .route("/v1/tenants/{tenant}/sites", post(tenants::add_site))
        .route("/v1/tenants/{tenant}/sites/{site}/enrolments", post(enrolments::add))
        .route("/v1/tenants/{tenant}/sites/{site}/allowlist", post(papers::site_allowlist))
        .route("/v1/tenants/{tenant}/hosts/{host}/allowlist", post(papers::host_allowlist))
        .route("/v1/tenants/{tenant}/exceptions", post(papers::exceptions))
        .route("/v1/tenants/{tenant}/incidents", get(incidents::list))
        .route("/v1/tenants/{tenant}/standing", post(grants::tenant_standing))
        .route("/v1/tenants/{tenant}/hosts/{host}/standing", post(grants::host_standing))
        .route("/v1/tenants/{tenant}/hosts/{host}/break-glass", post(grants::break_glass))
        .route("/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}/order", post(orders::order))
        .route("/v1/tenants/{tenant}/orders", get(orders::list))
        .route("/v1/tenants/{tenant}/orders/{order}", get(orders::fetch))
        .route("/v1/tenants/{tenant}/orders/{order}/approve", post(orders::approve))
        .route("/v1/status", get(status::show))
        .route("/v1/heads/proof", get(heads::proof))
        .route("/v1/keys", get(sheets::keys))
        .route("/v1/tenants/{tenant}/kits", post(kits::add))
        .route("/v1/tenants/{tenant}/kits/{id}", get(kits::fetch))
        .route("/v1/tenants/{tenant}/hosts/{host}/sheet", get(sheets::sheet))
        .route("/v1/certificates/{fingerprint}/revoke", post(certificates::revoke))
        .fallback(|| async { Fault::theirs(StatusCode::NOT_FOUND, "the operator plane has no such path") })
        .method_not_allowed_fallback(|| async {
            Fault::theirs(
                StatusCode::METHOD_NOT_ALLOWED,
                "the operator plane does not do that with this path",
            )
        })
        .layer(DefaultBodyLimit::disable())
        // Outermost, so that even an unknown path is answered to nobody without the token.
        .layer(from_fn_with_state(Arc::clone(&hub), guard::guard))
        .with_state(Arc::clone(&hub))
        // Beside the guard: a witness is asked by logs, which have no token, and believes nothing but their signatures.
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
