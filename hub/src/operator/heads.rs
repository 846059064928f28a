//! Proofs out of the log of heads.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use contract::people::Right;
use serde::Deserialize;

use super::answers::Text;
use super::route::{Route, reads};
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::Fault;

pub(super) fn routes() -> Vec<Route> {
    vec![reads(
        "/api/v1/heads/proof",
        Right::HeadsProve,
        "Prove that a log's head stands in the log of heads",
        proof,
    )]
}

/// Which head of which log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    origin: String,
    size: u64,
}

/// `GET /api/v1/heads/proof?origin=…&size=…`: the newest head of that log that is no larger, as a C2SP tlog-proof.
async fn proof(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Text, Fault> {
    let Query(Wanted { origin, size }) = query.map_err(|e| {
        let problem = format!("the query must be origin=<a log's origin>&size=<entries>: {e}");
        Fault::theirs(StatusCode::BAD_REQUEST, problem)
    })?;
    let ours = hub.store.has_log(granted.reach(), origin.clone()).await;
    let proof = if ours.map_err(|e| Fault::ours("look up the log", &e))? {
        hub.heads.proof_for(&origin, size).await.map_err(|e| Fault::ours("prove a head", &e))?
    } else {
        None
    };
    match proof {
        Some(proof) => Ok(Text(proof)),
        None => {
            let problem = "no head of that log and size is proven yet: ask again when the outside witnesses have cosigned";
            Err(Fault::theirs(StatusCode::NOT_FOUND, problem))
        }
    }
}
