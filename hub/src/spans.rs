//! Spans, for whoever watches many services at one place: `OpenTelemetry` over OTLP/HTTP, where the hub was told of a collector, and nowhere else.
//!
//! A span names its plane, the method, the route's pattern and the status, or what the planner chose. Never an id, a name, an address, or a body: what
//! happened to whom stands in evidence and in the hub's own log, which do not leave by this way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use contract::decision::{Choice, Decision, Provenance};
use contract::time::UtcTime;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanKind, Status, Tracer as _, TracerProvider as _};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider};
use reqwest::Url;
use thiserror::Error;
use tokio::runtime::Handle;

use crate::heads::{OutsideError, outside_client};
use crate::hub::Hub;

/// Which plane a request came to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plane {
    Device,
    Operator,
}

impl Plane {
    const fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Operator => "operator",
        }
    }
}

/// Spans cannot be sent.
#[derive(Debug, Error)]
pub enum SpansError {
    /// Nothing can be connected to.
    #[error("no connection to the collector can be prepared")]
    Connect(#[source] OutsideError),
    /// The exporter does not take it.
    #[error("the exporter of spans cannot be made")]
    Exporter(#[source] ExporterBuildError),
}

/// Where spans go; nowhere, where the hub was told of no collector.
#[derive(Debug, Default)]
pub(crate) struct Spans(Option<SdkTracerProvider>);

impl Spans {
    /// For the collector at `base`: its traces are posted to `<base>/v1/traces`. To be called within the runtime that is to send them.
    pub(crate) fn open(base: Option<&Url>) -> Result<Self, SpansError> {
        let Some(base) = base else { return Ok(Self(None)) };
        let client = outside_client(base.scheme() == "https").map_err(SpansError::Connect)?;
        let sender = Sender { client, runtime: Handle::current(), failing: AtomicBool::new(false) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(format!("{}/v1/traces", base.as_str().trim_end_matches('/')))
            .with_http_client(sender)
            .build()
            .map_err(SpansError::Exporter)?;
        let what = Resource::builder_empty()
            .with_attribute(KeyValue::new("service.name", "suture-hub"))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).build())
            .with_resource(what.build())
            .build();
        Ok(Self(Some(provider)))
    }

    /// An incident was decided, from `began` until now.
    pub(crate) fn decided(&self, began: UtcTime, decision: &Decision) {
        let Some(provider) = &self.0 else { return };
        let choice = match &decision.choice {
            Choice::Run(runbook) => runbook.to_string(),
            Choice::Escalate(_) => "escalate".to_owned(),
        };
        let by = match decision.provenance {
            Provenance::Rules { .. } => "rules",
            Provenance::Model(_) => "model",
            Provenance::Person(_) => "person",
        };
        let tracer = provider.tracer("suture");
        let span =
            tracer.span_builder("decide").with_kind(SpanKind::Consumer).with_start_time(instant(began));
        let said = [KeyValue::new("suture.choice", choice), KeyValue::new("suture.by", by)];
        span.with_attributes(said).start(&tracer).end();
    }

    /// Sends what is left. Blocks.
    pub(crate) fn close(&self) {
        if let Some(provider) = &self.0
            && let Err(e) = provider.shutdown()
        {
            tracing::warn!(cause = crate::problem::chain(&e), "the last spans did not reach the collector");
        }
    }
}

/// A request, from its head until its answer's head.
pub(crate) async fn request(
    State((hub, plane)): State<(Arc<Hub>, Plane)>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let Some(provider) = &hub.spans.0 else { return next.run(request).await };
    let method = known(request.method());
    let (route, began) = (matched.map(|path| path.as_str().to_owned()), edge::clock::utc());
    let response = next.run(request).await;
    let tracer = provider.tracer("suture");
    // What matches no route is whatever somebody made up: it is not repeated.
    let verb = if method == OTHER { "HTTP" } else { method };
    let name = route.as_ref().map_or_else(|| verb.to_owned(), |route| format!("{verb} {route}"));
    let status = response.status();
    let mut said = vec![
        KeyValue::new("http.request.method", method),
        KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
        KeyValue::new("suture.plane", plane.word()),
    ];
    said.extend(route.map(|route| KeyValue::new("http.route", route)));
    let span = tracer.span_builder(name).with_kind(SpanKind::Server).with_start_time(instant(began));
    let mut span = span.with_attributes(said).start(&tracer);
    if status.is_server_error() {
        span.set_status(Status::error(status.canonical_reason().unwrap_or_default()));
    }
    span.end();
    response
}

/// What a method that somebody made up is called (`OpenTelemetry`, semantic conventions for HTTP spans, "HTTP request method").
const OTHER: &str = "_OTHER";

/// The method, where it is one of HTTP's.
fn known(method: &Method) -> &'static str {
    const ALL: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ];
    ALL.iter().find(|each| *each == method).map_or(OTHER, Method::as_str)
}

fn instant(time: UtcTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(time.unix_ms().unsigned_abs())
}

/// Posts to the collector, from the exporter's own thread.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    /// Whether the last time came to nothing: that is said once, and not every five seconds.
    failing: AtomicBool,
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(
        &self,
        request: axum::http::Request<Bytes>,
    ) -> Result<axum::http::Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let answered = client.execute(request).await.map_err(reqwest::Error::without_url)?;
            // What a collector answers is nothing to us but its status; and no room is given to it.
            Ok::<_, reqwest::Error>(answered.status())
        });
        let status = match sent.await? {
            Ok(status) => status,
            Err(e) => {
                self.went(Err(&e));
                return Err(e.into());
            }
        };
        self.went(Ok(status));
        let mut answer = axum::http::Response::new(Bytes::new());
        *answer.status_mut() = status;
        Ok(answer)
    }
}

impl Sender {
    fn went(&self, how: Result<axum::http::StatusCode, &reqwest::Error>) {
        let fails = how.as_ref().map_or(true, |status| !status.is_success());
        if self.failing.swap(fails, Ordering::Relaxed) == fails {
            return;
        }
        match how {
            Ok(status) if fails => {
                tracing::warn!(%status, "the collector does not take spans: they are dropped");
            }
            Ok(_) => tracing::info!("the collector takes spans again"),
            Err(e) => {
                tracing::warn!(
                    cause = crate::problem::chain(e),
                    "the collector cannot be reached: spans are dropped"
                );
            }
        }
    }
}
