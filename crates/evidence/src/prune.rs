//! Bounded disk: entries for which the hub gave its receipt may go from this machine; the tree's tiles stay.

use edge::file::FileError;
use tlog::tree::TreeSize;

use crate::disk::Disk;
use crate::layout::BUNDLE;
use crate::writer::LogWriter;

/// What pruning came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// The first entry that is still here.
    pub first: u64,
    /// Bundles of 256 entries that were removed now.
    pub bundles: u64,
}

impl<D: Disk> LogWriter<D> {
    /// Removes full bundles whose entries all lie below `receipted`, the size that the hub's receipt covers, leaving at least the newest
    /// `keep_entries`. The receipt says that the hub holds them durably; a write-once store behind it may lag. What replay needs stays: nothing at or after the last standing record is removed, and nothing at all without one.
    ///
    /// On an error the writer stops for good.
    pub fn prune(&mut self, receipted: TreeSize, keep_entries: u64) -> Result<Pruned, FileError> {
        let limit =
            self.standing.unwrap_or(0).min(receipted.get()).min(self.size().saturating_sub(keep_entries));
        let first = (limit - limit % BUNDLE).max(self.first);
        if self.stopped {
            return Ok(Pruned { first: self.first, bundles: 0 });
        }
        let done = self.drop_bundles(first);
        self.stopped = done.is_err();
        done
    }

    /// Says durably what will be gone, then removes it. What an interruption left is removed with it: the removed ones are the oldest, always.
    fn drop_bundles(&mut self, first: u64) -> Result<Pruned, FileError> {
        if first > self.first {
            self.files.write(&self.layout.pruned(), format!("{first}\n").as_bytes())?;
            self.first = first;
        }
        let here = |index: &u64| self.files.disk.exists(&self.layout.bundle(*index));
        let gone: Vec<u64> = (0..first / BUNDLE).rev().take_while(here).collect();
        for index in gone.iter().rev() {
            self.files.remove(&self.layout.bundle(*index))?;
        }
        Ok(Pruned { first, bundles: gone.len() as u64 })
    }
}
