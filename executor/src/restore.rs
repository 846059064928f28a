//! Fetching back what the log lost: entries that the hub holds and this machine does not, taken only under a head that this log's own key signed
//! and the hub's witness cosigned.
//!
//! The agent carries them and is believed in nothing. Such a head of a greater size than the log is proof that entries were lost here, whoever
//! brings it: until they are back nothing is written, since two histories of one log can never be made one again.
//!
//! That there are two is believed of nothing less: entries that do not follow this log's last record may have been altered on the way. Then all of the
//! hub's entries are asked for from the beginning, and only if they lead to the signed head without passing through this log's own is it a fork.

use contract::socket::{EntryPackage, PACKAGE_MAX_BYTES, PACKAGE_MAX_ENTRIES};
use evidence::{AppendError, TakeBackError};
use thiserror::Error;
use tlog::hash::{Hash, leaf_hash};
use tlog::tree::CompactRange;
use tlog::{Checkpoint, VerifiedCheckpoint};

use crate::receipt::{ReceiptError, Receipts};
use crate::recorder::Recorder;

/// The most that is fetched back: it is held in memory until it is whole and checked.
const BYTES_MAX: usize = 256 << 20;

/// A log that lacks entries, and what was fetched back so far.
#[derive(Debug)]
pub struct Lacking {
    recorder: Recorder,
    receipt: Option<Checkpoint>,
    /// The head that all of it has to lead to: the newest that the hub showed.
    head: Option<VerifiedCheckpoint>,
    entries: Vec<Vec<u8>>,
    bytes: usize,
    /// The hub's log from its beginning, where what came does not follow this log's last record.
    doubt: Option<Doubt>,
}

/// The hub's entries from the first on, as hashes.
#[derive(Debug, Default)]
struct Doubt {
    range: CompactRange,
    /// The root of as many of them as this log has.
    at_own: Option<Hash>,
}

/// This log and the one that the hub holds have parted: the same key signed the heads of both.
#[derive(Debug, Error)]
#[error(
    "the {held} entries that the hub holds under both signatures do not begin with the {size} that this log has"
)]
pub struct Fork {
    /// The log's own size.
    pub size: u64,
    /// The hub's.
    pub held: u64,
}

/// Why what came was not put back.
#[derive(Debug, Error)]
pub enum PutBackError {
    /// The log cannot be written.
    #[error(transparent)]
    Append(AppendError),
    /// There are two histories.
    #[error(transparent)]
    Fork(#[from] Fork),
    /// What came is of no use, and asked for again.
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// Why a package was not taken.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// Its checkpoint proves nothing.
    #[error("the checkpoint that came with it proves nothing")]
    Head(#[from] ReceiptError),
    /// The hub itself holds less than it once said.
    #[error(
        "the hub holds {held} entries, and its own receipt covers {receipt}: they are lost in both places; open a successor log (`suture-executor init --succeeds`)"
    )]
    BelowReceipt {
        /// What it shows.
        held: u64,
        /// What it once held.
        receipt: u64,
    },
    /// More than may be held in memory.
    #[error(
        "more than {} MiB are missing, more than is fetched back; copy the log's directory from the archive, or open a successor log",
        BYTES_MAX >> 20
    )]
    TooMuch,
    /// The package is larger than packages are.
    #[error("a package has at most {PACKAGE_MAX_ENTRIES} entries and {PACKAGE_MAX_BYTES} bytes of them")]
    Package,
    /// The entries are not those that the head covers. They are asked for again.
    #[error("what came is not what was signed; it is asked for again")]
    Differs(#[source] TakeBackError),
    /// The entries from the beginning on do not lead to the head either.
    #[error("the entries that came do not lead to the head that was signed; they are asked for again")]
    Altered,
}

/// What becomes of a package.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// More is wanted, from this index on.
    More(u64),
    /// All that was missing is here.
    Whole,
}

impl Lacking {
    /// The log of `recorder`, of which the hub holds more: at least what `receipt` covers, where there is one.
    pub const fn new(recorder: Recorder, receipt: Option<Checkpoint>) -> Self {
        Self { recorder, receipt, head: None, entries: Vec::new(), bytes: 0, doubt: None }
    }

    /// The log's own size.
    pub fn size(&self) -> u64 {
        self.recorder.size()
    }

    /// The index of the first entry that is wanted.
    pub fn wanted(&self) -> u64 {
        match &self.doubt {
            Some(doubt) => doubt.range.size().get(),
            None => self.size() + self.entries.len() as u64,
        }
    }

    /// Takes a package, if it is the next and its head counts.
    pub fn take(&mut self, package: EntryPackage, receipts: &Receipts) -> Result<Progress, RestoreError> {
        let EntryPackage { from, entries, checkpoint } = package;
        let shown = receipts.verify(&checkpoint)?;
        let held = shown.checkpoint().size.get();
        if let Some(receipt) = self.receipt.as_ref().map(|r| r.size.get()).filter(|r| *r > held) {
            return Err(RestoreError::BelowReceipt { held, receipt });
        }
        // What the hub holds does not grow while we are silent, but it may show an older head first.
        if self.head.as_ref().is_none_or(|h| h.checkpoint().size.get() < held) {
            self.head = Some(shown);
        }
        let bytes: usize = entries.iter().map(String::len).sum();
        if entries.len() > PACKAGE_MAX_ENTRIES || bytes > PACKAGE_MAX_BYTES {
            return Err(RestoreError::Package);
        }
        let (next, own) = (from == self.wanted(), self.size());
        if let Some(doubt) = self.doubt.as_mut().filter(|_| next) {
            doubt.follow(&entries, own);
        } else if next {
            self.bytes += bytes;
            if self.bytes > BYTES_MAX {
                self.begin_anew();
                return Err(RestoreError::TooMuch);
            }
            self.entries.extend(entries.into_iter().map(String::into_bytes));
        }
        let target = self.head.as_ref().map_or(0, |h| h.checkpoint().size.get());
        Ok(if self.wanted() >= target { Progress::Whole } else { Progress::More(self.wanted()) })
    }

    /// Puts what came into the log, durably, if it leads to exactly the root that was signed. `Err` says why not: then other bytes are wanted.
    pub fn put_back(&mut self) -> Result<Progress, PutBackError> {
        let (from, entries) = (self.size(), std::mem::take(&mut self.entries));
        let Some(head) = self.head.clone() else { return Ok(Progress::Whole) };
        if let Some(doubt) = self.doubt.take() {
            doubt.settle(self.recorder.head(), &head)?;
            return Ok(Progress::More(self.wanted()));
        }
        self.bytes = 0;
        match self.recorder.take_back(from, &entries, &head) {
            Ok(()) => Ok(Progress::Whole),
            Err(TakeBackError::Append(e)) => Err(PutBackError::Append(e)),
            Err(e) => {
                // An empty log has parted from nothing.
                let parted = matches!(e, TakeBackError::Misplaced { index, .. } if index == from && from > 0);
                self.doubt = parted.then(Doubt::default);
                Err(RestoreError::Differs(e).into())
            }
        }
    }

    /// Forgets what came: it was more than may be held.
    fn begin_anew(&mut self) {
        (self.entries, self.bytes) = (Vec::new(), 0);
    }
}

impl Doubt {
    /// Goes on over `entries`; a log of its own has `own` of them.
    fn follow(&mut self, entries: &[String], own: u64) {
        for entry in entries {
            self.range.append(leaf_hash(entry.as_bytes()));
            if self.range.size().get() == own {
                self.at_own = Some(self.range.root());
            }
        }
    }

    /// Whether the log whose newest head is `own` is the beginning of the one that `head` covers. Only entries that lead to that head tell.
    fn settle(
        &self,
        own: Option<&VerifiedCheckpoint>,
        head: &VerifiedCheckpoint,
    ) -> Result<(), PutBackError> {
        let signed = head.checkpoint();
        if (self.range.size(), self.range.root()) != (signed.size, signed.root) {
            return Err(RestoreError::Altered.into());
        }
        match own.map(VerifiedCheckpoint::checkpoint) {
            Some(own) if self.at_own != Some(own.root) => {
                Err(Fork { size: own.size.get(), held: signed.size.get() }.into())
            }
            Some(_) | None => Ok(()),
        }
    }
}
