//! One bundle of entries, judged by itself: everything but its link to the bundle before it.

use contract::record::RECORD_MAX_BYTES;
use tlog::checkpoint::Origin;
use tlog::hash::{Hash, leaf_hash};
use tlog::tile::{TILE_WIDTH, Tile, bundle};
use tlog::tree::complete_root;

use crate::extent::BUNDLE;
use crate::frame::Frame;
use crate::handover::KeyRecord;
use crate::tally::Tally;
use crate::verdict::RecordFault;

/// The most bytes that a bundle can have: 256 records, each behind its length.
pub(crate) const BUNDLE_BYTES_MAX: usize = TILE_WIDTH as usize * (2 + RECORD_MAX_BYTES);

/// What one bundle holds, up to its first fault.
#[derive(Default)]
pub(crate) struct Examined {
    /// Index of its first entry.
    pub(crate) first: u64,
    /// The previous hash that its first record names; checked by whoever knows that hash.
    pub(crate) prev: Option<[u8; 32]>,
    /// The leaf hashes of the records before the fault.
    pub(crate) leaves: Vec<Hash>,
    /// The root over the leaves of a full bundle.
    pub(crate) root: Option<Hash>,
    /// What those records are.
    pub(crate) tally: Tally,
    /// Those of them that carry keys.
    pub(crate) keys: Vec<KeyRecord>,
    /// The first fault.
    pub(crate) fault: Option<Fault>,
}

/// What is wrong at one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bundle ends cleanly before this entry.
    Absent { index: u64, tile: Tile },
    /// The entry is not the record that should stand there.
    Record { index: u64, why: RecordFault },
    /// Bytes follow the last entry.
    Trailing { tile: Tile, bytes: usize },
}

/// A log's origin as its records spell it.
#[derive(Debug, Clone)]
pub(crate) struct Spelling(Vec<u8>);

impl Spelling {
    pub(crate) fn of(origin: &Origin) -> Self {
        let escaped = origin.to_string().replace('\\', r"\\").replace('"', "\\\"");
        Self(escaped.into_bytes())
    }
}

/// Reads the entries of a bundle of the log whose origin is spelt so.
pub(crate) fn examine(tile: Tile, bytes: &[u8], origin: &Spelling) -> Examined {
    let mut found = Examined {
        first: start(tile),
        leaves: Vec::with_capacity(tile.width().into()),
        ..Examined::default()
    };
    for (index, entry) in framed(tile, bytes) {
        let taken = entry.and_then(|entry| found.take(index, entry, origin));
        if let Err(fault) = taken {
            found.fault = Some(fault);
            break;
        }
    }
    if tile.is_full() && found.fault.is_none() {
        found.root = complete_root(&found.leaves);
    }
    found
}

impl Examined {
    fn take(&mut self, index: u64, entry: &[u8], origin: &Spelling) -> Result<(), Fault> {
        let altered = |why| Fault::Record { index, why };
        let frame = Frame::read(entry).map_err(|error| altered(RecordFault::Malformed(error)))?;
        if frame.origin != origin.0 {
            let found = String::from_utf8_lossy(frame.origin).into_owned();
            return Err(altered(RecordFault::Origin { found }));
        }
        if frame.seq != index {
            return Err(altered(RecordFault::Sequence { found: frame.seq }));
        }
        match self.leaves.last() {
            None => self.prev = frame.prev,
            Some(leaf) if names(frame.prev, leaf) => {}
            Some(_) => return Err(altered(RecordFault::Previous)),
        }
        self.tally.add(&frame);
        self.keys.extend(KeyRecord::read(index, &frame));
        self.leaves.push(leaf_hash(entry));
        Ok(())
    }
}

/// Whether `prev` is the hash of that leaf.
pub(crate) fn names(prev: Option<[u8; 32]>, leaf: &Hash) -> bool {
    prev.is_some_and(|prev| prev == *leaf.as_bytes())
}

/// The index of a bundle's first entry.
pub(crate) fn start(bundle: Tile) -> u64 {
    bundle.index() * BUNDLE
}

/// The entries of a bundle with their indexes, or where its framing fails.
pub(crate) fn framed(tile: Tile, bytes: &[u8]) -> impl Iterator<Item = (u64, Result<&[u8], Fault>)> {
    let mut index = start(tile);
    let mut read = 0;
    bundle::entries(bytes, tile.width()).map(move |entry| {
        let here = index;
        index += 1;
        let entry = entry.map_err(|error| match error {
            bundle::BundleError::Trailing { bytes } => Fault::Trailing { tile, bytes },
            // A bundle that ends between two entries lacks the later one. One that ends within an entry was cut,
            // or that entry's length was altered: either way it is this entry that is wrong.
            bundle::BundleError::Truncated { .. } if read == bytes.len() => {
                Fault::Absent { index: here, tile }
            }
            bundle::BundleError::Truncated { .. } => {
                Fault::Record { index: here, why: RecordFault::CutShort }
            }
        });
        read += entry.as_ref().map_or(0, |entry| size_of::<u16>() + entry.len());
        (here, entry)
    })
}
