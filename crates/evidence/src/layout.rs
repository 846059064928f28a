//! Where everything stands in the log's directory.

use std::path::{Path, PathBuf};

use tlog::tile::{TILE_WIDTH, Tile, TileKind};

/// Entries in a full bundle, as a count of the whole log.
pub(crate) const BUNDLE: u64 = TILE_WIDTH as u64;

/// The longest file of the log: 256 entries of 16 KiB with their lengths and heads, and a margin for a torn one.
pub(crate) const FILE_MAX_BYTES: u64 = 8 << 20;

/// The paths of one log.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    directory: PathBuf,
}

impl Layout {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    pub(crate) fn writer(&self) -> PathBuf {
        self.directory.join("writer")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.writer().join("lock")
    }

    pub(crate) fn head(&self) -> PathBuf {
        self.writer().join("head")
    }

    /// The entries of bundle `index` while it is not full.
    pub(crate) fn tail(&self, index: u64) -> PathBuf {
        self.writer().join(format!("tail-{index}"))
    }

    /// The log's keys, as verifier keys, one in a line, the oldest first.
    pub(crate) fn keys(&self) -> PathBuf {
        self.writer().join("keys")
    }

    /// The first entry that was not pruned, as a decimal number.
    pub(crate) fn pruned(&self) -> PathBuf {
        self.writer().join("pruned")
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.directory.join("checkpoint")
    }

    pub(crate) fn tile(&self, tile: Tile) -> PathBuf {
        self.directory.join(tile.to_string())
    }

    /// The tiles' directory.
    pub(crate) fn tiles(&self) -> PathBuf {
        self.directory.join("tile")
    }

    /// A full hash tile.
    pub(crate) fn hashes(&self, level: u8, index: u64) -> PathBuf {
        self.full(TileKind::Hashes { level }, index)
    }

    /// A full bundle.
    pub(crate) fn bundle(&self, index: u64) -> PathBuf {
        self.full(TileKind::Entries, index)
    }

    fn full(&self, kind: TileKind, index: u64) -> PathBuf {
        // Invalid coordinates cannot arise: the width is the full one and a log of 2^62 entries is refused long before.
        Tile::new(kind, index, TILE_WIDTH).map_or_else(|_| self.tiles(), |tile| self.tile(tile))
    }
}
