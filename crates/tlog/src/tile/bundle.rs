//! Entry bundles: entries, each behind its length as a big-endian 16-bit number (<https://c2sp.org/tlog-tiles>).

use std::{iter, mem};

/// Longest entry, in bytes.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// Appends one entry to a bundle, which is unchanged on error.
pub fn append(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), EntryTooLong> {
    let length = u16::try_from(entry.len()).map_err(|_| EntryTooLong { length: entry.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The `width` entries of a bundle, in order and without copying; ends after the first error.
///
/// Read it to its end: bytes after the last entry are the error that comes last.
pub fn entries(bundle: &[u8], width: u16) -> impl Iterator<Item = Result<&[u8], BundleError>> {
    let (mut rest, mut index) = (bundle, 0);
    iter::from_fn(move || {
        if index == width {
            let bytes = mem::take(&mut rest).len();
            return (bytes > 0).then_some(Err(BundleError::Trailing { bytes }));
        }
        let Some((entry, after)) = split(rest) else {
            rest = &[];
            return Some(Err(BundleError::Truncated { index: mem::replace(&mut index, width) }));
        };
        (rest, index) = (after, index + 1);
        Some(Ok(entry))
    })
}

/// The first entry of a bundle, and what follows it.
fn split(bundle: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bundle.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// An entry that no bundle can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry of {length} bytes is longer than {ENTRY_BYTES_MAX}")]
pub struct EntryTooLong {
    /// Length of the entry, in bytes.
    pub length: usize,
}

/// Why bytes are not the bundle of a number of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bundle ends before or within an entry.
    #[error("the bundle ends before the end of entry {index}")]
    Truncated {
        /// Position of the entry in the bundle, counted from 0.
        index: u16,
    },
    /// Bytes follow the last entry.
    #[error("{bytes} bytes follow the last entry of the bundle")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}
