//! Mutual TLS 1.3, and nothing below it.

use std::sync::Arc;

use contract::time::UtcTime;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::expired::EvenExpired;
use crate::{Authority, IdentityError, Validity};

/// A server side for `names` that completes no handshake without a client certificate of `authority`, and how long it is good.
///
/// Sessions are never resumed: a client shows its certificate on every connection. Whether that is within its time is for whoever looks it up: a
/// handshake with one that has run out ends well, since only so can it be renewed.
pub fn server_config(
    authority: &Authority,
    names: &[String],
    now: UtcTime,
) -> Result<(Arc<ServerConfig>, Validity), IdentityError> {
    let server = authority.server(names, now)?;
    let roots = Arc::new(only(authority.certificate().clone())?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .build()
        .map_err(IdentityError::Verifier)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(IdentityError::Tls)?
        .with_client_cert_verifier(Arc::new(EvenExpired { strict: verifier }))
        .with_single_cert(vec![server.certificate], server.key)
        .map_err(IdentityError::Tls)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok((Arc::new(config), server.validity))
}

/// A client side that believes servers of `authority_pem` alone and shows `certificate_pem`. The machine's own list of authorities is not asked.
pub fn client_config(
    authority_pem: &str,
    certificate_pem: &str,
    key_pem: &str,
) -> Result<ClientConfig, IdentityError> {
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())
        .map_err(|_| IdentityError::Pem { what: "private key" })?;
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(IdentityError::Tls)?
        .with_root_certificates(only(certificate(authority_pem)?)?)
        .with_client_auth_cert(vec![certificate(certificate_pem)?], key)
        .map_err(IdentityError::Tls)
}

/// From when until when a certificate in PEM says that it is good.
pub fn validity_of(certificate_pem: &str) -> Result<Validity, IdentityError> {
    validity_of_der(&certificate(certificate_pem)?)
}

pub(crate) fn validity_of_der(der: &CertificateDer<'_>) -> Result<Validity, IdentityError> {
    let bent = || IdentityError::Pem { what: "certificate" };
    let (_, parsed) = x509_parser::parse_x509_certificate(der).map_err(|_| bent())?;
    let instant = |seconds: i64| {
        seconds.checked_mul(1_000).and_then(|ms| UtcTime::from_unix_ms(ms).ok()).ok_or_else(bent)
    };
    let validity = parsed.validity();
    Ok(Validity {
        from: instant(validity.not_before.timestamp())?,
        until: instant(validity.not_after.timestamp())?,
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificate(pem: &str) -> Result<CertificateDer<'static>, IdentityError> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| IdentityError::Pem { what: "certificate" })
}

fn only(root: CertificateDer<'static>) -> Result<RootCertStore, IdentityError> {
    let mut roots = RootCertStore::empty();
    roots.add(root).map_err(IdentityError::Tls)?;
    Ok(roots)
}
