//! The listener of the device plane: a TLS 1.3 handshake with a client certificate first, and only then a byte of HTTP.

use std::io;
use std::sync::Arc;

use axum::Router;
use contract::digest::Digest;
use contract::record::NotLetIn;
use contract::time::UtcTime;
use identity::{Authority, IdentityError, Validity, server_config};
use rustls::ServerConfig;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::lobby::Lobby;
use super::peer::Peer;
use super::refusals;
use crate::connection;
use crate::hub::Hub;
use crate::problem::chain;

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

    fn current(&mut self, authority: &Authority, now: UtcTime) -> Arc<ServerConfig> {
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
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let lobby = Lobby::new(hub.bounds.lobby, threads);
    let certificates = std::sync::Mutex::new(&mut certificates);
    let seats = connection::seats_of_devices(crate::operator::CONNECTIONS_MAX);
    connection::accept("device", listener, seats, hub.stop.clone(), |stream| {
        let mut held = certificates.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let tls = held.current(&hub.keys.authority, edge::clock::utc());
        greet(Arc::clone(&hub), stream, tls, router.clone(), Arc::clone(&lobby))
    })
    .await;
}

/// From a stream to a connection whose peer showed a certificate; and then until it ends, or is cut.
async fn greet(hub: Arc<Hub>, stream: TcpStream, tls: Arc<ServerConfig>, router: Router, lobby: Arc<Lobby>) {
    let stream = match shake_hands(&hub, stream, tls, &lobby).await {
        Ok(stream) => stream,
        Err((why, e)) => {
            crate::metrics::HANDSHAKES_REFUSED.count();
            tracing::debug!(error = %e, "a peer was not let in");
            return refusals::note(&hub, None, why).await;
        }
    };
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let Some(fingerprint) = shown.map(|certificate| identity::fingerprint(certificate)) else {
        // The verifier lets nobody through without one; should it ever, the connection ends here.
        return tracing::error!("a handshake ended without a client certificate");
    };
    let entered = hub.connections.enter(fingerprint);
    let (peer, patience, stop) = (Peer::new(fingerprint), hub.bounds.patience, hub.stop.clone());
    drop(hub);
    tokio::select! {
        () = connection::serve(stream, router, peer, patience, stop) => {}
        // What is under way on it ends here: not a further byte is read or sent.
        () = entered.cut() => {}
    }
}

/// A client learns of a refused certificate only at its first read, so the reason is written down here.
async fn shake_hands(
    hub: &Hub,
    stream: TcpStream,
    tls: Arc<ServerConfig>,
    lobby: &Arc<Lobby>,
) -> Result<Box<TlsStream<TcpStream>>, (NotLetIn, io::Error)> {
    let _ = stream.set_nodelay(true);
    let place = lobby.enter();
    let shaken = async {
        // Before its turn comes it may have gone: then there is nothing to be done for it.
        if stream.ready(Interest::READABLE).await?.is_read_closed() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        lobby.in_turns(Box::pin(TlsAcceptor::from(tls).accept(stream))).await
    };
    let late = |why| (NotLetIn::HandshakeTime, io::Error::new(io::ErrorKind::TimedOut, why));
    tokio::select! {
        shaken = tokio::time::timeout(hub.bounds.patience.handshake, shaken) => match shaken {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(e)) => Err((NotLetIn::Handshake, e)),
            Err(_) => Err(late("it took too long to shake hands")),
        },
        () = place.gone() => Err(late("others needed its place before it had shaken hands")),
    }
}

impl Peer {
    /// Only a finished handshake makes one.
    fn new(fingerprint: Digest) -> Self {
        Self { fingerprint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_finds_a_certificate_that_is_good_then_and_back_again() {
        let now = edge::clock::utc();
        let authority = Authority::create("localhost", now).unwrap();
        let mut certificates = Certificates::new(&authority, "localhost").unwrap();
        let first = certificates.current(&authority, now);
        assert!(Arc::ptr_eq(&first, &certificates.current(&authority, now)), "made anew for nothing");
        let day_ms = 24 * 60 * 60 * 1000;
        let back = UtcTime::from_unix_ms(now.unix_ms() - 400 * 24 * 60 * 60 * 1000).unwrap();
        for then in [now.plus_ms(25 * day_ms), now.plus_ms(400 * day_ms), back, now] {
            certificates.current(&authority, then);
            assert!(certificates.validity.holds(then), "{then}");
        }
    }
}
