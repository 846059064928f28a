//! All bundles in order: read and examined by a few workers, joined by one into chain, tree, tiles and keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::SyncSender;

use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;
use tlog::tile::Tile;

mod join;

use join::Joiner;

use crate::examine::{BUNDLE_BYTES_MAX, Examined, Fault, Spelling, examine};
use crate::extent::Extent;
use crate::handover::{HandoverFault, Handovers};
use crate::source::{ReadError, Source};
use crate::tally::Tally;
use crate::tiles::{Outside, TileComparison, TileFault, compare_leaves};

/// Bundles that wait for the joiner, per worker. Bounds the memory.
const LANE_DEPTH: usize = 4;
/// Beyond this the joiner is what everybody waits for.
const WORKERS_MAX: usize = 8;

/// How far the reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Records read.
    pub read: u64,
    /// Records there are to read.
    pub size: u64,
}

/// What is to be walked, and what is to be found out on the way.
pub(crate) struct Reading<'a, S> {
    pub(crate) source: &'a S,
    pub(crate) head: &'a Checkpoint,
    pub(crate) extent: Extent,
    /// Sizes whose roots are asked for.
    pub(crate) wanted: &'a BTreeSet<u64>,
}

/// What walking found out.
pub(crate) struct Walked {
    /// The root over all entries.
    pub(crate) root: Hash,
    /// The roots at the sizes asked for, as far as what is there leads to them.
    pub(crate) roots: BTreeMap<u64, Hash>,
    /// What the records are.
    pub(crate) tally: Tally,
    /// How the hash tiles compare with the entries.
    pub(crate) tiles: TileComparison,
    /// The keys that the records name.
    pub(crate) handovers: Handovers,
}

/// Why the walk did not reach the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A bundle could not be read.
    Unread { tile: Tile, why: ReadError },
    /// A bundle is not what it should be.
    Fault(Fault),
    /// A record that hands the log over to another key does not count.
    Handover { index: u64, why: HandoverFault },
    /// All entries are well, but a tile that stands for entries that are not there cannot be used.
    Outside { path: String, why: TileFault },
}

/// Reads every entry of the extent, and of the rest its hashes.
pub(crate) fn walk<S: Source>(
    reading: &Reading<'_, S>,
    handovers: Handovers,
    progress: &mut dyn FnMut(Progress),
) -> Result<Walked, Stop> {
    let mut joiner = Joiner::new(reading, handovers);
    let mut outside = Outside::new(reading.source, reading.extent.size());
    for bundle in reading.extent.before() {
        joiner.push_outside(outside.root(bundle));
        // A size is only claimed: what is not there ends the way at once.
        if joiner.is_broken() {
            break;
        }
    }
    joiner.join_all(progress)?;
    for bundle in reading.extent.after() {
        joiner.push_outside(outside.root(bundle));
        if joiner.is_broken() {
            break;
        }
    }
    if let Some(edge) = reading.extent.edge() {
        match outside.leaves(edge.index()) {
            Ok(leaves) => joiner.push_last(&leaves),
            Err(fault) => joiner.break_off(fault),
        }
    }
    joiner.finish()
}

/// What a worker hands over.
type Package = Result<(Examined, Option<(String, TileFault)>), Stop>;

/// Reads every `step`th bundle from the `skip`th on, until the joiner hangs up.
fn work<S: Source>(reading: &Reading<'_, S>, skip: usize, step: usize, send: &SyncSender<Package>) {
    let spelling = Spelling::of(&reading.head.origin);
    let (mut entries, mut hashes) = (Vec::new(), Vec::new());
    for tile in reading.extent.bundles().skip(skip).step_by(step) {
        let package = match reading.source.read_into(&tile.to_string(), BUNDLE_BYTES_MAX, &mut entries) {
            Err(why) => Err(Stop::Unread { tile, why }),
            Ok(()) => {
                let examined = examine(tile, &entries, &spelling);
                let tile = match examined.fault {
                    None => compare_leaves(reading.source, tile, &examined.leaves, &mut hashes),
                    Some(_) => None,
                };
                Ok((examined, tile))
            }
        };
        if send.send(package).is_err() {
            break;
        }
    }
}
