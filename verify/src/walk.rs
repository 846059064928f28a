//! All bundles in order: read and examined by a few workers, joined by one into chain, tree and tiles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;
use tlog::tile::{Tile, entry_bundles};
use tlog::tree::{CompactRange, TreeSize};

use crate::examine::{BUNDLE_BYTES_MAX, Examined, Fault, examine, names};
use crate::report::Summary;
use crate::source::{ReadError, Source};
use crate::tiles::TileComparison;
use crate::verdict::RecordFault;
use crate::verify::Progress;

/// Bundles that wait for the joiner, per worker. Bounds the memory.
const LANE_DEPTH: usize = 4;
/// Beyond this the joiner is what everybody waits for.
const WORKERS_MAX: usize = 8;

/// What walking a whole log found out.
pub(crate) struct Walked {
    /// The tree over all entries.
    pub(crate) tree: CompactRange,
    /// The roots at the sizes asked for.
    pub(crate) roots: BTreeMap<u64, Hash>,
    /// What the records are.
    pub(crate) summary: Summary,
    /// How the hash tiles compare with the entries.
    pub(crate) tiles: TileComparison,
    last_leaf: Option<Hash>,
}

/// Why the walk did not reach the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A bundle could not be read.
    Unread { tile: Tile, why: ReadError },
    /// A bundle is not what it should be.
    Fault(Fault),
}

/// Reads every entry that `head` covers.
pub(crate) fn walk(
    source: &impl Source,
    head: &Checkpoint,
    wanted: &BTreeSet<u64>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Walked, Stop> {
    let mut walked = Walked {
        tree: CompactRange::new(),
        roots: BTreeMap::new(),
        summary: Summary::default(),
        tiles: TileComparison::default(),
        last_leaf: None,
    };
    let bundles = bundle_count(head.size);
    let cores = thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
    let workers = usize::try_from(bundles).map_or(cores, |bundles| cores.min(bundles));
    thread::scope(|scope| {
        // Worker k takes the bundles k, k + workers, …; so the joiner finds them in order by going round.
        let lanes: Vec<Receiver<_>> = (0..workers)
            .map(|worker| {
                let (send, receive) = sync_channel(LANE_DEPTH);
                scope.spawn(move || {
                    let mine = entry_bundles(TreeSize::EMPTY, head.size).skip(worker).step_by(workers);
                    for tile in mine {
                        // The joiner hangs up at the first fault.
                        if send.send(read(source, tile, head)).is_err() {
                            break;
                        }
                    }
                });
                receive
            })
            .collect();
        for lane in lanes.iter().cycle() {
            let Ok(examined) = lane.recv() else { break };
            walked.join(source, examined?, wanted)?;
            progress(Progress { read: walked.tree.size().get(), size: head.size.get() });
        }
        Ok(())
    })?;
    walked.tiles.finish(source);
    Ok(walked)
}

fn bundle_count(size: TreeSize) -> u64 {
    size.get().div_ceil(tlog::tile::TILE_WIDTH.into())
}

fn read(source: &impl Source, tile: Tile, head: &Checkpoint) -> Result<Examined, Stop> {
    let bytes = source.read(&tile.to_string(), BUNDLE_BYTES_MAX).map_err(|why| Stop::Unread { tile, why })?;
    Ok(examine(tile, &bytes, head.origin.key_name().as_str()))
}

impl Walked {
    fn join(&mut self, source: &impl Source, next: Examined, wanted: &BTreeSet<u64>) -> Result<(), Stop> {
        if let Some(last) = &self.last_leaf
            && !next.leaves.is_empty()
            && !names(next.prev, last)
        {
            return Err(Stop::Fault(Fault::Record { index: next.first, why: RecordFault::Previous }));
        }
        for leaf in &next.leaves {
            self.tree.append_visiting(*leaf, |subtree, hash| self.tiles.take(subtree, hash));
            let size = self.tree.size().get();
            if wanted.contains(&size) {
                self.roots.insert(size, self.tree.root());
            }
        }
        self.tiles.compare_full(source);
        self.last_leaf = next.leaves.last().copied().or(self.last_leaf);
        self.summary.extend(&next.summary);
        next.fault.map_or(Ok(()), |fault| Err(Stop::Fault(fault)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_are_counted_as_they_are_listed() {
        for size in [0, 1, 255, 256, 257, 512, 70_000] {
            let size = TreeSize::new(size);
            assert_eq!(bundle_count(size), entry_bundles(TreeSize::EMPTY, size).count() as u64);
        }
    }
}
