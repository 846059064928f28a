//! What the world reads: full tiles as soon as they are full, partial ones and the checkpoint when asked.

use edge::file::FileError;
use tlog::tile::{TILE_HEIGHT, Tile, TileKind};
use tlog::tree::TreeSize;

use crate::disk::Disk;
use crate::error::OpenError;
use crate::files::{failed, parent};
use crate::frontier::concat;
use crate::layout::BUNDLE;
use crate::writer::LogWriter;

impl<D: Disk> LogWriter<D> {
    /// Publishes everything up to the newest head: partial tiles first, then the checkpoint that covers them. Does nothing where that is published.
    ///
    /// On an error the writer stops for good. One that stopped publishes nothing more: what its files hold is not known any longer.
    pub fn publish(&mut self) -> Result<(), FileError> {
        if self.stopped || self.published == self.size() {
            return Ok(());
        }
        let done = self.publish_head();
        self.stopped = done.is_err();
        done
    }

    fn publish_head(&mut self) -> Result<(), FileError> {
        let Some(head) = &self.head else { return Ok(()) };
        let size = head.checkpoint().size;
        let note = head.note().to_string();
        // The writer's own head is never older than the published one.
        self.files.write(&self.layout.head(), note.as_bytes())?;
        let old = TreeSize::new(self.published);
        let tiles: Vec<Tile> =
            tlog::tile::hash_tiles(old, size).chain(tlog::tile::entry_bundles(old, size)).collect();
        for tile in tiles.iter().filter(|t| !t.is_full()) {
            let bytes = match tile.kind() {
                TileKind::Entries => self.tail.clone(),
                TileKind::Hashes { level } => concat(self.frontier.partial(level)),
            };
            self.files.write(&self.layout.tile(*tile), &bytes)?;
        }
        self.files.write(&self.layout.checkpoint(), note.as_bytes())?;
        self.published = size.get();
        tiles.iter().try_for_each(|tile| self.remove_older_widths(*tile))
    }

    /// Moves a full tail to its place among the tiles: the hash tiles that it completes, the bundle, the head that the tail alone held, and last the
    /// tail goes. Interrupted anywhere, it is done again from the tail.
    pub(crate) fn roll_over(&mut self) -> Result<(), FileError> {
        let index = self.size() / BUNDLE - 1;
        for (level, hashes) in &self.full_tiles {
            let leaves = u32::from(TILE_HEIGHT) * (u32::from(*level) + 1);
            let tile = (self.size() - 1).checked_shr(leaves).unwrap_or(0);
            self.files.write(&self.layout.hashes(*level, tile), &concat(hashes))?;
        }
        self.full_tiles.clear();
        self.files.write(&self.layout.bundle(index), &self.tail)?;
        if let Some(head) = &self.head {
            self.files.write(&self.layout.head(), head.note().to_string().as_bytes())?;
        }
        self.files.remove(&self.layout.tail(index))?;
        self.tail_rolled_over();
        Ok(())
    }

    /// Finishes what an interruption left, after everything was checked. What the last run wrote may be in the page cache only, and after a failed sync it
    /// never goes further: the tail is therefore written anew, without what was cut.
    pub(crate) fn settle(&mut self, frames: &[u8]) -> Result<(), OpenError> {
        let index = (self.size() - self.tail_count()) / BUNDLE;
        let tail = self.layout.tail(index);
        if !frames.is_empty() {
            self.files.write(&tail, frames)?;
        } else if self.files.disk.exists(&tail) {
            self.files.remove(&tail)?;
        }
        let before = self.layout.tail(index.saturating_sub(1));
        if index > 0 && self.files.disk.exists(&before) {
            self.files.remove(&before)?;
        }
        if self.size() > 0 && self.tail_count() == BUNDLE {
            self.roll_over()?;
        } else if !frames.is_empty() {
            self.reopen_tail(frames)?;
        }
        Ok(self.publish_head()?)
    }

    /// Entries in the tail.
    fn tail_count(&self) -> u64 {
        match self.size() % BUNDLE {
            0 if !self.tail.is_empty() => BUNDLE,
            count => count,
        }
    }

    /// Partial tiles of other widths are superseded by the checkpoint that was just published.
    fn remove_older_widths(&self, tile: Tile) -> Result<(), FileError> {
        let current = self.layout.tile(tile);
        let widths =
            if tile.is_full() { current.with_added_extension("p") } else { parent(&current).to_owned() };
        let Ok(listing) = self.files.disk.list(&widths) else { return Ok(()) };
        for path in listing.into_iter().filter(|path| *path != current) {
            self.files.disk.remove(&path).map_err(failed(&path, "remove it"))?;
        }
        if tile.is_full() {
            self.files.disk.remove_directory(&widths).map_err(failed(&widths, "remove it"))?;
        }
        Ok(())
    }
}
