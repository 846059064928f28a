//! Hash tiles, each read only on the strength of the one above it, up to the edge of the tree, which has the signed root.

use std::collections::BTreeMap;

use tlog::hash::Hash;
use tlog::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, TileKind};
use tlog::tree::{CompactRange, TreeSize, complete_root};

use crate::disk::Disk;
use crate::error::OpenError;
use crate::files::Files;
use crate::frontier::Frontier;
use crate::layout::{BUNDLE, Layout};

/// Rebuilds the edge of the first `size` leaves, a multiple of 256, from full tiles: a level's newest hashes are the roots of the newest
/// tiles below it. Partial tiles are not asked: those that are published may be older than the head.
pub(crate) fn edge<D: Disk>(files: &Files<D>, layout: &Layout, size: u64) -> Result<Frontier, OpenError> {
    let mut partial = vec![Vec::new()];
    for level in 1..=tlog::tile::TILE_LEVEL_MAX {
        let hashes = size >> (TILE_HEIGHT * level);
        if hashes == 0 {
            break;
        }
        let first = hashes - hashes % u64::from(TILE_WIDTH);
        let roots = (first..hashes).map(|index| {
            complete_root(&read(files, layout, level - 1, index)?)
                .ok_or_else(|| OpenError::TileMissing(layout.hashes(level - 1, index)))
        });
        partial.push(roots.collect::<Result<Vec<_>, _>>()?);
    }
    // The number of hashes follows from the size: only a size beyond any log is refused here.
    Frontier::restore(size, partial).map_err(|_| OpenError::RootDiffers { size })
}

/// Reads a full tile, unchecked.
fn read<D: Disk>(files: &Files<D>, layout: &Layout, level: u8, index: u64) -> Result<Vec<Hash>, OpenError> {
    let path = layout.hashes(level, index);
    let bytes = files.read(&path, u64::from(TILE_WIDTH) * 32)?;
    let tile = Tile::new(TileKind::Hashes { level }, index, TILE_WIDTH).ok();
    bytes
        .zip(tile)
        .and_then(|(bytes, tile)| tile.parse_hashes(&bytes).ok())
        .ok_or(OpenError::TileMissing(path))
}

/// The hashes of a log's full bundles, checked. The edge is known to have the signed root.
#[derive(Debug)]
pub(crate) struct Tiles<'a, D> {
    files: &'a Files<D>,
    layout: &'a Layout,
    edge: &'a Frontier,
    known: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl<'a, D: Disk> Tiles<'a, D> {
    /// `edge` covers full bundles only.
    pub(crate) const fn new(files: &'a Files<D>, layout: &'a Layout, edge: &'a Frontier) -> Self {
        Self { files, layout, edge, known: BTreeMap::new() }
    }

    /// The root of a full bundle's tree.
    pub(crate) fn bundle_root(&mut self, index: u64) -> Result<Hash, OpenError> {
        self.hash(1, index)
    }

    /// The hash of a leaf.
    pub(crate) fn leaf(&mut self, index: u64) -> Result<Hash, OpenError> {
        self.hash(0, index)
    }

    /// The leaf hashes of a full bundle.
    pub(crate) fn leaves(&mut self, index: u64) -> Result<Vec<Hash>, OpenError> {
        self.tile(0, index).cloned()
    }

    /// The root that the tree had at an earlier size.
    pub(crate) fn root_at(&mut self, size: u64) -> Result<Hash, OpenError> {
        let bits = (0..63u8).rev().filter(|bit| size >> bit & 1 == 1);
        let mut peaks = Vec::new();
        let mut start = 0u64;
        for level in bits {
            peaks.push(self.subtree(level, start)?);
            start += 1 << level;
        }
        let range = CompactRange::restore(TreeSize::new(size), peaks);
        range.map(|r| r.root()).map_err(|_| OpenError::RootDiffers { size })
    }

    /// The hash of the complete subtree of 2^level leaves that begins at `start`.
    fn subtree(&mut self, level: u8, start: u64) -> Result<Hash, OpenError> {
        let (tile_level, rise) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let first = start >> (TILE_HEIGHT * tile_level);
        let index = first / BUNDLE;
        let path = self.layout.hashes(tile_level, index);
        let hashes = self.tile(tile_level, index)?;
        let at = usize::try_from(first % BUNDLE).unwrap_or(usize::MAX);
        hashes.get(at..at + (1 << rise)).and_then(complete_root).ok_or(OpenError::TileMissing(path))
    }

    fn hash(&mut self, level: u8, index: u64) -> Result<Hash, OpenError> {
        let path = self.layout.hashes(level, index / BUNDLE);
        let hashes = self.tile(level, index / BUNDLE)?;
        let at = usize::try_from(index % BUNDLE).unwrap_or(usize::MAX);
        hashes.get(at).copied().ok_or(OpenError::TileMissing(path))
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<&Vec<Hash>, OpenError> {
        if !self.known.contains_key(&(level, index)) {
            let above = u32::from(TILE_HEIGHT) * (u32::from(level) + 1);
            let hashes = if index == self.edge.size().checked_shr(above).unwrap_or(0) {
                self.edge.partial(level).to_vec()
            } else {
                let hashes = read(self.files, self.layout, level, index)?;
                let root = self.hash(level + 1, index)?;
                if complete_root(&hashes) != Some(root) {
                    return Err(OpenError::TileDiffers(self.layout.hashes(level, index)));
                }
                hashes
            };
            self.forget_some();
            self.known.insert((level, index), hashes);
        }
        self.known
            .get(&(level, index))
            .ok_or_else(|| OpenError::TileMissing(self.layout.hashes(level, index)))
    }

    /// A walk over a long log needs the newest of each level only.
    fn forget_some(&mut self) {
        if self.known.len() >= 64 {
            self.known.retain(|(level, _), _| *level > 0);
        }
        if self.known.len() >= 64 {
            self.known.clear();
        }
    }
}
