//! Merkle tree sizes, the append-only frontier of a tree, and its proofs (RFC 6962 §2.1, RFC 9162 §2.1).
//!
//! A tree is never held whole: [`CompactRange`] appends with O(log n) hashes, [`prove_inclusion`] and
//! [`prove_consistency`] read the complete subtrees they need from the caller, and [`verify_inclusion`] and
//! [`verify_consistency`] need nothing but the proof.

mod compact;
mod prove;
mod verify;

pub use compact::{CompactRange, CompactRangeError};
pub use prove::{ProveError, prove_consistency, prove_inclusion};
pub use verify::{ConsistencyError, InclusionError, verify_consistency, verify_inclusion};

use crate::hash::{Hash, node_hash};

/// The position of a leaf in its log, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafIndex(u64);

impl LeafIndex {
    /// The leaf with `index` leaves before it.
    pub const fn new(index: u64) -> Self {
        Self(index)
    }

    /// The number of leaves before this one.
    pub const fn get(self) -> u64 {
        self.0
    }
}

display!(LeafIndex, self => "{}", self.0);

/// The number of leaves of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreeSize(u64);

impl TreeSize {
    /// The size of the empty tree.
    pub const EMPTY: Self = Self(0);

    /// The size of a tree of `leaves` leaves.
    pub const fn new(leaves: u64) -> Self {
        Self(leaves)
    }

    /// The number of leaves.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether a tree of this size has a leaf at `index`.
    pub const fn contains(self, index: LeafIndex) -> bool {
        index.0 < self.0
    }
}

display!(TreeSize, self => "{}", self.0);

/// A complete subtree: the leaves `index * 2^level .. (index + 1) * 2^level`.
///
/// Once all its leaves are appended its hash never changes, so it may be stored, cached and served for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subtree {
    /// Height of the subtree: 0 for one leaf, at most 63.
    pub level: u8,
    /// Number of subtrees of the same height to its left.
    pub index: u64,
}

display!(Subtree, self => "subtree {} of level {}", self.index, self.level);

/// The root over consecutive hashes of one level; `None` unless their number is a power of two.
pub fn complete_root(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [hash] => Some(*hash),
        _ if !hashes.len().is_power_of_two() => None,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            Some(node_hash(&complete_root(left)?, &complete_root(right)?))
        }
    }
}
