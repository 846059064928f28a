//! Where everything stands in the log's directory.

use std::path::{Path, PathBuf};

use tlog::tile::Tile;

/// Entries in a full bundle, as a count of the whole log.
pub(crate) const BUNDLE: u64 = tlog::tile::TILE_WIDTH as u64;

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

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.directory.join("checkpoint")
    }

    pub(crate) fn tile(&self, tile: Tile) -> PathBuf {
        self.directory.join(tile.to_string())
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}
