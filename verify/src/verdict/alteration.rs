//! Reasons for `altered`.

use tlog::checkpoint::CheckpointParseError;
use tlog::cosignature::CosignatureError;
use tlog::note::{KeyLabel, NoteError, SignatureError};

use crate::frame::FrameError;
use crate::handover::HandoverFault;
use crate::heads_proof::HeadsProofFault;
use crate::kit::{CoverFault, KitFault};

/// What is not as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Alteration {
    /// One record: the first, if there are several.
    #[error("record {index} was altered: {why}")]
    Record {
        /// Which.
        index: u64,
        /// How it shows.
        why: RecordFault,
    },
    /// A record that was signed as it stands and that no writer of ours would have written.
    #[error(
        "record {index} is no record of this log, though the tree of the head holds these very bytes: {why}"
    )]
    SignedMalformed {
        /// Which.
        index: u64,
        /// How it shows.
        why: RecordFault,
    },
    /// The records do not lead to the root, and nothing is left that could name one of them.
    #[error("the records 0 to {} do not lead to the root of the head; which of them was altered cannot be told", .size.saturating_sub(1))]
    Somewhere {
        /// How many records there are.
        size: u64,
    },
    /// A record in which the log should pass to another key.
    #[error("record {index} does not hand the log over to another key as it should: {why}")]
    Handover {
        /// Which.
        index: u64,
        /// How it shows.
        why: HandoverFault,
    },
    /// Bytes follow the last record of a bundle.
    #[error("{bytes} bytes follow the last record of {path}")]
    Trailing {
        /// The index that would come next.
        index: u64,
        /// The bundle.
        path: String,
        /// How many.
        bytes: usize,
    },
    /// A tile of hashes that the records do not lead to.
    #[error("the hash tile {path} was altered; the records themselves lead to the root of the head")]
    Tile {
        /// Its name.
        path: String,
    },
    /// A file beyond the head that disagrees with what the head covers.
    #[error("{path}, which the head does not cover, contradicts what it covers")]
    Leftover {
        /// Its name.
        path: String,
    },
    /// The head is not a signed note.
    #[error("the head was altered: it is {0}")]
    HeadNote(NoteError),
    /// The head's signature does not match.
    #[error("the head was altered: {0}")]
    HeadSignature(SignatureError),
    /// What was signed is not a head.
    #[error("the head was altered: {0}")]
    HeadText(CheckpointParseError),
    /// The head bears a cosignature in a named witness's name that is not the witness's.
    #[error("the cosignature of {witness} on the head was altered: {why}")]
    Cosignature {
        /// The witness.
        witness: KeyLabel,
        /// How it shows.
        why: CosignatureError,
    },
    /// The proof that the log of heads holds a head of this log does not hold.
    #[error("head.tlog-proof was altered: {0}")]
    HeadsProof(HeadsProofFault),
    /// The file is not a kit.
    #[error("this is not a kit: {0}")]
    Container(KitFault),
    /// A file of the kit was damaged: its checksum is wrong.
    #[error("the file {name} in the kit is damaged: its checksum is wrong")]
    Damaged {
        /// Its name.
        name: String,
    },
    /// The kit's cover is not what it has to be.
    #[error("the cover of the kit was altered: {0}")]
    Cover(CoverFault),
    /// A document is not the one that the cover lists.
    #[error("the file {name} is not the one that the cover of the kit lists")]
    Document {
        /// Its name.
        name: String,
    },
    /// A file that nothing in the kit calls for.
    #[error("the file {path} does not belong in this kit")]
    Unexpected {
        /// Its name.
        path: String,
    },
}

impl Alteration {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Record { why, .. } => why.code(),
            Self::SignedMalformed { .. } => "signed_but_malformed",
            Self::Somewhere { .. } => "root_differs",
            Self::Trailing { .. } => "bytes_after_bundle",
            Self::Tile { .. } => "tile_differs",
            Self::Leftover { .. } => "uncovered_file_contradicts",
            Self::HeadNote(_) | Self::HeadText(_) => "head_malformed",
            Self::HeadSignature(_) => "head_signature",
            Self::Cosignature { .. } => "cosignature_invalid",
            Self::Handover { .. } => "key_handover",
            Self::HeadsProof(_) => "heads_proof",
            Self::Container(_) => "not_a_kit",
            Self::Damaged { .. } => "file_damaged",
            Self::Cover(why) => why.code(),
            Self::Document { .. } => "document_differs",
            Self::Unexpected { .. } => "unexpected_file",
        }
    }
}

/// How it shows that a record is not what was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// The bundle ends within it.
    #[error("its bundle ends within it")]
    CutShort,
    /// Its bytes are not a record in canonical form.
    #[error("{0}")]
    Malformed(FrameError),
    /// It says that it stands elsewhere.
    #[error("it says that it is record {found}")]
    Sequence {
        /// Where it says it stands.
        found: u64,
    },
    /// It says that it is of another log.
    #[error("it says that it belongs to the log {found:?}")]
    Origin {
        /// The log it names.
        found: String,
    },
    /// It does not name the record before it.
    #[error("it does not name the hash of the record before it")]
    Previous,
    /// Its hash is not the one in the tree.
    #[error("its hash is not the one in the tree of the head")]
    Hash,
    /// The record after it names another hash for it.
    #[error("the record after it names another hash for it")]
    Successor,
}

impl RecordFault {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CutShort => "bundle_cut_short",
            Self::Malformed(FrameError::NotCanonical(_)) => "not_canonical",
            Self::Malformed(_) => "not_a_record",
            Self::Sequence { .. } => "sequence_differs",
            Self::Origin { .. } => "origin_differs",
            Self::Previous => "previous_differs",
            Self::Hash => "hash_differs",
            Self::Successor => "successor_differs",
        }
    }
}
