//! The listener of the device plane: a TLS 1.3 handshake with a client certificate first, and only then a byte of HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use contract::digest::Digest;
use identity::{Authority, IdentityError, Validity, server_config};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::peer::Peer;
use crate::connection;
use crate::hub::{Hub, Stop};
use crate::problem::chain;

/// How long a handshake may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// The hub's own server certificate, made anew before it ends, and whenever the clock stands outside of it.
#[derive(Debug)]
pub(crate) struct Certificates {
    names: Vec<String>,
    current: Arc<ServerConfig>,
    validity: Validity,
}

impl Certificates {
    /// For a hub that is reached as `name`, or on this machine.
    pub(crate) fn new(authority: &Authority, name: &str) -> Result<Self, IdentityError> {
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
        let (current, validity) = server_config(authority, &names, edge::clock::utc())?;
        Ok(Self { names, current, validity })
    }

    fn current(&mut self, authority: &Authority) -> Arc<ServerConfig> {
        let now = edge::clock::utc();
        let third_ms = self.validity.until.ms_since(self.validity.from) / 3;
        if !self.validity.holds(now) || self.validity.until.ms_since(now) < third_ms {
            match server_config(authority, &self.names, now) {
                Ok((current, validity)) => (self.current, self.validity) = (current, validity),
                Err(e) => tracing::error!(error = chain(&e), "the server certificate could not be renewed"),
            }
        }
        Arc::clone(&self.current)
    }
}

/// Serves the device plane until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>, listener: TcpListener, mut certificates: Certificates) {
    let router = super::routes(Arc::clone(&hub));
    let stop = hub.stop.clone();
    let certificates = std::sync::Mutex::new(&mut certificates);
    connection::accept("device", listener, hub.stop.clone(), |stream| {
        let mut held = certificates.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        greet(stream, held.current(&hub.keys.authority), router.clone(), stop.clone())
    })
    .await;
}

/// A client learns of a refused certificate only at its first read, so the reason is traced here.
async fn greet(stream: TcpStream, tls: Arc<ServerConfig>, router: Router, stop: Stop) {
    let from = stream.peer_addr();
    let _ = stream.set_nodelay(true);
    let handshake = tokio::time::timeout(HANDSHAKE_TIME_MAX, TlsAcceptor::from(tls).accept(stream)).await;
    let stream = match handshake {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return tracing::info!(?from, error = %e, "a peer was not let in"),
        Err(_) => return tracing::info!(?from, "a peer took too long to shake hands"),
    };
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let Some(fingerprint) = shown.map(|certificate| identity::fingerprint(certificate)) else {
        // The verifier lets nobody through without one; should it ever, the connection ends here.
        return tracing::error!(?from, "a handshake ended without a client certificate");
    };
    connection::serve(stream, router, Peer::new(fingerprint), stop).await;
}

impl Peer {
    /// Only a finished handshake makes one.
    fn new(fingerprint: Digest) -> Self {
        Self { fingerprint }
    }
}
