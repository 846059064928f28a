//! Where the hash of a complete subtree is found: which tile, and which run of its hashes makes the root.

use super::{TILE_HEIGHT, TILE_WIDTH, Tile, TileKind, width_of};
use crate::hash::Hash;
use crate::tree::{Subtree, TreeSize, complete_root};

/// A run of consecutive hashes of one tile, a power of two long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    tile: Tile,
    start: usize,
    length: usize,
}

/// Finds the tile that holds a complete subtree, as wide as it is in a tree of `size` leaves.
///
/// `None` when the subtree is not complete in that tree.
pub fn locate(Subtree { level, index }: Subtree, size: TreeSize) -> Option<Location> {
    if size.get().checked_shr(level.into())? <= index {
        return None;
    }
    let tile_level = level / TILE_HEIGHT;
    let rise = level % TILE_HEIGHT;
    let first = index << rise;
    let hashes = size.get() >> (tile_level * TILE_HEIGHT);
    // A tile has 256 hashes, so the lowest byte of a hash's index is its place in the tile.
    let ([start, ..], tile_index) = (first.to_le_bytes(), first / u64::from(TILE_WIDTH));
    let kind = TileKind::Hashes { level: tile_level };
    let tile = Tile { kind, index: tile_index, width: width_of(hashes, tile_index) };
    Some(Location { tile, start: start.into(), length: 1 << rise })
}

impl Location {
    /// The tile to read.
    pub const fn tile(self) -> Tile {
        self.tile
    }

    /// The hash of the subtree, from the hashes of its tile; `None` when they are too few.
    pub fn root(self, hashes: &[Hash]) -> Option<Hash> {
        complete_root(hashes.get(self.start..self.start + self.length)?)
    }
}
