//! Evidence comes in, is mirrored and cosigned; and what it says is what the incidents become.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contract::event::Event;
use contract::plane::{EvidenceHeld, EvidenceTaken};
use contract::socket::EntryPackage;

use super::peer::Device;
use super::{BODY_MAX_BYTES, EVIDENCE_MAX_BYTES};
use crate::consequence;
use crate::hub::Hub;
use crate::mirror::{Answer, ArchiveError, Held, Objection, Turn};
use crate::planning;
use crate::problem::{Fault, Strict, answer};

const _: () = assert!(EVIDENCE_MAX_BYTES > BODY_MAX_BYTES);

/// `GET /v1/evidence`.
pub(super) async fn held(State(hub): State<Arc<Hub>>, device: Device) -> Result<Response, Fault> {
    let turn = hub.mirror.turn(device.log()).await;
    let (turn, held) = turn.held().await;
    let held = held.map_err(|e| failed(&e))?;
    settle(&hub, &device, turn, &held).await?;
    Ok(answer(StatusCode::OK, &EvidenceHeld { size: held.size }))
}

/// `POST /v1/evidence`.
pub(super) async fn take(
    State(hub): State<Arc<Hub>>,
    device: Device,
    Strict(package): Strict<EntryPackage, EVIDENCE_MAX_BYTES>,
) -> Result<Response, Fault> {
    let turn = hub.mirror.turn(device.log()).await;
    let (turn, taken) = turn.take(package, edge::clock::utc()).await;
    match taken.map_err(|e| failed(&e))? {
        Answer::Held { held, cosigned } => {
            if cosigned {
                hub.tracer.emit(Event::Cosigned { size: held.verified });
            }
            settle(&hub, &device, turn, &held).await?;
            Ok(answer(StatusCode::OK, &EvidenceTaken { size: held.size, receipt: held.receipt }))
        }
        Answer::Elsewhere(held) => Ok(answer(StatusCode::CONFLICT, &EvidenceHeld { size: held.size })),
        Answer::Refused(objection) => Err(refuse(&hub, &device, &objection).await?),
    }
}

/// Applies what the verified records say, in order, from where it was left: after a crash the next request goes on.
async fn settle(hub: &Arc<Hub>, device: &Device, mut turn: Turn, held: &Held) -> Result<(), Fault> {
    let host = &device.holder.host;
    let ours = |e: &(dyn std::error::Error + 'static)| Fault::ours("apply the evidence", e);
    let mut settled = hub.store.settled(host.clone()).await.map_err(|e| ours(&e))?;
    while settled < held.verified {
        let (back, records) = turn.records(settled).await;
        turn = back;
        let records = records.map_err(|e| failed(&e))?;
        settled += records.len() as u64;
        let consequences = records.iter().flat_map(consequence::of).collect();
        let again = hub.store.settle(host.clone(), settled, consequences).await.map_err(|e| ours(&e))?;
        for (incident, retry) in again {
            planning::retry_later(hub, host.clone(), incident, retry);
        }
    }
    Ok(())
}

/// What a host may never do is kept as an alarm before it is answered.
async fn refuse(hub: &Hub, device: &Device, objection: &Objection) -> Result<Fault, Fault> {
    if let Some(alarm) = objection.alarm() {
        let host = &device.holder.host;
        tracing::error!(%host, tenant = %device.holder.tenant, kind = alarm.kind, detail = alarm.detail, "evidence alarm");
        let kept = hub.store.raise(host.clone(), alarm, edge::clock::utc()).await;
        kept.map_err(|e| Fault::ours("keep the alarm", &e))?;
    }
    let problem = format!(
        "{objection}; nothing was taken or cosigned, and the operator sees it: do not delete anything"
    );
    Ok(Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, problem))
}

fn failed(e: &ArchiveError) -> Fault {
    Fault::ours("use the archive", e)
}
