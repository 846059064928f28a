//! Opening a log: check that what is there leads to the signed head, cut what never was signed, read what the executor needs.

use contract::record::Record;
use tlog::checkpoint::{Checkpoint, VerifiedCheckpoint};
use tlog::hash::{Hash, leaf_hash};
use tlog::note::VerifierKey;
use tlog::tile::{TILE_WIDTH, bundle};

use crate::disk::Disk;
use crate::error::OpenError;
use crate::files::Files;
use crate::frontier::Frontier;
use crate::keys::{self, Keys};
use crate::layout::{BUNDLE, FILE_MAX_BYTES, Layout};
use crate::replay::Log;
use crate::tail;
use crate::tiles::{self, Tiles};

/// What was found when a log was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Signed entries. That they have the signed root was checked; [`fsck`](crate::fsck::fsck) reads each.
    pub size: u64,
    /// Bytes above the last signed size that were cut off. They were never acknowledged.
    pub torn_bytes: u64,
}

/// Hash tiles that a leaf completed: level, and hashes.
pub(crate) type FullTiles = Vec<(u8, Vec<Hash>)>;

/// The state that a writer goes on from.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) keys: Keys,
    pub(crate) frontier: Frontier,
    pub(crate) last_leaf: Option<Hash>,
    /// The entries of the bundle that is not full, or has not been moved to its place.
    pub(crate) tail: Vec<u8>,
    /// The frames that hold them.
    pub(crate) frames: Vec<u8>,
    /// The hash tiles that they complete.
    pub(crate) full_tiles: FullTiles,
    pub(crate) head: Option<VerifiedCheckpoint>,
    /// The published size.
    pub(crate) published: u64,
    pub(crate) torn_bytes: u64,
    /// The first entry that was not pruned.
    pub(crate) first: u64,
}

/// What a log shows before its tree is looked at.
pub(crate) struct Surface {
    pub(crate) keys: Keys,
    /// The writer's own head and the published one, which is never the newer.
    stored: Option<VerifiedCheckpoint>,
    published: Option<VerifiedCheckpoint>,
    /// The newest: in the tail, or the stored one.
    pub(crate) head: Option<VerifiedCheckpoint>,
    /// Entries in full bundles that the stored head covers.
    pub(crate) base: u64,
    /// The signed part of the tail after them.
    pub(crate) tail: tail::Found,
    pub(crate) leaves: Vec<Hash>,
    /// The first entry that was not pruned.
    pub(crate) first: u64,
}

impl Surface {
    /// Reads heads and tail, and holds their sizes against each other.
    pub(crate) fn read<D: Disk>(
        files: &Files<D>,
        layout: &Layout,
        keys: Keys,
        key: &VerifierKey,
    ) -> Result<Self, OpenError> {
        let (stored, published) = heads(files, layout, &keys, key)?;
        let signed = size_of(stored.as_ref());
        let base = signed - signed % BUNDLE;
        let path = layout.tail(base / BUNDLE);
        let bytes = files.read(&path, FILE_MAX_BYTES)?.unwrap_or_default();
        let tail = tail::read(&path, &bytes, base, &keys)?;
        if base + tail.count < signed {
            return Err(OpenError::EntryMissing { index: base + tail.count, path });
        }
        if stored.is_none() && tail.count < BUNDLE && files.disk.exists(&layout.tiles()) {
            return Err(OpenError::HeadMissing(layout.head()));
        }
        let head = tail.head.clone().or_else(|| stored.clone());
        let leaves =
            bundle::entries(&tail.entries, TILE_WIDTH).map_while(Result::ok).map(leaf_hash).collect();
        let first = pruned(files, layout)?;
        Ok(Self { keys, stored, published, head, base, tail, leaves, first })
    }

    /// The number of signed entries.
    pub(crate) const fn size(&self) -> u64 {
        self.base + self.tail.count
    }

    /// The log below this surface.
    pub(crate) fn log<'a, D>(
        &'a self,
        files: &'a Files<D>,
        layout: &'a Layout,
        origin: &'a str,
    ) -> Log<'a, D> {
        let (tail, leaves) = (&self.tail.entries, &self.leaves);
        Log { files, layout, origin, base: self.base, tail, leaves, first: self.first }
    }

    /// Holds the tree against the newest head, and then against every earlier one.
    pub(crate) fn holds<D: Disk>(
        &self,
        log: &Log<'_, D>,
        edge: &Frontier,
        frontier: &Frontier,
        receipt: Option<&Checkpoint>,
        tiles: &mut Tiles<'_, D>,
    ) -> Result<(), OpenError> {
        if self.head.as_ref().is_some_and(|h| h.checkpoint().root != frontier.root()) {
            return Err(why_the_root_differs(log, self.size()));
        }
        let own = [&self.stored, &self.published].into_iter().flatten().map(VerifiedCheckpoint::checkpoint);
        own.chain(receipt).try_for_each(|earlier| holds(earlier, edge, &self.leaves, tiles))
    }
}

/// Reads a log's state. Nothing in the directory is altered but the list of keys of a log that has none.
pub(crate) fn recover<D: Disk>(
    files: &mut Files<D>,
    layout: &Layout,
    key: &VerifierKey,
    receipt: Option<&Checkpoint>,
    visit: &mut impl FnMut(&Record),
) -> Result<Recovered, OpenError> {
    let keys = Keys::open(files, layout, key)?;
    let surface = Surface::read(files, layout, keys, key)?;
    by_the_key(surface.head.as_ref(), &surface.keys, key)?;
    let edge = tiles::edge(files, layout, surface.base)?;
    let (frontier, full_tiles) = grown(&edge, &surface.leaves);
    let log = surface.log(files, layout, key.label().name.as_str());
    let mut tiles = Tiles::new(files, layout, &edge);
    surface.holds(&log, &edge, &frontier, receipt, &mut tiles)?;
    log.replay(&mut tiles, visit)?;
    let last_leaf = match (surface.leaves.last(), surface.base) {
        (Some(leaf), _) => Some(*leaf),
        (None, 0) => None,
        (None, base) => Some(tiles.leaf(base - 1)?),
    };
    let published = size_of(surface.published.as_ref());
    let Surface { keys, head, tail, first, .. } = surface;
    let (tail, frames, torn_bytes) = (tail.entries, tail.frames, tail.torn_bytes);
    Ok(Recovered { keys, frontier, last_leaf, tail, frames, full_tiles, head, published, torn_bytes, first })
}

fn size_of(head: Option<&VerifiedCheckpoint>) -> u64 {
    head.map_or(0, |h| h.checkpoint().size.get())
}

type Stored = Option<VerifiedCheckpoint>;

fn heads<D: Disk>(
    files: &Files<D>,
    layout: &Layout,
    keys: &Keys,
    key: &VerifierKey,
) -> Result<(Stored, Stored), OpenError> {
    let stored = keys.read_head(files, layout.head(), key)?;
    let published = keys.read_head(files, layout.checkpoint(), key)?;
    if stored.is_none() && published.is_some() {
        return Err(OpenError::HeadMissing(layout.head()));
    }
    let (ahead, head) = (size_of(published.as_ref()), size_of(stored.as_ref()));
    if ahead > head {
        return Err(OpenError::RolledBack { published: ahead, head });
    }
    Ok((stored, published))
}

/// The first entry that was not pruned.
pub(crate) fn pruned<D: Disk>(files: &Files<D>, layout: &Layout) -> Result<u64, OpenError> {
    let path = layout.pruned();
    let Some(bytes) = files.read(&path, 32)? else { return Ok(0) };
    let text = str::from_utf8(&bytes).ok().and_then(|t| t.trim_end().parse().ok());
    // What was pruned is only a hint which error to tell: without it, the entries are missing.
    Ok(text.unwrap_or(0))
}

/// The newest head must be signed by the key that the writer will sign with.
pub(crate) fn by_the_key(
    head: Option<&VerifiedCheckpoint>,
    keys: &Keys,
    key: &VerifierKey,
) -> Result<(), OpenError> {
    let own = match head {
        Some(head) => keys::signed_by(head, key).is_ok(),
        None => keys.contains(key),
    };
    if own {
        return Ok(());
    }
    let signed = head.and_then(|h| keys.signer(h)).or_else(|| keys.newest());
    Err(OpenError::OtherKey { signed: signed.unwrap_or(key).label().clone() })
}

/// The edge with the tail's leaves.
pub(crate) fn grown(edge: &Frontier, leaves: &[Hash]) -> (Frontier, FullTiles) {
    let (mut frontier, mut full) = (edge.clone(), Vec::new());
    for leaf in leaves {
        frontier.append(*leaf, |level, hashes| full.push((level, hashes)));
    }
    (frontier, full)
}

/// Checks that the log holds what an earlier head of it covers.
fn holds<D: Disk>(
    earlier: &Checkpoint,
    edge: &Frontier,
    leaves: &[Hash],
    tiles: &mut Tiles<'_, D>,
) -> Result<(), OpenError> {
    let (size, here) = (earlier.size.get(), edge.size() + leaves.len() as u64);
    if size > here {
        return Err(OpenError::Shortened { size: here, receipt: size });
    }
    let root = match size.checked_sub(edge.size()) {
        Some(more) => edge.after(&leaves[..usize::try_from(more).unwrap_or(leaves.len())]).1,
        None => tiles.root_at(size)?,
    };
    if root == earlier.root { Ok(()) } else { Err(OpenError::Exchanged { size }) }
}

/// Names the entry of the tail that gives itself away, if one does. What stands before the tail is not to be trusted here, so the first
/// entry's `prev` is not asked.
fn why_the_root_differs<D: Disk>(log: &Log<'_, D>, size: u64) -> OpenError {
    let mut prev = None;
    let entries = bundle::entries(log.tail, TILE_WIDTH).flatten();
    for ((entry, leaf), index) in entries.zip(log.leaves).zip(log.base..) {
        let stands = match Record::parse(entry) {
            Ok(record) if index == log.base => {
                log.record(entry, index, record.prev.map(|p| Hash::from_bytes(p.0)))
            }
            Ok(_) | Err(_) => log.record(entry, index, prev),
        };
        if let Err(e) = stands {
            return e;
        }
        prev = Some(*leaf);
    }
    OpenError::RootDiffers { size }
}
