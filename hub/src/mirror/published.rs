//! A published log of tiles, read by index.

use std::path::PathBuf;

use tlog::Hash;
use tlog::tree::{LeafIndex, TreeSize, prove_inclusion};

use super::archive::{Archive, ArchiveError};

/// The log in a directory.
#[derive(Debug)]
pub(crate) struct Published(Archive);

impl Published {
    /// The log there.
    pub(crate) fn at(directory: PathBuf) -> Result<Self, ArchiveError> {
        Archive::open(directory).map(Self)
    }

    /// Its newest head, as it stands there.
    pub(crate) fn checkpoint(&self) -> Result<Vec<u8>, ArchiveError> {
        self.0.checkpoint()?.ok_or_else(|| self.0.damaged("checkpoint", &"it is not there"))
    }

    /// One entry of a log of `size`, checked against the tree's hash of it.
    pub(crate) fn entry(&self, index: u64, size: TreeSize) -> Result<Vec<u8>, ArchiveError> {
        self.0.entry(index, size)
    }

    /// The hashes from one entry to the root of a log of `size`.
    pub(crate) fn inclusion(&self, index: u64, size: TreeSize) -> Result<Vec<Hash>, ArchiveError> {
        prove_inclusion(LeafIndex::new(index), size, |subtree| self.0.subtree(subtree, size))
            .map_err(|e| self.0.damaged("tile", &e))
    }
}
