//! The heads that an export stands on: the newest one of each log that this hub cosigned, as it stands in the mirror's copy.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use contract::ids::HostId;
use contract::time::UtcTime;
use edge::file::{FileError, read};
use tlog::note::SignedNote;
use tlog::{Checkpoint, cosignature};

use super::KitFault;
use super::copy::Copies;
use super::documents::{Silence, Silent};
use super::exports::Kept;
use super::make::MakeError;
use crate::hub::Hub;
use crate::mirror::Subject;
use crate::store::HostLog;

/// The largest head that is read.
const HEAD_BYTES_MAX: u64 = tlog::note::NOTE_BYTES_MAX as u64;
/// How many time stamps over the log of heads go into a kit: the newest, about one a day.
const STAMPS_MAX: usize = 40;

/// A log with its newest cosigned head.
#[derive(Debug, Clone)]
pub(super) struct Pinned {
    pub(super) host: HostLog,
    pub(super) note: String,
    pub(super) head: Checkpoint,
    pub(super) directory: PathBuf,
}

/// The pinned heads of the hosts, each cosigned afresh, and the hosts that have none. An old cosignature would leave open what came after it.
pub(super) async fn all(
    hub: &Arc<Hub>,
    hosts: Vec<HostLog>,
    now: UtcTime,
) -> Result<(Vec<Pinned>, Vec<Silent>), KitFault> {
    let (mut pinned, silent) = as_they_lie(hub, hosts).await?;
    for log in &mut pinned {
        renew(hub, log, now).await?;
    }
    Ok((pinned, silent))
}

async fn renew(hub: &Hub, log: &mut Pinned, now: UtcTime) -> Result<(), KitFault> {
    let HostLog { holder, origin, evidence_key } = log.host.clone();
    let host = holder.host.clone();
    let damaged = || MakeError::Head { host: host.clone() };
    let evidence_key = evidence_key.ok_or_else(damaged)?;
    // Never below what this hub vouched for before: a copy that was put back is not exported.
    let turn = crate::mirror::turn(hub, Subject { holder, origin, evidence_key }).await.map_err(|e| {
        tracing::error!("a log's copy is not exported: {e}");
        damaged()
    })?;
    let (_, renewed) = turn.renewed(now).await;
    let note = renewed.map_err(|e| {
        tracing::error!("a log's head was not cosigned for a kit: {e}");
        damaged()
    })?;
    let note = note.ok_or_else(damaged)?;
    let text = SignedNote::parse(note.as_bytes()).map_err(|_| damaged())?;
    log.head = text.text().parse().map_err(|_| damaged())?;
    log.note = note;
    Ok(())
}

async fn as_they_lie(hub: &Arc<Hub>, hosts: Vec<HostLog>) -> Result<(Vec<Pinned>, Vec<Silent>), KitFault> {
    let mut known = Vec::with_capacity(hosts.len());
    for host in hosts {
        let settled = hub.store.settled(host.holder.host.clone()).await.map_err(KitFault::from)?;
        known.push((host, settled));
    }
    let hub = Arc::clone(hub);
    let run = move || {
        let (mut pinned, mut silent) = (Vec::new(), Vec::new());
        for (host, settled) in known {
            match one(&hub, &host, settled)? {
                Some(log) => pinned.push(log),
                None => silent.push(without_log(host)),
            }
        }
        Ok((pinned, silent))
    };
    super::make::blocking(run).await
}

fn without_log(host: HostLog) -> Silent {
    let reason = if host.evidence_key.is_none() { Silence::NeverEnrolled } else { Silence::NoRecordReceived };
    Silent { host: host.holder.host, site: host.holder.site, reason }
}

/// The head of one host's log. `settled` records of it have had their consequences: a copy that has fewer was lost, and is not "nothing received".
fn one(hub: &Hub, host: &HostLog, settled: u64) -> Result<Option<Pinned>, KitFault> {
    let directory = hub.mirror.directory(&host.holder);
    let path = directory.join("checkpoint");
    let bytes = match read(&path, HEAD_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(e) if e.source.kind() == io::ErrorKind::NotFound && settled == 0 => return Ok(None),
        Err(e) => return Err(MakeError::File(e).into()),
    };
    let damaged = || MakeError::Head { host: host.holder.host.clone() };
    let note = SignedNote::parse(&bytes).map_err(|_| damaged())?;
    let seen = cosignature::verify(&note, hub.keys.witness.verifier()).map_err(|_| damaged())?;
    if seen.checkpoint().origin.to_string() != host.origin || seen.checkpoint().size.get() < settled {
        return Err(damaged().into());
    }
    let head = seen.checkpoint().clone();
    Ok(Some(Pinned { host: host.clone(), note: note.to_string(), head, directory }))
}

/// Whether an export says all that could be said of its period now: the same logs, and none that has grown where it might have grown within.
pub(super) fn nothing_new(pinned: &[Pinned], kept: &Kept) -> bool {
    let same = |log: &Pinned| {
        let exported = kept.view.logs.iter().find(|there| there.host == log.host.holder.host);
        exported.is_some_and(|there| {
            let settled = kept.settled.get(there.host.as_str()).copied().unwrap_or(false);
            settled || there.size == log.head.size.get()
        })
    };
    pinned.len() == kept.view.logs.len() && pinned.iter().all(same)
}

/// Proofs of the heads in the log of heads, and the newest time stamps over that log, by their names in the kit.
pub(super) async fn proofs(hub: &Arc<Hub>, pinned: &[Pinned]) -> Result<BTreeMap<String, Vec<u8>>, KitFault> {
    let mut files = BTreeMap::new();
    for Pinned { host, head, .. } in pinned {
        let proof = hub.heads.proof_for(&host.origin, head.size.get()).await?;
        if let Some(proof) = proof {
            files.insert(format!("logs/{}/head.tlog-proof", host.holder.host), proof.into_bytes());
        }
    }
    let directory = hub.heads.timestamps();
    files.extend(super::make::blocking(move || Ok(stamps(&directory).map_err(MakeError::File)?)).await?);
    Ok(files)
}

/// The alarms of the log of heads, as the status shows them.
pub(super) async fn alarms_of_heads(hub: &Hub) -> Result<Vec<serde_json::Value>, KitFault> {
    let view = serde_json::to_value(hub.heads.view().await?).map_err(MakeError::Document)?;
    // A view without such a list would read as "nothing went wrong": that is an error instead.
    let alarms = view.get("alarms").cloned().unwrap_or_default();
    Ok(serde_json::from_value(alarms).map_err(MakeError::Document)?)
}

fn stamps(directory: &std::path::Path) -> Result<BTreeMap<String, Vec<u8>>, FileError> {
    let failed = |source| FileError { path: directory.to_owned(), action: "list it", source };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(failed(e)),
    };
    let mut sizes = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let size = name.to_str().and_then(|name| name.strip_suffix(".tsr")?.parse::<u64>().ok());
        sizes.extend(size);
    }
    sizes.sort_unstable();
    let mut files = BTreeMap::new();
    for size in sizes.iter().rev().take(STAMPS_MAX) {
        for kind in ["checkpoint", "tsr"] {
            let name = format!("{size}.{kind}");
            let bytes = read(&directory.join(&name), HEAD_BYTES_MAX)?;
            files.insert(format!("heads/{name}"), bytes);
        }
    }
    Ok(files)
}

/// Where the copies of the hosts' logs are.
pub(super) fn copies(hub: &Hub, hosts: &[HostLog]) -> Copies {
    let place = |host: &HostLog| -> (HostId, PathBuf) {
        (host.holder.host.clone(), hub.mirror.directory(&host.holder))
    };
    Copies(hosts.iter().map(place).collect())
}
