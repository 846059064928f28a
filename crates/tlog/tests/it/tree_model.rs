//! Trees, proofs and tiles against the definition in RFC 6962 §2.1, written out as it stands there.

use std::convert::Infallible;

use proptest::prelude::*;
use tlog::hash::empty_root;
use tlog::tile::{Tile, TileKind, hash_tiles, locate};
use tlog::tree::{
    CompactRangeError, ConsistencyError, InclusionError, ProveError, Subtree, complete_root,
    prove_consistency, prove_inclusion, verify_consistency, verify_inclusion,
};
use tlog::{CompactRange, Hash, LeafIndex, TreeSize, leaf_hash, node_hash};

/// `MTH(D[n])` over leaf hashes.
fn model_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&model_root(left), &model_root(right))
        }
    }
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

fn size(leaves: usize) -> TreeSize {
    TreeSize::new(leaves as u64)
}

/// Reads complete subtrees straight from the leaves.
fn reader(leaves: &[Hash]) -> impl FnMut(Subtree) -> Result<Hash, Infallible> {
    move |Subtree { level, index }| {
        let start = usize::try_from(index << level).unwrap();
        Ok(complete_root(&leaves[start..start + (1 << level)]).unwrap())
    }
}

fn flip(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8 % 32] ^= 1 << (bit % 8);
    Hash::from_bytes(bytes)
}

#[test]
fn every_size_up_to_600_has_the_root_of_the_definition() {
    let leaves = leaves(600);
    let mut range = CompactRange::new();
    for (index, leaf) in leaves.iter().enumerate() {
        assert_eq!(range.root(), model_root(&leaves[..index]));
        assert_eq!(range.append(*leaf).get(), index as u64);
        let restored = CompactRange::restore(range.size(), range.peaks().to_vec()).unwrap();
        assert_eq!(restored, range);
    }
    assert_eq!(range.root(), model_root(&leaves));
}

#[test]
fn a_frontier_with_the_wrong_number_of_peaks_is_refused() {
    let refused = CompactRange::restore(size(3), leaves(1));
    assert_eq!(refused, Err(CompactRangeError::Peaks { size: size(3), needed: 2, found: 1 }));
    let beyond = TreeSize::new(u64::MAX);
    assert_eq!(CompactRange::restore(beyond, leaves(64)), Err(CompactRangeError::Size { size: beyond }));
}

#[test]
fn every_proof_of_every_tree_up_to_40_leaves_verifies() {
    let all = leaves(40);
    for count in 1..=all.len() {
        let root = model_root(&all[..count]);
        for index in 0..count {
            let leaf_index = LeafIndex::new(index as u64);
            let proof = prove_inclusion(leaf_index, size(count), reader(&all)).unwrap();
            verify_inclusion(leaf_index, size(count), &all[index], &proof, &root).unwrap();
            let first = index + 1;
            let proof = prove_consistency(size(first), size(count), reader(&all)).unwrap();
            let first_root = model_root(&all[..first]);
            verify_consistency((size(first), &first_root), (size(count), &root), &proof).unwrap();
        }
    }
}

#[test]
fn proofs_that_cannot_be_are_not_made() {
    let all = leaves(4);
    let outside = prove_inclusion(LeafIndex::new(4), size(4), reader(&all));
    assert!(matches!(outside, Err(ProveError::IndexOutside { .. })));
    for (first, second) in [(0, 4), (4, 3)] {
        let refused = prove_consistency(size(first), size(second), reader(&all));
        assert!(matches!(refused, Err(ProveError::SizesOutOfOrder { .. })));
    }
    let unread = prove_inclusion(LeafIndex::new(0), size(4), |_| Err(std::fmt::Error));
    assert!(matches!(unread, Err(ProveError::Read { subtree: Subtree { level: 0, index: 1 }, .. })));
}

#[test]
fn refusals_name_their_reason() {
    let [a, b]: [Hash; 2] = leaves(2).try_into().unwrap();
    let root = node_hash(&a, &b);
    let inclusion =
        |index, proof: &[Hash]| verify_inclusion(LeafIndex::new(index), size(2), &a, proof, &root);
    assert_eq!(inclusion(0, &[b]), Ok(()));
    assert_eq!(
        inclusion(2, &[b]),
        Err(InclusionError::IndexOutside { index: LeafIndex::new(2), size: size(2) })
    );
    assert_eq!(inclusion(0, &[]), Err(InclusionError::Length { length: 0 }));
    assert_eq!(inclusion(0, &[b, b]), Err(InclusionError::Length { length: 2 }));
    assert_eq!(inclusion(1, &[b]), Err(InclusionError::Root { computed: node_hash(&b, &a) }));

    let (one, two) = ((size(1), &a), (size(2), &root));
    assert_eq!(verify_consistency(one, two, &[b]), Ok(()));
    assert_eq!(verify_consistency((size(0), &empty_root()), two, &[]), Err(ConsistencyError::FirstEmpty));
    let shrunk = ConsistencyError::Shrunk { first: size(2), second: size(1) };
    assert_eq!(verify_consistency(two, one, &[b]), Err(shrunk));
    let forked = verify_consistency(two, (size(2), &a), &[]);
    assert_eq!(forked, Err(ConsistencyError::Forked { size: size(2) }));
    assert_eq!(verify_consistency(two, two, &[a]), Err(ConsistencyError::Length { length: 1 }));
    assert_eq!(verify_consistency(one, two, &[]), Err(ConsistencyError::Length { length: 0 }));
    let other = ConsistencyError::SecondRoot { computed: node_hash(&a, &a) };
    assert_eq!(verify_consistency(one, two, &[a]), Err(other));
}

#[test]
fn hashes_have_one_spelling_each() {
    let hash = leaf_hash(b"");
    assert_eq!(hash.to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_eq!(empty_root().to_base64(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert_eq!(Hash::from_base64(&hash.to_base64()), Ok(hash));
    let text = hash.to_string();
    for refused in [&text[1..], &text[2..], &text.to_uppercase(), &format!("+{}", &text[1..]), ""] {
        assert!(refused.parse::<Hash>().is_err(), "{refused}");
    }
    let base64 = hash.to_base64();
    // The last character but the padding carries two bits that no byte uses: only zeros are accepted there.
    let stray_bits = base64.replace("B0=", "B1=");
    for refused in [base64.trim_end_matches('='), &stray_bits, "AAAA", ""] {
        assert!(Hash::from_base64(refused).is_err(), "{refused}");
    }
}

/// Builds every hash tile as a log writer would, from the subtrees that appending completes.
fn written_tiles(leaves: &[Hash]) -> Vec<Vec<Hash>> {
    let mut levels = vec![Vec::new(); 8];
    let mut range = CompactRange::new();
    for leaf in leaves {
        range.append_visiting(*leaf, |subtree, hash| {
            if subtree.level % 8 == 0 {
                levels[usize::from(subtree.level / 8)].push(hash);
            }
        });
    }
    levels
}

fn tile_hashes(levels: &[Vec<Hash>], tile: Tile) -> Vec<Hash> {
    let TileKind::Hashes { level } = tile.kind() else { panic!("not a hash tile") };
    let start = usize::try_from(tile.index()).unwrap() * 256;
    levels[usize::from(level)][start..start + usize::from(tile.width())].to_vec()
}

#[test]
fn proofs_read_from_tiles_are_those_of_the_tree() {
    let all = leaves(70_000);
    let levels = written_tiles(&all);
    let tiles: Vec<Tile> = hash_tiles(TreeSize::EMPTY, size(all.len())).collect();
    let mut range = CompactRange::new();
    for leaf in &all {
        range.append(*leaf);
    }
    let from_tiles = |subtree| {
        let location = locate(subtree, size(all.len())).ok_or(std::fmt::Error)?;
        assert!(tiles.contains(&location.tile()), "{}", location.tile());
        location.root(&tile_hashes(&levels, location.tile())).ok_or(std::fmt::Error)
    };
    for index in [0, 255, 256, 65_535, 65_536, 69_999] {
        let leaf_index = LeafIndex::new(index as u64);
        let proof = prove_inclusion(leaf_index, size(all.len()), from_tiles).unwrap();
        verify_inclusion(leaf_index, size(all.len()), &all[index], &proof, &range.root()).unwrap();
    }
    let proof = prove_consistency(size(65_537), size(all.len()), from_tiles).unwrap();
    let first_root = model_root(&all[..65_537]);
    verify_consistency((size(65_537), &first_root), (size(all.len()), &range.root()), &proof).unwrap();
    // Each hash above level 0 is the root of the full tile below it.
    assert_eq!(complete_root(&levels[0][..256]), Some(levels[1][0]));
    assert_eq!(complete_root(&levels[1][..256]), Some(levels[2][0]));
}

#[test]
fn a_subtree_that_is_not_complete_has_no_location() {
    assert!(locate(Subtree { level: 1, index: 1 }, size(3)).is_none());
    assert!(locate(Subtree { level: 1, index: 1 }, size(4)).is_some());
    assert!(locate(Subtree { level: 64, index: 0 }, TreeSize::new(u64::MAX)).is_none());
    assert!(locate(Subtree { level: 63, index: 0 }, TreeSize::new(u64::MAX)).is_some());
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
