//! The published log's entry bundles (`tlog-tiles`): two bytes of length before each entry, 256 entries in a full one.

use std::fs;
use std::path::{Path, PathBuf};

use contract::record::Record;

/// Entries in a full bundle.
const WIDTH: u64 = 256;

/// The bundle's file, full or partial; none while it is being replaced. Bundles from the thousandth on have longer names, which no trial reaches.
pub(crate) fn path(log: &Path, index: u64) -> Option<PathBuf> {
    let full = log.join(format!("tile/entries/{index:03}"));
    if full.is_file() {
        return Some(full);
    }
    let partial: Vec<PathBuf> =
        fs::read_dir(full.with_added_extension("p")).ok()?.flatten().map(|e| e.path()).collect();
    match partial.as_slice() {
        [one] => Some(one.clone()),
        // None yet, or two: the log is being published at this very moment.
        _ => None,
    }
}

/// Where each entry begins, and its length.
pub(crate) fn entries(bundle: &[u8]) -> Vec<(usize, usize)> {
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some(header) = bundle.get(at..at + 2) {
        let length = usize::from(u16::from_be_bytes([header[0], header[1]]));
        entries.push((at + 2, length));
        at += 2 + length;
    }
    entries
}

/// One record, as it is published.
pub(crate) fn record(log: &Path, seq: u64) -> Option<Record> {
    let bytes = fs::read(path(log, seq / WIDTH)?).ok()?;
    let (start, length) = *entries(&bytes).get(usize::try_from(seq % WIDTH).ok()?)?;
    Record::parse(bytes.get(start..start + length)?).ok()
}
