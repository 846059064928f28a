//! The hash tiles that the log should have, computed from its entries, beside those it has.

use tlog::hash::Hash;
use tlog::tile::{TILE_HEIGHT, TILE_WIDTH, Tile};
use tlog::tree::Subtree;

use crate::extent::{BUNDLE, covered, hash_tile};
use crate::source::{ReadError, Source};

/// The most bytes that a hash tile can have.
pub(crate) const TILE_BYTES_MAX: usize = TILE_WIDTH as usize * Hash::LEN;

/// What is wrong with a hash tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TileFault {
    /// It could not be read.
    Unread(ReadError),
    /// It says something else than the entries.
    Differs,
}

/// Compares the tile of level 0 beside a bundle with the bundle's leaves.
pub(crate) fn compare_leaves(
    source: &impl Source,
    bundle: Tile,
    leaves: &[Hash],
    buffer: &mut Vec<u8>,
) -> Option<(String, TileFault)> {
    let tile = hash_tile(0, bundle.index(), bundle.width())?;
    compare(source, tile, leaves, buffer)
}

fn compare(
    source: &impl Source,
    tile: Tile,
    hashes: &[Hash],
    buffer: &mut Vec<u8>,
) -> Option<(String, TileFault)> {
    let fault = match source.read_into(&tile.to_string(), TILE_BYTES_MAX, buffer) {
        Ok(()) => {
            let (found, rest) = buffer.as_chunks::<{ Hash::LEN }>();
            let same = rest.is_empty() && found.iter().eq(hashes.iter().map(Hash::as_bytes));
            if same { None } else { Some(TileFault::Differs) }
        }
        Err(ReadError::TooLong { .. }) => Some(TileFault::Differs),
        Err(why) => Some(TileFault::Unread(why)),
    };
    fault.map(|fault| (tile.to_string(), fault))
}

/// The comparison of the tiles above level 0 as it goes along. Holds at most one tile per level, and those just filled.
#[derive(Default)]
pub(crate) struct TileComparison {
    levels: Vec<Level>,
    full: Vec<(Tile, Vec<Hash>)>,
    buffer: Vec<u8>,
    /// The first tile that could not be read.
    pub(crate) unread: Option<(String, ReadError)>,
    /// The first tile that says something else than the entries.
    pub(crate) differs: Option<String>,
}

/// The tile of a level that is being filled.
#[derive(Default)]
struct Level {
    index: u64,
    hashes: Vec<Hash>,
}

impl TileComparison {
    /// Keeps a fault, if it is the first of its kind.
    pub(crate) fn note(&mut self, fault: Option<(String, TileFault)>) {
        match fault {
            None => {}
            Some((tile, TileFault::Unread(why))) => _ = self.unread.get_or_insert((tile, why)),
            Some((tile, TileFault::Differs)) => _ = self.differs.get_or_insert(tile),
        }
    }

    /// Takes a subtree of full bundles that was just completed; only every eighth level stands in tiles.
    pub(crate) fn take(&mut self, of_bundles: Subtree, hash: Hash) {
        if !of_bundles.level.is_multiple_of(TILE_HEIGHT) {
            return;
        }
        let at = usize::from(of_bundles.level / TILE_HEIGHT);
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
            let fault = compare(source, tile, &hashes, &mut self.buffer);
            self.note(fault);
        }
    }

    /// Compares the tiles that the end of the log leaves partial.
    pub(crate) fn finish(&mut self, source: &impl Source) {
        self.compare_full(source);
        for (at, level) in std::mem::take(&mut self.levels).into_iter().enumerate() {
            if let Some(tile) = coordinates(at, level.index, level.hashes.len()) {
                let fault = compare(source, tile, &level.hashes, &mut self.buffer);
                self.note(fault);
            }
        }
    }
}

/// The tile of the level `above` level 1. None for an empty tile: no log has one.
fn coordinates(above: usize, index: u64, width: usize) -> Option<Tile> {
    hash_tile(u8::try_from(above).ok()? + 1, index, u16::try_from(width).ok()?)
}

/// The roots of full bundles whose entries are not there, as the tiles of level 1 have them.
pub(crate) struct Outside<'a, S> {
    source: &'a S,
    size: u64,
    read: Option<(u64, Vec<Hash>)>,
}

impl<'a, S: Source> Outside<'a, S> {
    pub(crate) const fn new(source: &'a S, size: u64) -> Self {
        Self { source, size, read: None }
    }

    /// The root of the full bundle with this index.
    pub(crate) fn root(&mut self, bundle: u64) -> Result<Hash, (String, TileFault)> {
        let (index, at) = (bundle / BUNDLE, usize::try_from(bundle % BUNDLE).unwrap_or_default());
        let hashes = match self.read.take() {
            Some((read, hashes)) if read == index => hashes,
            _ => self.tile(1, index)?,
        };
        // The tile has as many hashes as the tree has full bundles there, and this is one of them.
        let root = hashes.get(at).copied();
        self.read = Some((index, hashes));
        root.ok_or_else(|| (format!("tile/1/{index}"), TileFault::Differs))
    }

    /// The leaf hashes of a tile of level 0, as wide as the tree has it.
    pub(crate) fn leaves(&self, index: u64) -> Result<Vec<Hash>, (String, TileFault)> {
        self.tile(0, index)
    }

    fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, (String, TileFault)> {
        let tile = hash_tile(level, index, TILE_WIDTH).and_then(|tile| covered(tile, self.size));
        let Some(tile) = tile else { return Err((format!("tile/{level}/{index}"), TileFault::Differs)) };
        let path = tile.to_string();
        match self.source.read(&path, TILE_BYTES_MAX) {
            Ok(bytes) => tile.parse_hashes(&bytes).map_err(|_| (path, TileFault::Differs)),
            Err(ReadError::TooLong { .. }) => Err((path, TileFault::Differs)),
            Err(why) => Err((path, TileFault::Unread(why))),
        }
    }
}
