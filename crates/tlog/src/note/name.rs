//! What identifies a key in a note: its name, its ID and its signature type (<https://c2sp.org/signed-note>).

use std::fmt;
use std::str::FromStr;

use super::KeyError;

/// What a key signs, by its assigned identifier byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureType {
    /// Ed25519 over the note's text (`0x01`).
    Ed25519,
    /// A timestamped Ed25519 cosignature of a checkpoint (`0x04`).
    CosignatureV1,
}

impl SignatureType {
    /// The identifier byte.
    pub const fn identifier(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }

    pub(crate) fn from_identifier(identifier: u8) -> Option<Self> {
        [Self::Ed25519, Self::CosignatureV1].into_iter().find(|known| known.identifier() == identifier)
    }
}

/// The name of a key: not empty, no Unicode spaces, no plus, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        let refused = |c: char| c.is_whitespace() || c == '+' || c < ' ';
        if name.is_empty() || name.contains(refused) {
            Err(KeyError::Name)
        } else {
            Ok(Self(name.to_owned()))
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ public key)`: it finds a key, it proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// Wraps the four bytes of an ID.
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The bytes of the ID.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// Name and ID together, which is how a signature line says whose it is. Written `<name>+<hex key ID>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyLabel {
    /// The name of the key.
    pub name: KeyName,
    /// The ID of the key.
    pub id: KeyId,
}

impl fmt::Display for KeyLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.name, self.id)
    }
}
