//! Enrolment: a token becomes a certificate, once.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contract::digest::Digest;
use contract::plane::{EnrolRequest, Enrolled};
use identity::VerifiedRequest;
use tlog::VerifierKey;
use tlog::note::SignatureType;

use super::peer::Newcomer;
use super::{BODY_MAX_BYTES, attest};
use crate::hub::Hub;
use crate::problem::{Fault, Strict, answer};
use crate::store::Enrolling;

/// `POST /v1/enrol`. The same key may ask again, since its first answer may have been lost; another key never may.
pub(super) async fn enrol(
    State(hub): State<Arc<Hub>>,
    newcomer: Newcomer,
    Strict(request): Strict<EnrolRequest, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let EnrolRequest { token, secret, csr, evidence_key, software } = request;
    let malformed = |problem: String| Fault::theirs(StatusCode::BAD_REQUEST, problem);
    let csr = VerifiedRequest::verify(&csr)
        .map_err(|e| malformed(format!("csr: {e}; make it again from the device's key")))?;
    check_evidence_key(&evidence_key, &newcomer.origin)
        .map_err(|e| malformed(format!("evidence_key: {e}")))?;
    let now = edge::clock::utc();
    let fresh = hub.keys.authority.device(&csr, &newcomer.holder, now);
    let fresh = fresh.map_err(|e| Fault::ours("issue a certificate", &e))?;

    let keys = (csr.key_digest(), evidence_key);
    let host = newcomer.holder.host.clone();
    let done = hub.store.enrol(host, token, Digest::of(secret.as_bytes()), keys, fresh, now).await;
    let forbidden = |problem: &str| Err(Fault::theirs(StatusCode::FORBIDDEN, problem));
    match done.map_err(|e| Fault::ours("enrol the machine", &e))? {
        Enrolling::Granted(certificate) => {
            tracing::info!(host = %newcomer.holder.host, "enrolled");
            if let Some(software) = software {
                attest::judge(&hub, newcomer.holder, software, now).await?;
            }
            Ok(answer(StatusCode::OK, &Enrolled { certificate }))
        }
        Enrolling::NoSuchToken => {
            forbidden("token and secret do not belong to this certificate: ask the operator for a new sheet")
        }
        Enrolling::TooLate => {
            forbidden("this sheet was not used within 15 minutes: ask the operator for a new one")
        }
        Enrolling::Used => forbidden(
            "this sheet was used with another key: if that was not you, tell the operator at once; either way ask for a new sheet",
        ),
        Enrolling::Revoked => {
            forbidden("this machine's certificate was revoked: ask the operator for a new sheet")
        }
    }
}

/// The key must be an Ed25519 key that can sign for this host's log, since it is pinned for good.
fn check_evidence_key(text: &str, origin: &str) -> Result<(), String> {
    let key: VerifierKey = text.parse().map_err(|e: tlog::note::KeyError| e.to_string())?;
    if key.label().name.as_str() != origin {
        return Err(format!("it is named {}, and this host's log is {origin}", key.label().name));
    }
    match key.signature_type() {
        SignatureType::Ed25519 => Ok(()),
        SignatureType::CosignatureV1 => Err("it is a witness's key, not a log's".to_owned()),
    }
}
