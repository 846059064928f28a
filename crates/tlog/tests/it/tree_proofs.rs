//! Proofs against the definitions in RFC 6962 §2.1, written out as they stand there, and against every way to bend one.

use std::convert::Infallible;

use proptest::prelude::*;
use tlog::hash::empty_root;
use tlog::tree::{
    ConsistencyError, InclusionError, ProveError, Subtree, prove_consistency, prove_inclusion,
    verify_consistency, verify_inclusion,
};
use tlog::{Hash, LeafIndex, TreeSize, leaf_hash, node_hash};

use crate::tree_model::{leaves, model_root, reader, size};

/// `PATH(m, D[n])` (RFC 6962 §2.1.1) over leaf hashes.
fn model_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, sibling) = match index.checked_sub(left.len()) {
        None => (model_path(index, left), right),
        Some(index) => (model_path(index, right), left),
    };
    path.push(model_root(sibling));
    path
}

/// `SUBPROOF(m, D[n], b)` (RFC 6962 §2.1.2) over leaf hashes.
fn model_subproof(first: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if first == leaves.len() {
        return if known { Vec::new() } else { vec![model_root(leaves)] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut proof, sibling) = if first <= left.len() {
        (model_subproof(first, left, known), right)
    } else {
        (model_subproof(first - left.len(), right, false), left)
    };
    proof.push(model_root(sibling));
    proof
}

#[test]
fn every_proof_of_every_tree_up_to_40_leaves_is_that_of_the_definition_and_verifies() {
    let all = leaves(40);
    for count in 1..=all.len() {
        let root = model_root(&all[..count]);
        for index in 0..count {
            let leaf_index = LeafIndex::new(index as u64);
            let proof = prove_inclusion(leaf_index, size(count), reader(&all)).unwrap();
            assert_eq!(proof, model_path(index, &all[..count]));
            verify_inclusion(leaf_index, size(count), &all[index], &proof, &root).unwrap();
            let first = index + 1;
            let proof = prove_consistency(size(first), size(count), reader(&all)).unwrap();
            assert_eq!(proof, model_subproof(first, &all[..count], true));
            let first_root = model_root(&all[..first]);
            verify_consistency((size(first), &first_root), (size(count), &root), &proof).unwrap();
        }
    }
}

#[test]
fn the_largest_trees_are_proven_without_overflow() {
    // Trees whose leaves are all alike: every complete subtree of one height has the same hash.
    let heights: Vec<Hash> =
        std::iter::successors(Some(leaf_hash(b"")), |hash| Some(node_hash(hash, hash))).take(64).collect();
    let read = |subtree: Subtree| Ok::<_, Infallible>(heights[usize::from(subtree.level)]);
    let root = |size: u64| {
        let peaks = (0..64).filter(|level| size >> level & 1 == 1).map(|level: usize| heights[level]);
        peaks.reduce(|right, left| node_hash(&left, &right)).unwrap()
    };
    let sizes = [1, 2, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX];
    for (at, &second) in sizes.iter().enumerate() {
        let (size, whole) = (TreeSize::new(second), root(second));
        for index in [0, second / 2, second - 1].map(LeafIndex::new) {
            let proof = prove_inclusion(index, size, read).unwrap();
            assert_eq!(
                verify_inclusion(index, size, &heights[0], &proof, &whole),
                Ok(()),
                "{index} of {size}"
            );
        }
        for &first in &sizes[..=at] {
            let (earlier, part) = (TreeSize::new(first), root(first));
            let proof = prove_consistency(earlier, size, read).unwrap();
            assert_eq!(
                verify_consistency((earlier, &part), (size, &whole), &proof),
                Ok(()),
                "{first} to {size}"
            );
        }
    }
}

#[test]
fn proofs_that_cannot_be_are_not_made() {
    let all = leaves(4);
    let outside = prove_inclusion(LeafIndex::new(4), size(4), reader(&all));
    assert!(matches!(outside, Err(ProveError::IndexOutside(..))));
    for (first, second) in [(0, 4), (4, 3)] {
        let refused = prove_consistency(size(first), size(second), reader(&all));
        assert!(matches!(refused, Err(ProveError::SizesOutOfOrder(..))));
    }
    let unread = prove_inclusion(LeafIndex::new(0), size(4), |_| Err(std::fmt::Error));
    assert!(matches!(unread, Err(ProveError::Read(Subtree { level: 0, index: 1 }, _))));
}

#[test]
fn refusals_name_their_reason() {
    let [a, b]: [Hash; 2] = leaves(2).try_into().unwrap();
    let root = node_hash(&a, &b);
    let inclusion =
        |index, proof: &[Hash]| verify_inclusion(LeafIndex::new(index), size(2), &a, proof, &root);
    assert_eq!(inclusion(0, &[b]), Ok(()));
    let refused = |index| Err(InclusionError { index: LeafIndex::new(index), size: size(2) });
    assert_eq!(inclusion(2, &[b]), refused(2));
    assert_eq!(inclusion(0, &[]), refused(0));
    assert_eq!(inclusion(0, &[b, b]), refused(0));
    assert_eq!(inclusion(1, &[b]), refused(1));
    assert_eq!(inclusion(0, &[a]), refused(0));

    let (one, two) = ((size(1), &a), (size(2), &root));
    assert_eq!(verify_consistency(one, two, &[b]), Ok(()));
    assert_eq!(verify_consistency((size(0), &empty_root()), two, &[]), Err(ConsistencyError::FirstEmpty));
    let shrunk = ConsistencyError::Shrunk(size(2), size(1));
    assert_eq!(verify_consistency(two, one, &[b]), Err(shrunk));
    let forked = verify_consistency(two, (size(2), &a), &[]);
    assert_eq!(forked, Err(ConsistencyError::Forked(size(2))));
    assert_eq!(verify_consistency(two, two, &[a]), Err(ConsistencyError::Length(1)));
    assert_eq!(verify_consistency(one, two, &[]), Err(ConsistencyError::Length(0)));
    assert_eq!(verify_consistency(one, two, &[b, b]), Err(ConsistencyError::Length(2)));
    let other = ConsistencyError::SecondRoot { computed: node_hash(&a, &a) };
    assert_eq!(verify_consistency(one, two, &[a]), Err(other));
}

fn flip(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8 % 32] ^= 1 << (bit % 8);
    Hash::from_bytes(bytes)
}

proptest! {
    #[test]
    fn a_mutated_inclusion_proof_is_refused(
        count in 1_usize..300, pick: prop::sample::Index, bit in 0_usize..256, change in 0_usize..6,
    ) {
        let all = leaves(count);
        let index = pick.index(count);
        let root = model_root(&all);
        let (mut at, mut tree, mut leaf) = (LeafIndex::new(index as u64), size(count), all[index]);
        let mut proof = prove_inclusion(at, tree, reader(&all)).unwrap();
        prop_assert_eq!(verify_inclusion(at, tree, &leaf, &proof, &root), Ok(()));
        match change {
            0 if !proof.is_empty() => { let at = pick.index(proof.len()); proof[at] = flip(&proof[at], bit); }
            1 if !proof.is_empty() => { proof.remove(pick.index(proof.len())); }
            2 => proof.insert(pick.index(proof.len() + 1), root),
            3 => leaf = flip(&leaf, bit),
            4 => at = LeafIndex::new(at.get() ^ (1 << (bit % 9))),
            // Twice as many leaves always take one hash more.
            _ => tree = TreeSize::new(tree.get() * 2),
        }
        prop_assert!(verify_inclusion(at, tree, &leaf, &proof, &root).is_err());
    }

    #[test]
    fn a_mutated_consistency_proof_is_refused(
        count in 2_usize..300, pick: prop::sample::Index, bit in 0_usize..256, change in 0_usize..6,
    ) {
        let all = leaves(count);
        let first = 1 + pick.index(count - 1);
        let (mut first_root, mut second_root) = (model_root(&all[..first]), model_root(&all));
        let mut first_size = size(first);
        let mut proof = prove_consistency(first_size, size(count), reader(&all)).unwrap();
        let verify = |first_size, first_root: &Hash, second_root: &Hash, proof: &[Hash]| {
            verify_consistency((first_size, first_root), (size(count), second_root), proof)
        };
        prop_assert_eq!(verify(first_size, &first_root, &second_root, &proof), Ok(()));
        match change {
            0 => { let at = pick.index(proof.len()); proof[at] = flip(&proof[at], bit); }
            1 => { proof.remove(pick.index(proof.len())); }
            2 => proof.insert(pick.index(proof.len() + 1), first_root),
            3 => first_root = flip(&first_root, bit),
            4 => second_root = flip(&second_root, bit),
            _ => first_size = size(first + 1),
        }
        prop_assert!(verify(first_size, &first_root, &second_root, &proof).is_err());
    }
}
