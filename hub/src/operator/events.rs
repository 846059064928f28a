//! Events, as they happen: server-sent events (the HTML standard, 9.2), for browsers and for `curl -N`.
//!
//! The first event of a stream is `ready` where nothing was missed, and `reset` where something may have been: then all is to be read anew. Each event has
//! an id; a browser sends the last one when it comes again. A stream ends with the credential that opened it, and with any change of what its person is.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contract::ids::OperatorId;
use contract::people::Right;
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use utoipa::PartialSchema as _;
use utoipa::openapi::Required;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};

use super::admit::presented;
use super::answers::Answer;
use super::describe::{Part, Sketch};
use super::route::{Route, reads};
use crate::events::{EventView, Next, Place};
use crate::hub::Hub;
use crate::people::{Granted, Identity, Secret};
use crate::problem::Fault;
use crate::seats::Seat;

/// How often something is sent where nothing happens, and how often it is looked at whether the credential is still good.
const BEAT_EVERY: Duration = Duration::from_secs(15);
/// How many pieces wait for a reader; the list of events itself waits for nobody.
const PIECES_MAX: usize = 16;
/// How many events go into one piece at most.
const EVENTS_MAX: usize = 64;
/// How many streams there are at once.
pub(crate) const READERS_MAX: usize = 512;
/// How many of them one person follows: a browser has six connections to a host, and people have more than one browser.
pub(crate) const READERS_EACH: usize = 24;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/events",
            Right::EventsRead,
            "What happens, as it happens (server-sent events)",
            follow,
        )
        .refuses(&[StatusCode::TOO_MANY_REQUESTS]),
    ]
}

/// The stream.
struct Followed(mpsc::Receiver<Bytes>);

impl IntoResponse for Followed {
    fn into_response(self) -> Response {
        let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
        (headers, Body::new(self)).into_response()
    }
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

impl Answer for Followed {
    fn sketch(sketch: &mut Sketch) {
        // Each event's data is one of these.
        let _ = sketch.schemas.of::<EventView>();
        let what =
            "A stream without an end. `event` is `ready`, `reset` or what happened, `data` an EventView.";
        sketch.answers(StatusCode::OK, what, Some(("text/event-stream", String::schema())));
    }
}

/// Where a reader was before.
struct LastEvent(Option<Place>);

impl<S: Sync> FromRequestParts<S> for LastEvent {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let Some(last) = parts.headers.get("last-event-id") else { return Ok(Self(None)) };
        let place = last.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
            let problem = "Last-Event-ID is the id of an event of this stream: leave it out to begin anew";
            Fault::theirs(StatusCode::BAD_REQUEST, problem)
        })?;
        Ok(Self(Some(place)))
    }
}

impl Part for LastEvent {
    fn sketch(sketch: &mut Sketch) {
        let last = ParameterBuilder::new()
            .name("Last-Event-ID")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("The id of the last event that was seen: the stream goes on after it."))
            .schema(Some(String::schema()));
        sketch.parameters.push(last.build());
        sketch.refuses([StatusCode::BAD_REQUEST]);
    }
}

/// `GET /api/v1/events`.
async fn follow(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    headers: HeaderMap,
    LastEvent(last): LastEvent,
) -> Result<Followed, Fault> {
    let Ok(seat) = hub.readers.take(granted.identity().person()) else {
        let problem =
            "you, or all together, follow the events too often already: close some, or ask again in a minute";
        return Err(Fault::slowed(problem, 60));
    };
    // It was presented a moment ago.
    let presented = presented(&headers, &hub.door).ok_or_else(|| {
        Fault::theirs(StatusCode::UNAUTHORIZED, "what opened this path is gone: log in again")
    })?;
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    let reader =
        Reader { identity: granted.identity().clone(), granted, secret: presented.secret, sender, seat };
    tokio::spawn(reader.read(hub, last));
    Ok(Followed(receiver))
}

/// Whoever follows.
struct Reader {
    identity: Identity,
    granted: Granted,
    secret: Secret,
    sender: mpsc::Sender<Bytes>,
    seat: Seat<OperatorId>,
}

impl Reader {
    /// Hands out events until the reader is gone, the hub stops, or the credential opens no longer what it opened.
    async fn read(self, hub: Arc<Hub>, last: Option<Place>) {
        let (mut happened, mut people, mut stop) =
            (hub.events.watch(), hub.people.changes(), hub.stop.clone());
        let mut beat = interval_at(Instant::now() + BEAT_EVERY, BEAT_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let missed = last.as_ref().is_some_and(|last| matches!(self.after(&hub, last, 1), Next::Missed(_)));
        let mut place = last.filter(|_| !missed).unwrap_or_else(|| hub.events.end());
        let first = if missed { control("reset", &place) } else { control("ready", &place) };
        let mut going = self.send(format!("retry: 3000\n{first}")).await;
        while going {
            (going, place) = self.catch_up(&hub, place).await;
            if !going {
                break;
            }
            tokio::select! {
                changed = happened.changed() => going = changed.is_ok(),
                _ = people.changed() => going = self.is_still(&hub).await,
                _ = beat.tick() => going = self.is_still(&hub).await && self.send(":\n\n".to_owned()).await,
                () = self.sender.closed() => going = false,
                () = stop.requested() => going = false,
            }
        }
        drop(self.seat);
    }

    /// Hands out what there is. False where nobody takes it any more.
    async fn catch_up(&self, hub: &Hub, mut place: Place) -> (bool, Place) {
        loop {
            match self.after(hub, &place, EVENTS_MAX) {
                Next::Missed(now) => {
                    let sent = self.send(control("reset", &now)).await;
                    return (sent, now);
                }
                Next::Events(events, end) => {
                    place = end;
                    if events.is_empty() {
                        return (true, place);
                    }
                    let piece: String = events.iter().map(|(place, event)| told(place, event)).collect();
                    if !self.send(piece).await {
                        return (false, place);
                    }
                }
            }
        }
    }

    fn after(&self, hub: &Hub, place: &Place, at_most: usize) -> Next {
        hub.events.after(place, &self.granted.reach(), at_most)
    }

    /// Waits where the reader does not take anything: for this reader alone. Its connection is cut where it takes too long.
    async fn send(&self, piece: String) -> bool {
        self.sender.send(piece.into()).await.is_ok()
    }

    /// Whether the credential still opens exactly what it opened.
    async fn is_still(&self, hub: &Hub) -> bool {
        match hub.people.store.still(&self.secret, edge::clock::utc()).await {
            Ok(identity) => identity.as_ref() == Some(&self.identity),
            Err(e) => {
                tracing::error!(
                    cause = crate::problem::chain(&e),
                    "a stream of events ends: nobody can say whose it is"
                );
                false
            }
        }
    }
}

fn control(word: &str, place: &Place) -> String {
    format!("event: {word}\nid: {place}\ndata: {{}}\n\n")
}

fn told(place: &Place, event: &EventView) -> String {
    // It is made of ids and numbers: there is nothing in it that JSON cannot say, and no line end.
    let data = serde_json::to_string(event).unwrap_or_default();
    format!("event: {}\nid: {place}\ndata: {data}\n\n", event.event.word())
}

#[cfg(test)]
mod tests;
