//! Everything that a packet is made of: each machine's log, walked from its first record to the head that its own key signed and this hub cosigned.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use contract::digest::Digest;
use contract::exception::Exceptions;
use contract::ids::{ControlId, HostId, TenantId};
use contract::packet::PacketProgress;
use contract::record::{Body, Record, Stage};
use contract::time::UtcTime;
use evidence::kit::SourceError;
use packet::{
    Act, Cosigned, Logged, Month, Outside, Silent, SilentReason, Span, Walk, WalkError, Whose, WitnessedHead,
};
use thiserror::Error;
use tlog::note::SignedNote;
use tlog::tile::{bundle, entry_bundles};
use tlog::{Checkpoint, TreeSize, VerifiedCheckpoint, VerifierKey};

use super::store::KeptError;
use crate::heads::HeadsFault;
use crate::hub::Hub;
use crate::kit::Tiles;
use crate::mirror::{ArchiveError, NoTurn, Subject};
use crate::people::Scope;
use crate::store::{HostLog, StoreError};

/// Why a packet is refused: no number is taken from a log that does not verify.
#[derive(Debug, Error)]
pub(crate) enum GatherError {
    /// A log does not lead to its head.
    #[error("the log of host {host} does not verify")]
    Walk {
        /// Whose.
        host: HostId,
        /// Where, and why.
        #[source]
        source: WalkError,
    },
    /// A head is not one that this hub cosigned and the log's key signed.
    #[error("the head of host {host} does not verify: restore this host's directory from a copy")]
    Head {
        /// Whose.
        host: HostId,
    },
    /// A file of a copy cannot be read.
    #[error("the copy of host {host}'s log cannot be read")]
    Copy {
        /// Whose.
        host: HostId,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// The mirror did not give it.
    #[error("the copy of host {host}'s log cannot be had")]
    Turn {
        /// Whose.
        host: HostId,
        /// Why.
        #[source]
        source: NoTurn,
    },
    /// The mirror cannot be read.
    #[error("the mirror")]
    Mirror(#[from] ArchiveError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log of heads did not answer.
    #[error(transparent)]
    Heads(#[from] HeadsFault),
    /// The packets did not answer.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// A text of exceptions that was kept is none.
    #[error("a text of exceptions that this hub kept cannot be read")]
    Exceptions(#[from] contract::exception::ExceptionError),
}

/// How far a walk has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    done: AtomicU64,
    of: AtomicU64,
}

impl Progress {
    pub(super) fn view(&self) -> PacketProgress {
        PacketProgress { done: self.done.load(Ordering::Relaxed), of: self.of.load(Ordering::Relaxed) }
    }
}

/// What is wanted of each log.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) span: Span,
    pub(super) controls: BTreeSet<ControlId>,
    pub(super) marks: Vec<(Month, UtcTime)>,
}

/// What was had.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) machines: Vec<Logged>,
    pub(super) silent: Vec<Silent>,
    pub(super) exceptions: BTreeMap<Digest, Exceptions>,
    pub(super) acts: Option<Vec<Act>>,
    pub(super) acts_since: Option<UtcTime>,
    /// Where each machine's log lies.
    pub(super) directories: BTreeMap<HostId, PathBuf>,
    /// Records that were verified.
    pub(super) records: u64,
}

/// A log with its head, before it is walked.
struct Pinned {
    host: HostLog,
    head: VerifiedCheckpoint,
    cosigned: Vec<Cosigned>,
    outside: Option<(Checkpoint, Outside)>,
    directory: PathBuf,
    retired: Option<UtcTime>,
    /// The heads that were taken into the log of heads, and when.
    heads: Vec<WitnessedHead>,
}

/// All of it.
pub(super) async fn gather(
    hub: &Arc<Hub>,
    tenant: Scope<TenantId>,
    wanted: Wanted,
    progress: Arc<Progress>,
) -> Result<Gathered, GatherError> {
    let retired: BTreeMap<HostId, UtcTime> = hub.store.retired(tenant.clone()).await?.into_iter().collect();
    let (mut pinned, mut silent) = (Vec::new(), Vec::new());
    for host in hub.store.logs_of(tenant.clone()).await? {
        let since = retired.get(&host.holder.host).copied();
        match pin(hub, host.clone(), since).await? {
            Some(one) => pinned.push(one),
            None if since.is_some() => {}
            None => {
                let reason = if host.evidence_key.is_none() {
                    SilentReason::NeverEnrolled
                } else {
                    SilentReason::NoRecordReceived
                };
                silent.push(Silent { site: host.holder.site, host: host.holder.host, reason });
            }
        }
    }
    let mut exceptions = BTreeMap::new();
    for (digest, text) in hub.packets.kept.exceptions(tenant.clone()).await? {
        // A text that is not what its digest says is none that a machine took.
        if Digest::of(text.as_bytes()) == digest {
            exceptions.insert(digest, Exceptions::parse("exceptions.yaml", &text)?);
        }
    }
    let (acts, acts_since) = acts(hub, &tenant, wanted.span).await.unzip();
    let records = pinned.iter().map(|one| one.head.checkpoint().size.get()).sum();
    progress.of.store(records, Ordering::Relaxed);
    let directories =
        pinned.iter().map(|one| (one.host.holder.host.clone(), one.directory.clone())).collect();
    let span = wanted.span;
    let walked = tokio::task::spawn_blocking(move || walk_all(pinned, &wanted, &progress));
    let mut machines = match walked.await {
        Ok(walked) => walked?,
        Err(e) => std::panic::resume_unwind(e.into_panic()),
    };
    // Of a machine that is looked after no more, and has nothing of this time, there is nothing to tell.
    machines.retain(|logged| logged.counts(span) || logged.machine.records > 0);
    Ok(Gathered {
        machines,
        silent,
        exceptions,
        acts,
        acts_since: acts_since.flatten(),
        directories,
        records,
    })
}

/// The newest head of a log, as its own key signed it; none where nothing of it ever came.
async fn pin(hub: &Arc<Hub>, host: HostLog, retired: Option<UtcTime>) -> Result<Option<Pinned>, GatherError> {
    let HostLog { holder, origin, evidence_key } = host.clone();
    let Some(evidence_key) = evidence_key else { return Ok(None) };
    let (id, directory) = (holder.host.clone(), hub.mirror.directory(&holder));
    let turn = crate::mirror::turn(hub, Subject { holder, origin: origin.clone(), evidence_key }).await;
    let turn = turn.map_err(|source| GatherError::Turn { host: id.clone(), source })?;
    let (turn, newest) = turn.newest().await;
    let Some(newest) = newest? else { return Ok(None) };
    let (_, keys) = turn.keys().await;
    let key = keys?.at(newest.size).clone();
    let (head, cosigned) = opened(&newest.note, &key, hub.keys.witness.verifier(), &origin)
        .ok_or(GatherError::Head { host: id })?;
    let mut heads = hub.heads.all_of(&origin).await?;
    heads.retain(|(size, _)| *size < newest.size);
    heads.push((newest.size, cosigned.first().map(|cosigned| cosigned.time)));
    let outside = hub.heads.outside(&origin, newest.size).await?;
    Ok(Some(Pinned { host, head, cosigned, outside, directory, retired, heads }))
}

/// The head under the log's own key, and when this hub cosigned it.
fn opened(
    note: &str,
    key: &VerifierKey,
    witness: &VerifierKey,
    origin: &str,
) -> Option<(VerifiedCheckpoint, Vec<Cosigned>)> {
    let note = SignedNote::parse(note.as_bytes()).ok()?;
    let cosigned = crate::heads::cosigned(&note, witness)?;
    let head = VerifiedCheckpoint::from_note(note, key).ok()?;
    (head.checkpoint().origin.to_string() == origin).then(|| (head, vec![cosigned]))
}

/// Walks all logs, as many at once as there are cores; the first that does not verify, in their order, is the answer.
fn walk_all(pinned: Vec<Pinned>, wanted: &Wanted, progress: &Progress) -> Result<Vec<Logged>, GatherError> {
    let (next, logs) =
        (AtomicUsize::new(0), pinned.into_iter().map(|one| Mutex::new(Some(one))).collect::<Vec<_>>());
    let done: Vec<Mutex<Option<Result<Logged, GatherError>>>> =
        logs.iter().map(|_| Mutex::default()).collect();
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(logs.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(log), Some(done)) = (logs.get(at), done.get(at)) else { return };
                    if let Some(pinned) = log.lock().unwrap_or_else(PoisonError::into_inner).take() {
                        *done.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(walk(pinned, wanted, progress));
                    }
                }
            });
        }
    });
    done.into_iter().filter_map(|done| done.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// Walks one log to its head.
fn walk(pinned: Pinned, wanted: &Wanted, progress: &Progress) -> Result<Logged, GatherError> {
    let Pinned { host, head, cosigned, outside, directory, retired, heads } = pinned;
    let identity::Holder { tenant, site, host } = host.holder;
    let tiles = Tiles::at(&directory);
    let marks = wanted.marks.iter().map(|(_, mark)| *mark).collect();
    let checkpoint = head.checkpoint();
    let (origin, size) = (checkpoint.origin.clone(), checkpoint.size);
    let whose = Whose { tenant, site, host: host.clone() };
    let walk = Walk::new(whose, origin, wanted.span, wanted.controls.clone(), marks);
    let mut walk = walk.witnessed_by(heads);
    let outside = match outside {
        Some((shown, outside)) => {
            walk = walk.shown(shown.size.get(), shown.root);
            Some(outside)
        }
        None => None,
    };
    let failed = |source| GatherError::Walk { host: host.clone(), source };
    let copy = |source| GatherError::Copy { host: host.clone(), source };
    for tile in entry_bundles(TreeSize::EMPTY, size) {
        let bytes = tiles.read(tile).map_err(copy)?;
        for entry in bundle::entries(&bytes, tile.width()) {
            walk.entry(entry.map_err(|e| copy(e.into()))?).map_err(failed)?;
        }
        progress.done.fetch_add(u64::from(tile.width()), Ordering::Relaxed);
    }
    let machine = walk.end(&head).map_err(failed)?;
    Ok(Logged { machine, head, cosigned, outside, retired })
}

/// What people did at the hub for the tenant, and since when the hub's own log tells of it; none where that log does not verify.
async fn acts(hub: &Hub, tenant: &TenantId, span: Span) -> Option<(Vec<Act>, Option<UtcTime>)> {
    let tenant = tenant.clone();
    let told = hub.people.log.walk(move |record| match record.seq {
        // Its first record says since when.
        0 => Some(Told::Since(record.time)),
        _ => act(record, &tenant, span).map(Told::Act),
    });
    match told.await {
        Ok(told) => {
            let since = told.iter().find_map(|told| match told {
                Told::Since(since) => Some(*since),
                Told::Act(_) => None,
            });
            let acts = told.into_iter().filter_map(|told| match told {
                Told::Act(act) => Some(act),
                Told::Since(_) => None,
            });
            Some((acts.collect(), since))
        }
        Err(e) => {
            tracing::error!(
                cause = crate::problem::chain(&e),
                "the hub's own log does not verify: packets say so"
            );
            None
        }
    }
}

enum Told {
    Since(UtcTime),
    Act(Act),
}

/// What was done, and not only looked at or refused: for the tenant, or on the hub's own machine, where it is nobody's and everybody's.
fn act(record: &Record, tenant: &TenantId, span: Span) -> Option<Act> {
    let Body::Acted(acted) = &record.body else { return None };
    let done = matches!(acted.stage, Stage::Ended { status } if (200..300).contains(&status));
    let theirs =
        acted.tenant.as_ref() == Some(tenant) || (acted.tenant.is_none() && acted.machine_user.is_some());
    (done && theirs && span.holds(record.time)).then(|| Act {
        person: acted.person.clone(),
        right: acted.right,
        machine_user: acted.machine_user.clone(),
        path: acted.path.clone().unwrap_or_default(),
        time: record.time,
        seq: record.seq,
    })
}
