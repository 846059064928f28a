//! `GET /metrics`: where Prometheus looks. It asks for a key that was made for `metrics-read`, and for nothing else.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use contract::people::Right;

use super::answers::{Answer, Text};
use super::describe::Sketch;
use super::route::{Route, reads};
use crate::hub::Hub;
use crate::metrics::exposition;
use crate::problem::Fault;

pub(super) fn routes() -> Vec<Route> {
    vec![reads("/metrics", Right::MetricsRead, "The hub's numbers, for Prometheus", show)]
}

/// 200, in Prometheus' text format.
struct Exposition(String);

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], self.0).into_response()
    }
}

impl Answer for Exposition {
    fn sketch(sketch: &mut Sketch) {
        Text::sketch(sketch);
    }
}

async fn show(State(hub): State<Arc<Hub>>) -> Result<Exposition, Fault> {
    let text = exposition(&hub, &hub.directory, edge::clock::utc()).await;
    text.map(Exposition).map_err(|e| Fault::ours("count", &e))
}
