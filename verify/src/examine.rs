//! One bundle of entries, judged by itself: everything but its link to the bundle before it.

use contract::record::{PreviousLeaf, RECORD_MAX_BYTES, Record};
use tlog::hash::{Hash, leaf_hash};
use tlog::tile::{TILE_WIDTH, Tile, bundle};

use crate::report::Summary;
use crate::verdict::RecordFault;

/// The most bytes that a bundle can have: 256 records, each behind its length.
pub(crate) const BUNDLE_BYTES_MAX: usize = TILE_WIDTH as usize * (2 + RECORD_MAX_BYTES);

/// What one bundle holds, up to its first fault.
pub(crate) struct Examined {
    /// Index of its first entry.
    pub(crate) first: u64,
    /// The previous hash that its first record names; checked by whoever knows that hash.
    pub(crate) prev: Option<PreviousLeaf>,
    /// The leaf hashes of the records before the fault.
    pub(crate) leaves: Vec<Hash>,
    /// What those records are.
    pub(crate) summary: Summary,
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

/// Reads the entries of a bundle of the log `origin`.
pub(crate) fn examine(tile: Tile, bytes: &[u8], origin: &str) -> Examined {
    let first = tile.index() * u64::from(TILE_WIDTH);
    let leaves = Vec::with_capacity(tile.width().into());
    let mut found = Examined { first, prev: None, leaves, summary: Summary::default(), fault: None };
    for (index, entry) in framed(tile, bytes) {
        let taken = entry.and_then(|entry| found.take(index, entry, origin));
        if let Err(fault) = taken {
            found.fault = Some(fault);
            break;
        }
    }
    found
}

impl Examined {
    fn take(&mut self, index: u64, entry: &[u8], origin: &str) -> Result<(), Fault> {
        let altered = |why| Fault::Record { index, why };
        let record = Record::parse(entry).map_err(|error| altered(RecordFault::Malformed(error)))?;
        if record.seq != index {
            return Err(altered(RecordFault::Sequence { found: record.seq }));
        }
        if record.origin != origin {
            return Err(altered(RecordFault::Origin { found: record.origin }));
        }
        match self.leaves.last() {
            None => self.prev = record.prev,
            Some(leaf) if names(record.prev, leaf) => {}
            Some(_) => return Err(altered(RecordFault::Previous)),
        }
        self.summary.add(&record);
        self.leaves.push(leaf_hash(entry));
        Ok(())
    }
}

/// Whether `prev` is the hash of that leaf.
pub(crate) fn names(prev: Option<PreviousLeaf>, leaf: &Hash) -> bool {
    prev.is_some_and(|prev| prev.0 == *leaf.as_bytes())
}

/// The entries of a bundle with their indexes, or where its framing fails.
pub(crate) fn framed(tile: Tile, bytes: &[u8]) -> impl Iterator<Item = (u64, Result<&[u8], Fault>)> {
    let mut index = tile.index() * u64::from(TILE_WIDTH);
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
