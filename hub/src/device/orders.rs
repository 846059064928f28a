//! Orders are fetched, never pushed: the device asks and waits, and asks again until it has answered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use contract::ids::{BadId, OrderId};
use contract::plane::{GrantAnswer, OrdersWaiting};
use contract::socket::OrderAnswer;
use serde::Deserialize;

use super::BODY_MAX_BYTES;
use super::peer::{Device, Trusted};
use crate::hub::Hub;
use crate::problem::{Fault, Strict, answer as respond};
use crate::store::StoreError;
use crate::{papers, standing};

/// The longest that a request is held back. Longer waits are cut to it: proxies and line cards forget quiet connections.
const WAIT_MAX_MS: u64 = 25_000;
/// The longest answer to a grant that is kept.
const SAID_CHARS_MAX: usize = 300;

/// The most orders that are told to be known already.
const KNOWN_MAX: usize = 64;

/// How long to wait for an order, and which are no news: those that the device is busy with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    #[serde(default)]
    wait_ms: u64,
    /// Separated by commas.
    #[serde(default)]
    known: String,
}

impl Wait {
    fn known(&self) -> Result<BTreeSet<OrderId>, Fault> {
        let bad = |why: String| Fault::theirs(StatusCode::BAD_REQUEST, format!("known: {why}"));
        let ids = self.known.split(',').filter(|id| !id.is_empty());
        let ids: BTreeSet<OrderId> =
            ids.map(str::parse).collect::<Result<_, _>>().map_err(|e: BadId| bad(e.to_string()))?;
        if ids.len() > KNOWN_MAX { Err(bad(format!("more than {KNOWN_MAX}"))) } else { Ok(ids) }
    }
}

/// `GET /v1/orders?wait_ms=&known=`.
pub(super) async fn wait(
    State(hub): State<Arc<Hub>>,
    trusted: Trusted,
    query: Result<Query<Wait>, QueryRejection>,
) -> Result<Response, Fault> {
    let Query(wait) = query.map_err(|e| {
        let problem = format!("the query must be wait_ms=<milliseconds>&known=<orders>: {e}");
        Fault::theirs(StatusCode::BAD_REQUEST, problem)
    })?;
    let known = wait.known()?;
    let device = &trusted.0;
    let bell = hub.bells.of(&device.holder.host);
    let limit = tokio::time::sleep(Duration::from_millis(wait.wait_ms.min(WAIT_MAX_MS)));
    let mut limit = std::pin::pin!(limit);
    let mut stop = hub.stop.clone();
    let mut said_first = None;
    let mut waited = false;
    loop {
        // Listening begins before looking: an order that is signed in between rings a bell that is heard.
        let mut rung = std::pin::pin!(bell.notified());
        rung.as_mut().enable();
        // However the wait ended: what was revoked or put in quarantine meanwhile is told nothing.
        if std::mem::replace(&mut waited, true) {
            trusted.still_is(&hub).await?;
        }
        let waiting = look(&hub, device, &known).await.map_err(|e| Fault::ours("look for orders", &e))?;
        let news = !waiting.orders.is_empty() || !waiting.break_glass.is_empty();
        let said = (waiting.standing, waiting.papers);
        let changed = said != *said_first.get_or_insert(said);
        if news || changed || limit.is_elapsed() {
            return Ok(respond(StatusCode::OK, &waiting));
        }
        tokio::select! {
            () = rung => {}
            () = limit.as_mut() => {}
            () = stop.requested() => return Ok(respond(StatusCode::OK, &waiting)),
        }
    }
}

async fn look(hub: &Hub, device: &Device, known: &BTreeSet<OrderId>) -> Result<OrdersWaiting, StoreError> {
    let (host, now) = (&device.holder.host, edge::clock::utc());
    let mut orders = hub.store.waiting(host.clone(), now).await?;
    orders.retain(|waiting| !known.contains(&waiting.order));
    let break_glass = hub.store.glass(host.clone(), now).await?;
    let standing = Some(standing::says(hub, device.holder.clone()).await?);
    let papers = Some(papers::says(hub, device.holder.clone()).await?);
    Ok(OrdersWaiting { orders, break_glass, standing, papers })
}

/// `POST /v1/break-glass/{number}/answer`.
pub(super) async fn answer_glass(
    State(hub): State<Arc<Hub>>,
    device: Device,
    number: Result<Path<String>, PathRejection>,
    Strict(GrantAnswer { refused }): Strict<GrantAnswer, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let not_theirs = || Fault::theirs(StatusCode::NOT_FOUND, "this host has no such grant");
    let Path(number) = number.map_err(|_| not_theirs())?;
    let number: u64 = number.parse().map_err(|_| not_theirs())?;
    let host = device.holder.host;
    match &refused {
        None => tracing::warn!(%host, number, "break-glass was taken"),
        Some(why) => tracing::warn!(%host, number, why, "break-glass was refused"),
    }
    let said = refused.map_or_else(|| "taken".to_owned(), |why| why.chars().take(SAID_CHARS_MAX).collect());
    let answered = hub.store.answer_glass(host, number, said).await;
    if answered.map_err(|e| Fault::ours("keep the answer", &e))? {
        Ok(respond(StatusCode::OK, &serde_json::json!({})))
    } else {
        Err(not_theirs())
    }
}

/// `POST /v1/orders/{order}/answer`. It stops the order being handed out; what became of the incident, only evidence says.
pub(super) async fn answer(
    State(hub): State<Arc<Hub>>,
    device: Device,
    order: Result<Path<String>, PathRejection>,
    Strict(body): Strict<OrderAnswer, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let not_theirs = || Fault::theirs(StatusCode::NOT_FOUND, "this host has no such order");
    let Path(order) = order.map_err(|_| not_theirs())?;
    let order: OrderId = order.parse().map_err(|_| not_theirs())?;
    let OrderAnswer { order: named, outcome, refusal: _, seq } = body;
    if named.is_some_and(|named| named != order) {
        return Err(Fault::theirs(StatusCode::BAD_REQUEST, "the answer names another order than its path"));
    }
    let answered = hub.store.answer(device.holder.host, order, outcome, seq).await;
    if answered.map_err(|e| Fault::ours("keep the answer", &e))? {
        Ok(respond(StatusCode::OK, &serde_json::json!({})))
    } else {
        Err(not_theirs())
    }
}
