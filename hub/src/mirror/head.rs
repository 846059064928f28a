//! The right-hand edge of a log: its tree, and its last leaf, which the next record must name.

use contract::record::PreviousLeaf;
use tlog::{CompactRange, Hash};

/// Where a log ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) range: CompactRange,
    pub(crate) last: Option<Hash>,
}

impl Head {
    /// The number of entries.
    pub(crate) fn size(&self) -> u64 {
        self.range.size().get()
    }

    /// What the next record must name.
    pub(crate) fn previous(&self) -> Option<PreviousLeaf> {
        self.last.map(|hash| PreviousLeaf(*hash.as_bytes()))
    }

    /// Appends a leaf.
    pub(crate) fn append(&mut self, leaf: Hash) {
        self.range.append(leaf);
        self.last = Some(leaf);
    }
}
