//! The files of a pair: put back so that each is the old one or the new one and nothing between.
//!
//! Their directories may be the ACME client's own and not root's.

use std::path::Path;

use contract::digest::Digest;
use contract::record::FileBefore;

use crate::HandError;
use crate::trusted::{Candidate, Found, Owned, Spot};

/// Far more than the longest chain.
const BYTES_MAX: u64 = 1 << 20;

/// Opens the directory of one of them.
pub(super) fn open(path: &str) -> Result<Spot, HandError> {
    Spot::open_anyones(Path::new(path))
}

/// What is there, where it is not longer than a chain.
pub(super) fn found(spot: &Spot) -> Result<Option<Found>, HandError> {
    spot.found_within(BYTES_MAX)
}

/// As it goes into the intent.
pub(super) fn before(found: &Found) -> FileBefore {
    let Owned { mode, uid, gid } = found.owned;
    FileBefore { digest: Digest::of(&found.bytes), mode, uid, gid }
}

/// Whether it is as it was: the same bytes, mode and owner.
pub(super) fn holds(spot: &Spot, kept: &FileBefore) -> bool {
    // A link or a directory in its place is surely not as it was; it is replaced, or stands in the way.
    found(spot).ok().flatten().is_some_and(|found| before(&found) == *kept)
}

/// Writes the old one beside it, durably.
pub(super) fn candidate<'a>(
    spot: &'a Spot,
    bytes: &[u8],
    kept: &FileBefore,
) -> Result<Candidate<'a>, HandError> {
    let FileBefore { mode, uid, gid, .. } = *kept;
    spot.candidate(bytes, Owned { mode, uid, gid })
}
