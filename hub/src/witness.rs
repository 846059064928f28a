//! The hub as a witness of others: `POST /witness/add-checkpoint` (<https://c2sp.org/tlog-witness>).
//!
//! It needs no operator's token: a request is authenticated by the log's signature in it, and nothing that is answered is secret. Two kinds of logs
//! are known. The log of a site of this hub is cosigned only at the head that the mirror holds, entry by entry, and has verified: a larger one is
//! answered with 503 until its entries came. The logs of the policy file are cosigned as any witness does, by their proofs alone.
//!
//! A fork is never cosigned, on whatever way it comes; both signed heads are kept as proof below the hub's directory, in `witness/forks`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use edge::file::FileError;
use tlog::cosignature::{self, CosignatureTime};
use tlog::witness::AddCheckpoint;
use tlog::{Checkpoint, SignedNote, TreeSize, VerifierKey};
use witness::files::Files;
use witness::{
    Answer, BODY_MAX_BYTES, Considered, Cosigned, ForkAttempt, Logs, Refusal, Refused, Witness, judge,
};

use crate::hub::Hub;
use crate::mirror::{self, NoTurn, Subject};
use crate::problem::chain;
use crate::store::Alarm;

/// How long a peer may take to send its body.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// When to come back for a head whose entries are on their way, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("60");

/// The logs of the policy file, with what was cosigned of them; and where proofs of forks are kept.
pub(crate) type Others = Witness<Files>;

/// Opens it below the hub's directory.
pub(crate) fn open(hub: &Path, logs: Logs) -> Result<Others, FileError> {
    Ok(Witness::new(logs, Files::open(&hub.join("witness"))?))
}

/// The one route.
pub(crate) fn routes(hub: Arc<Hub>) -> Router {
    Router::new().route("/witness/add-checkpoint", post(add_checkpoint)).with_state(hub)
}

async fn add_checkpoint(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    let body = to_bytes(request.into_body(), BODY_MAX_BYTES);
    let bytes = match tokio::time::timeout(BODY_TIME_MAX, body).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return said(413, "the body is too long for an add-checkpoint request, or was cut off"),
        Err(_) => return said(408, "the body did not come in time"),
    };
    match consider(&hub, bytes).await {
        Ok(answer) => answer,
        Err(e) => {
            tracing::error!(cause = e, "the hub failed as a witness");
            said(500, "the hub failed; nothing was cosigned; its operator sees it")
        }
    }
}

async fn consider(hub: &Arc<Hub>, bytes: Bytes) -> Result<Response, String> {
    let request = match AddCheckpoint::parse(&bytes) {
        Ok(request) => request,
        Err(e) => return Ok(response(Answer::malformed(&e))),
    };
    let now = CosignatureTime::from_unix_seconds(edge::clock::utc().unix_seconds());
    let now = now.ok_or("the hub's clock is out of range")?;
    let origin = witness::judge::origin(&request).to_owned();
    match hub.store.log_of(origin).await.map_err(|e| chain(&e))? {
        Some(subject) => of_a_site(hub, subject, &request, now).await,
        None => of_another(hub, request, now).await,
    }
}

/// A log of the policy file, or none that is known.
async fn of_another(
    hub: &Arc<Hub>,
    request: AddCheckpoint,
    now: CosignatureTime,
) -> Result<Response, String> {
    let hub = Arc::clone(hub);
    let considered = tokio::task::spawn_blocking(move || {
        let Considered { answer, fork } =
            hub.others.add(&hub.keys.witness, &request, now).map_err(|e| chain(&e))?;
        if let Some(fork) = fork {
            keep(&hub, &fork, None);
        }
        Ok(response(answer))
    });
    considered.await.map_err(|e| chain(&e))?
}

/// A site's log: while its turn is held nothing of it can be taken or cosigned on another way.
async fn of_a_site(
    hub: &Arc<Hub>,
    subject: Subject,
    request: &AddCheckpoint,
    now: CosignatureTime,
) -> Result<Response, String> {
    let offered: Option<Checkpoint> = request.checkpoint.text().parse().ok();
    // What the log did not sign is answered before the site's turn is taken: nobody else may keep a site waiting.
    if let Err(Refused { why, fork: None }) = judge(Some(&hub.mirror.keys_said(&subject)), None, request)
        && let Refusal::NotSigned | Refusal::NotACheckpoint(_) | Refusal::OldBeyond { .. } = why
    {
        return Ok(response(Answer::refused(&why)));
    }
    let holder = subject.holder.clone();
    let turn = match mirror::turn(hub, subject).await {
        Ok(turn) => turn,
        Err(e @ NoTurn::RolledBack { .. }) => return Ok(later(&e.to_string())),
        Err(e @ (NoTurn::Archive(_) | NoTurn::Store(_) | NoTurn::Heads(_))) => return Err(chain(&e)),
    };
    let (turn, keys) = turn.keys().await;
    // Of all the log's keys only the one that is in force at that size counts.
    let key = keys.map_err(|e| chain(&e))?.at(offered.map_or(0, |head| head.size.get())).clone();
    let newest = newest(&hub.mirror.directory(&holder), hub.keys.witness.verifier())?;
    let extension = match judge(Some(&[key]), newest.as_ref(), request) {
        Ok(extension) => extension,
        Err(Refused { why, fork }) => {
            drop(turn);
            if let Some(fork) = fork {
                keep(hub, &fork, None);
                let alarm = Alarm { kind: "fork", detail: format!("offered to the hub as a witness: {why}") };
                let raised = hub.store.raise(holder.host, alarm, edge::clock::utc()).await;
                raised.map_err(|e| chain(&e))?;
            }
            return Ok(response(Answer::refused(&why)));
        }
    };
    let head = extension.checkpoint();
    if newest.is_none_or(|newest| newest.checkpoint() != head.checkpoint()) {
        return Ok(later("this hub cosigns only what it holds: the entries up to that size come first"));
    }
    let line = cosignature::cosign(head, &hub.keys.witness, now).map_err(|e| chain(&e))?;
    drop(turn);
    Ok(response(Answer::cosigned(&line)))
}

/// The newest head of a site's log that this hub cosigned, as it stands in the archive.
pub(crate) fn newest(directory: &Path, witness: &VerifierKey) -> Result<Option<Cosigned>, String> {
    let bytes = match edge::file::read(&directory.join("checkpoint"), tlog::note::NOTE_BYTES_MAX as u64) {
        Ok(bytes) => bytes,
        Err(e) if e.source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(chain(&e)),
    };
    let note = SignedNote::parse(&bytes).map_err(|e| chain(&e))?;
    Cosigned::from_note(note, witness).map(Some).map_err(|e| chain(&e))
}

/// Keeps both heads where a site's package held a head that contradicts what was cosigned before, and the entry that shows it, where one does.
pub(crate) fn keep_both(hub: &Hub, directory: &Path, offered: &str, entry: Option<&str>) {
    let held = newest(directory, hub.keys.witness.verifier()).ok().flatten();
    let offered = SignedNote::parse(offered.as_bytes()).ok();
    if let (Some(held), Some(checkpoint)) = (held, offered) {
        let offered = AddCheckpoint { old: TreeSize::EMPTY, proof: Vec::new(), checkpoint };
        keep(hub, &ForkAttempt { held: held.note().clone(), offered }, entry);
    }
}

fn keep(hub: &Hub, fork: &ForkAttempt, entry: Option<&str>) {
    let log = fork.held.text().lines().next().unwrap_or_default();
    match hub.others.heads().keep_with(fork, entry.map(str::as_bytes)) {
        Ok(Some(path)) => {
            tracing::error!(log, proof = %path.display(), "a log signed two histories: both heads are kept");
        }
        Ok(None) => tracing::error!(log, "a log signed two histories, again"),
        Err(e) => {
            tracing::error!(log, cause = chain(&e), "a log signed two histories; the proof cannot be kept");
        }
    }
}

fn later(text: &str) -> Response {
    let mut answer = said(503, text);
    answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    answer
}

fn said(status: u16, text: &str) -> Response {
    response(Answer { status, content_type: "text/plain; charset=utf-8", body: format!("{text}\n") })
}

fn response(answer: Answer) -> Response {
    let Answer { status, content_type, body } = answer;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, HeaderValue::from_static(content_type))], body).into_response()
}
