//! The log of all sites' heads: what outside witnesses cosign, and what an outside clock stamps.
//!
//! Whenever the hub cosigns a site's head, that head becomes an entry here. Outside witnesses and the RFC 3161 authority see only this log's own
//! head, a size and a root, so nobody outside learns which clinics there are or how much they do. A hub that rewrote a site's history would have to
//! rewrite this log, and the witnesses would refuse it: their 409 or 422 is an alarm here, and a proof there.
//!
//! Nothing waits for the outside: heads are gathered and appended by a timer, each witness is asked in a task of its own, and what fails is tried
//! again later. What was cosigned but not yet appended when the hub ended is taken up from the archive at the next start.
//!
//! | module | what it does |
//! |---|---|
//! | `told` | the policy, the witnesses' addresses, the authority's |
//! | `log` | the log as files |
//! | `index` | where each head stands, what is remembered, alarms |
//! | `append` | gathering and appending |
//! | `outsiders`, `ask` | the outside witnesses |
//! | `stamps`, `stamp`, `der` | RFC 3161 |
//! | `view` | what the operator sees |

mod append;
mod ask;
mod der;
mod index;
mod log;
mod outsiders;
mod stamp;
mod stamps;
mod state;
#[cfg(test)]
mod tests;
mod told;
mod view;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::time::UtcTime;
use queue::writer::OpenError;
use thiserror::Error;
use tlog::proof::Proof;
use tlog::tree::LeafIndex;
use tlog::{Checkpoint, SignedNote, cosignature};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use index::{IndexError, SCHEMA};
pub(crate) use log::LogError;
pub(crate) use told::client as outside_client;
pub use told::{Outside, OutsideError, Pace};
pub(crate) use view::HeadsView;

use crate::hub::Hub;
use crate::keys::Keys;
use index::Index;
use log::Log;
use state::State;
use told::Told;

/// The log of heads and everything around it.
#[derive(Debug)]
pub(crate) struct Heads {
    keys: Arc<Keys>,
    directory: PathBuf,
    state: Arc<Mutex<State>>,
    index: Index,
    told: Told,
    pace: Pace,
    /// Cosigned heads that wait to be appended: the newest of each site.
    pending: Mutex<BTreeMap<String, Checkpoint>>,
    /// The size of the log, for whoever waits for it to grow.
    newest: watch::Sender<u64>,
    /// What each outsider said last.
    said: Mutex<BTreeMap<String, view::Said>>,
}

/// Why the log of heads cannot be opened.
#[derive(Debug, Error)]
pub enum HeadsError {
    /// Its files cannot be used.
    #[error("{0}")]
    Log(String),
    /// Its database cannot be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// What was told about the outside makes no sense.
    #[error(transparent)]
    Outside(#[from] OutsideError),
}

/// Why the log of heads did not do something. Ours.
#[derive(Debug, Error)]
pub(crate) enum HeadsFault {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// The head of the log in `directory`, where its tiles lead to it; none where it has none yet.
pub(crate) fn look(directory: &Path, key: &tlog::VerifierKey) -> Result<Option<Checkpoint>, HeadsError> {
    let log = Log::open(directory.to_owned(), key).map_err(|e| HeadsError::Log(crate::problem::chain(&e)))?;
    let head = log.newest().and_then(|note| note.text().parse::<Checkpoint>().ok());
    Ok(head)
}

/// Whether the log in `directory` has everything that `earlier` covers.
pub(crate) fn goes_on(
    directory: &Path,
    key: &tlog::VerifierKey,
    earlier: &Checkpoint,
) -> Result<bool, HeadsError> {
    let failed = |e: LogError| HeadsError::Log(crate::problem::chain(&e));
    let log = Log::open(directory.to_owned(), key).map_err(failed)?;
    if log.size() < earlier.size {
        return Ok(false);
    }
    Ok(log.root_at(earlier.size).map_err(failed)? == earlier.root)
}

impl Heads {
    /// Opens the log below the hub's directory, or begins it, and reads what is told about the outside.
    pub(crate) fn open(hub: &Path, keys: Arc<Keys>, outside: &Outside) -> Result<Self, HeadsError> {
        let told = outside.read(keys.heads.verifier())?;
        let directory = hub.join("heads");
        let failed = |e: LogError| HeadsError::Log(crate::problem::chain(&e));
        let log = Log::open(directory.clone(), keys.heads.verifier()).map_err(failed)?;
        let state = State::new(log, told.policy.clone(), keys.heads.verifier()).map_err(failed)?;
        let newest = watch::Sender::new(state.size());
        Ok(Self {
            keys,
            directory,
            state: Arc::new(Mutex::new(state)),
            index: Index::open(&hub.join("heads.db"))?,
            told,
            pace: outside.pace,
            pending: Mutex::default(),
            newest,
            said: Mutex::default(),
        })
    }

    /// Takes up a head that the hub just cosigned: the note that was handed out as the receipt.
    pub(crate) fn note(&self, receipt: &str) {
        let parsed =
            SignedNote::parse(receipt.as_bytes()).ok().and_then(|n| n.text().parse::<Checkpoint>().ok());
        let Some(head) = parsed else {
            tracing::error!("a receipt of this hub is no checkpoint");
            return;
        };
        self.await_append(head);
    }

    /// The C2SP tlog-proof of the newest head of a site's log that is no larger than `size`, under the newest head of this log that enough
    /// outsiders cosigned (or that this hub signed, where it was told of no outsiders). None where there is none yet.
    ///
    /// Its `extra` line holds the entry: the three lines of the site's head.
    pub(crate) async fn proof_for(&self, origin: &str, size: u64) -> Result<Option<String>, HeadsFault> {
        let Some((note, below)) = self.state().provable() else { return Ok(None) };
        let found = self.index.find(origin.to_owned(), size, below.get()).await?;
        let Some(place) = found else { return Ok(None) };
        let proof = self.with_state(move |state| -> Result<String, LogError> {
            let entry = state.log().entries(place.leaf)?.into_iter().next();
            let stands = entry
                .as_deref()
                .is_some_and(|e| e.starts_with(&format!("{}\n{}\n", place.origin, place.size)));
            if !stands {
                return Err(state
                    .log()
                    .damaged("tile/entries", &"an entry is not the one that the index names"));
            }
            let index = LeafIndex::new(place.leaf);
            let hashes = state.log().inclusion(index, below)?;
            let proof = Proof { index, extra: entry.map(String::into_bytes), hashes, checkpoint: note };
            Ok(proof.to_string())
        });
        Ok(proof.await.map(Some)?)
    }

    /// The head that the proof of [`Heads::proof_for`] is of, verified, with the proof and who outside cosigned what it leads to. Whoever takes it holds the
    /// site's log against its root.
    pub(crate) async fn outside(
        &self,
        origin: &str,
        size: u64,
    ) -> Result<Option<(Checkpoint, packet::Outside)>, HeadsFault> {
        let Some(text) = self.proof_for(origin, size).await? else { return Ok(None) };
        let key = self.keys.heads.verifier().clone();
        let read = self.with_state(move |state| {
            let (head, note) = shown(&text, &key).map_err(|e| state.log().damaged("checkpoint", &e))?;
            let (size, cosigned) = (head.size.get(), state.cosigned_by(&note));
            Ok::<_, LogError>((head, packet::Outside { size, cosigned, proof: text }))
        });
        Ok(Some(read.await?))
    }

    /// The size of the largest head of a site's log that this log has; 0 where it has none.
    pub(crate) async fn largest(&self, origin: &str) -> Result<u64, HeadsFault> {
        let found = self.index.find(origin.to_owned(), u64::MAX, u64::MAX).await?;
        Ok(found.map_or(0, |place| place.size))
    }

    /// All heads of a site's log that this log has, the smallest first, and when each came.
    pub(crate) async fn all_of(&self, origin: &str) -> Result<Vec<packet::WitnessedHead>, HeadsFault> {
        Ok(self.index.all_of(origin.to_owned()).await?)
    }

    /// Where the timestamps are kept: `<size>.tsr` and `<size>.checkpoint`, the bytes that were stamped.
    pub(crate) fn timestamps(&self) -> PathBuf {
        self.directory.join("timestamps")
    }

    fn await_append(&self, head: Checkpoint) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = pending.entry(head.origin.to_string()).or_insert_with(|| head.clone());
        if waiting.size < head.size {
            *waiting = head;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on a thread that may wait for the disk.
    async fn with_state<T: Send + 'static>(&self, work: impl FnOnce(&mut State) -> T + Send + 'static) -> T {
        let state = Arc::clone(&self.state);
        let run = move || work(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        match tokio::task::spawn_blocking(run).await {
            Ok(done) => done,
            Err(e) => std::panic::resume_unwind(e.into_panic()),
        }
    }

    /// Keeps an alarm and traces it. That it cannot be kept is traced as well: there is nobody else to tell.
    async fn raise(&self, kind: &'static str, detail: String) {
        tracing::error!(kind, detail, "alarm of the log of heads");
        if let Err(e) = self.index.raise(kind, detail, edge::clock::utc()).await {
            tracing::error!(cause = crate::problem::chain(&e), "the alarm cannot be kept");
        }
    }
}

/// Whether this witness cosigned a head, and when.
pub(crate) fn cosigned(note: &SignedNote, witness: &tlog::VerifierKey) -> Option<packet::Cosigned> {
    let seen = cosignature::verify(note, witness).ok()?;
    let seconds = i64::try_from(seen.time().unix_seconds()).ok()?;
    let time = UtcTime::from_unix_ms(seconds.checked_mul(1000)?).ok()?;
    Some(packet::Cosigned { by: witness.label().name.to_string(), time })
}

/// The head that a proof is of, where it is in the log under the checkpoint of the proof, and that checkpoint.
fn shown(
    proof: &str,
    key: &tlog::VerifierKey,
) -> Result<(Checkpoint, SignedNote), Box<dyn std::error::Error>> {
    let proof = Proof::parse(proof.as_bytes())?;
    let signed = tlog::VerifiedCheckpoint::from_note(proof.checkpoint.clone(), key)?;
    let entry = proof.extra.clone().unwrap_or_default();
    proof.verify_leaf(&tlog::leaf_hash(&entry), signed.checkpoint())?;
    Ok((std::str::from_utf8(&entry)?.parse()?, proof.checkpoint))
}

/// Gathers and appends, asks the witnesses and the authority, until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>) {
    let mut tasks = JoinSet::new();
    append::catch_up(&hub).await;
    for outsider in &hub.heads.told.outsiders {
        tasks.spawn(outsiders::run(Arc::clone(&hub), outsider.clone()));
    }
    if let Some(url) = &hub.heads.told.timestamps {
        tasks.spawn(stamps::run(Arc::clone(&hub), url.clone()));
    }
    append::run(&hub).await;
    while tasks.join_next().await.is_some() {}
}
