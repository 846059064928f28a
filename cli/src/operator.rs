//! The hub's operator plane, as this command uses it.

mod calls;
mod kits;
mod learning;
mod orders;
mod packets;
mod papers;
mod people;

use std::net::SocketAddrV4;
use std::path::Path;
use std::time::Duration;

use contract::ids::{SiteId, TenantId};
use contract::people::ProblemDetails;
use contract::plane::{EnrolmentSheet, IncidentView, NewSite, NewTenant, Page};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exit::{Failure, Status};
pub(crate) use papers::AllowedFor;

/// `TCP_LISTEN`, as `/proc/net/tcp` writes it.
const LISTEN: &str = "0A";

/// How much of a list is asked for at once: as much as the hub gives.
const PAGE: u8 = 200;

/// The hub understood who asks, and refuses what the file holds.
const REFUSED: u16 = 422;
/// Where a session or a key is kept, where nothing else is said.
pub(crate) const TOKEN_FILE: &str = "./suture-data/operator.token";

/// A connection to one hub.
#[derive(Debug)]
pub(crate) struct Operator {
    agent: ureq::Agent,
    base: String,
    bearer: String,
}

impl Operator {
    /// Reads the session or key out of a file, for a hub of this user or of root: on a machine that others use too, anybody could listen where a hub is
    /// expected, and would be handed it.
    pub(crate) fn new(address: &str, token_file: &Path) -> Result<Self, Failure> {
        let stranger = Self::stranger(address)?;
        if !token_file.exists() {
            let words = format!("{}: nobody is logged in: see `suture login`", token_file.display());
            return Err(Failure::new(Status::CannotCreate, words));
        }
        Ok(stranger.with(edge::file::read_text(token_file, 4096)?.trim()))
    }

    /// The same hub, with a session or a key.
    pub(crate) fn with(self, secret: &str) -> Self {
        Self { bearer: format!("Bearer {secret}"), ..self }
    }

    /// A connection of somebody who is not known yet.
    pub(crate) fn stranger(address: &str) -> Result<Self, Failure> {
        if !listens_for_us(address) {
            let words = format!(
                "{address}: no hub of this user listens there; give the address that the hub printed with --operator"
            );
            return Err(Failure::new(Status::Unavailable, words));
        }
        let agent = ureq::Agent::config_builder()
            // Each request has a connection of its own: a kept one may have been closed by the hub just now.
            .max_idle_connections(0)
            .timeout_global(Some(Duration::from_secs(10)))
            .http_status_as_error(false)
            .build()
            .into();
        Ok(Self { agent, base: format!("http://{address}"), bearer: "Bearer none".to_owned() })
    }

    pub(crate) fn new_tenant(&self, tenant: &TenantId) -> Result<(), Failure> {
        self.post("/api/v1/tenants", &NewTenant { tenant: tenant.clone() }).map(|_: Value| ())
    }

    pub(crate) fn new_site(&self, tenant: &TenantId, site: &SiteId) -> Result<(), Failure> {
        self.post(&format!("/api/v1/tenants/{tenant}/sites"), &NewSite { site: site.clone() })
            .map(|_: Value| ())
    }

    pub(crate) fn new_enrolment(&self, tenant: &TenantId, site: &SiteId) -> Result<EnrolmentSheet, Failure> {
        self.post(&format!("/api/v1/tenants/{tenant}/sites/{site}/enrolments"), &serde_json::json!({}))
    }

    pub(crate) fn incidents(&self, tenant: &TenantId) -> Result<Vec<IncidentView>, Failure> {
        self.all(&format!("/api/v1/tenants/{tenant}/incidents"))
    }

    pub(crate) fn status(&self) -> Result<Value, Failure> {
        let path = format!("/api/v1/status?limit={PAGE}");
        let mut status: Value = self.get(&path)?;
        // Its hosts come page by page; the rest is the same on each.
        while let Some(cursor) = status["next"].as_str() {
            let mut page: Value = self.get(&format!("{path}&cursor={cursor}"))?;
            status["next"] = page["next"].take();
            let (Value::Array(all), Value::Array(more)) = (&mut status["hosts"], page["hosts"].take()) else {
                break;
            };
            all.extend(more);
        }
        Ok(status)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer =
            self.agent.get(format!("{}{path}", self.base)).header("authorization", &self.bearer).call();
        self.read(path, answer)
    }

    /// A whole list, page by page.
    fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Failure> {
        let first: Page<T> = self.get(&format!("{path}?limit={PAGE}"))?;
        let (mut all, mut next) = (first.items, first.next);
        while let Some(cursor) = next {
            let page: Page<T> = self.get(&format!("{path}?limit={PAGE}&cursor={cursor}"))?;
            all.extend(page.items);
            next = page.next;
        }
        Ok(all)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let request = self.agent.post(format!("{}{path}", self.base)).header("authorization", &self.bearer);
        self.read(path, request.send_json(body))
    }

    fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<T, Failure> {
        let failed = |why: String| Failure::new(Status::Unavailable, format!("{}{path}: {why}", self.base));
        let mut answer = answer.map_err(|e| failed(e.to_string()))?;
        let status = answer.status();
        let text = answer.body_mut().read_to_string().map_err(|e| failed(e.to_string()))?;
        if !status.is_success() {
            let problem = serde_json::from_str::<ProblemDetails>(&text).map_or(text, |p| p.detail);
            if status.as_u16() == REFUSED {
                return Err(Failure::new(Status::Refused, problem));
            }
            return Err(failed(format!("the hub answered {status}: {problem}")));
        }
        // An empty body stands for "done".
        let json = if text.is_empty() { "null" } else { text.as_str() };
        serde_json::from_str(json).map_err(|e| failed(format!("the hub's answer is not understood: {e}")))
    }
}

/// Whether the socket that listens on this IPv4 loopback address belongs to this user or to root, by the kernel's word (`/proc/net/tcp`, proc(5)).
fn listens_for_us(address: &str) -> bool {
    let Ok(wanted) = address.parse::<SocketAddrV4>() else { return false };
    let local = format!("{:08X}:{:04X}", u32::from_ne_bytes(wanted.ip().octets()), wanted.port());
    let own = rustix::process::geteuid().as_raw();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    wanted.ip().is_loopback()
        && table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).any(|fields| {
            let uid = fields.get(7).and_then(|uid| uid.parse::<u32>().ok());
            fields.get(1) == Some(&local.as_str())
                && fields.get(3) == Some(&LISTEN)
                && uid.is_some_and(|uid| uid == own || uid == 0)
        })
}
