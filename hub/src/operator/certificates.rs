//! Revocation.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::people::Right;

use super::answers::Done;
use super::route::{Route, changes};
use super::{BODY_MAX_BYTES, id};
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::{Fault, Unasked};

pub(super) fn routes() -> Vec<Route> {
    vec![changes(
        "/api/v1/certificates/{fingerprint}/revoke",
        Right::CertificatesRevoke,
        "Revoke a machine's certificate",
        revoke,
    )]
}

/// `POST /api/v1/certificates/{fingerprint}/revoke`. It counts from the next request on, also on connections that are open, and ends waits.
async fn revoke(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(fingerprint): Path<String>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    let fingerprint = id(&fingerprint)?;
    let revoked = hub.store.revoke(granted.reach(), fingerprint, edge::clock::utc()).await;
    match revoked.map_err(|e| Fault::ours("revoke the certificate", &e))? {
        Some(host) => {
            tracing::warn!(%host, %fingerprint, "a certificate was revoked");
            hub.bells.ring(&host);
            Ok(Done)
        }
        None => {
            Err(Fault::theirs(StatusCode::NOT_FOUND, format!("this hub issued no certificate {fingerprint}")))
        }
    }
}
