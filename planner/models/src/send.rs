//! One question to one provider: sent, read to its end within its time, and sent again where nothing of an answer had come.

use std::time::{Duration, Instant};

use planner::model::{Prompt, Reply};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, StatusCode};

use crate::config::Model;
use crate::sse::Events;
use crate::wire::{End, Heard};

/// The wait before the second try; each later one is up to twice the last.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// The most bytes that are read of one stream.
const STREAM_BYTES_MAX: usize = 1 << 20;

/// What came of it, and what of it is to be paid.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) reply: Reply,
    pub(crate) heard: Heard,
    /// How many requests may have to be paid for, of which only the last was heard to its end.
    pub(crate) sent: u32,
    /// For a trace: never a key, never a word of an answer.
    pub(crate) why: Option<String>,
}

/// How one try ended.
enum Try {
    Ended(Reply, Option<String>),
    /// Nothing had come; it may be tried again, and not before that.
    Again(String, Option<Duration>),
}

/// Asks. `draw` gives a number below 1 000 by chance, for the pauses.
pub(crate) async fn send(
    client: &Client,
    model: &Model,
    prompt: &Prompt,
    mut draw: impl FnMut() -> u64,
) -> Came {
    let deadline = Instant::now() + model.timeout;
    let (mut heard, mut sent, mut pause) = (Heard::default(), 0, PAUSE);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let tried = tokio::time::timeout(left, once(client, model, prompt, &mut heard, &mut sent)).await;
        let (why, after) = match tried {
            Err(_) => {
                let why = Some(format!("no answer within {} ms", model.timeout.as_millis()));
                return Came { reply: Reply::Silent, heard, sent, why };
            }
            Ok(Try::Ended(reply, why)) => return Came { reply, heard, sent, why },
            Ok(Try::Again(why, after)) => (why, after),
        };
        let jittered = pause.mul_f64(0.5 + f64::from(u32::try_from(draw() % 1_000).unwrap_or(0)) / 2_000.0);
        let wait = after.unwrap_or(jittered);
        if Instant::now() + wait >= deadline {
            return Came { reply: Reply::Failed, heard, sent, why: Some(why) };
        }
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn once(client: &Client, model: &Model, prompt: &Prompt, heard: &mut Heard, sent: &mut u32) -> Try {
    *heard = Heard::default();
    // Until it says that it did not take the question, it may have.
    *sent += 1;
    let response = match request(client, model, prompt).send().await {
        Ok(response) => response,
        Err(e) => {
            *sent -= u32::from(e.is_connect());
            return Try::Again(format!("it cannot be reached: {}", told(&e)), None);
        }
    };
    let status = response.status();
    if status != StatusCode::OK {
        *sent -= 1;
    }
    if is_passing(status) {
        let after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        return Try::Again(format!("it answered {status}"), after.map(Duration::from_secs));
    }
    if status != StatusCode::OK {
        return Try::Ended(Reply::Failed, Some(format!("it answered {status}")));
    }
    listen(model, response, heard).await
}

/// What may be otherwise in a moment. 529 is what Anthropic calls overloaded.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504 | 529)
}

fn request(client: &Client, model: &Model, prompt: &Prompt) -> reqwest::RequestBuilder {
    let asked = model.wire.request(&model.name, prompt, model.max_output_tokens);
    let mut url = model.url.clone();
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}/{}", asked.path));
    url.set_query(asked.query);
    let mut request = client.post(url).header("accept", "text/event-stream").json(&asked.body);
    for (name, value) in asked.headers {
        request = request.header(*name, *value);
    }
    if let Some(key) = &model.key {
        let (name, before) = asked.key;
        let mut value = reqwest::header::HeaderValue::from_str(&format!("{before}{}", key.reveal()))
            .unwrap_or_else(|_| reqwest::header::HeaderValue::from_static(""));
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    request
}

async fn listen(model: &Model, mut response: Response, heard: &mut Heard) -> Try {
    let is_stream = response
        .headers()
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
        });
    let failed = |why: &str| Try::Ended(Reply::Failed, Some(why.to_owned()));
    if !is_stream {
        return failed("its answer is no stream of events");
    }
    let (mut events, mut read) = (Events::default(), 0);
    while !heard.closed {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(e) if heard.text.is_empty() => {
                return Try::Again(format!("the stream broke: {}", told(&e)), None);
            }
            Err(_) => return Try::Ended(Reply::CutOff, Some("the stream broke within an answer".to_owned())),
        };
        read += piece.len();
        if read > STREAM_BYTES_MAX {
            return failed("the stream does not end");
        }
        let Ok(whole) = events.take(&piece) else { return failed("an event is longer than any is") };
        for data in whole {
            if model.wire.hear(heard, &data).is_err() {
                return failed("an event is none of its wire");
            }
        }
    }
    match (heard.end, heard.closed) {
        (Some(End::Refused), _) => Try::Ended(Reply::Refused, None),
        (Some(End::CutOff), _) => {
            Try::Ended(Reply::CutOff, Some("the answer was as long as it may be".to_owned()))
        }
        (Some(End::Whole), true) => Try::Ended(Reply::Said(heard.text.clone().into_bytes()), None),
        (Some(End::Whole) | None, _) => {
            Try::Ended(Reply::CutOff, Some("the stream ended before the answer did".to_owned()))
        }
    }
}

/// An error's words without its address, which may say too much.
fn told(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |e| e.source());
    let words: Vec<String> = causes.map(ToString::to_string).collect();
    if words.is_empty() { "no connection".to_owned() } else { words.join(": ") }
}
