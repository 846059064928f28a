//! The plane's own TLS, where it has any, and where a request came from.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::problem::chain;

/// How long a handshake may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a certificate is shown before its file is read again: whoever renews it need not tell the hub.
const READ_EVERY: Duration = Duration::from_secs(60);

/// Why the plane has no TLS.
#[derive(Debug, Error)]
pub enum DoorError {
    /// A file is none of certificates, or of a key.
    #[error("{path} holds no {what} in PEM: see --operator-{what}")]
    Pem {
        /// Which file.
        path: PathBuf,
        /// `certificate` or `key`.
        what: &'static str,
    },
    /// They do not belong together.
    #[error("the operator plane's certificate and key do not belong together")]
    Pair(#[source] rustls::Error),
}

/// The certificate that is shown, and its files.
#[derive(Debug)]
pub(crate) struct OwnCertificate {
    certificate: PathBuf,
    key: PathBuf,
    held: Mutex<(Arc<ServerConfig>, Instant)>,
}

impl OwnCertificate {
    /// Reads both files.
    pub(crate) fn read(certificate: &Path, key: &Path) -> Result<Self, DoorError> {
        let held = Mutex::new((read(certificate, key)?, Instant::now()));
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), held })
    }

    fn current(&self) -> Arc<ServerConfig> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.1.elapsed() >= READ_EVERY {
            match read(&self.certificate, &self.key) {
                Ok(current) => held.0 = current,
                // The one before is shown on: a certificate that is about to be replaced may be half-written.
                Err(e) => {
                    tracing::error!(cause = chain(&e), "the operator plane's certificate cannot be read");
                }
            }
            held.1 = Instant::now();
        }
        Arc::clone(&held.0)
    }

    /// Shakes hands. Why it came to nothing is the peer's to tell.
    pub(crate) async fn greet(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let shaking = TlsAcceptor::from(self.current()).accept(stream);
        tokio::time::timeout(HANDSHAKE_TIME_MAX, shaking).await.map_err(io::Error::from)?
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, DoorError> {
    let pem = |path: &Path, what| DoorError::Pem { path: path.to_owned(), what };
    let none = || pem(certificate, "certificate");
    let all = CertificateDer::pem_file_iter(certificate).map_err(|_| none())?;
    let chain: Vec<_> = all.collect::<Result<_, _>>().map_err(|_| none())?;
    if chain.is_empty() {
        return Err(none());
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|_| pem(key, "key"))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(DoorError::Pair)?;
    let config = builder.with_no_client_auth().with_single_cert(chain, key).map_err(DoorError::Pair)?;
    Ok(Arc::new(config))
}

/// Who asked the proxy: the last that it names, since whoever asks may have written the others. None where it names nobody, as when the proxy's machine
/// itself asks.
pub(super) fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_that_a_proxy_names_is_who_asked() {
        let of = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            forwarded_for(&headers).map(|ip| ip.to_string())
        };
        assert_eq!(of(&["203.0.113.7"]).as_deref(), Some("203.0.113.7"));
        assert_eq!(of(&["10.0.0.1, 203.0.113.7"]).as_deref(), Some("203.0.113.7"));
        assert_eq!(of(&["10.0.0.1", "2001:db8::1"]).as_deref(), Some("2001:db8::1"));
        for nobody in [&[][..], &[""], &["unknown"], &["203.0.113.7, "]] {
            assert_eq!(of(nobody), None, "{nobody:?}");
        }
    }
}
