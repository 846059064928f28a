//! The keys of a sample that are not a log's own.

use tlog::SigningKey;
use tlog::note::SignatureType;

use super::{BadRecipe, drawn, key};

/// The domain of a sample's hub.
pub(super) const DOMAIN: &str = "hub.example";

/// The hub's keys, and an outside witness's.
#[derive(Debug)]
pub struct Keys {
    /// Cosigns the heads.
    pub witness: SigningKey,
    /// Signs the cover.
    pub kits: SigningKey,
    /// Signs the log of heads.
    pub heads: SigningKey,
    /// Cosigns the log of heads, and belongs to somebody else.
    pub outside: SigningKey,
}

impl Keys {
    pub(super) fn of(seed: u64) -> Result<Self, BadRecipe> {
        let of = |name: &str, kind| key(name, kind, &drawn(seed, name));
        Ok(Self {
            witness: of(&format!("{DOMAIN}/witness"), SignatureType::CosignatureV1)?,
            kits: of(&format!("{DOMAIN}/{}", super::super::KEY_NAME), SignatureType::Ed25519)?,
            heads: of(&format!("{DOMAIN}/heads"), SignatureType::Ed25519)?,
            outside: of("accountant.example/witness", SignatureType::CosignatureV1)?,
        })
    }
}
