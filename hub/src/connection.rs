//! One connection, and the loop that accepts them: bounded in number, in header size and in time, whichever way the bytes go.

mod unread;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::hub::Stop;
use unread::Read;

/// Connections of devices at a time: ten thousand have two or three each.
const CONNECTIONS_MAX: usize = 40_960;
/// Files that are left for everything else.
const FILES_ELSE: u64 = 512;
/// The longest head of a request, and so much is read ahead of a body.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long connections may take to end when the hub stops.
const PARTING_TIME_MAX: Duration = Duration::from_secs(5);
/// How long to wait when no connection can be accepted (too many open files, most often).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the hub stops, and gives each to `serve`.
pub(crate) async fn accept<F, S>(
    plane: &'static str,
    listener: TcpListener,
    seats: usize,
    mut stop: Stop,
    serve: S,
) where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(TcpStream) -> F,
{
    let seats = Arc::new(Semaphore::new(seats));
    let mut connections = JoinSet::new();
    loop {
        // A seat first: where there is none, new peers wait in the kernel's queue.
        let seat = tokio::select! {
            () = stop.requested() => break,
            seat = Arc::clone(&seats).acquire_owned() => seat,
        };
        let accepted = tokio::select! {
            () = stop.requested() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = serve(stream);
                connections.spawn(async move {
                    connection.await;
                    drop(seat);
                });
            }
            Err(e) => {
                tracing::warn!(plane, error = %e, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(PARTING_TIME_MAX, ended).await.is_err() {
        tracing::warn!(plane, "connections were cut: they did not end in time");
    }
}

/// How many connections the operator plane may have at a time: at most `wanted`, and an eighth of the files that this process may have.
pub(crate) fn seats_of_people(wanted: usize) -> usize {
    (files() / 8).clamp(1, wanted)
}

/// How many the device plane may have: what the operator plane and the databases leave of the files.
pub(crate) fn seats_of_devices(people: usize) -> usize {
    files().saturating_sub(seats_of_people(people)).clamp(1, CONNECTIONS_MAX)
}

fn files() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(FILES_ELSE)).unwrap_or(usize::MAX)
}

/// How long a peer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For its handshake.
    pub handshake: Duration,
    /// For a request's head; and a connection may idle for so long.
    pub head: Duration,
    /// For a request's body.
    pub body: Duration,
    /// For reading the next piece of an answer.
    pub unread: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(30),
            head: Duration::from_secs(60),
            body: Duration::from_secs(30),
            unread: Duration::from_secs(30),
        }
    }
}

/// Serves HTTP/1.1 on `io` until the peer leaves or the hub stops. `peer` is put into every request.
pub(crate) async fn serve<I, P>(io: I, router: Router, peer: P, patience: Patience, mut stop: Stop)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    P: Clone + Send + Sync + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        request.extensions_mut().insert(patience);
        let response = router.call(request);
        async move { Ok::<_, Infallible>(response.await.unwrap_or_else(|never| match never {})) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Read::new(io, patience.unread)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!(error = %e, "a connection ended badly");
    }
}
