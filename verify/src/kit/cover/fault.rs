//! What can be wrong with a cover.

use contract::canonical::NotCanonical;
use tlog::note::{NoteError, SignatureError};

/// Why a cover is not what it has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoverFault {
    /// One of the two files is not there or cannot be read.
    #[error("{0} cannot be read")]
    Unread(&'static str),
    /// `kit.json` is not in canonical form.
    #[error("kit.json is not its own canonical form: {0}")]
    NotCanonical(NotCanonical),
    /// `kit.json` is not a cover.
    #[error("kit.json is not the cover of a kit: {0}")]
    Form(String),
    /// A part of it is not what it can be.
    #[error("kit.json: {0}")]
    Part(CoverFaultPart),
    /// `kit.note` is not a signed note.
    #[error("kit.note is not a signed note: {0}")]
    Note(NoteError),
    /// What was signed is not the text over a kit.
    #[error("kit.note does not hold the text that is signed over a kit")]
    NoteText,
    /// The note is over another cover.
    #[error("kit.note is over another kit.json")]
    OtherCover,
    /// A log's head is not the one that the cover states.
    #[error("kit.json states another head of the log {origin} than there is")]
    Head {
        /// The log.
        origin: String,
    },
    /// The kit key did not sign the note.
    #[error("kit.note is not signed by the kit key that was given: {0}")]
    Signature(SignatureError),
}

/// Which part of a cover is not what it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CoverFaultPart {
    /// Another kind or format.
    #[error("it is not a kit of format 1")]
    Format,
    /// A name, an ID or a number of an export.
    #[error("a text in it is empty, too long, or holds what it may not")]
    Text,
    /// The period.
    #[error("its period does not begin before it ends")]
    Period,
    /// The logs.
    #[error("its logs are not in order, or one is there twice")]
    LogOrder,
    /// The part of a log that is in the kit.
    #[error("a part of a log in it is not a run of whole bundles")]
    Extent,
    /// The root of a log.
    #[error("a root in it is not the base64 of 32 bytes")]
    Root,
    /// The files.
    #[error("its list of files names one that is covered by a tree, or that cannot be")]
    Files,
}

impl CoverFault {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unread(_)
            | Self::NotCanonical(_)
            | Self::Form(_)
            | Self::Part(_)
            | Self::Note(_)
            | Self::NoteText => "kit_malformed",
            Self::OtherCover | Self::Head { .. } => "kit_differs",
            Self::Signature(_) => "kit_signature",
        }
    }
}
