//! `POST <prefix>/add-checkpoint`, bounded in connections, bytes and time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tlog::SigningKey;
use tlog::cosignature::CosignatureTime;
use tlog::witness::AddCheckpoint;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use witness::files::Files;
use witness::{Answer, BODY_MAX_BYTES, Considered, Witness};

/// Connections at a time; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 256;
/// How long a peer may take for a request's head, and how long a connection may idle.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a peer may take to send its body.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How long connections may take to end when the witness stops.
const PARTING_TIME_MAX: Duration = Duration::from_secs(5);
/// How long to wait when no connection can be accepted (too many open files, most often).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A clock that stands before 2024 was never set: a cosignature of that time would be a lie.
const CLOCK_MIN_SECONDS: u64 = 1_704_067_200;

/// The witness behind the address.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) witness: Witness<Files>,
    pub(crate) key: SigningKey,
    /// The only path there is.
    pub(crate) path: String,
    pub(crate) json: bool,
}

/// Serves until `stop` returns; then lets requests end.
pub(crate) async fn serve(listener: TcpListener, service: Arc<Service>, stop: impl Future<Output = ()>) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let seat = tokio::select! {
            () = stop.as_mut() => break,
            seat = Arc::clone(&seats).acquire_owned() => seat,
        };
        let accepted = tokio::select! {
            () = stop.as_mut() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = converse(stream, Arc::clone(&service), stopped.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(seat);
                });
            }
            Err(e) => {
                edge::trace::complain(&format!("suture-witness: cannot accept a connection: {e}"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let _ = stopping.send(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(PARTING_TIME_MAX, ended).await;
}

async fn converse(stream: TcpStream, service: Arc<Service>, mut stopped: watch::Receiver<bool>) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(response(service.respond(request).await)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    // How a peer's connection ends is the peer's affair.
    let stopping = async {
        let _ = stopped.wait_for(|stopping| *stopping).await;
    };
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopping => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

impl Service {
    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        if request.uri().path() != self.path {
            return said(404, "there is nothing here but the path for add-checkpoint requests");
        }
        if request.method() != Method::POST {
            return said(405, "add-checkpoint requests are sent with POST");
        }
        let body = Limited::new(request.into_body(), BODY_MAX_BYTES).collect();
        let bytes = match tokio::time::timeout(BODY_TIME_MAX, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => {
                return said(413, "the body is too long for an add-checkpoint request, or was cut off");
            }
            Err(_) => return said(408, "the body did not come in time"),
        };
        let considered = tokio::task::spawn_blocking(move || self.consider(&bytes)).await;
        considered.unwrap_or_else(|_| said(500, "the witness failed; nothing was cosigned"))
    }

    /// Runs where it may wait for the disk.
    fn consider(&self, bytes: &[u8]) -> Answer {
        let request = match AddCheckpoint::parse(bytes) {
            Ok(request) => request,
            Err(e) => return Answer::malformed(&e),
        };
        let now = CosignatureTime::from_unix_seconds(edge::clock::utc().unix_seconds());
        let Some(now) = now.filter(|now| now.unix_seconds() >= CLOCK_MIN_SECONDS) else {
            edge::trace::complain("suture-witness: this machine's clock is not set; nothing is cosigned");
            return said(500, "the witness's clock is not set; nothing was cosigned");
        };
        match self.witness.add(&self.key, &request, now) {
            Ok(Considered { answer, fork }) => {
                if let Some(fork) = fork {
                    self.keep(&fork);
                }
                answer
            }
            Err(e) => {
                let causes = std::iter::successors(Some(&e as &dyn std::error::Error), |e| e.source());
                let causes = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
                edge::trace::complain(&format!("suture-witness: {causes}"));
                said(500, "the witness failed; nothing was cosigned; its operator must look at it")
            }
        }
    }

    fn keep(&self, fork: &witness::ForkAttempt) {
        let log = fork.held.text().lines().next().unwrap_or_default();
        match self.witness.heads().keep(fork) {
            Ok(Some(path)) if self.json => {
                println!("{}", serde_json::json!({ "fork": log, "proof": path }));
            }
            Ok(Some(path)) => edge::trace::complain(&format!(
                "suture-witness: the log {log} signed two histories; the proof is kept in {}.held and .offered",
                path.display()
            )),
            Ok(None) => {}
            Err(e) => edge::trace::complain(&format!(
                "suture-witness: the log {log} signed two histories, and the proof cannot be kept: {e}: {}",
                e.source
            )),
        }
    }
}

fn said(status: u16, text: &str) -> Answer {
    Answer { status, content_type: "text/plain; charset=utf-8", body: format!("{text}\n") }
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let Answer { status, content_type, body } = answer;
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == 405 {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}
