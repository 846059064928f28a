//! Verifying inclusion proofs (RFC 9162 §2.1.3.2) and consistency proofs (RFC 9162 §2.1.4.2).
//!
//! Both climb from a node to the root in the RFC's own steps, joining one hash of the proof after the other.

use super::{LeafIndex, TreeSize};
use crate::hash::{Hash, node_hash};

/// An inclusion proof that leads elsewhere than to the root given, or that is too long or too short to lead anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the inclusion proof does not lead from leaf {index} to the root of the tree of {size} leaves")]
pub struct InclusionError {
    /// The leaf claimed.
    pub index: LeafIndex,
    /// The tree claimed.
    pub size: TreeSize,
}

/// Why a consistency proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// The first tree is empty: it says nothing, so the caller must decide what starting from nothing means.
    #[error("an empty tree proves nothing about what follows it")]
    FirstEmpty,
    /// The second tree is smaller than the first, whose size comes first here: the log was cut short.
    #[error("the later tree has {1} leaves, fewer than the earlier tree's {0}")]
    Shrunk(TreeSize, TreeSize),
    /// Two roots for one size: the log was rewritten.
    #[error("two different roots for the same size of {0} leaves")]
    Forked(TreeSize),
    /// The proof has so many hashes: more or fewer than these sizes need.
    #[error("a consistency proof of {0} hashes does not fit these sizes")]
    Length(usize),
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
    let leads = |[_, computed]: [Hash; 2]| computed == *root;
    let proven = size.contains(index) && climb(index.get(), size.get() - 1, leaf, proof).is_some_and(leads);
    if proven { Ok(()) } else { Err(InclusionError { index, size }) }
}

/// Checks that the second tree is the first tree with leaves appended to it and nothing else changed.
///
/// Each tree is given as its size and root. Equal sizes need equal roots and an empty proof.
pub fn verify_consistency(
    (first_size, first_root): (TreeSize, &Hash),
    (second_size, second_root): (TreeSize, &Hash),
    proof: &[Hash],
) -> Result<(), ConsistencyError> {
    let wrong_length = ConsistencyError::Length(proof.len());
    if first_size == TreeSize::EMPTY {
        return Err(ConsistencyError::FirstEmpty);
    }
    if second_size < first_size {
        return Err(ConsistencyError::Shrunk(first_size, second_size));
    }
    if first_size == second_size {
        return match proof {
            _ if first_root != second_root => Err(ConsistencyError::Forked(first_size)),
            [] => Ok(()),
            _ => Err(wrong_length),
        };
    }
    // A first tree that is one complete subtree is its own starting hash, so the proof leaves it out.
    let (seed, rest) = match proof {
        [seed, rest @ ..] if !first_size.get().is_power_of_two() => (seed, rest),
        _ => (first_root, proof),
    };
    // The seed is the largest complete subtree that ends the first tree: the climb begins at its level.
    let level = (first_size.get() - 1).trailing_ones();
    let climbed = climb((first_size.get() - 1) >> level, (second_size.get() - 1) >> level, seed, rest);
    match climbed.ok_or(wrong_length)? {
        [computed, _] if computed != *first_root => Err(ConsistencyError::FirstRoot { computed }),
        [_, computed] if computed != *second_root => Err(ConsistencyError::SecondRoot { computed }),
        _ => Ok(()),
    }
}

/// Joins a proof to the hash of the node numbered `node` at its level, where `last` numbers the tree's last node
/// (`fn` and `sn` in the RFC), up to the root.
///
/// The first hash returned is the root of the tree that ends with the first node, the second is that of the whole
/// tree. `None` when the proof is too short or too long.
fn climb(mut node: u64, mut last: u64, seed: &Hash, proof: &[Hash]) -> Option<[Hash; 2]> {
    let (mut first, mut whole) = (*seed, *seed);
    for hash in proof {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            (first, whole) = (node_hash(hash, &first), node_hash(hash, &whole));
            // A last node without a sibling rises unchanged until it is a right-hand one.
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            // What stands to the right was appended after the first tree.
            whole = node_hash(&whole, hash);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    (last == 0).then_some([first, whole])
}
