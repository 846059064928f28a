//! Packets over the operator plane.

use std::io::Read;

use contract::ids::TenantId;
use contract::packet::{PacketMaking, PacketProgress, PacketRequest, PacketView};
use serde::Deserialize;

use super::Operator;
use crate::exit::Failure;

/// The largest file of a preview.
const PREVIEW_BYTES_MAX: u64 = 64 << 20;

#[derive(Deserialize)]
struct Packets {
    packets: Vec<PacketView>,
}

impl Operator {
    /// Has a packet made, or found. It takes as long as the tenant's logs are long.
    pub(crate) fn packet(&self, tenant: &TenantId, request: &PacketRequest) -> Result<PacketView, Failure> {
        let path = format!("/api/v1/tenants/{tenant}/packets");
        let post = self.agent.post(format!("{}{path}", self.base)).header("authorization", &self.bearer);
        let answer = post.config().timeout_global(None).build().send_json(request);
        let text = self.text(&path, answer)?;
        serde_json::from_str(&text)
            .map_err(|e| self.failed(&path, &format!("the answer is not understood: {e}")))
    }

    /// A tenant's packets, the newest first.
    pub(crate) fn packets(&self, tenant: &TenantId) -> Result<Vec<PacketView>, Failure> {
        let path = format!("/api/v1/tenants/{tenant}/packets");
        let text = self.fetched_text(&path)?;
        let packets: Packets = serde_json::from_str(&text)
            .map_err(|e| self.failed(&path, &format!("the answer is not understood: {e}")))?;
        Ok(packets.packets)
    }

    /// How far a packet that is being made has come; none where none is.
    pub(crate) fn packet_progress(&self, tenant: &TenantId) -> Result<Option<PacketProgress>, Failure> {
        let path = format!("/api/v1/tenants/{tenant}/packets/progress");
        let text = self.fetched_text(&path)?;
        Ok(serde_json::from_str::<PacketMaking>(&text).ok().and_then(|told| told.making))
    }

    /// A file of a packet.
    pub(crate) fn packet_file(
        &self,
        tenant: &TenantId,
        id: &str,
        file: &str,
    ) -> Result<impl Read + use<>, Failure> {
        let answer = self.fetch(&format!("/api/v1/tenants/{tenant}/packets/{id}/{file}"))?;
        Ok(answer.into_body().into_reader())
    }

    /// A file of a preview; none where the hub makes no such file.
    pub(crate) fn preview_file(&self, tenant: &TenantId, file: &str) -> Result<Option<Vec<u8>>, Failure> {
        let path = format!("/api/v1/tenants/{tenant}/packets/preview/{file}");
        match self.fetch(&path) {
            Ok(answer) => {
                let read = answer.into_body().into_with_config().limit(PREVIEW_BYTES_MAX).read_to_vec();
                read.map(Some).map_err(|e| self.failed(&path, &e.to_string()))
            }
            Err(e)
                if e.status == crate::exit::Status::NothingThere
                    && e.words.starts_with("there is no packet.") =>
            {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    fn fetched_text(&self, path: &str) -> Result<String, Failure> {
        let mut answer = self.fetch(path)?;
        answer.body_mut().read_to_string().map_err(|e| self.failed(path, &e.to_string()))
    }
}
