//! The right-hand edge of a growing tree: enough to append and to know the root, in O(log n) hashes.
//!
//! Invariant: there is one peak for each bit set in the size, largest subtree first, and each is the root of
//! the complete subtree that bit stands for.

use super::{LeafIndex, Subtree, TreeSize};
use crate::hash::{Hash, empty_root, node_hash};

/// The largest size a stored frontier may claim: far above any log, and no number of appends overflows it.
const RESTORABLE_SIZE_MAX: u64 = 1 << 62;

/// A tree reduced to the roots of its largest complete subtrees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: TreeSize,
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// The frontier of the empty tree.
    pub const fn new() -> Self {
        Self { size: TreeSize::EMPTY, peaks: Vec::new() }
    }

    /// Restores a frontier from its [`size`](Self::size) and [`peaks`](Self::peaks).
    ///
    /// Only their number can be checked here: compare [`root`](Self::root) with a signed checkpoint before trusting it.
    pub fn restore(size: TreeSize, peaks: Vec<Hash>) -> Result<Self, CompactRangeError> {
        if size.get() > RESTORABLE_SIZE_MAX || peaks.len() != size.get().count_ones() as usize {
            return Err(CompactRangeError { size, peaks: peaks.len() });
        }
        Ok(Self { size, peaks })
    }

    /// The number of leaves appended.
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// The roots of the complete subtrees that make up the tree, largest and leftmost first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf by its hash and returns its index.
    pub fn append(&mut self, leaf: Hash) -> LeafIndex {
        self.append_visiting(leaf, |_, _| ())
    }

    /// Appends a leaf by its hash, and hands over every subtree that it completes, the leaf itself first.
    pub fn append_visiting(&mut self, leaf: Hash, mut visit: impl FnMut(Subtree, Hash)) -> LeafIndex {
        let index = self.size.get();
        let mut subtree = Subtree { level: 0, index };
        let mut hash = leaf;
        visit(subtree, hash);
        // An odd subtree completes the one above it, together with the peak to its left: a binary carry.
        while subtree.index % 2 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = node_hash(&left, &hash);
            subtree = Subtree { level: subtree.level + 1, index: subtree.index / 2 };
            visit(subtree, hash);
        }
        self.peaks.push(hash);
        self.size = TreeSize::new(index + 1);
        LeafIndex::new(index)
    }

    /// The root of the tree (RFC 6962 §2.1, `MTH`).
    pub fn root(&self) -> Hash {
        let folded = self.peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or_else(empty_root)
    }
}

/// Stored parts that are no [`CompactRange`]: a tree has one peak for each bit set in its size, and no log is as
/// large as the largest numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no log of {size} leaves has {peaks} peaks")]
pub struct CompactRangeError {
    /// The claimed size.
    pub size: TreeSize,
    /// Number of peaks given.
    pub peaks: usize,
}
