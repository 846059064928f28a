//! The witness: a verified copy of every site's evidence log, and the cosignatures over it.
//!
//! For each host the hub holds every entry, in the C2SP `tlog-tiles` layout, and the newest checkpoint that it verified, with its cosignature. It
//! cosigns a checkpoint only when it holds, durably, every entry that the checkpoint covers, and only when the tree over those entries, which are the
//! old ones and the new ones, has exactly the root that the host signed: so a log that was rewritten, or shown differently to somebody else, can
//! never be cosigned. What does not fit is an alarm, and the old head stands.
//!
//! A package that ends before its checkpoint does is staged: durable, not yet believed. Trusted: whoever can write to the archive can destroy the
//! copy, but cannot make it say something else without the host's key.

mod archive;
mod chain;
mod check;
mod head;
mod host;
mod opening;
mod published;
mod remembered;
mod staging;
mod tiles;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use contract::ids::HostId;
use contract::record::Record;
use contract::socket::EntryPackage;
use contract::time::UtcTime;
use identity::Holder;
use tokio::sync::OwnedMutexGuard;

pub(crate) use archive::{ArchiveError, FILE_MAX_BYTES};
pub(crate) use chain::KeyChain;
pub(crate) use check::Objection;
pub(crate) use published::Published;
pub(crate) use remembered::{NoTurn, turn};

use crate::keys::Keys;
use host::HostMirror;
use staging::Staging;
use tlog::VerifierKey;
use tlog::tile::Tile;

/// Whose log is mirrored, and how it is checked.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) holder: Holder,
    pub(crate) origin: String,
    /// The first key of the log, as it was pinned at enrolment. Later ones are handed over to in the log itself.
    pub(crate) evidence_key: String,
}

/// What the hub holds after a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// Entries held, staged ones included.
    pub(crate) size: u64,
    /// Entries held and covered by a checkpoint that was cosigned.
    pub(crate) verified: u64,
    /// The cosigned checkpoint over all of them, where nothing is staged.
    pub(crate) receipt: Option<String>,
}

/// What became of a package.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It is held. `cosigned` where it brought a new head. `shorter` is the size that the host signs now, where that is less than what it signed
    /// before and the hub holds: an honest host only grows.
    Held { held: Held, cosigned: bool, shorter: Option<u64> },
    /// It begins somewhere else than where the held log ends; or what was staged is not this log's, and is no longer held. What the operator must
    /// hear of comes with it.
    Elsewhere(Held, Option<Box<Objection>>),
    /// It is not what this log may bring.
    Refused(Box<Objection>),
}

/// The newest verified head, and the entries that no full bundle holds.
#[derive(Debug)]
pub(crate) struct Newest {
    pub(crate) size: u64,
    /// The head, cosigned.
    pub(crate) note: String,
    /// The partial bundle at its end, where it has one.
    pub(crate) partial: Option<(Tile, Vec<u8>)>,
}

/// An entry, and the proof that it stands in its log.
#[derive(Debug)]
pub(crate) struct Proven {
    /// Its exact bytes.
    pub(crate) entry: String,
    pub(crate) record: Record,
    /// The size of the tree that the proof is for.
    pub(crate) size: u64,
    /// A C2SP tlog-proof, under the newest cosigned head.
    pub(crate) proof: String,
}

type Slot = Arc<tokio::sync::Mutex<Option<HostMirror>>>;

/// All mirrored logs.
#[derive(Debug)]
pub(crate) struct Mirror {
    root: PathBuf,
    keys: Arc<Keys>,
    staging: Arc<Staging>,
    slots: Mutex<HashMap<HostId, Slot>>,
}

/// One host's log, held by one request at a time.
#[derive(Debug)]
pub(crate) struct Turn {
    slot: OwnedMutexGuard<Option<HostMirror>>,
    subject: Subject,
    root: PathBuf,
    keys: Arc<Keys>,
    staging: Arc<Staging>,
}

/// The newest head of a log's copy in `directory`, cosigned and of exactly the tiles' root; none where nothing is verified yet. Nothing is altered.
pub(crate) fn look(
    directory: &std::path::Path,
    subject: &Subject,
    witness: &VerifierKey,
) -> Result<Option<tlog::Checkpoint>, ArchiveError> {
    let archive = archive::Archive { directory: directory.to_owned() };
    let Some(bytes) = archive.checkpoint()? else { return Ok(None) };
    let pinned = subject.evidence_key.parse().map_err(|e| archive.damaged("(pinned key)", &e))?;
    let (head, receipt) = opening::open_head(&archive, &bytes, pinned, witness)?;
    let (size, root) = (head.range.size(), head.range.root());
    let origin = receipt.lines().next().unwrap_or_default().parse();
    Ok(Some(tlog::Checkpoint { origin: origin.map_err(|e| archive.damaged("checkpoint", &e))?, size, root }))
}

/// Whether a log's copy in `directory`, whose head is `head`, has everything that `earlier` covers.
pub(crate) fn goes_on(
    directory: &std::path::Path,
    head: &tlog::Checkpoint,
    earlier: &tlog::Checkpoint,
) -> Result<bool, ArchiveError> {
    let archive = archive::Archive { directory: directory.to_owned() };
    Ok(earlier.size <= head.size && archive.range(earlier.size, head.size)?.root() == earlier.root)
}

impl Mirror {
    /// The archive below `root`, cosigned with the hub's witness key.
    pub(crate) fn new(root: PathBuf, keys: Arc<Keys>) -> Self {
        let staging = Arc::new(Staging::of(&root));
        Self { root, keys, staging, slots: Mutex::new(HashMap::new()) }
    }

    /// Where a host's log is kept: its newest cosigned head is the file `checkpoint`.
    pub(crate) fn directory(&self, holder: &Holder) -> PathBuf {
        self.root.join(holder.tenant.as_str()).join(holder.host.as_str())
    }

    /// The keys that a host's log is said to have had. Nothing in it is verified: good for turning strangers away.
    pub(crate) fn keys_said(&self, subject: &Subject) -> Vec<VerifierKey> {
        let path = self.directory(&subject.holder).join("keys");
        let said = edge::file::read(&path, FILE_MAX_BYTES).unwrap_or_default();
        let later = chain::hints(&String::from_utf8_lossy(&said)).into_iter().map(|(key, _)| key);
        subject.evidence_key.parse().into_iter().chain(later).collect()
    }

    /// Waits for the host's turn.
    pub(crate) async fn turn(&self, subject: Subject) -> Turn {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(subject.holder.host.clone()).or_default())
        };
        let (keys, staging) = (Arc::clone(&self.keys), Arc::clone(&self.staging));
        Turn { slot: slot.lock_owned().await, subject, root: self.root.clone(), keys, staging }
    }
}

impl Turn {
    /// Reads the log from the disk again at the next turn.
    fn forget(&mut self) {
        *self.slot = None;
    }

    /// What is held.
    pub(crate) async fn held(self) -> (Self, Result<Held, ArchiveError>) {
        self.blocking(|mirror| Ok(mirror.held())).await
    }

    /// Takes a package.
    pub(crate) async fn take(
        self,
        package: EntryPackage,
        now: UtcTime,
    ) -> (Self, Result<Answer, ArchiveError>) {
        let keys = Arc::clone(&self.keys);
        self.blocking(move |mirror| mirror.take(&package, &keys.witness, now)).await
    }

    /// The keys of the verified log.
    pub(crate) async fn keys(self) -> (Self, Result<KeyChain, ArchiveError>) {
        self.blocking(|mirror| Ok(mirror.keys())).await
    }

    /// The newest verified head; none where nothing is verified yet.
    pub(crate) async fn newest(self) -> (Self, Result<Option<Newest>, ArchiveError>) {
        self.blocking(|mirror| mirror.newest()).await
    }

    /// The newest verified head, cosigned at `now`; none where nothing is verified yet.
    pub(crate) async fn renewed(self, now: UtcTime) -> (Self, Result<Option<String>, ArchiveError>) {
        let keys = Arc::clone(&self.keys);
        self.blocking(move |mirror| mirror.renewed(&keys.witness, now)).await
    }

    /// The verified records from `from` on, at most one bundle of them.
    pub(crate) async fn records(self, from: u64) -> (Self, Result<Vec<Record>, ArchiveError>) {
        self.blocking(move |mirror| mirror.records(from)).await
    }

    /// A verified entry with its proof under the newest cosigned head; none where there is no such entry.
    pub(crate) async fn proven(self, index: u64) -> (Self, Result<Option<Proven>, ArchiveError>) {
        self.blocking(move |mirror| mirror.proven(index)).await
    }

    /// The entries from `from` on, at most a package of them, under the cosigned head: what its own host may fetch back. None where nothing is
    /// cosigned yet.
    pub(crate) async fn package(self, from: u64) -> (Self, Result<Option<EntryPackage>, ArchiveError>) {
        self.blocking(move |mirror| mirror.package(from)).await
    }

    /// Runs `work` on a thread that may block, opening the host's log first where this is the first time.
    async fn blocking<T: Send + 'static>(
        mut self,
        work: impl FnOnce(&mut HostMirror) -> Result<T, ArchiveError> + Send + 'static,
    ) -> (Self, Result<T, ArchiveError>) {
        let run = move || {
            let mirror = match self.slot.take() {
                Some(mirror) => Ok(mirror),
                None => {
                    let staging = Arc::clone(&self.staging);
                    HostMirror::open(&self.root, &self.subject, self.keys.witness.verifier(), staging)
                }
            };
            let done = mirror.and_then(|mut mirror| {
                let done = work(&mut mirror)?;
                // Only after success: what failed midway is read from the disk again.
                *self.slot = Some(mirror);
                Ok(done)
            });
            (self, done)
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(done) => done,
            Err(e) => std::panic::resume_unwind(e.into_panic()),
        }
    }
}
