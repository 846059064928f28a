//! Transparency-log maths: Merkle trees, signed notes, checkpoints and tiles, and nothing else.
//!
//! Everything here is a pure function of bytes handed in: no I/O, no clock, no randomness, so a log written
//! today is checked by the same code in seven years. Each module implements one public specification and is
//! strict beyond it: where the specification is silent, input is refused.
//!
//! | module | specification |
//! |---|---|
//! | [`hash`], [`tree`] | RFC 6962 §2.1 and RFC 9162 §2.1 |
//! | [`note`] | <https://c2sp.org/signed-note> |
//! | [`checkpoint`] | <https://c2sp.org/tlog-checkpoint> |
//! | [`cosignature`] | <https://c2sp.org/tlog-cosignature>, Ed25519 `cosignature/v1` only |
//! | [`tile`] | <https://c2sp.org/tlog-tiles> |
//!
//! A log proves its entries unchanged and in order. It does not prove them true.

#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod cosignature;
mod decimal;
pub mod hash;
pub mod note;
pub mod tile;
pub mod tree;

pub use checkpoint::{Checkpoint, Origin, VerifiedCheckpoint};
pub use hash::{Hash, leaf_hash, node_hash};
pub use note::{SignedNote, SigningKey, VerifierKey};
pub use tree::{CompactRange, LeafIndex, TreeSize};
