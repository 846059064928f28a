//! Opening a log: check everything that was signed, cut what never was.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use contract::record::{PreviousLeaf, Record};
use edge::file::{self, FileError};
use tlog::checkpoint::{self, Checkpoint, VerifiedCheckpoint};
use tlog::hash::{Hash, leaf_hash};
use tlog::note::VerifierKey;
use tlog::tile::{Tile, TileKind, bundle};
use tlog::tree::CompactRange;

use crate::error::OpenError;
use crate::layout::{BUNDLE, Layout};

/// The longest file of the log: 256 entries of 16 KiB with their lengths, and a margin for a torn one.
pub(crate) const FILE_MAX_BYTES: u64 = 8 << 20;

/// What was found when a log was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Signed entries, all of them checked.
    pub size: u64,
    /// Bytes above the last signed size that were cut off. They were never acknowledged.
    pub torn_bytes: u64,
}

/// The state that a writer goes on from.
pub(crate) struct Recovered {
    pub(crate) range: CompactRange,
    pub(crate) last_leaf: Option<Hash>,
    /// Hashes of the tile that is not full yet, for each tile level.
    pub(crate) partial: Vec<Vec<Hash>>,
    /// The bundle that is not full yet.
    pub(crate) tail: Vec<u8>,
    pub(crate) head: Option<VerifiedCheckpoint>,
    pub(crate) torn_bytes: u64,
}

/// Replays the whole log through `visit`, and compares it with what was signed.
pub(crate) fn recover(
    layout: &Layout,
    key: &VerifierKey,
    receipt: Option<&Checkpoint>,
    mut visit: impl FnMut(&Record),
) -> Result<Recovered, OpenError> {
    let head = read_head(layout, key)?;
    let signed = head.as_ref().map_or(0, |h| h.checkpoint().size.get());
    let mut replay = Replay::new(key.label().name.as_str(), receipt);
    for index in 0..signed / BUNDLE {
        let (path, bytes) = read_full_bundle(layout, index)?;
        replay.bundle(&path, &bytes, BUNDLE, &mut visit)?;
    }
    let (tail, torn_bytes) = read_tail(layout, signed)?;
    replay.bundle(&layout.tail(signed / BUNDLE), &tail, signed % BUNDLE, &mut visit)?;
    if let Some(head) = &head
        && head.checkpoint().root != replay.range.root()
    {
        return Err(OpenError::RootDiffers { size: signed });
    }
    if let Some(receipt) = receipt.filter(|r| r.size.get() > signed) {
        return Err(OpenError::Shortened { size: signed, receipt: receipt.size.get() });
    }
    let Replay { range, last_leaf, partial, .. } = replay;
    Ok(Recovered { range, last_leaf, partial, tail, head, torn_bytes })
}

/// The last signed head; none only where nothing was ever signed.
fn read_head(layout: &Layout, key: &VerifierKey) -> Result<Option<VerifiedCheckpoint>, OpenError> {
    let read = |path: PathBuf| match file::read(&path, 4096) {
        Ok(bytes) => match checkpoint::open(&bytes, key) {
            Ok(head) => Ok(Some(head)),
            Err(source) => Err(OpenError::HeadNotOurs { path, source }),
        },
        Err(e) if e.source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(OpenError::File(e)),
    };
    let size = |h: &Option<VerifiedCheckpoint>| h.as_ref().map_or(0, |h| h.checkpoint().size.get());
    let (head, published) = (read(layout.head())?, read(layout.checkpoint())?);
    if head.is_none() && (published.is_some() || layout.directory().join("tile").exists()) {
        return Err(OpenError::HeadMissing(layout.head()));
    }
    if size(&published) > size(&head) {
        return Err(OpenError::RolledBack { published: size(&published), head: size(&head) });
    }
    Ok(head)
}

/// A full bundle: published, or still under its writer's name where the roll-over was interrupted.
fn read_full_bundle(layout: &Layout, index: u64) -> Result<(PathBuf, Vec<u8>), OpenError> {
    let published = full_bundle(layout, index);
    for path in [published.clone(), layout.tail(index)] {
        match file::read(&path, FILE_MAX_BYTES) {
            Ok(bytes) => return Ok((path, bytes)),
            Err(e) if e.source.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(OpenError::File(e)),
        }
    }
    Err(OpenError::EntryMissing { index: index * BUNDLE, path: published })
}

pub(crate) fn full_bundle(layout: &Layout, index: u64) -> PathBuf {
    // Invalid coordinates cannot arise: the width is the full one and a log of 2^63 entries is refused long before.
    Tile::new(TileKind::Entries, index, tlog::tile::TILE_WIDTH)
        .map_or_else(|_| layout.directory().join("tile/entries"), |tile| layout.tile(tile))
}

/// The signed part of the tail. What stands above it is cut off the file.
fn read_tail(layout: &Layout, signed: u64) -> Result<(Vec<u8>, u64), OpenError> {
    let path = layout.tail(signed / BUNDLE);
    let bytes = match file::read(&path, FILE_MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(e) if e.source.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(OpenError::File(e)),
    };
    let keep = whole_entries(&bytes, signed % BUNDLE)
        .ok_or_else(|| OpenError::EntryMissing { index: signed, path: path.clone() })?;
    let torn = bytes.len() - keep;
    if torn > 0 {
        truncate(&path, keep as u64)?;
    }
    Ok((bytes[..keep].to_vec(), torn as u64))
}

/// The length in bytes of the first `count` entries; none where there are fewer.
fn whole_entries(bytes: &[u8], count: u64) -> Option<usize> {
    (0..count).try_fold(0usize, |at, _| {
        let length = usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        let end = at + 2 + length;
        (end <= bytes.len()).then_some(end)
    })
}

fn truncate(path: &Path, length: u64) -> Result<(), OpenError> {
    let failed = |source| FileError { path: path.to_owned(), action: "cut the torn tail off it", source };
    let tail = OpenOptions::new().write(true).open(path).map_err(failed)?;
    tail.set_len(length).and_then(|()| tail.sync_all()).map_err(failed)?;
    Ok(())
}

/// The log as it is read again from its beginning.
struct Replay<'a> {
    origin: &'a str,
    receipt: Option<&'a Checkpoint>,
    range: CompactRange,
    last_leaf: Option<Hash>,
    partial: Vec<Vec<Hash>>,
}

impl<'a> Replay<'a> {
    fn new(origin: &'a str, receipt: Option<&'a Checkpoint>) -> Self {
        Self { origin, receipt, range: CompactRange::new(), last_leaf: None, partial: Vec::new() }
    }

    fn bundle(
        &mut self,
        path: &Path,
        bytes: &[u8],
        count: u64,
        visit: &mut impl FnMut(&Record),
    ) -> Result<(), OpenError> {
        // `count` is at most 256: a bundle's width, or the remainder of a division by it.
        for entry in bundle::entries(bytes, u16::try_from(count).unwrap_or(u16::MAX)) {
            let entry = entry.map_err(|source| OpenError::Bundle { path: path.to_owned(), source })?;
            self.entry(entry, visit)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &[u8], visit: &mut impl FnMut(&Record)) -> Result<(), OpenError> {
        let index = self.range.size().get();
        let record = Record::parse(entry).map_err(|source| OpenError::Record { index, source })?;
        let misplaced = |field| OpenError::Misplaced { index, field };
        if record.seq != index {
            return Err(misplaced("seq"));
        }
        if record.origin != self.origin {
            return Err(misplaced("origin"));
        }
        if record.prev != self.last_leaf.map(|h| PreviousLeaf(*h.as_bytes())) {
            return Err(misplaced("prev"));
        }
        let leaf = leaf_hash(entry);
        append_leaf(&mut self.range, &mut self.partial, leaf, |_, _| ());
        self.last_leaf = Some(leaf);
        if let Some(receipt) = self.receipt.filter(|r| r.size == self.range.size())
            && receipt.root != self.range.root()
        {
            return Err(OpenError::Exchanged { size: receipt.size.get() });
        }
        visit(&record);
        Ok(())
    }
}

/// Appends a leaf, keeping the hashes of each level's tile that is not full; `full` is handed every tile that becomes full, with its level.
pub(crate) fn append_leaf(
    range: &mut CompactRange,
    partial: &mut Vec<Vec<Hash>>,
    leaf: Hash,
    mut full: impl FnMut(u8, Vec<Hash>),
) {
    range.append_visiting(leaf, |subtree, hash| {
        if subtree.level % tlog::tile::TILE_HEIGHT != 0 {
            return;
        }
        let level = subtree.level / tlog::tile::TILE_HEIGHT;
        partial.resize_with(partial.len().max(usize::from(level) + 1), Vec::new);
        let hashes = &mut partial[usize::from(level)];
        hashes.push(hash);
        if hashes.len() == usize::from(tlog::tile::TILE_WIDTH) {
            full(level, std::mem::take(hashes));
        }
    });
}
