//! Entry bundles: entries, each behind its length as a big-endian 16-bit number (<https://c2sp.org/tlog-tiles>).

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
pub const fn entries(bundle: &[u8], width: u16) -> Entries<'_> {
    Entries { rest: bundle, index: 0, width }
}

/// See [`entries`].
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
    index: u16,
    width: u16,
}

impl<'a> Entries<'a> {
    fn take(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        self.rest = rest;
        Some(entry)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<&'a [u8], BundleError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = if self.index < self.width {
            self.take().ok_or(BundleError::Truncated { index: self.index })
        } else if self.rest.is_empty() {
            return None;
        } else {
            Err(BundleError::Trailing { bytes: self.rest.len() })
        };
        match item {
            Ok(_) => self.index += 1,
            Err(_) => (self.rest, self.index) = (&[], self.width),
        }
        Some(item)
    }
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
