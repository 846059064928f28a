//! The hash tiles that the log should have, computed from its entries, beside those it has.

use tlog::hash::Hash;
use tlog::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, TileKind};
use tlog::tree::Subtree;

use crate::source::{ReadError, Source};

/// The most bytes that a hash tile can have.
pub(crate) const TILE_BYTES_MAX: usize = TILE_WIDTH as usize * Hash::LEN;

/// The comparison as it goes along. Holds at most one tile per level, and those just filled.
#[derive(Default)]
pub(crate) struct TileComparison {
    levels: Vec<Level>,
    full: Vec<(Tile, Vec<Hash>)>,
    /// The first tile that could not be read.
    pub(crate) unread: Option<(Tile, ReadError)>,
    /// The first tile that says something else than the entries.
    pub(crate) differs: Option<Tile>,
}

/// The tile of a level that is being filled.
#[derive(Default)]
struct Level {
    index: u64,
    hashes: Vec<Hash>,
}

impl TileComparison {
    /// Takes a subtree that was just completed; only every eighth level stands in tiles.
    pub(crate) fn take(&mut self, subtree: Subtree, hash: Hash) {
        if !subtree.level.is_multiple_of(TILE_HEIGHT) {
            return;
        }
        let at = usize::from(subtree.level / TILE_HEIGHT);
        if self.levels.len() <= at {
            self.levels.resize_with(at + 1, Level::default);
        }
        let level = &mut self.levels[at];
        level.hashes.push(hash);
        if level.hashes.len() == usize::from(TILE_WIDTH) {
            let hashes = std::mem::take(&mut level.hashes);
            let index = level.index;
            level.index += 1;
            self.full.extend(coordinates(at, index, hashes.len()).map(|tile| (tile, hashes)));
        }
    }

    /// Compares the tiles that were filled since the last time.
    pub(crate) fn compare_full(&mut self, source: &impl Source) {
        for (tile, hashes) in std::mem::take(&mut self.full) {
            self.compare(source, tile, &hashes);
        }
    }

    /// Compares the tiles that the end of the log leaves partial.
    pub(crate) fn finish(&mut self, source: &impl Source) {
        self.compare_full(source);
        for (at, level) in std::mem::take(&mut self.levels).into_iter().enumerate() {
            if let Some(tile) = coordinates(at, level.index, level.hashes.len()) {
                self.compare(source, tile, &level.hashes);
            }
        }
    }

    fn compare(&mut self, source: &impl Source, tile: Tile, hashes: &[Hash]) {
        match source.read(&tile.to_string(), TILE_BYTES_MAX) {
            Ok(bytes) if tile.parse_hashes(&bytes).is_ok_and(|found| found == hashes) => {}
            Ok(_) | Err(ReadError::TooLong { .. }) => _ = self.differs.get_or_insert(tile),
            Err(why) => _ = self.unread.get_or_insert((tile, why)),
        }
    }
}

/// None for an empty tile: no log has one.
fn coordinates(level: usize, index: u64, width: usize) -> Option<Tile> {
    let (level, width) = (u8::try_from(level).ok()?, u16::try_from(width).ok()?);
    Tile::new(TileKind::Hashes { level }, index, width).ok()
}
