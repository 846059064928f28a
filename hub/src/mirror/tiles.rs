//! Bundles and tiles: written wider and wider, read back by index.

use std::collections::HashMap;
use std::path::PathBuf;

use edge::file::{read, write_durably};
use tlog::tile::{self, Tile, TileKind, bundle, entry_bundles, hash_tiles};
use tlog::tree::{Subtree, TreeSize};
use tlog::{CompactRange, Hash, leaf_hash};

use super::archive::{Archive, ArchiveError, FILE_MAX_BYTES, bundle_of};

impl Archive {
    /// Writes the bundles and tiles that grow by `entries`, and returns once they are durable.
    pub(super) fn extend(
        &self,
        old: &CompactRange,
        entries: &[Vec<u8>],
        leaves: &[Hash],
    ) -> Result<CompactRange, ArchiveError> {
        let mut fresh = HashMap::new();
        let mut range = old.clone();
        for leaf in leaves {
            range.append_visiting(*leaf, |Subtree { level, index }, hash| {
                if level % tile::TILE_HEIGHT == 0 {
                    fresh.insert((level / tile::TILE_HEIGHT, index), hash);
                }
            });
        }
        for bundle in entry_bundles(old.size(), range.size()) {
            self.extend_bundle(bundle, old.size(), entries)?;
        }
        for tile in hash_tiles(old.size(), range.size()) {
            self.extend_tile(tile, old.size(), &fresh)?;
        }
        Ok(range)
    }

    /// Removes the partial bundles and tiles of `old` that wider ones replaced. Failing to is untidy and nothing else.
    pub(super) fn tidy(&self, old: TreeSize, new: TreeSize) {
        let partial = |t: &Tile| !t.is_full();
        let before =
            entry_bundles(TreeSize::EMPTY, old).chain(hash_tiles(TreeSize::EMPTY, old)).filter(partial);
        let after: Vec<Tile> = entry_bundles(old, new).chain(hash_tiles(old, new)).collect();
        for tile in before.filter(|t| after.iter().any(|a| a.kind() == t.kind() && a.index() == t.index())) {
            let _ = std::fs::remove_file(self.path(tile));
        }
    }

    /// The entries of the bundle that holds entry `index`, in a log of `size`, from that entry on.
    pub(super) fn entries(&self, index: u64, size: TreeSize) -> Result<Vec<Vec<u8>>, ArchiveError> {
        let width_full = u64::from(tile::TILE_WIDTH);
        let Some(bundle) = at(TileKind::Entries, index / width_full, size.get()) else {
            return Ok(Vec::new());
        };
        let skip = usize::try_from(index % width_full).unwrap_or(usize::MAX);
        Ok(self.bundle(bundle)?.into_iter().skip(skip).collect())
    }

    /// The partial bundle at the end of a log of `size`, where it has one.
    pub(super) fn partial(&self, size: u64) -> Result<Option<(Tile, Vec<u8>)>, ArchiveError> {
        let last = at(TileKind::Entries, size / u64::from(tile::TILE_WIDTH), size);
        last.filter(|t| !t.is_full()).map(|t| Ok((t, read(&self.path(t), FILE_MAX_BYTES)?))).transpose()
    }

    /// The tree over the first `part` entries, of a log of `size`.
    pub(super) fn range(&self, part: TreeSize, size: TreeSize) -> Result<CompactRange, ArchiveError> {
        let mut peaks = Vec::new();
        let mut start = 0;
        for level in (0..u64::BITS).rev().filter(|level| part.get() >> level & 1 == 1) {
            let subtree = Subtree { level: u8::try_from(level).unwrap_or(u8::MAX), index: start >> level };
            peaks.push(self.subtree(subtree, size)?);
            start += 1 << level;
        }
        CompactRange::restore(part, peaks).map_err(|e| self.damaged("tile", &e))
    }

    /// The hash of one leaf, or of a greater complete subtree.
    pub(super) fn subtree(&self, subtree: Subtree, size: TreeSize) -> Result<Hash, ArchiveError> {
        let missing = || self.damaged("tile", &format_args!("{subtree} is not there"));
        let location = tile::locate(subtree, size).ok_or_else(missing)?;
        location.root(&self.hashes(location.tile())?).ok_or_else(missing)
    }

    fn path(&self, tile: Tile) -> PathBuf {
        self.directory.join(tile.to_string())
    }

    fn hashes(&self, tile: Tile) -> Result<Vec<Hash>, ArchiveError> {
        let bytes = read(&self.path(tile), FILE_MAX_BYTES)?;
        tile.parse_hashes(&bytes).map_err(|e| self.damaged(&tile.to_string(), &e))
    }

    fn bundle(&self, tile: Tile) -> Result<Vec<Vec<u8>>, ArchiveError> {
        let bytes = read(&self.path(tile), FILE_MAX_BYTES)?;
        let entries = bundle::entries(&bytes, tile.width()).map(|e| e.map(<[u8]>::to_vec)).collect();
        Result::<_, _>::map_err(entries, |e| self.damaged(&tile.to_string(), &e))
    }

    /// A bundle whose every entry has the hash that the tree has for it: what is copied wider was not looked at since it was written.
    fn sound_bundle(&self, tile: Tile, start: u64, size: TreeSize) -> Result<Vec<Vec<u8>>, ArchiveError> {
        let entries = self.bundle(tile)?;
        for (entry, index) in entries.iter().zip(start..) {
            self.compare(entry, index, size)?;
        }
        Ok(entries)
    }

    /// One entry of a log of `size`, checked against the tree's hash of it.
    pub(super) fn entry(&self, index: u64, size: TreeSize) -> Result<Vec<u8>, ArchiveError> {
        let first = self.entries(index, size)?.into_iter().next();
        let entry = first.ok_or_else(|| self.damaged("tile/entries", &format_args!("no entry {index}")))?;
        self.compare(&entry, index, size)?;
        Ok(entry)
    }

    fn compare(&self, entry: &[u8], index: u64, size: TreeSize) -> Result<(), ArchiveError> {
        if self.subtree(Subtree { level: 0, index }, size)? == leaf_hash(entry) {
            return Ok(());
        }
        Err(self
            .damaged("tile/entries", &format_args!("entry {index} is not the one that the tree has there")))
    }

    /// Writes a bundle: what its narrower predecessor holds, and the new entries.
    fn extend_bundle(&self, new: Tile, old: TreeSize, entries: &[Vec<u8>]) -> Result<(), ArchiveError> {
        let start = new.index() * u64::from(tile::TILE_WIDTH);
        let held = match at(TileKind::Entries, new.index(), old.get()) {
            Some(narrower) => self.sound_bundle(narrower, start, old)?,
            None => Vec::new(),
        };
        let skip =
            usize::try_from((start + held.len() as u64).saturating_sub(old.get())).unwrap_or(usize::MAX);
        let fresh = entries.iter().skip(skip).take(usize::from(new.width()) - held.len());
        let bytes = bundle_of(held.iter().chain(fresh).map(Vec::as_slice))
            .map_err(|e| self.damaged(&new.to_string(), &e))?;
        self.write(new, &bytes)
    }

    /// Writes a hash tile: what its narrower predecessor holds, and the new hashes.
    fn extend_tile(
        &self,
        new: Tile,
        old: TreeSize,
        fresh: &HashMap<(u8, u64), Hash>,
    ) -> Result<(), ArchiveError> {
        let TileKind::Hashes { level } = new.kind() else { return Ok(()) };
        let mut hashes = match at(new.kind(), new.index(), old.get() >> (tile::TILE_HEIGHT * level)) {
            Some(narrower) => self.hashes(narrower)?,
            None => Vec::new(),
        };
        let start = new.index() * u64::from(tile::TILE_WIDTH);
        while hashes.len() < usize::from(new.width()) {
            let hash = fresh.get(&(level, start + hashes.len() as u64));
            hashes.push(*hash.ok_or_else(|| self.damaged(&new.to_string(), &"a hash is missing"))?);
        }
        self.write(new, &hashes.iter().flat_map(|h| *h.as_bytes()).collect::<Vec<_>>())
    }

    fn write(&self, tile: Tile, bytes: &[u8]) -> Result<(), ArchiveError> {
        let path = self.path(tile);
        let parent = path.parent().unwrap_or(&self.directory);
        self.make(parent)?;
        Ok(write_durably(&path, bytes)?)
    }
}

/// The tile `index` of a level that has `hashes` hashes (or entries), where it has any.
fn at(kind: TileKind, index: u64, hashes: u64) -> Option<Tile> {
    let width = hashes.checked_sub(index * u64::from(tile::TILE_WIDTH))?.min(u64::from(tile::TILE_WIDTH));
    Tile::new(kind, index, u16::try_from(width).ok()?).ok()
}
