//! The hub, as this device sees it: requests over mutual TLS 1.3 to one pinned authority. No proxy, no redirect, no other server.

mod error;

use std::collections::BTreeSet;
use std::time::Duration;

use contract::ids::OrderId;
use contract::incident::Incident;
use contract::plane::{
    EnrolRequest, Enrolled, EvidenceHeld, EvidenceTaken, GrantAnswer, IncidentTaken, OrdersWaiting, Problem,
    StandingIssued,
};
use contract::socket::{EntryPackage, OrderAnswer};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::HubUrl;
pub use error::{Disposition, HubError};

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

    /// `GET /v1/orders`, held back by the hub for up to `wait` where it has none but the `known` ones.
    pub async fn orders(&self, wait: Duration, known: &BTreeSet<OrderId>) -> Result<OrdersWaiting, HubError> {
        let known = known.iter().map(OrderId::as_str).collect::<Vec<_>>().join(",");
        let path = format!("/v1/orders?wait_ms={}&known={known}", wait.as_millis());
        self.call("orders", self.request(Method::GET, &path).timeout(wait + LIMIT)).await
    }

    /// `GET /v1/standing`.
    pub async fn standing(&self) -> Result<StandingIssued, HubError> {
        self.call("standing order", self.request(Method::GET, "/v1/standing")).await
    }

    /// `POST /v1/break-glass/<number>/answer`.
    pub async fn answer_glass(&self, number: u64, answer: &GrantAnswer) -> Result<(), HubError> {
        let request = self.post(&format!("/v1/break-glass/{number}/answer"), answer);
        accepted("break-glass", send("break-glass", request).await?).await.map(drop)
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

    /// `GET /v1/evidence/entries`: what the hub holds of this device's own log from `from` on, at most a package of it.
    pub async fn evidence_entries(&self, from: u64) -> Result<EntryPackage, HubError> {
        let path = format!("/v1/evidence/entries?from={from}");
        self.call("evidence entries", self.request(Method::GET, &path)).await
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

    async fn call<T: DeserializeOwned>(
        &self,
        what: &'static str,
        request: RequestBuilder,
    ) -> Result<T, HubError> {
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
    let problem = said.map_or_else(
        || "without a reason".to_owned(),
        |p| p.problem.chars().take(PROBLEM_CHARS_MAX).collect(),
    );
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
            return Err(HubError::NotUnderstood {
                what,
                why: format!("longer than {ANSWER_BYTES_MAX} bytes"),
            });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
