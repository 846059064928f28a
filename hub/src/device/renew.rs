//! Renewal: a machine whose certificate ends soon, or has ended, gets another over the same key.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contract::plane::{Enrolled, RenewRequest};
use identity::VerifiedRequest;

use super::BODY_MAX_BYTES;
use super::peer::Renewing;
use crate::hub::Hub;
use crate::problem::{Fault, Strict, answer};
use crate::store::Renewal;

/// `POST /v1/renew`. The key is the one that was pinned at enrolment; another is a matter for a new sheet.
pub(super) async fn renew(
    State(hub): State<Arc<Hub>>,
    Renewing { holder }: Renewing,
    Strict(RenewRequest { csr }): Strict<RenewRequest, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let csr = VerifiedRequest::verify(&csr).map_err(|e| {
        let problem = format!("csr: {e}; make it again from the device's key");
        Fault::theirs(StatusCode::BAD_REQUEST, problem)
    })?;
    let now = edge::clock::utc();
    let fresh = hub.keys.authority.device(&csr, &holder, now);
    let fresh = fresh.map_err(|e| Fault::ours("issue a certificate", &e))?;
    let done = hub.store.renew(holder.host.clone(), csr.key_digest(), fresh, now).await;
    match done.map_err(|e| Fault::ours("renew the certificate", &e))? {
        Renewal::Granted(certificate) => {
            tracing::info!(host = %holder.host, "renewed");
            Ok(answer(StatusCode::OK, &Enrolled { certificate }))
        }
        Renewal::OtherKey => Err(Fault::theirs(
            StatusCode::FORBIDDEN,
            "this machine was enrolled with another key: if that was not you, tell the operator at once",
        )),
        Renewal::Revoked => Err(Fault::not_let_in(
            contract::plane::TurnedAway::Revoked,
            "this machine's certificate was revoked: ask the operator for a new sheet",
        )),
    }
}
