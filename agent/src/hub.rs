//! The hub, as this device sees it: requests over mutual TLS 1.3 to one pinned authority. No redirect, no other server, and no proxy but one that the
//! configuration names: that is asked to CONNECT and sees a name, a port and bytes of TLS. What the environment says about proxies is not looked at.

mod error;
mod later;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use contract::blob::Blob;
use contract::heartbeat::{Heard, Heartbeat};
use contract::ids::OrderId;
use contract::incident::{Incident, What};
use contract::paper::PaperKind;
use contract::plane::{
    EnrolRequest, Enrolled, EnvelopeCarried, EvidenceHeld, EvidenceTaken, GrantAnswer, IncidentTaken,
    OrdersWaiting, PapersIssued, Problem, RenewRequest, StandingIssued, TurnedAway,
};
use contract::socket::{EntryPackage, OrderAnswer};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::config::{HubUrl, Proxy};
use crate::pulse::Board;
pub use error::{Disposition, HubError};
use later::Later;

/// The longest answer that is read: many orders of the largest size.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// The longest explanation that is kept.
const PROBLEM_CHARS_MAX: usize = 300;
/// How long one request may take, beyond what it asks the hub to wait.
const LIMIT: Duration = Duration::from_secs(15);

/// A connection to the hub. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    client: Arc<RwLock<Client>>,
    url: HubUrl,
    proxy: Option<Proxy>,
    /// Why it did not let this device in, when it last did not.
    turned_away: Arc<watch::Sender<Option<TurnedAway>>>,
    board: Board,
    later: Later,
}

/// That the hub keeps what it was told: an empty object, and not whatever somebody in between says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settled {}

/// The answer to a piece of evidence.
#[derive(Debug)]
pub enum Posted {
    /// It holds it.
    Taken(EvidenceTaken),
    /// The piece does not fit: this is how much it holds.
    Elsewhere(EvidenceHeld),
}

impl Hub {
    /// Speaks to `url` as `tls` says, by way of `proxy` where there is one.
    pub fn new(url: HubUrl, tls: ClientConfig, proxy: Option<Proxy>) -> Result<Self, HubError> {
        let client = Arc::new(RwLock::new(client(tls, proxy.as_ref())?));
        Ok(Self {
            client,
            url,
            proxy,
            turned_away: Arc::new(watch::Sender::new(None)),
            board: Board::default(),
            later: Later::default(),
        })
    }

    /// Shows another certificate from the next request on.
    pub fn show(&self, tls: ClientConfig) -> Result<(), HubError> {
        let renewed = client(tls, self.proxy.as_ref())?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        // A wait that began with the old certificate may still end with its complaint, which is then heard once more for nothing.
        self.turned_away.send_replace(None);
        Ok(())
    }

    /// Hears of it when this device is not let in.
    pub fn turned_away(&self) -> watch::Receiver<Option<TurnedAway>> {
        self.turned_away.subscribe()
    }

    /// Where it is written down how the hub was found, and how the parts fare.
    pub const fn board(&self) -> &Board {
        &self.board
    }

    /// `POST /v1/heartbeat`.
    pub async fn heartbeat(&self, said: &Heartbeat) -> Result<Heard, HubError> {
        self.call("heartbeat", self.post("/v1/heartbeat", said)).await
    }

    /// `POST /v1/enrol`.
    pub async fn enrol(&self, request: &EnrolRequest) -> Result<Enrolled, HubError> {
        self.call("enrol", self.post("/v1/enrol", request)).await
    }

    /// `POST /v1/renew`.
    pub async fn renew(&self, csr: String) -> Result<Enrolled, HubError> {
        self.call("renewal", self.post("/v1/renew", &RenewRequest { csr })).await
    }

    /// `POST /v1/incidents`. What detectors find may be put off for itself: that holds up no control's.
    pub async fn incident(&self, incident: &Incident) -> Result<IncidentTaken, HubError> {
        let what = match incident.what {
            What::Drift { .. } => "incident",
            What::Signal(_) => "signal",
        };
        self.call(what, self.post("/v1/incidents", incident)).await
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

    /// `GET /v1/papers`.
    pub async fn papers(&self) -> Result<PapersIssued, HubError> {
        self.call("papers", self.request(Method::GET, "/v1/papers")).await
    }

    /// `GET /v1/papers/<kind>`.
    pub async fn paper(&self, kind: PaperKind) -> Result<Blob, HubError> {
        let carried: EnvelopeCarried =
            self.call("paper", self.request(Method::GET, &format!("/v1/papers/{kind}"))).await?;
        Ok(carried.envelope)
    }

    /// `POST /v1/break-glass/<number>/answer`.
    pub async fn answer_glass(&self, number: u64, answer: &GrantAnswer) -> Result<(), HubError> {
        let request = self.post(&format!("/v1/break-glass/{number}/answer"), answer);
        self.settled("break-glass", request).await
    }

    /// `POST /v1/orders/<id>/answer`.
    pub async fn answer(&self, order: &OrderId, answer: &OrderAnswer) -> Result<(), HubError> {
        let request = self.post(&format!("/v1/orders/{order}/answer"), answer);
        self.settled("answer", request).await
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
        let response = self.send("evidence", self.post("/v1/evidence", package)).await?;
        if response.status() == StatusCode::CONFLICT {
            return self.read("evidence", response).await.map(Posted::Elsewhere);
        }
        self.read("evidence", self.accepted("evidence", response).await?).await.map(Posted::Taken)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner);
        client.request(method, format!("{}{path}", self.url.as_str())).timeout(LIMIT)
    }

    fn post(&self, path: &str, body: &impl Serialize) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        what: &'static str,
        request: RequestBuilder,
    ) -> Result<T, HubError> {
        self.read(what, self.accepted(what, self.send(what, request).await?).await?).await
    }

    /// Tells what is told until it is heard, and no longer: so only the agreed answer counts.
    async fn settled(&self, what: &'static str, request: RequestBuilder) -> Result<(), HubError> {
        let Settled {} = self.call(what, request).await?;
        Ok(())
    }

    async fn accepted(&self, what: &'static str, response: Response) -> Result<Response, HubError> {
        let status = response.status();
        let put_off = self.later.told(what, response.headers());
        // The hub says 200 and nothing else where it did what it was asked: another success is somebody else's.
        if status == StatusCode::OK {
            return Ok(response);
        }
        let said = body(what, response).await.ok().and_then(|b| serde_json::from_slice::<Problem>(&b).ok());
        if let Some(why) = said.as_ref().and_then(|problem| problem.turned_away) {
            self.turned_away.send_replace(Some(why));
        }
        let problem = said.map_or_else(
            || "without a reason".to_owned(),
            |p| p.problem.chars().take(PROBLEM_CHARS_MAX).collect(),
        );
        Err(self.noted(HubError::Refused { what, status, problem, put_off }))
    }

    async fn send(&self, what: &'static str, request: RequestBuilder) -> Result<Response, HubError> {
        self.later.wait(what).await;
        // The URL is in the configuration; in an error it would only lengthen the trace.
        let sent = request.send().await.map_err(|e| HubError::Unreachable { what, source: e.without_url() });
        sent.map_err(|e| self.noted(e))
    }

    async fn read<T: DeserializeOwned>(&self, what: &'static str, response: Response) -> Result<T, HubError> {
        let read = body(what, response).await.and_then(|bytes| {
            serde_json::from_slice(&bytes).map_err(|e| HubError::NotUnderstood { what, why: e.to_string() })
        });
        read.map_err(|e| self.noted(e))
    }

    fn noted(&self, error: HubError) -> HubError {
        if let Some(trouble) = error.trouble() {
            self.board.found(trouble);
        }
        error
    }
}

fn client(tls: ClientConfig, proxy: Option<&Proxy>) -> Result<Client, HubError> {
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .tcp_keepalive(Duration::from_secs(30))
        .pool_max_idle_per_host(2);
    let builder = match proxy {
        Some(proxy) => builder.proxy(proxy.connect().map_err(HubError::Setup)?),
        None => builder,
    };
    builder.build().map_err(HubError::Setup)
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
