//! The keys of signed notes: Ed25519 for verifying and for signing (<https://c2sp.org/signed-note>).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey as Ed25519SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::{KeyLabel, KeyName, SignatureError, SignatureType};

/// A public key with its name and type. Its text form is `<name>+<hex key ID>+<base64(type ‖ public key)>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    label: KeyLabel,
    signature_type: SignatureType,
    public: VerifyingKey,
}

impl VerifierKey {
    /// A key from its 32 public bytes. Bytes that are no point of the curve, or one of small order, are refused.
    pub fn new(name: KeyName, signature_type: SignatureType, public: &[u8; 32]) -> Result<Self, KeyError> {
        let public = VerifyingKey::from_bytes(public).map_err(|_| KeyError::Point)?;
        if public.is_weak() {
            return Err(KeyError::Point);
        }
        let digest = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', signature_type.identifier()])
            .chain_update(public.as_bytes())
            .finalize();
        let [a, b, c, d, ..]: [u8; 32] = digest.into();
        let label = KeyLabel { name, id: u32::from_be_bytes([a, b, c, d]) };
        Ok(Self { label, signature_type, public })
    }

    /// The name and ID of the key.
    pub const fn label(&self) -> &KeyLabel {
        &self.label
    }

    /// What the key signs.
    pub const fn signature_type(&self) -> SignatureType {
        self.signature_type
    }

    /// The 32 public bytes.
    pub fn public(&self) -> &[u8; 32] {
        self.public.as_bytes()
    }

    /// Checks an Ed25519 signature over a whole message, which must itself say what it is for.
    ///
    /// Only dalek's strict verification is used. RFC 8032 leaves open whether points of small order, encodings
    /// with several spellings and the cofactor count, so lenient verifiers disagree on crafted signatures, and
    /// some accept one signature for many messages. Evidence must have one answer for every verifier, for ever.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let checked = Signature::from_slice(signature).and_then(|it| self.public.verify_strict(message, &it));
        checked.map_err(|_| SignatureError::Mismatch(self.label.clone()))
    }

    pub(crate) fn expect_type(&self, wanted: SignatureType) -> Result<(), KeyError> {
        let found = self.signature_type;
        if found == wanted { Ok(()) } else { Err(KeyError::Type(found, wanted)) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[self.signature_type.identifier()], self.public().as_slice()].concat();
        write!(f, "{}+{}", self.label, STANDARD.encode(material))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
        let (_, material) = rest.split_once('+').ok_or(KeyError::Form)?;
        let material = STANDARD.decode(material).map_err(|_| KeyError::Form)?;
        let (&identifier, public) = material.split_first().ok_or(KeyError::Form)?;
        let known = [SignatureType::Ed25519, SignatureType::CosignatureV1];
        let signature_type = known.into_iter().find(|known| known.identifier() == identifier);
        let signature_type = signature_type.ok_or(KeyError::UnknownType(identifier))?;
        let key = Self::new(name.parse()?, signature_type, public.try_into().map_err(|_| KeyError::Form)?)?;
        // Writing it again compares the key ID, and refuses every second spelling of it.
        if key.to_string() == text { Ok(key) } else { Err(KeyError::Id(key.label.id)) }
    }
}

/// A secret key with its name and type. Its secret is never printed, and is wiped when the key is dropped.
#[derive(Debug)]
pub struct SigningKey {
    verifier: VerifierKey,
    secret: Ed25519SigningKey,
}

impl SigningKey {
    /// A key from its 32-byte seed (RFC 8032 §5.1.5), which the caller drew from the system's generator.
    pub fn from_seed(name: KeyName, kind: SignatureType, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let secret = Ed25519SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, kind, secret.verifying_key().as_bytes())?;
        Ok(Self { verifier, secret })
    }

    /// The public half.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The Ed25519 signature over a message. Private to the crate: only notes and cosignatures are ever signed.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }
}

/// Why a text or bytes are not a usable key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty or holds a space, a plus or a control character.
    #[error("a key name is not empty and holds no space, plus or control character")]
    Name,
    /// The text is not `<name>+<key ID>+<base64>` around 33 bytes.
    #[error("not a key of the form <name>+<key ID>+<base64 of type and public key>")]
    Form,
    /// The type byte, this one, is none of those we verify.
    #[error("unknown signature type {0:#04x}")]
    UnknownType(u8),
    /// The public bytes are not a point of the curve, or one of small order.
    #[error("the public key is not a safe point of the curve")]
    Point,
    /// The key ID is not this one, which is that of the rest of the text.
    #[error("the key ID should be {0:08x}, in lower case")]
    Id(u32),
    /// A key of one type, the first, was used for signatures of another.
    #[error("a key for {0:?} cannot be used for {1:?}")]
    Type(SignatureType, SignatureType),
}
