//! Revocation, and the list of what was revoked.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::people::Right;
use identity::IdentityError;

use super::answers::{Done, Text};
use super::route::{Route, changes, reads};
use super::{BODY_MAX_BYTES, id};
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::{Fault, Unasked};

pub(super) fn routes() -> Vec<Route> {
    vec![
        changes(
            "/api/v1/certificates/{fingerprint}/revoke",
            Right::CertificatesRevoke,
            "Revoke a machine's certificate",
            revoke,
        ),
        reads(
            "/api/v1/certificates/crl",
            Right::HubKeysRead,
            "The list of revoked certificates, signed by the authority",
            crl,
        )
        .refuses(&[StatusCode::NOT_IMPLEMENTED]),
    ]
}

/// `POST /api/v1/certificates/{fingerprint}/revoke`. Open connections of the device are cut, whatever is under way on them.
async fn revoke(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(fingerprint): Path<String>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    let fingerprint = id(&fingerprint)?;
    let revoked = hub.store.revoke(granted.reach(), fingerprint, edge::clock::utc()).await;
    match revoked.map_err(|e| Fault::ours("revoke the certificate", &e))? {
        Some((host, revoked)) => {
            tracing::warn!(%host, %fingerprint, "a certificate was revoked");
            hub.connections.cut(&revoked);
            Ok(Done)
        }
        None => {
            Err(Fault::theirs(StatusCode::NOT_FOUND, format!("this hub issued no certificate {fingerprint}")))
        }
    }
}

/// `GET /api/v1/certificates/crl`: what was revoked and would still be good, signed by the authority (RFC 5280, PEM), good for a day. The hub itself asks
/// its registry with each request; this is for whoever stands between it and the devices.
async fn crl(State(hub): State<Arc<Hub>>) -> Result<Text, Fault> {
    let now = edge::clock::utc();
    let revoked = hub.store.revoked(now).await.map_err(|e| Fault::ours("list what was revoked", &e))?;
    let list = hub.keys.authority.revocations(&revoked, now).map_err(|e| match e {
        IdentityError::NoLists => Fault::theirs(StatusCode::NOT_IMPLEMENTED, e.to_string()),
        other => Fault::ours("sign the list of what was revoked", &other),
    })?;
    Ok(Text(list))
}
