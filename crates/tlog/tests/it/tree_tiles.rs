//! Proofs from the hash tiles of a tree, as a log serves them.

use tlog::tile::{Tile, TileKind, hash_tiles, locate};
use tlog::tree::{
    Subtree, complete_root, prove_consistency, prove_inclusion, verify_consistency, verify_inclusion,
};
use tlog::{CompactRange, Hash, LeafIndex, TreeSize};

use crate::tree_model::{leaves, model_root, size};

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
