//! Reading records again: from the last one that says where the executor stands, each checked against the signed tree.

use std::path::Path;

use contract::record::{Kind, PreviousLeaf, Record};
use tlog::hash::{Hash, leaf_hash};
use tlog::tile::{TILE_WIDTH, bundle};
use tlog::tree::complete_root;

use crate::disk::Disk;
use crate::error::OpenError;
use crate::files::Files;
use crate::layout::{BUNDLE, FILE_MAX_BYTES, Layout};
use crate::tiles::Tiles;

/// How a standing record looks from outside. No other record holds these bytes at its top level; a nested key may, so the record is parsed, too.
const STANDING: &str = r#""kind":"standing""#;

/// A log whose tree was checked, to be read.
#[derive(Debug)]
pub(crate) struct Log<'a, D> {
    pub(crate) files: &'a Files<D>,
    pub(crate) layout: &'a Layout,
    pub(crate) origin: &'a str,
    /// Entries in full bundles.
    pub(crate) base: u64,
    /// The signed entries after those, as a bundle.
    pub(crate) tail: &'a [u8],
    /// Their leaf hashes.
    pub(crate) leaves: &'a [Hash],
    /// The first entry that was not pruned.
    pub(crate) first: u64,
}

impl<D: Disk> Log<'_, D> {
    /// Visits the records from the last standing one on; all of them where there is none.
    pub(crate) fn replay(
        &self,
        tiles: &mut Tiles<'_, D>,
        visit: &mut impl FnMut(&Record),
    ) -> Result<(), OpenError> {
        let start = self.start()?;
        let mut prev = match start {
            0 => None,
            _ if start > self.base => self.tail_leaf(start - 1),
            _ => Some(tiles.leaf(start - 1)?),
        };
        for index in start / BUNDLE..self.base / BUNDLE {
            let (path, bytes) = self.bundle(index)?;
            let leaves = check(tiles, index, &path, &bytes)?;
            for (entry, at) in entries(&bytes).zip(index * BUNDLE..).filter(|(_, at)| *at >= start) {
                visit(&self.record(entry, at, prev)?);
                prev = leaves.get(usize::try_from(at % BUNDLE).unwrap_or(usize::MAX)).copied();
            }
        }
        for ((entry, leaf), at) in entries(self.tail).zip(self.leaves).zip(self.base..) {
            if at >= start {
                visit(&self.record(entry, at, prev)?);
            }
            prev = Some(*leaf);
        }
        Ok(())
    }

    fn tail_leaf(&self, index: u64) -> Option<Hash> {
        self.leaves.get(usize::try_from(index - self.base).ok()?).copied()
    }

    /// Where replay begins. Nothing is believed here that is not checked when the bundle is visited: a standing record that was put
    /// there is refused then, and one that was taken out makes the way longer, never shorter.
    fn start(&self) -> Result<u64, OpenError> {
        if let Some(at) = last_standing(self.tail) {
            return Ok(self.base + at);
        }
        for index in (0..self.base / BUNDLE).rev() {
            let (_, bytes) = self.bundle(index)?;
            if let Some(at) = last_standing(&bytes) {
                return Ok(index * BUNDLE + at);
            }
        }
        Ok(0)
    }

    /// Reads a full bundle.
    pub(crate) fn bundle(&self, index: u64) -> Result<(std::path::PathBuf, Vec<u8>), OpenError> {
        let path = self.layout.bundle(index);
        match self.files.read(&path, FILE_MAX_BYTES)? {
            Some(bytes) => Ok((path, bytes)),
            None if index * BUNDLE < self.first => Err(OpenError::Pruned { index: index * BUNDLE }),
            None => Err(OpenError::EntryMissing { index: index * BUNDLE, path }),
        }
    }

    /// Reads an entry that has its place in the signed tree: it must say so itself.
    pub(crate) fn record(&self, entry: &[u8], index: u64, prev: Option<Hash>) -> Result<Record, OpenError> {
        let record = Record::parse(entry).map_err(|source| OpenError::Record { index, source })?;
        match misplaced(&record, self.origin, index, prev) {
            None => Ok(record),
            Some(field) => Err(OpenError::Misplaced { index, field }),
        }
    }
}

/// The field by which a record shows that it does not belong where it stands.
pub(crate) fn misplaced(
    record: &Record,
    origin: &str,
    index: u64,
    prev: Option<Hash>,
) -> Option<&'static str> {
    if record.seq != index {
        Some("seq")
    } else if record.origin != origin {
        Some("origin")
    } else if record.prev != prev.map(|h| PreviousLeaf(*h.as_bytes())) {
        Some("prev")
    } else {
        None
    }
}

/// Holds a full bundle against the tree, and names the entry that is not the signed one.
pub(crate) fn check<D: Disk>(
    tiles: &mut Tiles<'_, D>,
    index: u64,
    path: &Path,
    bytes: &[u8],
) -> Result<Vec<Hash>, OpenError> {
    let read = bundle::entries(bytes, TILE_WIDTH).map(|e| e.map(leaf_hash)).collect::<Result<Vec<_>, _>>();
    if let Ok(leaves) = &read
        && complete_root(leaves) == Some(tiles.bundle_root(index)?)
    {
        return Ok(leaves.clone());
    }
    let signed = tiles.leaves(index)?;
    let here = entries(bytes).map(leaf_hash);
    if let Some(at) = signed.iter().zip(here).position(|(signed, here)| *signed != here) {
        return Err(OpenError::EntryDiffers { index: index * BUNDLE + at as u64 });
    }
    match read {
        Err(source) => Err(OpenError::Bundle { path: path.to_owned(), source }),
        // Not reached: with all leaves as signed the root is, too.
        Ok(_) => Err(OpenError::EntryDiffers { index: index * BUNDLE }),
    }
}

/// The entries of a bundle, up to the first that is cut short.
pub(crate) fn entries(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bundle::entries(bytes, TILE_WIDTH).map_while(Result::ok)
}

/// The place of the last standing record in a bundle.
fn last_standing(bytes: &[u8]) -> Option<u64> {
    let stands = |entry: &[u8]| {
        str::from_utf8(entry).is_ok_and(|e| e.contains(STANDING))
            && Record::parse(entry).is_ok_and(|r| r.body.kind() == Kind::Standing)
    };
    entries(bytes).zip(0..).filter(|(entry, _)| stands(entry)).map(|(_, at)| at).last()
}
