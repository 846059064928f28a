//! Tests of the public interface: against the vectors of the specifications, and against a naive model.

#![expect(clippy::unwrap_used, reason = "in a test's own functions too, a failed expectation is the message")]

mod checkpoint;
mod ed25519;
mod note;
mod other_logs;
mod policy;
mod proof;
mod size;
mod tile;
mod tree_model;
mod tree_proofs;
mod tree_tiles;
mod tree_vectors;
mod witness;

use tlog::note::{SignatureType, SigningKey};

/// A signing key for tests, made from a seed of 32 equal bytes.
fn signing_key(name: &str, signature_type: SignatureType, seed: u8) -> SigningKey {
    SigningKey::from_seed(name.parse().unwrap(), signature_type, &[seed; 32]).unwrap()
}
