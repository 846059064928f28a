//! Why a key, a note or a signature was refused.

use super::{KeyId, KeyLabel, NOTE_BYTES_MAX, SIGNATURES_MAX, SignatureType};

/// Why bytes are not a signed note, or why one could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("longer than {NOTE_BYTES_MAX} bytes")]
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
    /// More than [`SIGNATURES_MAX`] signature lines.
    #[error("more than {SIGNATURES_MAX} signature lines")]
    TooManySignatures,
    /// A line after the blank line is not a signature line.
    #[error("not a signature line: {line:?}")]
    SignatureLine {
        /// The line, without its newline.
        line: String,
    },
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

/// Why a text or bytes are not a usable key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty or holds a space, a plus or a control character.
    #[error("a key name is not empty and holds no space, plus or control character")]
    Name,
    /// The text is not `<name>+<key ID>+<base64>` around 33 bytes.
    #[error("not a key of the form <name>+<key ID>+<base64 of type and public key>")]
    Form,
    /// The type byte is none of those we verify.
    #[error("unknown signature type {identifier:#04x}")]
    UnknownType {
        /// The byte found.
        identifier: u8,
    },
    /// The public bytes are not a point of the curve, or one of small order.
    #[error("the public key is not a safe point of the curve")]
    Point,
    /// The key ID is not that of the rest of the text.
    #[error("the key ID should be {computed}, in lower case")]
    Id {
        /// The ID of this name, type and public key.
        computed: KeyId,
    },
    /// A key of one type was used for signatures of another.
    #[error("a key for {found:?} cannot be used for {wanted:?}")]
    Type {
        /// The type needed.
        wanted: SignatureType,
        /// The type of the key.
        found: SignatureType,
    },
}
