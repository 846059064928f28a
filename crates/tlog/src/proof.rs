//! Proofs of single entries that can be checked offline: `.tlog-proof` files (<https://c2sp.org/tlog-proof>).
//!
//! Beyond the specification: base64 has one spelling, and an `extra` line without data is refused.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::body;
pub use crate::body::BodyError;
use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::note::SignedNote;
use crate::tree::{InclusionError, LeafIndex, verify_inclusion};

/// The first line of a proof file.
const VERSION: &str = "c2sp.org/tlog-proof@v1";

/// A well-formed proof, nothing in it verified yet. Its [`Display`](fmt::Display) form is the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Where the entry stands in its log.
    pub index: LeafIndex,
    /// Data for the application, which nothing authenticates. No data is `None`, never empty.
    pub extra: Option<Vec<u8>>,
    /// The inclusion proof, lowest hash first.
    pub hashes: Vec<Hash>,
    /// The log's checkpoint with the cosignatures on it.
    pub checkpoint: SignedNote,
}

impl Proof {
    /// Reads a proof from its exact bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, BodyError> {
        let (mut lines, checkpoint) = body::split(bytes)?;
        lines.next_if_eq(&VERSION).ok_or(BodyError::Line("`c2sp.org/tlog-proof@v1`"))?;
        let expected = BodyError::Line("`extra` and the base64 of some data");
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let extra = extra.map(|line| data(line).ok_or(expected)).transpose()?;
        let index = body::number(lines.next(), "index ").ok_or(BodyError::Line("`index` and a number"))?;
        Ok(Self { index: LeafIndex::new(index), extra, hashes: body::hashes(lines)?, checkpoint })
    }

    /// Checks that the entry with hash `leaf` stands at the proof's index in the tree of `checkpoint`.
    ///
    /// The caller has verified the signatures on the proof's own checkpoint, and hands over what they are for.
    pub fn verify_leaf(&self, leaf: &Hash, checkpoint: &Checkpoint) -> Result<(), InclusionError> {
        verify_inclusion(self.index, checkpoint.size, leaf, &self.hashes, &checkpoint.root)
    }
}

fn data(line: &str) -> Option<Vec<u8>> {
    STANDARD.decode(line.strip_prefix("extra ")?).ok().filter(|data| !data.is_empty())
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{VERSION}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        write!(f, "index {}\n{}\n{}", self.index, body::lines(&self.hashes), self.checkpoint)
    }
}
