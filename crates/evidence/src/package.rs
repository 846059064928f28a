//! Pieces of the log for the mirror.

use contract::socket::{PACKAGE_MAX_BYTES, PACKAGE_MAX_ENTRIES};
use tlog::tile::{TILE_WIDTH, bundle};

use crate::disk::Disk;
use crate::error::PackageError;
use crate::files::failed;
use crate::layout::{BUNDLE, FILE_MAX_BYTES};
use crate::writer::LogWriter;

/// A piece of the log for the mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Index of the first entry.
    pub from: u64,
    /// The entries' exact bytes.
    pub entries: Vec<Vec<u8>>,
    /// The newest durable head, as a note.
    pub head: String,
}

impl<D: Disk> LogWriter<D> {
    /// Up to a package of entries from `from` on, with the newest head: an empty one where `from` is the log's size, so that a lost receipt
    /// can be asked for again. None beyond that.
    pub fn package(&self, from: u64) -> Result<Option<Package>, PackageError> {
        let Some(head) = self.head.as_ref().filter(|_| from <= self.size()) else { return Ok(None) };
        let index = from / BUNDLE;
        let path = self.layout.bundle(index);
        let read;
        let bytes = if index == self.size() / BUNDLE {
            &self.tail
        } else if from < self.first {
            return Err(PackageError::Pruned { index: from, first: self.first });
        } else {
            read = self.files.disk.read(&path, FILE_MAX_BYTES).map_err(failed(&path, "read it"))?;
            &read
        };
        let count = BUNDLE.min(self.size() - index * BUNDLE);
        let skip = usize::try_from(from % BUNDLE).unwrap_or(0);
        let mut entries: Vec<Vec<u8>> = Vec::new();
        let mut total = 0;
        for entry in bundle::entries(bytes, u16::try_from(count).unwrap_or(TILE_WIDTH)).skip(skip) {
            let entry = entry.map_err(|source| PackageError::Bundle { path: path.clone(), source })?;
            total += entry.len();
            if entries.len() == PACKAGE_MAX_ENTRIES || (total > PACKAGE_MAX_BYTES && !entries.is_empty()) {
                break;
            }
            entries.push(entry.to_vec());
        }
        Ok(Some(Package { from, entries, head: head.note().to_string() }))
    }
}
