//! The log of heads on the disk: a C2SP `tlog-tiles` directory with one writer.
//!
//! ```text
//! <dir>/heads/checkpoint            the newest head of this log, with the cosignatures that were collected for it
//!            /witnessed             the newest head that enough outsiders cosigned
//!            /tile/entries/000      the entries: three lines of a site's head each
//!            /tile/0/000            hashes
//! ```
//! Entries and tiles are durable before the head that covers them is signed and written, so two roots are never signed for one size where the
//! directory is not rolled back; where it is, the outside witnesses say so.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use edge::file::{FileError, private_directory, read, sync_directory, write_durably};
use thiserror::Error;
use tlog::note::NOTE_BYTES_MAX;
use tlog::tile::{self, Tile, TileKind, bundle, entry_bundles, hash_tiles};
use tlog::tree::{LeafIndex, ProveError, Subtree, TreeSize, prove_consistency, prove_inclusion};
use tlog::{Checkpoint, CompactRange, Hash, SignedNote, SigningKey, VerifierKey, checkpoint, leaf_hash};

/// The largest tile or bundle: 256 entries of three lines each.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Why the log of heads did not take or give something. Ours: the operator must look at the disk.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not what the hub wrote.
    #[error("{}: {what}: the log of heads is damaged; restore its directory from a copy", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// There was an error before.
    #[error("the log of heads stopped after an error; look at the disk, then start the hub again")]
    Stopped,
}

/// The log: its directory, and its right-hand edge.
#[derive(Debug)]
pub(super) struct Log {
    directory: PathBuf,
    range: CompactRange,
    newest: Option<SignedNote>,
}

impl Log {
    /// Opens the log, or begins it; the head must be signed by `key`, and the tiles must lead to its root.
    pub(super) fn open(directory: PathBuf, key: &VerifierKey) -> Result<Self, LogError> {
        private_directory(&directory)?;
        let mut log = Self { directory, range: CompactRange::new(), newest: None };
        if let Some((note, head)) = log.head("checkpoint", key)? {
            log.range = log.range_of(head.size)?;
            if log.range.root() != head.root {
                return Err(log.damaged("tile", &"the tiles do not lead to the signed root"));
            }
            log.newest = Some(note);
        }
        Ok(log)
    }

    pub(super) fn size(&self) -> TreeSize {
        self.range.size()
    }

    pub(super) const fn newest(&self) -> Option<&SignedNote> {
        self.newest.as_ref()
    }

    /// The newest head that enough outsiders cosigned, as it was kept.
    pub(super) fn witnessed(&self, key: &VerifierKey) -> Result<Option<(SignedNote, Checkpoint)>, LogError> {
        let witnessed = self.head("witnessed", key)?;
        match &witnessed {
            Some((_, head)) if head.size > self.size() => {
                Err(self.damaged("witnessed", &"it covers more entries than the log has"))
            }
            Some(_) | None => Ok(witnessed),
        }
    }

    /// Appends entries, makes them durable, and signs the head over them.
    pub(super) fn append(&mut self, entries: &[String], key: &SigningKey) -> Result<SignedNote, LogError> {
        let old = self.size();
        let (mut fresh, mut range) = (HashMap::new(), self.range.clone());
        for entry in entries {
            range.append_visiting(leaf_hash(entry.as_bytes()), |Subtree { level, index }, hash| {
                if level % tile::TILE_HEIGHT == 0 {
                    fresh.insert((level / tile::TILE_HEIGHT, index), hash);
                }
            });
        }
        let new = range.size();
        for bundle in entry_bundles(old, new) {
            self.extend_bundle(bundle, old, entries)?;
        }
        for tile in hash_tiles(old, new) {
            self.extend_tile(tile, old, &fresh)?;
        }
        let origin = key.verifier().label().name.as_str().parse();
        let origin = origin.map_err(|e| self.damaged("checkpoint", &e))?;
        let signed = Checkpoint { origin, size: new, root: range.root() }.sign(key);
        let note = signed.map_err(|e| self.damaged("checkpoint", &e))?.into_note();
        self.keep("checkpoint", &note)?;
        (self.range, self.newest) = (range, Some(note.clone()));
        self.tidy(old, new);
        Ok(note)
    }

    /// Keeps the newest head with more cosignatures on it.
    pub(super) fn set_newest(&mut self, note: &SignedNote) -> Result<(), LogError> {
        self.keep("checkpoint", note)?;
        self.newest = Some(note.clone());
        Ok(())
    }

    /// Keeps the newest head that enough outsiders cosigned.
    pub(super) fn set_witnessed(&self, note: &SignedNote) -> Result<(), LogError> {
        self.keep("witnessed", note)
    }

    /// The entries from `from` on, to the end of their bundle.
    pub(super) fn entries(&self, from: u64) -> Result<Vec<String>, LogError> {
        let width = u64::from(tile::TILE_WIDTH);
        let Some(bundle) = at(TileKind::Entries, from / width, self.size().get()) else {
            return Ok(Vec::new());
        };
        let skip = usize::try_from(from % width).unwrap_or(usize::MAX);
        let entries = self.bundle(bundle)?.into_iter().skip(skip).map(String::from_utf8);
        entries.collect::<Result<_, _>>().map_err(|e| self.damaged(&bundle.to_string(), &e))
    }

    /// The proof that the tree of `new` entries begins with that of `old`.
    pub(super) fn consistency(&self, old: TreeSize, new: TreeSize) -> Result<Vec<Hash>, LogError> {
        if old == TreeSize::EMPTY {
            return Ok(Vec::new());
        }
        prove_consistency(old, new, |subtree| self.subtree(subtree)).map_err(|e| self.unproven(e))
    }

    /// The proof that an entry stands in the tree of `size` entries.
    pub(super) fn inclusion(&self, leaf: LeafIndex, size: TreeSize) -> Result<Vec<Hash>, LogError> {
        prove_inclusion(leaf, size, |subtree| self.subtree(subtree)).map_err(|e| self.unproven(e))
    }

    fn unproven(&self, e: ProveError<LogError>) -> LogError {
        match e {
            ProveError::Read(_, source) => source,
            ProveError::IndexOutside { .. } | ProveError::SizesOutOfOrder { .. } => self.damaged("tile", &e),
        }
    }

    pub(super) fn damaged(&self, file: &str, what: &dyn std::fmt::Display) -> LogError {
        LogError::Damaged { path: self.directory.join(file), what: what.to_string() }
    }

    fn head(&self, file: &str, key: &VerifierKey) -> Result<Option<(SignedNote, Checkpoint)>, LogError> {
        let Some(bytes) = read_or_none(&self.directory.join(file), NOTE_BYTES_MAX as u64)? else {
            return Ok(None);
        };
        let head = checkpoint::open(&bytes, key).map_err(|e| self.damaged(file, &e))?;
        let checkpoint = head.checkpoint().clone();
        Ok(Some((head.into_note(), checkpoint)))
    }

    fn keep(&self, file: &str, note: &SignedNote) -> Result<(), LogError> {
        Ok(write_durably(&self.directory.join(file), note.to_string().as_bytes())?)
    }

    /// The root that the log had at an earlier size.
    pub(super) fn root_at(&self, size: TreeSize) -> Result<Hash, LogError> {
        Ok(self.range_within(size, self.size())?.root())
    }

    fn range_of(&self, size: TreeSize) -> Result<CompactRange, LogError> {
        self.range_within(size, size)
    }

    fn range_within(&self, size: TreeSize, within: TreeSize) -> Result<CompactRange, LogError> {
        let mut peaks = Vec::new();
        let mut start = 0;
        for level in (0..u64::BITS).rev().filter(|level| size.get() >> level & 1 == 1) {
            let subtree = Subtree { level: u8::try_from(level).unwrap_or(u8::MAX), index: start >> level };
            peaks.push(self.subtree_of(subtree, within)?);
            start += 1 << level;
        }
        CompactRange::restore(size, peaks).map_err(|e| self.damaged("tile", &e))
    }

    fn subtree(&self, subtree: Subtree) -> Result<Hash, LogError> {
        self.subtree_of(subtree, self.size())
    }

    fn subtree_of(&self, subtree: Subtree, size: TreeSize) -> Result<Hash, LogError> {
        let missing = || self.damaged("tile", &format_args!("{subtree} is not there"));
        let location = tile::locate(subtree, size).ok_or_else(missing)?;
        location.root(&self.hashes(location.tile())?).ok_or_else(missing)
    }

    fn hashes(&self, tile: Tile) -> Result<Vec<Hash>, LogError> {
        let bytes = read(&self.directory.join(tile.to_string()), FILE_MAX_BYTES)?;
        tile.parse_hashes(&bytes).map_err(|e| self.damaged(&tile.to_string(), &e))
    }

    fn bundle(&self, tile: Tile) -> Result<Vec<Vec<u8>>, LogError> {
        let bytes = read(&self.directory.join(tile.to_string()), FILE_MAX_BYTES)?;
        let entries = bundle::entries(&bytes, tile.width()).map(|e| e.map(<[u8]>::to_vec)).collect();
        Result::<_, _>::map_err(entries, |e| self.damaged(&tile.to_string(), &e))
    }

    /// Writes a bundle: what its narrower predecessor holds, and the new entries.
    fn extend_bundle(&self, new: Tile, old: TreeSize, entries: &[String]) -> Result<(), LogError> {
        let held = match at(TileKind::Entries, new.index(), old.get()) {
            Some(narrower) => self.bundle(narrower)?,
            None => Vec::new(),
        };
        let begins = new.index() * u64::from(tile::TILE_WIDTH) + held.len() as u64;
        let skip = usize::try_from(begins.saturating_sub(old.get())).unwrap_or(usize::MAX);
        let fresh = entries.iter().map(String::as_bytes).skip(skip);
        let all = held.iter().map(Vec::as_slice).chain(fresh).take(new.width().into());
        let mut bytes = Vec::new();
        for entry in all {
            bundle::append(&mut bytes, entry).map_err(|e| self.damaged(&new.to_string(), &e))?;
        }
        self.write(new, &bytes)
    }

    /// Writes a hash tile: what its narrower predecessor holds, and the new hashes.
    fn extend_tile(
        &self,
        new: Tile,
        old: TreeSize,
        fresh: &HashMap<(u8, u64), Hash>,
    ) -> Result<(), LogError> {
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

    fn write(&self, tile: Tile, bytes: &[u8]) -> Result<(), LogError> {
        let path = self.directory.join(tile.to_string());
        self.make(path.parent().unwrap_or(&self.directory))?;
        Ok(write_durably(&path, bytes)?)
    }

    /// Makes a directory and what is missing above it, each one durable in its parent.
    fn make(&self, directory: &Path) -> Result<(), LogError> {
        if directory.is_dir() {
            return Ok(());
        }
        let parent = directory.parent().unwrap_or(&self.directory);
        self.make(parent)?;
        private_directory(directory)?;
        Ok(sync_directory(parent)?)
    }

    /// Removes the partial tiles that wider ones replaced. Failing to is untidy and nothing else.
    fn tidy(&self, old: TreeSize, new: TreeSize) {
        let before = entry_bundles(TreeSize::EMPTY, old).chain(hash_tiles(TreeSize::EMPTY, old));
        let after: Vec<Tile> = entry_bundles(old, new).chain(hash_tiles(old, new)).collect();
        let replaced = |t: &Tile| after.iter().any(|a| a.kind() == t.kind() && a.index() == t.index());
        for tile in before.filter(|t| !t.is_full() && replaced(t)) {
            let _ = std::fs::remove_file(self.directory.join(tile.to_string()));
        }
    }
}

/// The tile `index` of a level that has `hashes` hashes (or entries), where it has any.
fn at(kind: TileKind, index: u64, hashes: u64) -> Option<Tile> {
    let width = hashes.checked_sub(index * u64::from(tile::TILE_WIDTH))?.min(u64::from(tile::TILE_WIDTH));
    Tile::new(kind, index, u16::try_from(width).ok()?).ok()
}

fn read_or_none(path: &Path, max: u64) -> Result<Option<Vec<u8>>, LogError> {
    match read(path, max).map(Some) {
        Err(e) if e.source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => other.map_err(LogError::from),
    }
}
