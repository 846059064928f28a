//! Reading everything: every entry, every hash tile, every rotation of the key. Nothing is written.
//!
//! A start reads the edge of the tree and the last records only. What it does not read is looked at here, and, from outside, by `suture-verify`.

use std::path::Path;

use contract::record::{Body, Record};
use tlog::checkpoint::{Checkpoint, VerifiedCheckpoint};
use tlog::hash::{Hash, leaf_hash};
use tlog::note::VerifierKey;
use tlog::tile::{TILE_HEIGHT, TILE_WIDTH, bundle};
use tlog::tree::CompactRange;

use crate::disk::{Disk, SystemDisk};
use crate::error::OpenError;
use crate::files::Files;
use crate::frontier::{Frontier, concat};
use crate::keys::{self, Keys};
use crate::layout::{BUNDLE, Layout};
use crate::recover::{self, Surface};
use crate::replay::{self, Log};
use crate::tiles::{self, Tiles};

/// What was found.
#[derive(Debug)]
pub struct Fsck {
    /// Signed entries.
    pub size: u64,
    /// The newest head: its checkpoint.
    pub head: Option<Checkpoint>,
    /// Whether one of the keys that were handed in signed that head.
    pub by_a_given_key: bool,
    /// The first entry that is here; those before it were pruned, and only their hashes could be looked at.
    pub first: u64,
    /// Bytes above the last signed size. The next start cuts them off; they were never acknowledged.
    pub torn_bytes: u64,
    /// Entries that were read, each with its place, its hash and its record.
    pub read: u64,
    /// The first thing that is not as it was signed.
    pub fault: Option<OpenError>,
}

/// Reads the whole log in `directory`. `keys` are those that are trusted, the one in force last; `progress` is told how many entries are done, of how many.
///
/// What is wrong with the log is in the answer; an error is that it could not be looked at.
pub fn fsck(
    directory: &Path,
    keys: &[VerifierKey],
    progress: impl FnMut(u64, u64),
) -> Result<Fsck, OpenError> {
    fsck_on(SystemDisk, directory, keys, progress)
}

/// Reads a log that lies on `disk`; see [`fsck`].
pub fn fsck_on<D: Disk>(
    disk: D,
    directory: &Path,
    keys: &[VerifierKey],
    mut progress: impl FnMut(u64, u64),
) -> Result<Fsck, OpenError> {
    let layout = Layout::new(directory);
    let files = Files::new(disk, directory);
    let _lock = files.disk.lock(&layout.lock()).map_err(|e| match e.source.kind() {
        std::io::ErrorKind::WouldBlock => OpenError::InUse(directory.to_owned()),
        _ => OpenError::File(e),
    })?;
    let mut found =
        Fsck { size: 0, head: None, by_a_given_key: false, first: 0, torn_bytes: 0, read: 0, fault: None };
    match examine(&files, &layout, keys, &mut progress, &mut found) {
        Ok(()) => {}
        Err(e @ OpenError::File(_)) => return Err(e),
        Err(fault) => found.fault = Some(fault),
    }
    Ok(found)
}

fn examine<D: Disk>(
    files: &Files<D>,
    layout: &Layout,
    trusted: &[VerifierKey],
    progress: &mut impl FnMut(u64, u64),
    found: &mut Fsck,
) -> Result<(), OpenError> {
    let keys = Keys::trusted(files, layout, trusted)?;
    let Some(key) = trusted.last().or_else(|| keys.newest()).cloned() else { return Ok(()) };
    let surface = Surface::read(files, layout, keys, &key)?;
    found.size = surface.size();
    found.head = surface.head.as_ref().map(|h| h.checkpoint().clone());
    let signed = |head: &VerifiedCheckpoint| trusted.iter().any(|key| keys::signed_by(head, key).is_ok());
    found.by_a_given_key = surface.head.as_ref().is_some_and(signed);
    (found.first, found.torn_bytes) = (surface.first, surface.tail.torn_bytes);
    let origin = key.label().name.as_str();
    let log = surface.log(files, layout, origin);
    let mut walk =
        Walk { log: &log, keys: &surface.keys, range: CompactRange::new(), prev: None, named: None };
    let read = tiles::edge(files, layout, surface.base).and_then(|edge| {
        let (frontier, _) = recover::grown(&edge, &surface.leaves);
        let mut tiles = Tiles::new(files, layout, &edge);
        surface.holds(&log, &edge, &frontier, None, &mut tiles)?;
        walk.everything(&mut tiles, &mut |done| {
            found.read = done - surface.first.min(done);
            progress(done, found.size);
        })
    });
    match read {
        // The tiles do not lead to the head: the entries themselves may.
        Err(e @ (OpenError::RootDiffers { .. } | OpenError::TileMissing(_))) => {
            Err(without_tiles(&log, surface.head.as_ref(), e)?)
        }
        other => other,
    }
}

/// The walk over all records.
struct Walk<'a, D> {
    log: &'a Log<'a, D>,
    keys: &'a Keys,
    range: CompactRange,
    prev: Option<Hash>,
    /// The key that the record before this one names.
    named: Option<String>,
}

impl<D: Disk> Walk<'_, D> {
    fn everything(
        &mut self,
        tiles: &mut Tiles<'_, D>,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), OpenError> {
        for index in 0..self.log.base / BUNDLE {
            // Reading the tile holds it against the one above it, so every tile is looked at.
            let leaves = tiles.leaves(index)?;
            if index * BUNDLE < self.log.first {
                self.pruned(&leaves);
            } else {
                let (path, bytes) = self.log.bundle(index)?;
                replay::check(tiles, index, &path, &bytes)?;
                self.records(&bytes, &leaves)?;
            }
            progress((index + 1) * BUNDLE);
        }
        self.records(self.log.tail, self.log.leaves)?;
        progress(self.range.size().get());
        Ok(())
    }

    fn pruned(&mut self, leaves: &[Hash]) {
        for leaf in leaves {
            self.range.append(*leaf);
        }
        self.prev = leaves.last().copied();
    }

    fn records(&mut self, bytes: &[u8], leaves: &[Hash]) -> Result<(), OpenError> {
        for (entry, leaf) in replay::entries(bytes).zip(leaves) {
            let index = self.range.size().get();
            let record = self.log.record(entry, index, self.prev)?;
            self.handover(&record, index)?;
            self.range.append(*leaf);
            self.prev = Some(*leaf);
        }
        Ok(())
    }

    /// A naming record is followed by the taking over of that key, with the head between them, and by nothing else.
    fn handover(&mut self, record: &Record, index: u64) -> Result<(), OpenError> {
        let named = self.named.take();
        let right = if let Body::KeyTaken(taken) = &record.body {
            let head = self.keys.head(taken.handover.as_bytes());
            let covers = |h: &VerifiedCheckpoint| {
                (h.checkpoint().size, h.checkpoint().root) == (self.range.size(), self.range.root())
            };
            match named {
                Some(named) => taken.key == named && head.as_ref().is_some_and(covers),
                // Where the log's beginning was pruned, the naming record may be gone.
                None => index > 0 && index == self.log.first,
            }
        } else {
            named.is_none()
        };
        if let Body::KeyNamed(naming) = &record.body {
            self.named = Some(naming.key.clone());
        }
        if right { Ok(()) } else { Err(OpenError::KeyHandover { index }) }
    }
}

/// Says what is wrong where the tiles do not lead to the head: a tile, if the entries lead to it; else the entry that gives itself away.
fn without_tiles<D: Disk>(
    log: &Log<'_, D>,
    head: Option<&VerifiedCheckpoint>,
    otherwise: OpenError,
) -> Result<OpenError, OpenError> {
    if log.first > 0 {
        return Ok(otherwise);
    }
    let (mut frontier, mut prev, mut wrong) = (Frontier::default(), None, None);
    for index in 0..log.base / BUNDLE {
        let (path, bytes) = log.bundle(index)?;
        for (entry, at) in bundle::entries(&bytes, TILE_WIDTH).zip(index * BUNDLE..) {
            let entry = entry.map_err(|source| OpenError::Bundle { path: path.clone(), source })?;
            log.record(entry, at, prev)?;
            let leaf = leaf_hash(entry);
            frontier.append(leaf, |level, hashes| {
                let tile = at >> (u32::from(TILE_HEIGHT) * (u32::from(level) + 1));
                let path = log.layout.hashes(level, tile);
                let there = log.files.disk.read(&path, u64::from(TILE_WIDTH) * 32).ok();
                match there {
                    _ if wrong.is_some() => {}
                    Some(bytes) if bytes == concat(&hashes) => {}
                    Some(_) => wrong = Some(OpenError::TileDiffers(path)),
                    None => wrong = Some(OpenError::TileMissing(path)),
                }
            });
            prev = Some(leaf);
        }
    }
    log.leaves.iter().for_each(|leaf| frontier.append(*leaf, |_, _| ()));
    let signed = head.is_some_and(|h| h.checkpoint().root == frontier.root());
    Ok(wrong.filter(|_| signed).unwrap_or(otherwise))
}
