//! Names the first altered record, once it is known that something is wrong.
//!
//! The leaf hashes that were signed still stand in the tiles of level 0, if those tiles lead to the signed root: then the
//! first entry with another hash is the altered one, whatever else was done to it. Where they do not, the chain of the
//! records is all there is: a record that does not name the hash of the one before it accuses that one.

use tlog::checkpoint::Checkpoint;
use tlog::hash::{Hash, leaf_hash};
use tlog::tile::Tile;
use tlog::tree::complete_root;

use crate::examine::{BUNDLE_BYTES_MAX, Fault, framed, start};
use crate::extent::Extent;
use crate::frontier::Frontier;
use crate::handover::HandoverFault;
use crate::source::Source;
use crate::tiles::{Outside, TileFault};
use crate::verdict::{Alteration, Lack, RecordFault, Verdict};
use crate::walk::{Reading, Stop};

/// The verdict on a log whose walk stopped.
pub(crate) fn stopped(reading: &Reading<'_, impl Source>, stop: Stop) -> Verdict {
    let signed = SignedLeaves::find(reading);
    let first_before = |end: u64| signed.as_ref().and_then(|signed| signed.first_altered(end));
    let or_earlier =
        |end, verdict| first_before(end).map_or(verdict, |first| altered(first, RecordFault::Hash));
    match stop {
        Stop::Fault(Fault::Record { index, why }) => match (&signed, first_before(index + 1)) {
            (None, _) if why == RecordFault::Previous => {
                altered(index.saturating_sub(1), RecordFault::Successor)
            }
            (None, _) => altered(index, why),
            // It shows in itself, which says more than that its hash is wrong.
            (Some(_), Some(first)) if first == index => altered(index, why),
            (Some(_), Some(first)) => altered(first, RecordFault::Hash),
            (Some(_), None) => Verdict::Altered(Alteration::SignedMalformed { index, why }),
        },
        Stop::Handover { index, why } => {
            // What should follow, and does not, may have been altered itself.
            let end = if why == HandoverFault::NotTaken { index + 2 } else { index + 1 };
            match first_before(end) {
                Some(first) if first != index => altered(first, RecordFault::Hash),
                _ => Verdict::Altered(Alteration::Handover { index, why }),
            }
        }
        Stop::Fault(Fault::Trailing { tile, bytes }) => {
            let index = start(tile) + u64::from(tile.width());
            let path = tile.to_string();
            or_earlier(index, Verdict::Altered(Alteration::Trailing { index, path, bytes }))
        }
        Stop::Fault(Fault::Absent { index, tile }) => {
            or_earlier(index, Verdict::Incomplete(Lack::Entry { index, path: tile.to_string() }))
        }
        Stop::Unread { tile, why } => {
            let index = start(tile);
            or_earlier(index, Verdict::Incomplete(Lack::Bundle { index, path: tile.to_string(), why }))
        }
        Stop::Outside { path, why: TileFault::Differs } => Verdict::Altered(Alteration::Tile { path }),
        Stop::Outside { path, why: TileFault::Unread(why) } => Verdict::Incomplete(Lack::Tile { path, why }),
    }
}

/// The verdict on a log that reads well from end to end and does not lead to the root of its head.
pub(crate) fn root_differs(reading: &Reading<'_, impl Source>) -> Verdict {
    let size = reading.extent.size();
    let first = SignedLeaves::find(reading).and_then(|signed| signed.first_altered(reading.extent.end()));
    first.map_or(Verdict::Altered(Alteration::Somewhere { size }), |index| altered(index, RecordFault::Hash))
}

const fn altered(index: u64, why: RecordFault) -> Verdict {
    Verdict::Altered(Alteration::Record { index, why })
}

/// Proof that the tiles of level 0 hold the leaf hashes that were signed.
struct SignedLeaves<'a, S> {
    source: &'a S,
    extent: Extent,
}

impl<'a, S: Source> SignedLeaves<'a, S> {
    fn find(reading: &Reading<'a, S>) -> Option<Self> {
        let &Reading { source, head, extent, .. } = reading;
        let found = root(source, extent, head)? == head.root;
        found.then_some(Self { source, extent })
    }

    /// The first entry before `end` whose bytes are not those that were signed.
    fn first_altered(&self, end: u64) -> Option<u64> {
        let outside = Outside::new(self.source, self.extent.size());
        for bundle in self.extent.bundles().take_while(|bundle| start(*bundle) < end) {
            let bytes = self.source.read(&bundle.to_string(), BUNDLE_BYTES_MAX).ok()?;
            let signed = outside.leaves(bundle.index()).ok()?;
            for ((index, entry), leaf) in framed(bundle, &bytes).zip(signed) {
                if index < end && entry.map_or(true, |entry| leaf_hash(entry) != leaf) {
                    return Some(index);
                }
            }
        }
        None
    }
}

/// The root that the tiles of level 0 lead to, with those of level 1 where a kit has no others.
fn root(source: &impl Source, extent: Extent, head: &Checkpoint) -> Option<Hash> {
    let mut outside = Outside::new(source, head.size.get());
    let mut frontier = Frontier::default();
    let mut push = |root: Hash| frontier.push_full(root, |_, _| ());
    for bundle in extent.before() {
        push(outside.root(bundle).ok()?);
    }
    let full = |bundle: &Tile| bundle.is_full();
    for bundle in extent.bundles().take_while(full) {
        push(complete_root(&outside.leaves(bundle.index()).ok()?)?);
    }
    for bundle in extent.after() {
        push(outside.root(bundle).ok()?);
    }
    let last = extent.bundles().find(|bundle| !bundle.is_full()).or(extent.edge());
    if let Some(last) = last {
        frontier.push_last(&outside.leaves(last.index()).ok()?);
    }
    Some(frontier.root())
}
