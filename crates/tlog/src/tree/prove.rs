//! Making inclusion proofs (RFC 9162 §2.1.3.1) and consistency proofs (RFC 9162 §2.1.4.1).
//!
//! Hashes of complete subtrees are read through a closure, so a proof can be made from tiles on disk, from a
//! bucket or from memory. The RFC defines both proofs by recursion from the root down; here the way down is
//! walked first, and the ranges of leaves beside it are hashed afterwards.

use std::error::Error;
use std::ops::Range;

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
        return Err(ProveError::IndexOutside(index, size));
    }
    // `PATH(m, D[n])` ends at the leaf itself, whose hash the verifier has.
    let (_, beside) = descend(index.get() + 1, size.get(), |range| range.end - range.start == 1);
    hashes(&beside, read)
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
        return Err(ProveError::SizesOutOfOrder(first, second));
    }
    // `PROOF(m, D[n])` ends at the largest complete subtree that ends the first tree. The verifier has its hash
    // only when it is the whole first tree.
    let (end, mut beside) = descend(first.get(), second.get(), |range| range.end == first.get());
    if end.start != 0 {
        beside.push(end);
    }
    hashes(&beside, read)
}

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError<E: Error + 'static> {
    /// The tree of this size has no leaf at this index.
    #[error("no leaf {0} in a tree of {1} leaves")]
    IndexOutside(LeafIndex, TreeSize),
    /// The first tree is empty, or larger than the second.
    #[error("no consistency proof from {0} to {1} leaves")]
    SizesOutOfOrder(TreeSize, TreeSize),
    /// The hash of this complete subtree could not be read.
    #[error("cannot read the hash of {0}")]
    Read(Subtree, #[source] E),
}

/// Goes from the whole tree down towards the leaf before `boundary` until a range of leaves is `found`. Returns that
/// range, and the ranges beside the way, the outermost first.
fn descend(boundary: u64, size: u64, found: impl Fn(&Range<u64>) -> bool) -> (Range<u64>, Vec<Range<u64>>) {
    let (mut range, mut beside) = (0..size, Vec::new());
    while !found(&range) {
        let middle = split(&range);
        let (left, right) = (range.start..middle, middle..range.end);
        let (next, other) = if boundary <= middle { (left, right) } else { (right, left) };
        range = next;
        beside.push(other);
    }
    (range, beside)
}

/// The roots over ranges of leaves, in the order of a proof: the innermost range first.
fn hashes<E: Error + 'static>(
    ranges: &[Range<u64>],
    mut read: impl FnMut(Subtree) -> Result<Hash, E>,
) -> Result<Vec<Hash>, ProveError<E>> {
    ranges.iter().rev().map(|range| root(range.clone(), &mut read)).collect()
}

/// `MTH(D[start:end])`, where `start` is a multiple of the range's length rounded up to a power of two.
fn root<E: Error + 'static>(
    range: Range<u64>,
    read: &mut impl FnMut(Subtree) -> Result<Hash, E>,
) -> Result<Hash, ProveError<E>> {
    let length = range.end - range.start;
    if length.is_power_of_two() {
        #[expect(clippy::cast_possible_truncation, reason = "a 64-bit number has at most 63 trailing zeros")]
        let level = length.trailing_zeros() as u8;
        let subtree = Subtree { level, index: range.start >> level };
        return read(subtree).map_err(|source| ProveError::Read(subtree, source));
    }
    let middle = split(&range);
    Ok(node_hash(&root(range.start..middle, read)?, &root(middle..range.end, read)?))
}

/// Where a range of two or more leaves divides: its left part is the largest power of two below its length.
const fn split(range: &Range<u64>) -> u64 {
    range.start + (1 << (range.end - range.start - 1).ilog2())
}
