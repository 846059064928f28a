//! The signed papers of the device that asks: which there are, and each by itself.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use contract::paper::{PaperKind, UnknownKind};
use contract::plane::EnvelopeCarried;

use super::peer::Trusted;
use crate::hub::Hub;
use crate::papers;
use crate::problem::{Fault, answer};

/// `GET /v1/papers`: those of exactly the certificate's tenant, site and host.
pub(super) async fn list(State(hub): State<Arc<Hub>>, Trusted(device): Trusted) -> Result<Response, Fault> {
    let issued = papers::issued(&hub, device.holder).await;
    let issued = issued.map_err(|e| Fault::ours("number the papers", &e))?;
    Ok(answer(StatusCode::OK, &issued))
}

/// `GET /v1/papers/{kind}`.
pub(super) async fn fetch(
    State(hub): State<Arc<Hub>>,
    Trusted(device): Trusted,
    kind: Result<Path<String>, PathRejection>,
) -> Result<Response, Fault> {
    // What is no text is no kind of paper either.
    let kind = kind.map_or_else(|_| String::new(), |Path(kind)| kind);
    let kind: PaperKind =
        kind.parse().map_err(|e: UnknownKind| Fault::theirs(StatusCode::NOT_FOUND, e.to_string()))?;
    let envelope = papers::envelope(&hub, device.holder, kind).await;
    let envelope = envelope.map_err(|e| Fault::ours("sign the paper", &e))?;
    let none = || Fault::theirs(StatusCode::NOT_FOUND, format!("no {kind} was ever set for this host"));
    Ok(answer(StatusCode::OK, &EnvelopeCarried { envelope: envelope.ok_or_else(none)? }))
}
