//! Making inclusion proofs (RFC 9162 §2.1.3.1) and consistency proofs (RFC 9162 §2.1.4.1).
//!
//! Hashes of complete subtrees are read through a closure, so a proof can be made from tiles on disk, from a
//! bucket or from memory. The recursion follows the RFC's definition and is at most 64 deep.

use std::error::Error;

use super::{LeafIndex, Subtree, TreeSize};
use crate::hash::{Hash, node_hash};

/// Makes the inclusion proof of one leaf in the tree of `size` leaves, lowest hash first.
///
/// `read` returns the hash of a complete subtree of that tree.
pub fn prove_inclusion<E: Error + 'static>(
    index: LeafIndex,
    size: TreeSize,
    read: impl FnMut(Subtree) -> Result<Hash, E>,
) -> Result<Vec<Hash>, ProveError<E>> {
    if !size.contains(index) {
        return Err(ProveError::IndexOutside { index, size });
    }
    let mut prover = Prover { read, proof: Vec::new() };
    prover.path(index.get(), 0, size.get())?;
    Ok(prover.proof)
}

/// Makes the consistency proof between the trees of `first` and of `second` leaves; empty when they are equal.
///
/// `read` returns the hash of a complete subtree of the second tree. An empty first tree is consistent with
/// every tree and has no proof: it is refused here as [`verify_consistency`](super::verify_consistency) does.
pub fn prove_consistency<E: Error + 'static>(
    first: TreeSize,
    second: TreeSize,
    read: impl FnMut(Subtree) -> Result<Hash, E>,
) -> Result<Vec<Hash>, ProveError<E>> {
    if first == TreeSize::EMPTY || first > second {
        return Err(ProveError::SizesOutOfOrder { first, second });
    }
    let mut prover = Prover { read, proof: Vec::new() };
    prover.subproof(first.get(), 0, second.get(), true)?;
    Ok(prover.proof)
}

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError<E: Error + 'static> {
    /// The tree has no such leaf.
    #[error("no leaf {index} in a tree of {size} leaves")]
    IndexOutside {
        /// The leaf asked for.
        index: LeafIndex,
        /// The tree asked about.
        size: TreeSize,
    },
    /// The first tree is empty, or larger than the second.
    #[error("no consistency proof from {first} to {second} leaves")]
    SizesOutOfOrder {
        /// Size of the earlier tree.
        first: TreeSize,
        /// Size of the later tree.
        second: TreeSize,
    },
    /// The hash of a complete subtree could not be read.
    #[error("cannot read the hash of {subtree}")]
    Read {
        /// The subtree whose hash is missing.
        subtree: Subtree,
        /// What the reader said.
        #[source]
        source: E,
    },
}

struct Prover<R> {
    read: R,
    proof: Vec<Hash>,
}

impl<E: Error + 'static, R: FnMut(Subtree) -> Result<Hash, E>> Prover<R> {
    /// `PATH(m, D[start:end])`, with `leaf` counted from the start of the log.
    fn path(&mut self, leaf: u64, start: u64, end: u64) -> Result<(), ProveError<E>> {
        if end - start == 1 {
            return Ok(());
        }
        let middle = split(start, end);
        let sibling = if leaf < middle {
            self.path(leaf, start, middle)?;
            self.range_root(middle, end)?
        } else {
            self.path(leaf, middle, end)?;
            self.range_root(start, middle)?
        };
        self.proof.push(sibling);
        Ok(())
    }

    /// `SUBPROOF(m, D[start:end], b)`: `first` counts from the start of the log, `known` is the RFC's `b`.
    fn subproof(&mut self, first: u64, start: u64, end: u64, known: bool) -> Result<(), ProveError<E>> {
        let hash = if first == end {
            // The verifier already holds the root of the first tree, and only that one.
            if known {
                return Ok(());
            }
            self.range_root(start, end)?
        } else {
            let middle = split(start, end);
            if first <= middle {
                self.subproof(first, start, middle, known)?;
                self.range_root(middle, end)?
            } else {
                self.subproof(first, middle, end, false)?;
                self.range_root(start, middle)?
            }
        };
        self.proof.push(hash);
        Ok(())
    }

    /// `MTH(D[start:end])`, where `start` is a multiple of the range's length rounded up to a power of two.
    fn range_root(&mut self, start: u64, end: u64) -> Result<Hash, ProveError<E>> {
        if (end - start).is_power_of_two() {
            let level = level_of(end - start);
            let subtree = Subtree { level, index: start >> level };
            return (self.read)(subtree).map_err(|source| ProveError::Read { subtree, source });
        }
        let middle = split(start, end);
        let left = self.range_root(start, middle)?;
        Ok(node_hash(&left, &self.range_root(middle, end)?))
    }
}

/// Where a range of two or more leaves divides: its left part is the largest power of two below its length.
const fn split(start: u64, end: u64) -> u64 {
    start + (1 << (end - start - 1).ilog2())
}

/// The height of a complete subtree of `leaves` leaves, a power of two.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a 64-bit number has at most 63 trailing zeros before a one"
)]
const fn level_of(leaves: u64) -> u8 {
    leaves.trailing_zeros() as u8
}
