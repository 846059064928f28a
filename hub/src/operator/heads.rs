//! Proofs out of the log of heads.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use contract::people::Right;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answers::Text;
use super::query::Asked;
use super::route::{Route, reads};
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::Fault;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/heads/proof",
            Right::HeadsProve,
            "Prove that a log's head stands in the log of heads",
            proof,
        )
        .refuses(&[StatusCode::NOT_FOUND]),
    ]
}

/// Which head of which log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The log's origin.
    origin: String,
    /// Entries.
    size: u64,
}

/// `GET /api/v1/heads/proof?origin=…&size=…`: the newest head of that log that is no larger, as a C2SP tlog-proof.
async fn proof(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Asked(Wanted { origin, size }): Asked<Wanted>,
) -> Result<Text, Fault> {
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
