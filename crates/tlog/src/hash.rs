//! SHA-256 hashes of the Merkle tree, with the domain separation of RFC 6962 §2.1 (RFC 9162 §2.1.1).
//!
//! Leaves and inner nodes are hashed under different prefixes, so no inner node can be passed off as an entry.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Prefix of a leaf's preimage (RFC 6962 §2.1).
const LEAF_PREFIX: u8 = 0x00;
/// Prefix of an inner node's preimage (RFC 6962 §2.1).
const NODE_PREFIX: u8 = 0x01;

/// A SHA-256 hash: of a leaf, of an inner node, or the root of a tree.
///
/// Hashes are public, so comparing them need not be constant-time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; Hash::LEN]);

impl Hash {
    /// Length of a hash, in bytes.
    pub const LEN: usize = 32;

    /// Wraps 32 bytes that are already a hash.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The hash in padded standard base64 (RFC 4648 §4), as checkpoints write it.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads padded standard base64 of exactly 32 bytes; any other spelling of the same bytes is refused.
    pub fn from_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

/// Lower-case hexadecimal digits.
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// The hash of a log entry: `SHA-256(0x00 ‖ entry)`.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([LEAF_PREFIX]).chain_update(entry).finalize().into())
}

/// The hash of an inner node: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut preimage = [NODE_PREFIX; 1 + 2 * Hash::LEN];
    preimage[1..=Hash::LEN].copy_from_slice(&left.0);
    preimage[1 + Hash::LEN..].copy_from_slice(&right.0);
    Hash(Sha256::digest(preimage).into())
}

/// The root of a tree without leaves: `SHA-256("")`.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}
