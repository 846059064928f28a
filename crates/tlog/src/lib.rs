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
//! | [`proof`] | <https://c2sp.org/tlog-proof> |
//! | [`policy`] | <https://c2sp.org/tlog-policy> |
//! | [`witness`] | <https://c2sp.org/tlog-witness>, the bytes of a request |
//!
//! Other public logs are read too. Of any signed note the text is kept whole, lines of unknown keys and of other
//! types are kept and not looked at, and base64 and numbers have one spelling. Only of checkpoints of our own,
//! [`checkpoint`] and [`cosignature`], more is asked: exactly three lines, and an origin that is the name of its key.
//!
//! A log proves its entries unchanged and in order. It does not prove them true.

#![forbid(unsafe_code)]

/// Writes the one text form of a type: its `Display`, from a format and the values in it.
macro_rules! display {
    ($type:ty, $self:ident => $($format:tt)+) => {
        impl std::fmt::Display for $type {
            fn fmt(&$self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, $($format)+)
            }
        }
    };
}

mod body;
pub mod checkpoint;
pub mod cosignature;
mod decimal;
pub mod hash;
pub mod note;
pub mod policy;
pub mod proof;
pub mod tile;
pub mod tree;
pub mod witness;

pub use checkpoint::{Checkpoint, Origin, VerifiedCheckpoint};
pub use hash::{Hash, leaf_hash, node_hash};
pub use note::{SignedNote, SigningKey, VerifierKey};
pub use tree::{CompactRange, LeafIndex, TreeSize};
