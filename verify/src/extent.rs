//! Which part of a log's entries there is to read. Of the rest a kit holds hashes only.

use std::ops::Range;

use tlog::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, TileKind, entry_bundles};
use tlog::tree::TreeSize;

/// Sizes are below this: every reader of JSON holds them exactly (docs/evidence-format.md, section 8).
const SIZE_LIMIT: u64 = 1 << 53;

/// Entries of one bundle, as a count of entries.
pub(crate) const BUNDLE: u64 = TILE_WIDTH as u64;

/// The entries `first .. end` of a log of `size` entries. `first` begins a bundle; `end` ends one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    size: u64,
    first: u64,
    end: u64,
}

impl Extent {
    /// All entries of a log.
    pub const fn whole(size: u64) -> Self {
        Self { size, first: 0, end: size }
    }

    /// A part of a log; `None` where that is no run of whole bundles with an entry in it, or more than a reader of JSON counts exactly.
    pub fn new(size: u64, first: u64, end: u64) -> Option<Self> {
        let fits = first < end
            && end <= size
            && size < SIZE_LIMIT
            && first.is_multiple_of(BUNDLE)
            && (end == size || end.is_multiple_of(BUNDLE));
        fits.then_some(Self { size, first, end })
    }

    /// How many entries the log has.
    pub const fn size(self) -> u64 {
        self.size
    }

    /// The first entry there is.
    pub const fn first(self) -> u64 {
        self.first
    }

    /// The entry after the last there is.
    pub const fn end(self) -> u64 {
        self.end
    }

    /// Whether that is the whole log.
    pub const fn is_whole(self) -> bool {
        self.first == 0 && self.end == self.size
    }

    /// The bundles of the part.
    pub(crate) fn bundles(self) -> impl Iterator<Item = Tile> {
        entry_bundles(TreeSize::new(self.first), TreeSize::new(self.end))
    }

    /// The indexes of the full bundles before the part.
    pub(crate) const fn before(self) -> Range<u64> {
        0..self.first / BUNDLE
    }

    /// The indexes of the full bundles after it.
    pub(crate) const fn after(self) -> Range<u64> {
        self.end.div_ceil(BUNDLE)..self.size / BUNDLE
    }

    /// The rightmost level-0 tile, where it is partial and no bundle of the part leads to it.
    pub(crate) fn edge(self) -> Option<Tile> {
        let width = u16::try_from(self.size % BUNDLE).ok()?;
        if self.end == self.size { None } else { hash_tile(0, self.size / BUNDLE, width) }
    }

    /// Whether a root at this size can be computed from what there is.
    pub(crate) const fn reaches(self, size: u64) -> bool {
        size.is_multiple_of(BUNDLE)
            || (self.first < size && size <= self.end)
            // The rightmost tile is there in any case.
            || size / BUNDLE == self.size / BUNDLE
            || size > self.size
    }

    /// Whether this file belongs in a kit that holds the part.
    pub(crate) fn has(self, tile: Tile) -> bool {
        let bundles = self.first / BUNDLE..self.end.div_ceil(BUNDLE);
        let wanted = match tile.kind() {
            TileKind::Hashes { level: 1.. } => true,
            TileKind::Entries => bundles.contains(&tile.index()),
            TileKind::Hashes { level: 0 } => bundles.contains(&tile.index()) || self.edge() == Some(tile),
        };
        wanted && covered(tile, self.size) == Some(tile)
    }
}

/// The tile of the same place, as wide as a tree of `size` leaves has it; none where it has nothing there.
pub(crate) fn covered(tile: Tile, size: u64) -> Option<Tile> {
    let level = match tile.kind() {
        TileKind::Hashes { level } => level,
        TileKind::Entries => 0,
    };
    let hashes = size >> (TILE_HEIGHT * level);
    let here = hashes.checked_sub(tile.index() * BUNDLE)?;
    let width = u16::try_from(here).map_or(TILE_WIDTH, |here| here.min(TILE_WIDTH));
    Tile::new(tile.kind(), tile.index(), width).ok()
}

/// A tile of hashes; none where no log can have it, or with a width of 0.
pub(crate) fn hash_tile(level: u8, index: u64, width: u16) -> Option<Tile> {
    Tile::new(TileKind::Hashes { level }, index, width).ok()
}

#[cfg(test)]
mod tests {
    use tlog::tile::hash_tiles;

    use super::*;

    #[test]
    fn what_a_head_covers_is_found_in_its_place() {
        let covered = |name: &str, size| covered(name.parse().unwrap(), size).map(|tile| tile.to_string());
        assert_eq!(covered("tile/0/000.p/2", 3).as_deref(), Some("tile/0/000.p/3"));
        assert_eq!(covered("tile/0/000", 3).as_deref(), Some("tile/0/000.p/3"));
        assert_eq!(covered("tile/entries/000.p/9", 300).as_deref(), Some("tile/entries/000"));
        assert_eq!(covered("tile/entries/001", 256), None);
        assert_eq!(covered("tile/entries/002", 256), None);
        assert_eq!(covered("tile/1/000.p/1", 255), None);
        assert_eq!(covered("tile/1/000.p/1", 256).as_deref(), Some("tile/1/000.p/1"));
    }

    #[test]
    fn a_part_is_whole_bundles() {
        assert!(Extent::new(700, 0, 700).unwrap().is_whole());
        for (first, end) in [(0, 256), (256, 512), (256, 700), (512, 700)] {
            assert!(Extent::new(700, first, end).is_some(), "{first}..{end}");
        }
        for (first, end) in [(0, 0), (256, 256), (1, 256), (0, 300), (0, 701), (512, 256), (768, 700)] {
            assert_eq!(Extent::new(700, first, end), None, "{first}..{end}");
        }
    }

    #[test]
    fn the_files_of_a_part_are_its_own_and_what_leads_to_the_root() {
        let files = |extent: Extent| {
            let size = TreeSize::new(extent.size());
            let all = entry_bundles(TreeSize::EMPTY, size).chain(hash_tiles(TreeSize::EMPTY, size));
            all.filter(|tile| extent.has(*tile)).map(|tile| tile.to_string()).collect::<Vec<_>>()
        };
        let middle = ["tile/entries/001", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"];
        assert_eq!(files(Extent::new(700, 256, 512).unwrap()), middle);
        let end = ["tile/entries/002.p/188", "tile/0/002.p/188", "tile/1/000.p/2"];
        assert_eq!(files(Extent::new(700, 512, 700).unwrap()), end);
        assert!(!Extent::whole(700).has("tile/0/002".parse().unwrap()));
        assert!(!Extent::whole(700).has("tile/2/000.p/1".parse().unwrap()));
    }

    #[test]
    fn roots_are_known_where_leaves_or_whole_tiles_are() {
        let extent = Extent::new(1000, 256, 512).unwrap();
        let known = |size| extent.reaches(size);
        assert!([0, 256, 257, 511, 512, 768, 769, 1000, 1001].into_iter().all(known));
        assert!(![1, 255, 513, 767].into_iter().any(known));
    }
}
