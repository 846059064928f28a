//! What is asked of a server, and its answers: only the fields that are used, by the names that NATS gives them
//! (<https://docs.nats.io/reference/reference-protocols/nats_api_reference>).

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{Client, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::NatsError;

/// The server's numbers of refusals that mean something here.
pub(super) mod code {
    /// There is no such message.
    pub(in crate::nats) const NO_MESSAGE: u64 = 10037;
    /// There is no such stream.
    pub(in crate::nats) const NO_STREAM: u64 = 10059;
    /// There is no such consumer.
    pub(in crate::nats) const NO_CONSUMER: u64 = 10014;
    /// A cluster is choosing who leads.
    pub(in crate::nats) const NOT_NOW: u64 = 10008;
    /// It was not stored. Why, only the words say.
    pub(in crate::nats) const NOT_STORED: u64 = 10077;
}

/// The server's words where a stream holds as many messages as it may.
pub(super) const FULL: &str = "maximum messages exceeded";

/// How often something is asked again that nobody was there to answer: while servers choose who leads a stream, nobody is.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Deserialize)]
struct Fault {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

#[derive(Debug, Deserialize)]
struct Failed {
    error: Fault,
}

/// What becomes of something that was published.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) seq: u64,
    #[serde(default)]
    pub(super) duplicate: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamInfo {
    pub(super) config: Value,
    pub(super) state: StreamState,
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamState {
    pub(super) messages: u64,
    pub(super) last_seq: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct ConsumerInfo {
    pub(super) config: Value,
    pub(super) ack_floor: Floor,
    pub(super) num_pending: u64,
    pub(super) num_ack_pending: u64,
    /// The server's own time, since 2.10.
    #[serde(default)]
    pub(super) ts: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Floor {
    pub(super) stream_seq: u64,
}

#[derive(Debug, Deserialize)]
struct Got {
    message: Message,
}

/// A message as a stream keeps it.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) seq: u64,
    #[serde(default)]
    hdrs: Option<String>,
    #[serde(default)]
    data: Option<String>,
    pub(super) time: String,
}

impl Message {
    /// What was published.
    pub(super) fn body(&self) -> Vec<u8> {
        self.data.as_ref().and_then(|data| STANDARD.decode(data).ok()).unwrap_or_default()
    }

    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let text = String::from_utf8(STANDARD.decode(self.hdrs.as_ref()?).ok()?).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
        value.map(str::to_owned)
    }
}

#[derive(Debug, Deserialize)]
struct Purged {
    purged: u64,
}

/// Asks, and waits for the answer. Asking twice must be harmless.
pub(super) async fn ask(
    client: &Client,
    what: &'static str,
    subject: &str,
    headers: Option<HeaderMap>,
    body: Vec<u8>,
) -> Result<Vec<u8>, NatsError> {
    let mut tries = 1;
    loop {
        let mut request = async_nats::Request::new().payload(body.clone().into());
        if let Some(headers) = &headers {
            request = request.headers(headers.clone());
        }
        match client.send_request(subject.to_owned(), request).await {
            Ok(answer) => return Ok(answer.payload.to_vec()),
            Err(e) if e.kind() == RequestErrorKind::NoResponders && tries < TRIES => {
                tokio::time::sleep(PAUSE * tries).await;
                tries += 1;
            }
            Err(source) => return Err(NatsError::NoAnswer { what, source }),
        }
    }
}

/// An answer's meaning.
pub(super) fn read<T: DeserializeOwned>(what: &'static str, answer: &[u8]) -> Result<T, NatsError> {
    if let Ok(Failed { error: Fault { err_code, description } }) = serde_json::from_slice(answer) {
        return Err(NatsError::Refused { what, code: err_code, description });
    }
    serde_json::from_slice(answer).map_err(|source| NatsError::Nonsense { what, source })
}

/// Asks `JetStream`'s interface.
pub(super) async fn api<T: DeserializeOwned>(
    client: &Client,
    what: &'static str,
    verb: &str,
    body: &Value,
) -> Result<T, NatsError> {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let mut tries = 1;
    loop {
        let answer = read(what, &ask(client, what, &format!("$JS.API.{verb}"), None, body.clone()).await?);
        match answer {
            Err(e) if e.refusal() == Some(code::NOT_NOW) && tries < TRIES => {
                tokio::time::sleep(PAUSE * tries).await;
                tries += 1;
            }
            answer => return answer,
        }
    }
}

/// Something that may not be there.
pub(super) fn maybe<T>(answer: Result<T, NatsError>, none: u64) -> Result<Option<T>, NatsError> {
    match answer {
        Ok(there) => Ok(Some(there)),
        Err(e) if e.refusal() == Some(none) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The first message from `from` on whose subject matches, if there is one.
pub(super) async fn next_message(
    client: &Client,
    stream: &str,
    subjects: &str,
    from: u64,
) -> Result<Option<Message>, NatsError> {
    let wanted = json!({ "seq": from.max(1), "next_by_subj": subjects });
    message(client, stream, &wanted).await
}

/// The message that this asks for, if there is one.
pub(super) async fn message(
    client: &Client,
    stream: &str,
    wanted: &Value,
) -> Result<Option<Message>, NatsError> {
    let verb = format!("STREAM.MSG.GET.{stream}");
    let got = api::<Got>(client, "a message", &verb, wanted).await;
    maybe(got, code::NO_MESSAGE).map(|got| got.map(|got| got.message))
}

/// Removes what this says of a stream, durably, and says how many messages that were.
pub(super) async fn purge(client: &Client, stream: &str, which: &Value) -> Result<u64, NatsError> {
    let purged: Purged = api(client, "purging", &format!("STREAM.PURGE.{stream}"), which).await?;
    Ok(purged.purged)
}

/// Puts a message on a stream. The same `id` counts once, within the stream's window.
pub(super) async fn put(
    client: &Client,
    subject: &str,
    id: &str,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Stored, NatsError> {
    let what = "publishing";
    let mut headers = headers;
    headers.insert("Nats-Msg-Id", id);
    read(what, &ask(client, what, subject, Some(headers), body).await?)
}
