//! The right-hand edge of a log: its tree, its last leaf, which the next record must name, and its keys up to there.

use contract::record::{Body, PreviousLeaf};
use tlog::{CompactRange, Hash, VerifierKey};

use super::chain::KeyChain;

/// Where a log ends.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) range: CompactRange,
    pub(crate) last: Option<Hash>,
    pub(crate) keys: KeyChain,
}

impl Head {
    /// A log that has no entry yet.
    pub(crate) fn empty(pinned: VerifierKey) -> Self {
        Self { range: CompactRange::default(), last: None, keys: KeyChain::pinned(pinned) }
    }

    /// The number of entries.
    pub(crate) fn size(&self) -> u64 {
        self.range.size().get()
    }

    /// What the next record must name.
    pub(crate) fn previous(&self) -> Option<PreviousLeaf> {
        self.last.map(|hash| PreviousLeaf(*hash.as_bytes()))
    }

    /// Appends a record. Says what is wrong with a hand-over of keys, and appends nothing then.
    pub(crate) fn append(&mut self, leaf: Hash, body: &Body) -> Result<(), &'static str> {
        self.keys.step(body, &self.range)?;
        self.range.append(leaf);
        self.last = Some(leaf);
        Ok(())
    }
}
