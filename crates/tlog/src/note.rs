//! Signed notes: a text and the signatures over it (<https://c2sp.org/signed-note>).
//!
//! Beyond the specification: sizes are bounded, base64 has one spelling, and a note that carries two lines of
//! one key is refused when it is verified, since nothing says which of them counts.

mod key;
mod name;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use key::{KeyError, SigningKey, VerifierKey};
pub use name::{KeyLabel, KeyName, SignatureType};

/// Largest note read or written, in bytes: the 16 signatures everyone must accept fit even at 5 kB each.
pub const NOTE_BYTES_MAX: usize = 256 * 1024;
/// Most signature lines read or written.
pub const SIGNATURES_MAX: usize = 64;

/// What begins a signature line: an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// A well-formed signed note, nothing in it verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line of a note. Lines of unknown keys are kept, and ignored by [`SignedNote::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    label: KeyLabel,
    payload: Vec<u8>,
}

impl SignedNote {
    /// Signs a text with an Ed25519 key. The text must end in a newline.
    pub fn sign(text: &str, key: &SigningKey) -> Result<Self, NoteError> {
        key.verifier().expect_type(SignatureType::Ed25519).map_err(NoteError::Key)?;
        // Without it the text's own last line could be read as a signature line of a shorter text.
        if !text.ends_with('\n') {
            return Err(NoteError::NoFinalNewline);
        }
        let signature = NoteSignature::new(key.verifier(), key.sign(text.as_bytes()).to_vec());
        // Reading it back holds what we write to what we accept.
        Self::parse(Self { text: text.to_owned(), signatures: vec![signature] }.to_string().as_bytes())
    }

    /// Reads a note from its exact bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        let note = str::from_utf8(bytes).map_err(|_| NoteError::Utf8)?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::ControlCharacter);
        }
        // The text may hold empty lines of its own: the last one in the note ends it.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoFinalNewline)?;
        let signatures = lines.split('\n').map(NoteSignature::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::TooLong);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// The signed text, its final newline included. It means nothing until a signature is verified.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signature lines, known or not, in the order they stand.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature line, in place of an earlier one by the same key. The note is unchanged on error.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        let mut longer = self.clone();
        longer.signatures.retain(|kept| kept.label != signature.label);
        longer.signatures.push(signature);
        *self = Self::parse(longer.to_string().as_bytes())?;
        Ok(())
    }

    /// Checks that `key`, an Ed25519 key, signed the text.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), SignatureError> {
        let signature = self.signature_of(key, SignatureType::Ed25519)?;
        key.verify(self.text.as_bytes(), &signature.payload)
    }

    /// The only signature line of a key of the wanted type.
    pub(crate) fn signature_of(
        &self,
        key: &VerifierKey,
        wanted: SignatureType,
    ) -> Result<&NoteSignature, SignatureError> {
        key.expect_type(wanted).map_err(SignatureError::Key)?;
        let mut lines = self.signatures.iter().filter(|line| line.label == *key.label());
        match (lines.next(), lines.next()) {
            (Some(signature), None) => Ok(signature),
            (Some(_), Some(_)) => Err(SignatureError::Repeated(key.label().clone())),
            (None, _) => Err(SignatureError::Missing(key.label().clone())),
        }
    }
}

/// The note in its wire form.
impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl NoteSignature {
    /// A signature line of `key`; `payload` is what follows the key ID.
    pub(crate) fn new(key: &VerifierKey, payload: Vec<u8>) -> Self {
        Self { label: key.label().clone(), payload }
    }

    /// Reads one signature line, without its newline.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        Self::parts(line).ok_or_else(|| NoteError::SignatureLine(line.to_owned()))
    }

    fn parts(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        let bytes = STANDARD.decode(base64).ok()?;
        let (id, payload) = bytes.split_first_chunk().filter(|(_, payload)| !payload.is_empty())?;
        let label = KeyLabel { name: name.parse().ok()?, id: u32::from_be_bytes(*id) };
        Some(Self { label, payload: payload.to_vec() })
    }

    /// The key that is said to have signed.
    pub const fn label(&self) -> &KeyLabel {
        &self.label
    }

    /// What follows the key ID: for Ed25519 the signature, for a cosignature its time and signature.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// The signature line, without its newline.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([&self.label.id.to_be_bytes(), self.payload.as_slice()].concat());
        write!(f, "{SIGNATURE_PREFIX}{} {encoded}", self.label.name)
    }
}

/// Why bytes are not a signed note, or why one could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`], or with more signature lines than [`SIGNATURES_MAX`].
    #[error("more than {NOTE_BYTES_MAX} bytes or {SIGNATURES_MAX} signature lines")]
    TooLong,
    /// Not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// An ASCII control character other than a newline.
    #[error("a control character other than a newline")]
    ControlCharacter,
    /// No blank line with signatures after it.
    #[error("no blank line between text and signatures")]
    NoSignatures,
    /// The last line, of a note or of a text to be signed, is not ended by a newline.
    #[error("the last line does not end in a newline")]
    NoFinalNewline,
    /// This line after the blank line is not a signature line.
    #[error("not a signature line: {0:?}")]
    SignatureLine(String),
    /// The key cannot sign notes.
    #[error("the key cannot sign this note")]
    Key(#[source] KeyError),
}

/// Why a note does not count as signed by a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The key does not make signatures of this kind.
    #[error("the key cannot verify this signature")]
    Key(#[source] KeyError),
    /// No line of this key.
    #[error("no signature by {0}")]
    Missing(KeyLabel),
    /// More than one line of this key.
    #[error("more than one signature by {0}")]
    Repeated(KeyLabel),
    /// The signature does not match the message under this key.
    #[error("the signature by {0} does not match")]
    Mismatch(KeyLabel),
}
