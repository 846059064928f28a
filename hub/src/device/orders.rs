//! Orders are fetched, never pushed: the device asks and waits, and asks again until it has answered.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use contract::ids::OrderId;
use contract::plane::OrdersWaiting;
use contract::socket::OrderAnswer;
use serde::Deserialize;

use super::BODY_MAX_BYTES;
use super::peer::Device;
use crate::hub::Hub;
use crate::problem::{Fault, Strict, answer as respond};

/// The longest that a request is held back. Longer waits are cut to it: proxies and line cards forget quiet connections.
const WAIT_MAX_MS: u64 = 25_000;

/// How long to wait for an order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    #[serde(default)]
    wait_ms: u64,
}

/// `GET /v1/orders?wait_ms=`.
pub(super) async fn wait(
    State(hub): State<Arc<Hub>>,
    device: Device,
    query: Result<Query<Wait>, QueryRejection>,
) -> Result<Response, Fault> {
    let Query(Wait { wait_ms }) = query.map_err(|e| {
        Fault::theirs(StatusCode::BAD_REQUEST, format!("the query must be wait_ms=<milliseconds>: {e}"))
    })?;
    let bell = hub.bells.of(&device.holder.host);
    let limit = tokio::time::sleep(Duration::from_millis(wait_ms.min(WAIT_MAX_MS)));
    let mut limit = std::pin::pin!(limit);
    let mut stop = hub.stop.clone();
    loop {
        // Listening begins before looking: an order that is signed in between rings a bell that is heard.
        let mut rung = std::pin::pin!(bell.notified());
        rung.as_mut().enable();
        let waiting = hub.store.waiting(device.holder.host.clone(), edge::clock::utc()).await;
        let orders = waiting.map_err(|e| Fault::ours("look for orders", &e))?;
        if !orders.is_empty() || limit.is_elapsed() {
            return Ok(respond(StatusCode::OK, &OrdersWaiting { orders }));
        }
        tokio::select! {
            () = rung => device.still_is(&hub).await?,
            () = limit.as_mut() => {}
            () = stop.requested() => return Ok(respond(StatusCode::OK, &OrdersWaiting { orders })),
        }
    }
}

/// `POST /v1/orders/{order}/answer`. It stops the order being handed out; what became of the incident, only evidence says.
pub(super) async fn answer(
    State(hub): State<Arc<Hub>>,
    device: Device,
    Path(order): Path<String>,
    Strict(body): Strict<OrderAnswer, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let not_theirs = || Fault::theirs(StatusCode::NOT_FOUND, "this host has no such order");
    let order: OrderId = order.parse().map_err(|_| not_theirs())?;
    let OrderAnswer { order: named, outcome, refusal: _, seq: _ } = body;
    if named.is_some_and(|named| named != order) {
        return Err(Fault::theirs(StatusCode::BAD_REQUEST, "the answer names another order than its path"));
    }
    let answered = hub.store.answer(device.holder.host, order, outcome).await;
    if answered.map_err(|e| Fault::ours("keep the answer", &e))? {
        Ok(respond(StatusCode::OK, &serde_json::json!({})))
    } else {
        Err(not_theirs())
    }
}
