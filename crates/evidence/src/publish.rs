//! What the world reads: full tiles as soon as they are full, partial ones and the checkpoint when asked.

use std::fs;
use std::path::Path;

use edge::file::{self, FileError};
use tlog::hash::Hash;
use tlog::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, TileKind};
use tlog::tree::TreeSize;

use crate::error::OpenError;
use crate::layout::BUNDLE;
use crate::recover::{self, FILE_MAX_BYTES};
use crate::writer::LogWriter;

impl LogWriter {
    /// Publishes everything up to the last signed head: partial tiles first, then the checkpoint that covers them.
    ///
    /// A writer that an error stopped publishes nothing more: what its files hold is not known any longer.
    pub fn publish(&mut self) -> Result<(), FileError> {
        if self.stopped {
            return Ok(());
        }
        let Some(head) = &self.head else { return Ok(()) };
        let size = head.checkpoint().size;
        let note = head.note().to_string();
        let tiles: Vec<Tile> = tlog::tile::hash_tiles(TreeSize::new(self.published), size)
            .chain(tlog::tile::entry_bundles(TreeSize::new(self.published), size))
            .collect();
        for tile in tiles.iter().filter(|t| !t.is_full()) {
            let bytes = match tile.kind() {
                TileKind::Entries => self.tail.clone(),
                TileKind::Hashes { level } => {
                    self.partial.get(usize::from(level)).map(|h| concat(h)).unwrap_or_default()
                }
            };
            write_tile(&self.layout.tile(*tile), &bytes)?;
        }
        file::write_durably(&self.layout.checkpoint(), note.as_bytes())?;
        self.published = size.get();
        for tile in &tiles {
            self.remove_older_widths(*tile)?;
        }
        Ok(())
    }

    /// Moves a full tail to its place among the tiles.
    pub(crate) fn roll_over(&mut self) -> Result<(), FileError> {
        let index = self.size() / BUNDLE - 1;
        write_tile(&recover::full_bundle(&self.layout, index), &self.tail)?;
        file::remove_durably(&self.layout.tail(index))?;
        self.tail_rolled_over();
        Ok(())
    }

    /// Finishes what an interruption left between a full tail and its tile: the hash tiles over it, the bundle, and the tail's removal.
    pub(crate) fn settle_tails(&mut self) -> Result<(), OpenError> {
        for index in 0..self.size() / BUNDLE {
            let (tail, bundle) = (self.layout.tail(index), recover::full_bundle(&self.layout, index));
            if !bundle.exists() {
                let bytes = file::read(&tail, FILE_MAX_BYTES)?;
                write_tile(&bundle, &bytes)?;
            }
            if tail.exists() {
                file::remove_durably(&tail)?;
            }
        }
        Ok(())
    }

    /// Writes the hash tile of `level` that the leaf `last` completed.
    pub(crate) fn write_full_hash_tile(
        &self,
        level: u8,
        last: u64,
        hashes: &[Hash],
    ) -> Result<(), FileError> {
        let leaves_bits = u32::from(TILE_HEIGHT) * (u32::from(level) + 1);
        let index = last.checked_shr(leaves_bits).unwrap_or(0);
        if let Ok(tile) = Tile::new(TileKind::Hashes { level }, index, TILE_WIDTH) {
            write_tile(&self.layout.tile(tile), &concat(hashes))?;
        }
        Ok(())
    }

    /// Partial tiles of other widths are superseded by the checkpoint that was just published.
    fn remove_older_widths(&self, tile: Tile) -> Result<(), FileError> {
        let current = self.layout.tile(tile);
        let widths =
            if tile.is_full() { current.with_added_extension("p") } else { parent(&current).to_owned() };
        let Ok(listing) = fs::read_dir(&widths) else { return Ok(()) };
        for entry in listing.flatten() {
            if entry.path() != current {
                let removed = fs::remove_file(entry.path());
                removed.map_err(|source| FileError { path: entry.path(), action: "remove it", source })?;
            }
        }
        if tile.is_full() {
            let removed = fs::remove_dir(&widths);
            removed.map_err(|source| FileError { path: widths, action: "remove it", source })?;
        }
        Ok(())
    }
}

fn write_tile(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    file::private_directory(parent(path))?;
    file::write_durably(path, bytes)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

fn concat(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|h| *h.as_bytes()).collect()
}
