//! Names the first altered record, once it is known that something is wrong.
//!
//! The leaf hashes that were signed still stand in the tiles of level 0, if those tiles lead to the signed root: then the
//! first entry with another hash is the altered one, whatever else was done to it. Where they do not, the chain of the
//! records is all there is: a record that does not name the hash of the one before it accuses that one.

use tlog::checkpoint::Checkpoint;
use tlog::hash::{Hash, leaf_hash};
use tlog::tile::{TILE_WIDTH, Tile, TileKind, entry_bundles};
use tlog::tree::{CompactRange, TreeSize};

use crate::examine::{BUNDLE_BYTES_MAX, Fault, framed};
use crate::source::Source;
use crate::tiles::TILE_BYTES_MAX;
use crate::verdict::{Alteration, Lack, RecordFault, Verdict};
use crate::walk::Stop;

/// The verdict on a log whose walk stopped.
pub(crate) fn stopped(source: &impl Source, head: &Checkpoint, stop: Stop) -> Verdict {
    let signed = SignedLeaves::find(source, head);
    let altered = |index, why| Verdict::Altered(Alteration::Record { index, why });
    match stop {
        Stop::Fault(Fault::Record { index, why }) => match signed {
            None if why == RecordFault::Previous => altered(index.saturating_sub(1), RecordFault::Successor),
            None => altered(index, why),
            Some(signed) => match signed.first_altered(source, index + 1) {
                // It shows in itself, which says more than that its hash is wrong.
                Some(first) if first == index => altered(index, why),
                Some(first) => altered(first, RecordFault::Hash),
                None => Verdict::Altered(Alteration::SignedMalformed { index, why }),
            },
        },
        Stop::Fault(Fault::Trailing { tile, bytes }) => {
            let end = start(tile) + u64::from(tile.width());
            let earlier = signed.and_then(|signed| signed.first_altered(source, end));
            let trailing = || Verdict::Altered(Alteration::Trailing { path: tile.to_string(), bytes });
            earlier.map_or_else(trailing, |first| altered(first, RecordFault::Hash))
        }
        Stop::Fault(Fault::Absent { index, tile }) => {
            let earlier = signed.and_then(|signed| signed.first_altered(source, index));
            let lack = || Verdict::Incomplete(Lack::Entry { index, path: tile.to_string() });
            earlier.map_or_else(lack, |first| altered(first, RecordFault::Hash))
        }
        Stop::Unread { tile, why } => {
            let index = start(tile);
            let earlier = signed.and_then(|signed| signed.first_altered(source, index));
            let lack = || Verdict::Incomplete(Lack::Bundle { index, path: tile.to_string(), why });
            earlier.map_or_else(lack, |first| altered(first, RecordFault::Hash))
        }
    }
}

/// The verdict on a log that reads well from end to end and does not lead to the root of its head.
pub(crate) fn root_differs(source: &impl Source, head: &Checkpoint) -> Verdict {
    let size = head.size.get();
    let first = SignedLeaves::find(source, head).and_then(|signed| signed.first_altered(source, size));
    Verdict::Altered(match first {
        Some(index) => Alteration::Record { index, why: RecordFault::Hash },
        None => Alteration::Somewhere { size },
    })
}

/// Proof that the tiles of level 0 hold the leaf hashes that were signed.
struct SignedLeaves {
    size: TreeSize,
}

impl SignedLeaves {
    fn find(source: &impl Source, head: &Checkpoint) -> Option<Self> {
        let mut tree = CompactRange::new();
        for bundle in entry_bundles(TreeSize::EMPTY, head.size) {
            for leaf in leaves(source, bundle)? {
                tree.append(leaf);
            }
        }
        (tree.root() == head.root).then_some(Self { size: head.size })
    }

    /// The first entry before `end` whose bytes are not those that were signed.
    fn first_altered(&self, source: &impl Source, end: u64) -> Option<u64> {
        for bundle in entry_bundles(TreeSize::EMPTY, self.size) {
            if start(bundle) >= end {
                break;
            }
            let bytes = source.read(&bundle.to_string(), BUNDLE_BYTES_MAX).ok()?;
            let signed = leaves(source, bundle)?;
            for ((index, entry), leaf) in framed(bundle, &bytes).zip(signed) {
                if index < end && entry.map_or(true, |entry| leaf_hash(entry) != leaf) {
                    return Some(index);
                }
            }
        }
        None
    }
}

/// The leaf hashes over a bundle, as the tile of level 0 beside it has them.
fn leaves(source: &impl Source, bundle: Tile) -> Option<Vec<Hash>> {
    let tile = Tile::new(TileKind::Hashes { level: 0 }, bundle.index(), bundle.width()).ok()?;
    tile.parse_hashes(&source.read(&tile.to_string(), TILE_BYTES_MAX).ok()?).ok()
}

/// The index of a bundle's first entry.
fn start(bundle: Tile) -> u64 {
    bundle.index() * u64::from(TILE_WIDTH)
}
