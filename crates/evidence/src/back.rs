//! Entries that the log had lost, taken back from where they were mirrored.

use contract::record::Record;
use tlog::checkpoint::VerifiedCheckpoint;
use tlog::hash::leaf_hash;

use crate::disk::Disk;
use crate::draft::Appended;
use crate::error::{AppendError, TakeBackError};
use crate::keys;
use crate::layout::BUNDLE;
use crate::replay::misplaced;
use crate::writer::LogWriter;

impl<D: Disk> LogWriter<D> {
    /// Appends entries that this log had before, as they are: those from `from`, the log's size, to the size of `head`, an earlier head of this very log.
    /// Everything is checked before anything is written: each entry in its place, and the root that they lead to. The head is adopted, not signed again.
    /// On an I/O error the writer stops for good.
    pub fn take_back(
        &mut self,
        from: u64,
        entries: &[Vec<u8>],
        head: &VerifiedCheckpoint,
    ) -> Result<Appended, TakeBackError> {
        if self.stopped {
            return Err(AppendError::Stopped.into());
        }
        let records = self.check_back(from, entries, head)?;
        let done = self.write_back(entries, head);
        self.stopped = done.is_err();
        done?;
        Ok(self.appended(records))
    }

    fn check_back(
        &self,
        from: u64,
        entries: &[Vec<u8>],
        head: &VerifiedCheckpoint,
    ) -> Result<Vec<Record>, TakeBackError> {
        if from != self.size() {
            return Err(TakeBackError::NotNext { from, size: self.size() });
        }
        let (signed, size) = (head.checkpoint(), from + entries.len() as u64);
        if signed.size.get() != size {
            return Err(TakeBackError::NotTheHeads { head: signed.size.get(), size });
        }
        if keys::signed_by(head, self.key.verifier()).is_err() {
            return Err(TakeBackError::OtherLog);
        }
        let mut leaves = Vec::with_capacity(entries.len());
        let mut records = Vec::with_capacity(entries.len());
        for (entry, index) in entries.iter().zip(from..) {
            let record = Record::parse(entry).map_err(|source| TakeBackError::Record { index, source })?;
            let prev = leaves.last().copied().or(self.last_leaf);
            if let Some(field) = misplaced(&record, self.origin(), index, prev) {
                return Err(TakeBackError::Misplaced { index, field });
            }
            leaves.push(leaf_hash(entry));
            records.push(record);
        }
        if self.frontier.after(&leaves).1 != signed.root {
            return Err(TakeBackError::RootDiffers { size });
        }
        Ok(records)
    }

    /// The pieces up to the last bundle's end get heads of their own: prefixes of what `head` was signed over.
    fn write_back(&mut self, mut entries: &[Vec<u8>], head: &VerifiedCheckpoint) -> Result<(), AppendError> {
        while !entries.is_empty() {
            let room = usize::try_from(BUNDLE - self.size() % BUNDLE).unwrap_or(usize::MAX);
            let (now, later) = entries.split_at(entries.len().min(room));
            let leaves: Vec<_> = now.iter().map(|e| leaf_hash(e)).collect();
            let piece = if later.is_empty() { head.clone() } else { self.sign(&leaves)? };
            self.write_group(now, piece)?;
            entries = later;
        }
        Ok(())
    }
}
