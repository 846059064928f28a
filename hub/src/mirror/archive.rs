//! One host's directory in the archive: bundles, tiles, the cosigned checkpoint, and what is staged.
//!
//! ```text
//! <archive>/<tenant>/<host>/checkpoint            the newest head, cosigned
//!                          /tile/entries/000      full and partial bundles of entries
//!                          /tile/0/000            hashes
//!                          /staged                entries that no verified checkpoint covers yet, written like a bundle
//! ```
//! The checkpoint is written last, so everything that it covers is on the disk before it is.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use edge::file::{FileError, private_directory, read, remove_durably, sync_directory, write_durably};
use thiserror::Error;
use tlog::tile::{Tile, TileKind, bundle, entry_bundles, hash_tiles};
use tlog::tree::{Subtree, TreeSize};
use tlog::{CompactRange, Hash, tile};

/// The largest file of an archive that is read: a full bundle of the longest records, with room.
const FILE_MAX_BYTES: u64 = 32 << 20;
/// The most that may be staged.
pub(super) const STAGED_MAX_BYTES: u64 = 256 << 20;

/// Why the archive did not take or give something. Ours: the operator must look at the disk.
#[derive(Debug, Error)]
pub(crate) enum ArchiveError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not what the hub wrote.
    #[error("{}: {what}: the archive is damaged; restore this host's directory from a copy", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// One host's directory.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    directory: PathBuf,
}

impl Archive {
    pub(super) fn open(directory: PathBuf) -> Result<Self, ArchiveError> {
        private_directory(&directory)?;
        Ok(Self { directory })
    }

    pub(super) fn damaged(&self, file: &str, what: &dyn std::fmt::Display) -> ArchiveError {
        ArchiveError::Damaged { path: self.directory.join(file), what: what.to_string() }
    }

    pub(super) fn checkpoint(&self) -> Result<Option<Vec<u8>>, ArchiveError> {
        read_or_none(&self.directory.join("checkpoint"), FILE_MAX_BYTES)
    }

    /// The entries that are staged. What a power cut left of a last entry was never acknowledged, and is not among them.
    pub(super) fn staged(&self) -> Result<Vec<Vec<u8>>, ArchiveError> {
        let bytes = read_or_none(&self.directory.join("staged"), STAGED_MAX_BYTES + FILE_MAX_BYTES)?
            .unwrap_or_default();
        let mut entries = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some((length, tail)) = rest.split_first_chunk::<2>()
            && let Some((entry, tail)) = tail.split_at_checked(u16::from_be_bytes(*length).into())
        {
            entries.push(entry.to_vec());
            rest = tail;
        }
        Ok(entries)
    }

    /// Appends entries to what is staged, after its first `kept` bytes.
    pub(super) fn stage(&self, kept: u64, entries: &[String]) -> Result<u64, ArchiveError> {
        let path = self.directory.join("staged");
        let bytes =
            bundle_of(entries.iter().map(String::as_bytes)).map_err(|e| self.damaged("staged", &e))?;
        let failed = |source| FileError { path: path.clone(), action: "append to it", source };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let write = |file: &mut std::fs::File| {
            file.set_len(kept)?;
            io::Seek::seek(file, io::SeekFrom::End(0))?;
            file.write_all(&bytes)?;
            file.sync_all()
        };
        write(&mut file).map_err(failed)?;
        sync_directory(&self.directory)?;
        Ok(kept + bytes.len() as u64)
    }

    /// Throws away what is staged.
    pub(super) fn clear_staged(&self) -> Result<(), ArchiveError> {
        let path = self.directory.join("staged");
        if path.exists() {
            remove_durably(&path)?;
        }
        Ok(())
    }

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

    /// Makes `note` the newest head.
    pub(super) fn set_checkpoint(&self, note: &str) -> Result<(), ArchiveError> {
        Ok(write_durably(&self.directory.join("checkpoint"), note.as_bytes())?)
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

    /// Writes a bundle: what its narrower predecessor holds, and the new entries.
    fn extend_bundle(&self, new: Tile, old: TreeSize, entries: &[Vec<u8>]) -> Result<(), ArchiveError> {
        let start = new.index() * u64::from(tile::TILE_WIDTH);
        let held = match at(TileKind::Entries, new.index(), old.get()) {
            Some(narrower) => self.bundle(narrower)?,
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

    /// Makes a directory and what is missing above it, each one durable in its parent.
    fn make(&self, directory: &Path) -> Result<(), ArchiveError> {
        if directory.is_dir() {
            return Ok(());
        }
        let parent = directory.parent().unwrap_or(&self.directory);
        self.make(parent)?;
        private_directory(directory)?;
        Ok(sync_directory(parent)?)
    }
}

/// The tile `index` of a level that has `hashes` hashes (or entries), where it has any.
fn at(kind: TileKind, index: u64, hashes: u64) -> Option<Tile> {
    let width = hashes.checked_sub(index * u64::from(tile::TILE_WIDTH))?.min(u64::from(tile::TILE_WIDTH));
    Tile::new(kind, index, u16::try_from(width).ok()?).ok()
}

fn bundle_of<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, bundle::EntryTooLong> {
    let mut bytes = Vec::new();
    for entry in entries {
        bundle::append(&mut bytes, entry)?;
    }
    Ok(bytes)
}

fn read_or_none(path: &Path, max: u64) -> Result<Option<Vec<u8>>, ArchiveError> {
    match read(path, max) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}
