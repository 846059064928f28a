//! Verifying inclusion proofs (RFC 9162 §2.1.3.2) and consistency proofs (RFC 9162 §2.1.4.2).
//!
//! Both walk the proof once, from the leaves to the root, in the RFC's own steps.

use super::{LeafIndex, TreeSize};
use crate::hash::{Hash, node_hash};

/// Why an inclusion proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    /// The tree has no such leaf.
    #[error("no leaf {index} in a tree of {size} leaves")]
    IndexOutside {
        /// The leaf claimed.
        index: LeafIndex,
        /// The tree claimed.
        size: TreeSize,
    },
    /// The proof has more or fewer hashes than this leaf of this tree needs.
    #[error("an inclusion proof of {length} hashes does not fit this leaf and size")]
    Length {
        /// Hashes in the proof.
        length: usize,
    },
    /// The proof leads to another root.
    #[error("the inclusion proof leads to root {computed}, not to the root given")]
    Root {
        /// The root the proof leads to.
        computed: Hash,
    },
}

/// Why a consistency proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// The first tree is empty: it says nothing, so the caller must decide what starting from nothing means.
    #[error("an empty tree proves nothing about what follows it")]
    FirstEmpty,
    /// The second tree is smaller than the first: the log was cut short.
    #[error("the later tree has {second} leaves, fewer than the earlier tree's {first}")]
    Shrunk {
        /// Size of the earlier tree.
        first: TreeSize,
        /// Size of the later tree.
        second: TreeSize,
    },
    /// Two roots for one size: the log was rewritten.
    #[error("two different roots for the same size of {size} leaves")]
    Forked {
        /// The size both roots claim.
        size: TreeSize,
    },
    /// The proof has more or fewer hashes than these sizes need.
    #[error("a consistency proof of {length} hashes does not fit these sizes")]
    Length {
        /// Hashes in the proof.
        length: usize,
    },
    /// The proof does not lead to the first root.
    #[error("the consistency proof leads to another root of the earlier tree, {computed}")]
    FirstRoot {
        /// The earlier root the proof leads to.
        computed: Hash,
    },
    /// The proof does not lead to the second root.
    #[error("the consistency proof leads to another root of the later tree, {computed}")]
    SecondRoot {
        /// The later root the proof leads to.
        computed: Hash,
    },
}

/// Checks that the leaf with hash `leaf` stands at `index` in the tree of `size` leaves with root `root`.
///
/// The proof binds the leaf to the root. It does not bind the size, for which some proofs fit several: take size
/// and root together from a signed checkpoint.
pub fn verify_inclusion(
    index: LeafIndex,
    size: TreeSize,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), InclusionError> {
    if !size.contains(index) {
        return Err(InclusionError::IndexOutside { index, size });
    }
    let wrong_length = InclusionError::Length { length: proof.len() };
    let mut walk = Walk { node: index.get(), last: size.get() - 1 };
    let mut computed = *leaf;
    for hash in proof {
        computed = match walk.step() {
            Some(Side::Left) => node_hash(hash, &computed),
            Some(Side::Right) => node_hash(&computed, hash),
            None => return Err(wrong_length),
        };
    }
    if walk.last != 0 {
        return Err(wrong_length);
    }
    if computed == *root { Ok(()) } else { Err(InclusionError::Root { computed }) }
}

/// Checks that the tree `second` is the tree `first` with leaves appended to it and nothing else changed.
///
/// Each tree is given as its size and root. Equal sizes need equal roots and an empty proof.
pub fn verify_consistency(
    first: (TreeSize, &Hash),
    second: (TreeSize, &Hash),
    proof: &[Hash],
) -> Result<(), ConsistencyError> {
    let (first_size, first_root) = first;
    let (second_size, second_root) = second;
    let wrong_length = ConsistencyError::Length { length: proof.len() };
    if first_size == TreeSize::EMPTY {
        return Err(ConsistencyError::FirstEmpty);
    }
    if second_size < first_size {
        return Err(ConsistencyError::Shrunk { first: first_size, second: second_size });
    }
    if first_size == second_size {
        return match proof {
            _ if first_root != second_root => Err(ConsistencyError::Forked { size: first_size }),
            [] => Ok(()),
            _ => Err(wrong_length),
        };
    }
    // A first tree that is one complete subtree is its own starting hash, so the proof leaves it out.
    let (seed, rest) = match proof {
        [] => return Err(wrong_length),
        _ if first_size.get().is_power_of_two() => (first_root, proof),
        [seed, rest @ ..] => (seed, rest),
    };
    let Some([first_computed, second_computed]) = replay(first_size, second_size, *seed, rest) else {
        return Err(wrong_length);
    };
    if first_computed != *first_root {
        return Err(ConsistencyError::FirstRoot { computed: first_computed });
    }
    if second_computed != *second_root {
        return Err(ConsistencyError::SecondRoot { computed: second_computed });
    }
    Ok(())
}

/// Steps 3 to 7 of RFC 9162 §2.1.4.2: the two roots the proof leads to, or `None` when its length is wrong.
fn replay(first: TreeSize, second: TreeSize, seed: Hash, rest: &[Hash]) -> Option<[Hash; 2]> {
    // The seed is the largest complete subtree that ends the first tree: the walk begins at its level.
    let level = (first.get() - 1).trailing_ones();
    let mut walk = Walk { node: (first.get() - 1) >> level, last: (second.get() - 1) >> level };
    let (mut first_root, mut second_root) = (seed, seed);
    for hash in rest {
        match walk.step()? {
            Side::Left => {
                first_root = node_hash(hash, &first_root);
                second_root = node_hash(hash, &second_root);
            }
            // What stands to the right was appended after the first tree.
            Side::Right => second_root = node_hash(&second_root, hash),
        }
    }
    (walk.last == 0).then_some([first_root, second_root])
}

/// Where a proof stands: the positions, at one level, of the node being rebuilt and of the tree's last node
/// (`fn` and `sn` in the RFC).
struct Walk {
    node: u64,
    last: u64,
}

/// The side on which a hash of the proof is joined to the node being rebuilt.
enum Side {
    Left,
    Right,
}

impl Walk {
    /// Takes one hash of the proof; `None` when the root is reached already.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.node & 1 == 1 || self.node == self.last { Side::Left } else { Side::Right };
        // A last node without a sibling rises unchanged until it is a right-hand one.
        while self.node == self.last && self.node & 1 == 0 {
            self.rise();
        }
        self.rise();
        Some(side)
    }

    fn rise(&mut self) {
        (self.node, self.last) = (self.node >> 1, self.last >> 1);
    }
}
