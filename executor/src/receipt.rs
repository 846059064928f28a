//! The hub's receipt: a head of this log, cosigned by the pinned witness, kept beside the log.
//!
//! It is how the executor notices that its log was cut short or put back as a whole: nothing inside the log's own directory could tell. Whoever can
//! also put the receipt back to the same age is noticed by the hub alone, which holds the newer head.

use std::path::PathBuf;

use contract::time::UtcTime;
use edge::file;
use thiserror::Error;
use tlog::{Checkpoint, SignedNote, VerifiedCheckpoint, VerifierKey};

/// The longest receipt: a note with two signatures.
const RECEIPT_MAX_BYTES: u64 = 4096;

/// Where the receipt is kept, and whose signatures it must bear.
#[derive(Debug)]
pub struct Receipts {
    /// Its file.
    pub path: PathBuf,
    /// The hub's witness key.
    pub witness: VerifierKey,
    /// The log's own keys, the one in force first.
    pub log: Vec<VerifierKey>,
}

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The head that it covers.
    pub head: Checkpoint,
    /// When the hub gave it, by the hub's clock.
    pub time: UtcTime,
}

impl Receipt {
    /// How many entries the hub held.
    pub const fn size(&self) -> u64 {
        self.head.size.get()
    }
}

/// Why a receipt was not kept, or not believed.
#[derive(Debug, Error)]
pub enum ReceiptError {
    /// Not a note.
    #[error("it is not a signed note")]
    Note(#[from] tlog::note::NoteError),
    /// Not cosigned by the hub.
    #[error("the hub's witness did not cosign it")]
    Witness(#[from] tlog::cosignature::CosignatureError),
    /// Not a head of this log.
    #[error("it is not a head of this log")]
    Head(#[from] tlog::checkpoint::CheckpointError),
    /// Its time is after the year 9999.
    #[error("it is from {0} seconds after 1970, which is no time")]
    Time(u64),
    /// There is no key to verify it with.
    #[error("the log has no key")]
    NoKey,
    /// It covers more than there is.
    #[error("it covers {receipt} entries, and the log holds {size}")]
    Beyond {
        /// The receipt's size.
        receipt: u64,
        /// The log's size.
        size: u64,
    },
    /// Its file cannot be read or written.
    #[error("the receipt's file cannot be used")]
    File(#[from] file::FileError),
}

impl Receipts {
    /// Keeps a receipt if both signatures are good and the log is that long. What is kept is never replaced by an older one. Returns what it says.
    pub fn keep(&self, note: &str, size: u64) -> Result<Receipt, ReceiptError> {
        let receipt = self.read(note)?;
        if receipt.size() > size {
            return Err(ReceiptError::Beyond { receipt: receipt.size(), size });
        }
        let newer = |kept: &Receipt| (kept.size(), kept.time) > (receipt.size(), receipt.time);
        if !self.kept_receipt()?.is_some_and(|kept| newer(&kept)) {
            file::write_durably(&self.path, note.as_bytes())?;
        }
        Ok(receipt)
    }

    /// The head that the kept receipt covers; none where there never was one. A receipt that does not verify is an error, not none.
    pub fn kept(&self) -> Result<Option<Checkpoint>, ReceiptError> {
        Ok(self.kept_receipt()?.map(|receipt| receipt.head))
    }

    /// What the kept receipt says; none where there never was one. A receipt that does not verify is an error, not none.
    pub fn kept_receipt(&self) -> Result<Option<Receipt>, ReceiptError> {
        match file::read_text(&self.path, RECEIPT_MAX_BYTES) {
            Ok(note) => self.read(&note).map(Some),
            Err(e) if e.source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// A head of this log, by any of its keys, that the hub's witness cosigned.
    pub fn verify(&self, note: &str) -> Result<VerifiedCheckpoint, ReceiptError> {
        self.cosigned(note).map(|(head, _)| head)
    }

    fn read(&self, note: &str) -> Result<Receipt, ReceiptError> {
        let (head, time) = self.cosigned(note)?;
        Ok(Receipt { head: head.checkpoint().clone(), time })
    }

    fn cosigned(&self, note: &str) -> Result<(VerifiedCheckpoint, UtcTime), ReceiptError> {
        let note = SignedNote::parse(note.as_bytes())?;
        let seconds = tlog::cosignature::verify(&note, &self.witness)?.time().unix_seconds();
        let ms = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1000));
        let time = ms.and_then(|ms| UtcTime::from_unix_ms(ms).ok()).ok_or(ReceiptError::Time(seconds))?;
        let mut by_each = self.log.iter().map(|key| VerifiedCheckpoint::from_note(note.clone(), key));
        let first = by_each.next().ok_or(ReceiptError::NoKey)?;
        let head = first.or_else(|e| by_each.find_map(Result::ok).ok_or(e))?;
        Ok((head, time))
    }
}
