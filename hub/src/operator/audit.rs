//! The hub's own log, read and proven.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::people::Right;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answers::{Found, Text};
use super::query::Asked;
use super::route::{Route, reads};
use crate::hub::Hub;
use crate::problem::Fault;
use crate::view::audit::{AuditPage, AuditProof};

/// The longest search.
const SEARCH_CHARS_MAX: usize = 200;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads("/api/v1/audit", Right::AuditRead, "The hub's own log, the newest record first", list),
        reads(
            "/api/v1/audit/{seq}",
            Right::AuditRead,
            "One record of the hub's own log, with its proof",
            prove,
        ),
        reads(
            "/api/v1/audit/{seq}/proof",
            Right::AuditRead,
            "A record's proof, as a file for a verifier",
            proof,
        ),
    ]
}

/// What is looked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    /// Words that all stand somewhere in a record.
    #[param(value_type = String, required = false)]
    pub(crate) q: Option<String>,
    /// Only records before this one.
    #[param(value_type = u64, required = false)]
    pub(crate) before: Option<u64>,
}

/// `GET /api/v1/audit?q=…&before=…`.
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    Asked(Search { q, before }): Asked<Search>,
) -> Result<Found<AuditPage>, Fault> {
    if before.is_some_and(|before| i64::try_from(before).is_err()) {
        let problem = "the query is not what belongs here: no log has so many records";
        return Err(Fault::theirs(StatusCode::BAD_REQUEST, problem));
    }
    let words: String = q.unwrap_or_default().chars().take(SEARCH_CHARS_MAX).collect();
    let words = words.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let page = hub.people.log.page(before, words).await;
    Ok(Found(page.map_err(|e| Fault::ours("read the hub's own log", &e))?))
}

/// `GET /api/v1/audit/{seq}`.
pub(crate) async fn prove(
    State(hub): State<Arc<Hub>>,
    Path(seq): Path<String>,
) -> Result<Found<AuditProof>, Fault> {
    let seq: u64 = super::id(&seq)?;
    let proof = hub.people.log.prove(seq).await;
    match proof.map_err(|e| Fault::ours("read the hub's own log", &e))? {
        Some(proof) => Ok(Found(proof)),
        None => {
            let problem = format!(
                "the published log has no record {seq}: the newest ones are published within a second"
            );
            Err(Fault::theirs(StatusCode::NOT_FOUND, problem))
        }
    }
}

/// `GET /api/v1/audit/{seq}/proof`.
async fn proof(hub: State<Arc<Hub>>, seq: Path<String>) -> Result<Text, Fault> {
    prove(hub, seq).await.map(|Found(record)| Text(record.proof))
}
