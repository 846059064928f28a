//! What identifies a key in a note: its name, its ID and its signature type (<https://c2sp.org/signed-note>).

use std::str::FromStr;

use super::KeyError;

/// What a key signs, by its assigned identifier byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureType {
    /// Ed25519 over the note's text.
    Ed25519 = 0x01,
    /// A timestamped Ed25519 cosignature of a checkpoint.
    CosignatureV1 = 0x04,
}

impl SignatureType {
    /// The identifier byte.
    pub const fn identifier(self) -> u8 {
        self as u8
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
        let sound = !name.is_empty() && !name.contains(refused);
        if sound { Ok(Self(name.to_owned())) } else { Err(KeyError::Name) }
    }
}

display!(KeyName, self => "{}", self.0);

/// Name and ID together, which is how a signature line says whose it is. Written `<name>+<hex key ID>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyLabel {
    /// The name of the key.
    pub name: KeyName,
    /// The ID of the key, the first four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ public key)`: it finds a key, it
    /// proves nothing.
    pub id: u32,
}

display!(KeyLabel, self => "{}+{:08x}", self.name, self.id);
