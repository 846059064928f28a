//! The right edge of the tree: what a writer needs to go on, and what the newest hash tiles hold.

use tlog::hash::Hash;
use tlog::tile::{TILE_HEIGHT, TILE_WIDTH};
use tlog::tree::{CompactRange, CompactRangeError, TreeSize, complete_root};

/// The tree's edge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Frontier {
    range: CompactRange,
    /// For each tile level, the hashes of its tile that is not full.
    partial: Vec<Vec<Hash>>,
}

impl Frontier {
    /// The edge of a tree whose tiles that are not full hold these hashes. Only their number can be checked: compare the root with a signed one.
    pub(crate) fn restore(size: u64, mut partial: Vec<Vec<Hash>>) -> Result<Self, CompactRangeError> {
        let mut peaks = Vec::new();
        for hashes in partial.iter().rev() {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let (subtree, right) = rest.split_at(1 << rest.len().ilog2());
                peaks.extend(complete_root(subtree));
                rest = right;
            }
        }
        while partial.last().is_some_and(Vec::is_empty)
            && size >> (TILE_HEIGHT as usize * (partial.len() - 1)) == 0
        {
            partial.pop();
        }
        Ok(Self { range: CompactRange::restore(TreeSize::new(size), peaks)?, partial })
    }

    pub(crate) fn size(&self) -> u64 {
        self.range.size().get()
    }

    pub(crate) fn tree_size(&self) -> TreeSize {
        self.range.size()
    }

    pub(crate) fn root(&self) -> Hash {
        self.range.root()
    }

    /// The size and root that the tree will have with these leaves more.
    pub(crate) fn after(&self, leaves: &[Hash]) -> (TreeSize, Hash) {
        let mut range = self.range.clone();
        for leaf in leaves {
            range.append(*leaf);
        }
        (range.size(), range.root())
    }

    /// The hashes of the tile of `level` that is not full.
    pub(crate) fn partial(&self, level: u8) -> &[Hash] {
        self.partial.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    /// Appends a leaf. `full` is handed every tile that becomes full by it, with its level.
    pub(crate) fn append(&mut self, leaf: Hash, mut full: impl FnMut(u8, Vec<Hash>)) {
        let partial = &mut self.partial;
        self.range.append_visiting(leaf, |subtree, hash| {
            if subtree.level % TILE_HEIGHT != 0 {
                return;
            }
            let level = subtree.level / TILE_HEIGHT;
            partial.resize_with(partial.len().max(usize::from(level) + 1), Vec::new);
            let hashes = &mut partial[usize::from(level)];
            hashes.push(hash);
            if hashes.len() == usize::from(TILE_WIDTH) {
                full(level, std::mem::take(hashes));
            }
        });
    }
}

/// The hashes one after the other, as a tile holds them.
pub(crate) fn concat(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|h| *h.as_bytes()).collect()
}
