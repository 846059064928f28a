//! Opening a verified head: cosigned by this hub, of exactly the tiles' root, and signed by the key that the log itself says is in force there.

use contract::record::{Body, Record};
use tlog::VerifierKey;
use tlog::checkpoint::VerifiedCheckpoint;
use tlog::cosignature;
use tlog::note::SignedNote;
use tlog::tree::{Subtree, TreeSize};

use super::archive::{Archive, ArchiveError};
use super::chain::{self, KeyChain};
use super::head::Head;

/// Opens the head in `bytes`, and gives it back as a receipt.
pub(super) fn open_head(
    archive: &Archive,
    bytes: &[u8],
    pinned: VerifierKey,
    witness: &VerifierKey,
) -> Result<(Head, String), ArchiveError> {
    let damaged = |what: &dyn std::fmt::Display| archive.damaged("checkpoint", what);
    let note = SignedNote::parse(bytes).map_err(|e| damaged(&e))?;
    let cosigned = cosignature::verify(&note, witness).map_err(|e| damaged(&e))?;
    let (size, root) = (cosigned.checkpoint().size, cosigned.checkpoint().root);
    let range = archive.range(size, size)?;
    if range.root() != root {
        return Err(damaged(&format_args!("the tiles have root {}, not {root}", range.root())));
    }
    let hints = chain::hints(&archive.keys()?).into_iter().filter_map(|(_, from)| from.checked_sub(2));
    let mut keys = walk(archive, size, KeyChain::pinned(pinned.clone()), hints)?;
    if note.verify(keys.at(size.get())).is_err() {
        // The key log is gone, or says less than the log: the log is read whole.
        keys = walk(archive, size, KeyChain::pinned(pinned), namings(archive, size)?.into_iter())?;
        if note.verify(keys.at(size.get())).is_ok() {
            archive.set_keys(&keys.text())?;
        }
    }
    let receipt = note.to_string();
    VerifiedCheckpoint::from_note(note, keys.at(size.get())).map_err(|e| damaged(&e))?;
    let last = match size.get().checked_sub(1) {
        Some(index) => Some(archive.subtree(Subtree { level: 0, index }, size)?),
        None => None,
    };
    Ok((Head { range, last, keys }, receipt))
}

/// Follows the hand-overs whose naming records may stand at the indexes `at`, and at the log's end. What is no hand-over there is passed over: each was
/// checked when it came, and only a genuine one changes the key.
fn walk(
    archive: &Archive,
    size: TreeSize,
    mut keys: KeyChain,
    at: impl Iterator<Item = u64>,
) -> Result<KeyChain, ArchiveError> {
    let end = size.get();
    let mut next = 0;
    for index in at.chain(end.checked_sub(1)) {
        if index < next || index >= end {
            continue;
        }
        let naming = body(archive, index, size)?;
        if !matches!(naming, Body::KeyNamed(_)) {
            continue;
        }
        let before = |part| archive.range(TreeSize::new(part), size);
        let mut led = keys.clone();
        let mut follows = led.step(&naming, &before(index)?).is_ok();
        if follows && index + 1 < end {
            follows = led.step(&body(archive, index + 1, size)?, &before(index + 1)?).is_ok();
        }
        if follows {
            keys = led;
            next = index + 2;
        }
    }
    Ok(keys)
}

/// The entries of the whole log that may name a key.
fn namings(archive: &Archive, size: TreeSize) -> Result<Vec<u64>, ArchiveError> {
    const KIND: &[u8] = b"\"kind\":\"key_named\"";
    let (mut found, mut next) = (Vec::new(), 0);
    while next < size.get() {
        let entries = archive.entries(next, size)?;
        if entries.is_empty() {
            return Err(archive.damaged("tile/entries", &format_args!("no entry {next}")));
        }
        for entry in entries {
            if entry.windows(KIND.len()).any(|bytes| bytes == KIND) {
                found.push(next);
            }
            next += 1;
        }
    }
    Ok(found)
}

fn body(archive: &Archive, index: u64, size: TreeSize) -> Result<Body, ArchiveError> {
    let record = Record::parse(&archive.entry(index, size)?);
    Ok(record.map_err(|e| archive.damaged("tile/entries", &e))?.body)
}
