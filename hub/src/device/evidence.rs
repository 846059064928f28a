//! Evidence comes in, is mirrored and cosigned; and what it says is what the incidents become.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use contract::event::Event;
use contract::plane::{EvidenceHeld, EvidenceTaken};
use contract::record::{Body, KeyTaken};
use contract::socket::EntryPackage;
use identity::Holder;
use serde::Deserialize;

use super::bounded::{read_measured, room};
use super::peer::Device;
use super::rates::Sent;
use super::{BODY_MAX_BYTES, EVIDENCE_MAX_BYTES};
use crate::consequence;
use crate::events::Happened;
use crate::hub::Hub;
use crate::mirror::{self, Answer, ArchiveError, Held, NoTurn, Objection, Turn};
use crate::planning;
use crate::problem::{Fault, announced, answer};
use crate::reading;
use crate::store::{Alarm, Lesson};
use crate::witness;

/// The alarm's word where a host has less than the hub holds of it: a disk that was lost or put back, or somebody who took records away.
const SHORTER_LOG: &str = "shorter_log";

const _: () = assert!(EVIDENCE_MAX_BYTES > BODY_MAX_BYTES);

/// `GET /v1/evidence`.
pub(super) async fn held(State(hub): State<Arc<Hub>>, device: Device) -> Result<Response, Fault> {
    let turn = turn_of(&hub, &device).await?;
    let (turn, held) = turn.held().await;
    let held = held.map_err(|e| failed(&e))?;
    settle(&hub, &device, turn, &held).await?;
    Ok(answer(StatusCode::OK, &EvidenceHeld { size: held.size }))
}

/// From which entry on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    from: u64,
}

/// `GET /v1/evidence/entries?from=`: a device's own entries, for one that lost them. Whose they are is the certificate's word alone.
pub(super) async fn entries(
    State(hub): State<Arc<Hub>>,
    device: Device,
    query: Result<Query<From>, QueryRejection>,
) -> Result<Response, Fault> {
    let Query(From { from }) = query.map_err(|e| {
        Fault::theirs(StatusCode::BAD_REQUEST, format!("the query must be from=<index of an entry>: {e}"))
    })?;
    let turn = turn_of(&hub, &device).await?;
    let (_turn, package) = turn.package(from).await;
    match package.map_err(|e| failed(&e))? {
        Some(package) => {
            if !package.entries.is_empty() {
                let detail =
                    "the host fetches back entries that the hub holds: its own log is shorter".to_owned();
                raise(&hub, &device, Alarm { kind: SHORTER_LOG, detail }).await?;
            }
            Ok(answer(StatusCode::OK, &package))
        }
        None => Err(Fault::theirs(
            StatusCode::NOT_FOUND,
            "the hub holds nothing of this log that it has cosigned",
        )),
    }
}

/// `POST /v1/evidence`.
pub(super) async fn take(
    State(hub): State<Arc<Hub>>,
    device: Device,
    request: Request,
) -> Result<Response, Fault> {
    // Held to the end: it is worked on for as long as its turn takes.
    let length = announced(&request).unwrap_or(EVIDENCE_MAX_BYTES).min(EVIDENCE_MAX_BYTES);
    let _room = room(&hub, &device, length).await?;
    let package: EntryPackage =
        read_measured(&hub, &device, Sent::EvidenceKb, request, EVIDENCE_MAX_BYTES).await?;
    let turn = turn_of(&hub, &device).await?;
    let (offered, first) = (package.checkpoint.clone(), package.entries.first().cloned());
    let (turn, taken) = turn.take(package, edge::clock::utc()).await;
    match taken.map_err(|e| failed(&e))? {
        Answer::Held { held, cosigned, shorter } => {
            if let Some(signs) = shorter {
                let detail = format!("the host signs {signs} entries, and the hub holds {}", held.verified);
                raise(&hub, &device, Alarm { kind: SHORTER_LOG, detail }).await?;
            }
            crate::metrics::PACKAGES_TAKEN.count();
            crate::metrics::EVIDENCE_TAKEN.mark(edge::clock::utc());
            if cosigned {
                hub.tracer.emit(Event::Cosigned { size: held.verified });
                let Holder { tenant, site: _, host } = &device.holder;
                hub.events.tell(tenant, host, Happened::Evidence(held.verified));
                if let Some(receipt) = &held.receipt {
                    hub.heads.note(receipt);
                }
            }
            settle(&hub, &device, turn, &held).await?;
            Ok(answer(StatusCode::OK, &EvidenceTaken { size: held.size, receipt: held.receipt }))
        }
        Answer::Elsewhere(held, objection) => {
            if let Some(alarm) = objection.and_then(|objection| objection.alarm()) {
                raise(&hub, &device, alarm).await?;
            }
            Ok(answer(StatusCode::CONFLICT, &EvidenceHeld { size: held.size }))
        }
        Answer::Refused(objection) => {
            let entry = first.filter(|_| matches!(*objection, Objection::OtherHistory { .. }));
            if matches!(*objection, Objection::Fork { .. } | Objection::OtherHistory { .. }) {
                let directory = hub.mirror.directory(&device.holder);
                witness::keep_both(&hub, &directory, &offered, entry.as_deref());
            }
            Err(refuse(&hub, &device, &objection).await?)
        }
    }
}

/// Applies what the verified records say, in order, from where it was left: after a crash the next request goes on.
async fn settle(hub: &Arc<Hub>, device: &Device, mut turn: Turn, held: &Held) -> Result<(), Fault> {
    let host = &device.holder.host;
    let ours = |e: &(dyn std::error::Error + 'static)| Fault::ours("apply the evidence", e);
    let (back, read) = reading::catch_up(hub, turn, host).await;
    turn = back;
    let mut settled = read.map_err(|e| ours(&e))?;
    while settled < held.verified {
        let (back, records) = turn.records(settled).await;
        turn = back;
        let records = records.map_err(|e| failed(&e))?;
        for record in &records {
            if let Body::KeyTaken(taken) = &record.body {
                raise(hub, device, rotated(record.seq, taken)).await?;
            }
        }
        settled += records.len() as u64;
        let consequences = records.iter().flat_map(consequence::of).collect();
        let lesson = Lesson { records, received: Some(edge::clock::utc()) };
        let now = hub.store.settle(host.clone(), settled, consequences, lesson).await;
        let now = now.map_err(|e| ours(&e))?;
        for incident in now.changed {
            hub.events.tell(&device.holder.tenant, host, Happened::Incident(incident));
        }
        for plan in now.freed {
            planning::enqueue_later(hub, plan);
        }
        for (incident, retry) in now.again {
            planning::retry_later(hub, host.clone(), incident, retry);
        }
    }
    Ok(())
}

/// A genuine change of keys is no fault; but whoever keeps keys on paper has to know.
fn rotated(index: u64, taken: &KeyTaken) -> Alarm {
    let from = index + 1;
    let detail =
        format!("the log's key is now {}: only heads that it signs count from {from} entries on", taken.key);
    Alarm { kind: "key_rotated", detail }
}

/// Keeps an alarm.
async fn raise(hub: &Hub, device: &Device, alarm: Alarm) -> Result<(), Fault> {
    let host = &device.holder.host;
    tracing::error!(%host, tenant = %device.holder.tenant, kind = alarm.kind, detail = alarm.detail, "evidence alarm");
    let kept = hub.store.raise(host.clone(), alarm, edge::clock::utc()).await;
    hub.events.tell(&device.holder.tenant, host, Happened::Alarm);
    kept.map_err(|e| Fault::ours("keep the alarm", &e))
}

/// What a host may never do is kept as an alarm before it is answered.
async fn refuse(hub: &Hub, device: &Device, objection: &Objection) -> Result<Fault, Fault> {
    if let Some(alarm) = objection.alarm() {
        raise(hub, device, alarm).await?;
    }
    let problem = format!(
        "{objection}; nothing was taken or cosigned, and the operator sees it: do not delete anything"
    );
    Ok(Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, problem))
}

/// The turn of the device's own log.
async fn turn_of(hub: &Hub, device: &Device) -> Result<Turn, Fault> {
    mirror::turn(hub, device.log()).await.map_err(|e| match e {
        NoTurn::RolledBack { .. } => Fault::theirs(StatusCode::SERVICE_UNAVAILABLE, e.to_string()),
        NoTurn::Archive(_) | NoTurn::Store(_) | NoTurn::Heads(_) => Fault::ours("use the archive", &e),
    })
}

fn failed(e: &ArchiveError) -> Fault {
    Fault::ours("use the archive", e)
}
