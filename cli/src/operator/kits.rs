//! Kits and sheets over the operator plane.

use std::io::Read;

use contract::ids::{HostId, TenantId};
use contract::kit::{KitRequest, KitView};
use contract::people::ProblemDetails;

use super::Operator;
use crate::exit::{Failure, Status};

impl Operator {
    /// Has a kit made, or found again. It takes as long as the tenant's logs are long.
    pub(crate) fn kit(&self, tenant: &TenantId, request: &KitRequest) -> Result<KitView, Failure> {
        let path = format!("/api/v1/tenants/{tenant}/kits");
        let post = self.agent.post(format!("{}{path}", self.base)).header("authorization", &self.bearer);
        let answer = post.config().timeout_global(None).build().send_json(request);
        let text = self.text(&path, answer)?;
        serde_json::from_str(&text)
            .map_err(|e| self.failed(&path, &format!("the answer is not understood: {e}")))
    }

    /// The zip of an export.
    pub(crate) fn kit_zip(&self, tenant: &TenantId, id: &str) -> Result<impl Read + use<>, Failure> {
        let path = format!("/api/v1/tenants/{tenant}/kits/{id}");
        let answer = self.fetch(&path)?;
        Ok(answer.into_body().into_reader())
    }

    /// A machine's installation sheet.
    pub(crate) fn sheet(&self, tenant: &TenantId, host: &HostId) -> Result<String, Failure> {
        let path = format!("/api/v1/tenants/{tenant}/hosts/{host}/sheet");
        let mut answer = self.fetch(&path)?;
        answer.body_mut().read_to_string().map_err(|e| self.failed(&path, &e.to_string()))
    }

    pub(super) fn fetch(&self, path: &str) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        let get = self.agent.get(format!("{}{path}", self.base)).header("authorization", &self.bearer);
        let answer = get
            .config()
            .timeout_global(None)
            .build()
            .call()
            .map_err(|e| self.failed(path, &e.to_string()))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refused(path, answer)) }
    }

    pub(super) fn text(
        &self,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<String, Failure> {
        let mut answer = answer.map_err(|e| self.failed(path, &e.to_string()))?;
        if !answer.status().is_success() {
            return Err(self.refused(path, answer));
        }
        answer.body_mut().read_to_string().map_err(|e| self.failed(path, &e.to_string()))
    }

    /// What the hub said instead, and whether it is the request that has to change.
    fn refused(&self, path: &str, mut answer: ureq::http::Response<ureq::Body>) -> Failure {
        let code = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        let Ok(ProblemDetails { detail: problem, .. }) = serde_json::from_str(&text) else {
            return self.failed(path, &format!("the hub answered {code}"));
        };
        match code {
            400 | 422 => Failure::new(Status::Usage, problem),
            404 | 409 => Failure::new(Status::NothingThere, problem),
            _ => self.failed(path, &format!("the hub answered {code}: {problem}")),
        }
    }

    pub(super) fn failed(&self, path: &str, why: &str) -> Failure {
        Failure::new(Status::Unavailable, format!("{}{path}: {why}", self.base))
    }
}
