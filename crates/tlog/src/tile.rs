//! Tiles: the tree and its entries as static files of 256 hashes or entries (<https://c2sp.org/tlog-tiles>).
//!
//! Beyond the specification: a path has one spelling, and levels above 7 and indexes past 2^64 leaves are
//! refused, as no log can have them.

pub mod bundle;
mod locate;
mod path;

pub use locate::{Location, locate};

use crate::hash::Hash;
use crate::tree::TreeSize;

/// Hashes or entries in a full tile.
pub const TILE_WIDTH: u16 = 256;
/// Tree levels spanned by a tile: 2^8 = 256 hashes.
pub const TILE_HEIGHT: u8 = 8;
/// The highest level of tiles: 256^8 leaves are all that a 64-bit size can count.
pub const TILE_LEVEL_MAX: u8 = 7;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes; those of level 0 are leaf hashes, each hash of level L + 1 is the root of a full tile of level L.
    Hashes {
        /// The level, at most [`TILE_LEVEL_MAX`].
        level: u8,
    },
    /// The entries themselves, as an entry bundle.
    Entries,
}

/// The coordinates of one full or partial tile. Its [`Display`](std::fmt::Display) form is its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl Tile {
    /// A tile by its kind, its index within its level, and its width of 1 to 256.
    pub fn new(kind: TileKind, index: u64, width: u16) -> Result<Self, TileError> {
        let level = if let TileKind::Hashes { level } = kind { level } else { 0 };
        // Tiles of level 7 span all the leaves that a 64-bit size can count; each level below has 256 times as many.
        let in_range = level <= TILE_LEVEL_MAX && index >> (TILE_HEIGHT * (TILE_LEVEL_MAX - level)) == 0;
        let known = in_range && (1..=TILE_WIDTH).contains(&width);
        if known { Ok(Self { kind, index, width }) } else { Err(TileError::Coordinates(level, index, width)) }
    }

    /// What the tile holds.
    pub const fn kind(self) -> TileKind {
        self.kind
    }

    /// Tiles of the same level to its left.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// Hashes or entries in the tile, 1 to 256.
    pub const fn width(self) -> u16 {
        self.width
    }

    /// Whether nothing can be added to the tile any more.
    pub const fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Reads the content of a hash tile, which is exactly `width` hashes.
    pub fn parse_hashes(self, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
        match bytes.as_chunks() {
            (hashes, []) if hashes.len() == usize::from(self.width) => {
                Ok(hashes.iter().copied().map(Hash::from_bytes).collect())
            }
            _ => Err(TileError::Length(bytes.len(), self.width)),
        }
    }
}

/// The hash tiles of a tree of `new` leaves that differ from those of its first `old` leaves.
///
/// With `old` empty these are all its tiles: level by level, leftmost first, a partial one last.
pub fn hash_tiles(old: TreeSize, new: TreeSize) -> impl Iterator<Item = Tile> {
    (0..=TILE_LEVEL_MAX).flat_map(move |level| {
        let hashes = |size: TreeSize| size.get() >> (TILE_HEIGHT * level);
        tiles(TileKind::Hashes { level }, hashes(old), hashes(new))
    })
}

/// The entry bundles of a log of `new` entries that differ from those of its first `old` entries.
pub fn entry_bundles(old: TreeSize, new: TreeSize) -> impl Iterator<Item = Tile> {
    tiles(TileKind::Entries, old.get(), new.get())
}

fn tiles(kind: TileKind, old: u64, new: u64) -> impl Iterator<Item = Tile> {
    let width = u64::from(TILE_WIDTH);
    // Between two equal sizes not even the last tile, a partial one, differs.
    let changed = if new > old { old / width..new.div_ceil(width) } else { 0..0 };
    changed.map(move |index| Tile { kind, index, width: width_of(new, index) })
}

/// The width of the tile `index` of a level with `hashes` hashes, at least one of them in that tile.
fn width_of(hashes: u64, index: u64) -> u16 {
    let after_start = hashes - index * u64::from(TILE_WIDTH);
    u16::try_from(after_start).map_or(TILE_WIDTH, |hashes| hashes.min(TILE_WIDTH))
}

/// Why a path, coordinates or bytes are not those of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not a tile path in its one spelling.
    #[error("not of the form tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>]")]
    Path,
    /// No log has a tile of this level, index and width: it would begin beyond 2^64 leaves, or not be 1 to 256 wide.
    #[error("no log has a tile of level {0}, index {1} and width {2}")]
    Coordinates(u8, u64, u16),
    /// So many bytes are not a tile of this width.
    #[error("{0} bytes are not {1} hashes")]
    Length(usize, u16),
}
