//! Errors on both planes, and bodies read strictly.
//!
//! Every problem says what went wrong, whose fault it is and what to do next. What went wrong inside the hub is traced with its whole chain of
//! causes and told to the peer in one sentence, without paths.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contract::plane::{Problem, TurnedAway};
use serde::de::DeserializeOwned;

use crate::connection::Patience;

/// A request that was not served, and why.
#[derive(Debug)]
pub(crate) struct Fault {
    status: StatusCode,
    problem: String,
    turned_away: Option<TurnedAway>,
    /// Whether the connection ends with it: the peer has nothing more to say here.
    parting: bool,
    /// After how many seconds another try makes sense.
    retry_after_s: Option<u64>,
}

/// What a fault says, beside the response that it became: the operator plane says it as RFC 9457 has it.
#[derive(Debug, Clone)]
pub(crate) struct Told(pub(crate) String);

impl Fault {
    /// The peer's fault.
    pub(crate) fn theirs(status: StatusCode, problem: impl Into<String>) -> Self {
        Self { status, problem: problem.into(), turned_away: None, parting: false, retry_after_s: None }
    }

    /// The peer has tried too often.
    pub(crate) fn slowed(problem: impl Into<String>, retry_after_s: u64) -> Self {
        Self { retry_after_s: Some(retry_after_s), ..Self::theirs(StatusCode::TOO_MANY_REQUESTS, problem) }
    }

    /// There is no room for what the peer is about to send: it is not read, so the connection ends.
    pub(crate) fn crowded(problem: impl Into<String>, retry_after_s: u64) -> Self {
        Self { parting: true, ..Self::slowed(problem, retry_after_s) }
    }

    /// It was done, and what came of it could not be written down: our fault.
    pub(crate) fn unrecorded(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(cause = chain(cause), "the end of an act could not be recorded");
        let problem = "it was allowed and begun, and what came of it could not be recorded: look at how things stand before you try again, and at the hub's disk";
        Self::theirs(StatusCode::INTERNAL_SERVER_ERROR, problem)
    }

    /// The peer is not let in, now or by asking again: the connection ends.
    pub(crate) fn turned_away(status: StatusCode, problem: impl Into<String>) -> Self {
        Self { parting: true, ..Self::theirs(status, problem) }
    }

    /// The peer's certificate is not enough: the connection ends.
    pub(crate) fn not_let_in(why: TurnedAway, problem: impl Into<String>) -> Self {
        let turned_away = Some(why);
        Self { turned_away, parting: true, ..Self::theirs(StatusCode::FORBIDDEN, problem) }
    }

    /// Our fault. The chain of causes is traced here, once.
    pub(crate) fn ours(during: &'static str, cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(during, cause = chain(cause), "the hub failed");
        let problem = format!(
            "the hub failed while it tried to {during}; nothing was taken: try again, and tell the operator"
        );
        Self::theirs(StatusCode::INTERNAL_SERVER_ERROR, problem)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let Self { status, problem, turned_away, parting, retry_after_s } = self;
        let told = Told(problem.clone());
        let mut response = answer(status, &Problem { problem, turned_away });
        response.extensions_mut().insert(told);
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if parting {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// An error and all its causes, on one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A JSON answer.
pub(crate) fn answer<T: serde::Serialize>(status: StatusCode, body: &T) -> Response {
    (status, axum::Json(body)).into_response()
}

/// A JSON body of at most `MAX` bytes, read strictly: what is unknown, doubled or misplaced is named by line and column.
#[derive(Debug)]
pub(crate) struct Strict<T, const MAX: usize>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned, const MAX: usize> FromRequest<S> for Strict<T, MAX> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        parse(&read(request, MAX).await?).map(Self)
    }
}

/// A body of at most `MAX` bytes that says nothing to us. It is read nevertheless: a connection that is closed over unread bytes is reset, and the answer
/// is lost with it (RFC 9112, section 9.6).
#[derive(Debug)]
pub(crate) struct Unasked<const MAX: usize>;

impl<S: Sync, const MAX: usize> FromRequest<S> for Unasked<MAX> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        read(request, MAX).await.map(|_| Self)
    }
}

/// Reads JSON strictly: what is unknown, doubled or misplaced is named by line and column.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|e| {
        let problem =
            format!("the request's body is not what belongs here: {e}; the sender must put it right");
        Fault::theirs(StatusCode::BAD_REQUEST, problem)
    })
}

/// How long a request says that its body is.
pub(crate) fn announced(request: &Request) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok())
}

/// Reads a body of at most `max` bytes, in the time that its connection allows.
pub(crate) async fn read(request: Request, max: usize) -> Result<Bytes, Fault> {
    let patience = request.extensions().get::<Patience>().copied().unwrap_or_default().body;
    let too_long = || {
        let problem =
            format!("the request's body is longer than {max} bytes; the sender must send less at once");
        Fault::turned_away(StatusCode::PAYLOAD_TOO_LARGE, problem)
    };
    if announced(&request).is_some_and(|length| length > max) {
        return Err(too_long());
    }
    match tokio::time::timeout(patience, to_bytes(request.into_body(), max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_long()),
        Err(_) => Err(Fault::turned_away(
            StatusCode::REQUEST_TIMEOUT,
            format!("the request's body did not come within {} s", patience.as_secs()),
        )),
    }
}
