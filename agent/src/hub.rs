//! The hub, as this device sees it: requests over mutual TLS 1.3 to one pinned authority. No proxy, no redirect, no other server.

use std::time::Duration;

use contract::ids::OrderId;
use contract::incident::Incident;
use contract::plane::{EnrolRequest, Enrolled, EvidenceHeld, EvidenceTaken, IncidentTaken, OrdersWaiting, Problem};
use contract::socket::{EntryPackage, OrderAnswer};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::config::HubUrl;

/// The longest answer that is read: many orders of the largest size.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// The longest explanation that is kept.
const PROBLEM_CHARS_MAX: usize = 300;
/// How long one request may take, beyond what it asks the hub to wait.
const LIMIT: Duration = Duration::from_secs(15);

/// A connection to the hub. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    client: Client,
    url: HubUrl,
}

/// Why the hub did not do what it was asked.
#[derive(Debug, Error)]
pub enum HubError {
    /// TLS or HTTP could not be set up: ours to mend.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
    /// Nobody answered, or the connection failed.
    #[error("{what}: the hub cannot be reached")]
    Unreachable {
        /// What was asked.
        what: &'static str,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The hub answered, and did not do it.
    #[error("{what}: the hub answered {status}: {problem}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// Its status.
        status: StatusCode,
        /// Its explanation.
        problem: String,
    },
    /// The hub answered something else than was agreed.
    #[error("{what}: the hub's answer is not understood: {why}")]
    NotUnderstood {
        /// What was asked.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// What to do about a [`HubError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Ask again later: the same request may succeed.
    Retry,
    /// This very request never will: put it aside.
    PutAside,
}

impl HubError {
    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Setup(_) | Self::Unreachable { .. } | Self::NotUnderstood { .. } => Disposition::Retry,
            Self::Refused { status, .. } => match *status {
                // The hub understood who asks and does not want these bytes. Everything else (a certificate that is not known yet, a hub that
                // is busy or broken) can pass.
                StatusCode::BAD_REQUEST
                | StatusCode::CONFLICT
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNPROCESSABLE_ENTITY => Disposition::PutAside,
                _ => Disposition::Retry,
            },
        }
    }
}

impl HubError {
    /// True where the hub no longer waits for what it was told.
    pub fn is_settled(&self) -> bool {
        let settled = [StatusCode::NOT_FOUND, StatusCode::CONFLICT, StatusCode::GONE];
        matches!(self, Self::Refused { status, .. } if settled.contains(status))
    }
}

/// The answer to a piece of evidence.
#[derive(Debug)]
pub enum Posted {
    /// It holds it.
    Taken(EvidenceTaken),
    /// The piece does not fit: this is how much it holds.
    Elsewhere(EvidenceHeld),
}

impl Hub {
    /// Speaks to `url` as `tls` says.
    pub fn new(url: HubUrl, tls: ClientConfig) -> Result<Self, HubError> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .tcp_keepalive(Duration::from_secs(30))
            .pool_max_idle_per_host(2)
            .build()
            .map_err(HubError::Setup)?;
        Ok(Self { client, url })
    }

    /// `POST /v1/enrol`.
    pub async fn enrol(&self, request: &EnrolRequest) -> Result<Enrolled, HubError> {
        self.call("enrol", self.post("/v1/enrol", request)).await
    }

    /// `POST /v1/incidents`.
    pub async fn incident(&self, incident: &Incident) -> Result<IncidentTaken, HubError> {
        self.call("incident", self.post("/v1/incidents", incident)).await
    }

    /// `GET /v1/orders`, held back by the hub for up to `wait`.
    pub async fn orders(&self, wait: Duration) -> Result<OrdersWaiting, HubError> {
        let path = format!("/v1/orders?wait_ms={}", wait.as_millis());
        self.call("orders", self.request(Method::GET, &path).timeout(wait + LIMIT)).await
    }

    /// `POST /v1/orders/<id>/answer`.
    pub async fn answer(&self, order: &OrderId, answer: &OrderAnswer) -> Result<(), HubError> {
        let request = self.post(&format!("/v1/orders/{order}/answer"), answer);
        accepted("answer", send("answer", request).await?).await.map(drop)
    }

    /// `GET /v1/evidence`.
    pub async fn evidence_held(&self) -> Result<EvidenceHeld, HubError> {
        self.call("evidence held", self.request(Method::GET, "/v1/evidence")).await
    }

    /// `POST /v1/evidence`.
    pub async fn evidence(&self, package: &EntryPackage) -> Result<Posted, HubError> {
        let response = send("evidence", self.post("/v1/evidence", package)).await?;
        if response.status() == StatusCode::CONFLICT {
            return read("evidence", response).await.map(Posted::Elsewhere);
        }
        read("evidence", accepted("evidence", response).await?).await.map(Posted::Taken)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url.as_str())).timeout(LIMIT)
    }

    fn post(&self, path: &str, body: &impl Serialize) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    async fn call<T: DeserializeOwned>(&self, what: &'static str, request: RequestBuilder) -> Result<T, HubError> {
        read(what, accepted(what, send(what, request).await?).await?).await
    }
}

async fn send(what: &'static str, request: RequestBuilder) -> Result<Response, HubError> {
    // The URL is in the configuration; in an error it would only lengthen the trace.
    request.send().await.map_err(|e| HubError::Unreachable { what, source: e.without_url() })
}

async fn accepted(what: &'static str, response: Response) -> Result<Response, HubError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let said = body(what, response).await.ok().and_then(|b| serde_json::from_slice::<Problem>(&b).ok());
    let problem = said.map_or_else(|| "without a reason".to_owned(), |p| p.problem.chars().take(PROBLEM_CHARS_MAX).collect());
    Err(HubError::Refused { what, status, problem })
}

async fn read<T: DeserializeOwned>(what: &'static str, response: Response) -> Result<T, HubError> {
    let bytes = body(what, response).await?;
    serde_json::from_slice(&bytes).map_err(|e| HubError::NotUnderstood { what, why: e.to_string() })
}

async fn body(what: &'static str, mut response: Response) -> Result<Vec<u8>, HubError> {
    let mut bytes = Vec::new();
    let unreachable = |e: reqwest::Error| HubError::Unreachable { what, source: e.without_url() };
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(HubError::NotUnderstood { what, why: format!("longer than {ANSWER_BYTES_MAX} bytes") });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
