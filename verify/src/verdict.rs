//! The verdicts, and everything that can stand behind one.
//!
//! Each reason has a sentence for people (`Display`) and a code for machines (`code`), which never changes once published.

use contract::record::RecordError;
use tlog::checkpoint::{CheckpointParseError, Origin};
use tlog::cosignature::CosignatureError;
use tlog::note::{KeyLabel, NoteError, SignatureError};

use crate::source::ReadError;

/// What the verifier says of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every record is unchanged and in order, and all named witnesses vouch for all of them.
    IntactWitnessed,
    /// Every record is unchanged and in order; nobody outside has vouched for the last of them.
    IntactUnwitnessedTail {
        /// How many records no witness has seen. 0 where only files beyond the head are unwitnessed.
        unwitnessed: u64,
    },
    /// Something that the head covers is not there. Nothing that is there contradicts it.
    Incomplete(Lack),
    /// Something is not what was signed.
    Altered(Alteration),
    /// The log is whole, and it is not the log that somebody outside saw.
    Fork(Contradiction),
    /// Nothing could be tied to anything from outside. That is a failure, not a pass.
    NothingVerified(Unverified),
}

impl Verdict {
    /// Its stable name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::IntactWitnessed => "intact_witnessed",
            Self::IntactUnwitnessedTail { .. } => "intact_unwitnessed_tail",
            Self::Incomplete(_) => "incomplete",
            Self::Altered(_) => "altered",
            Self::Fork(_) => "fork",
            Self::NothingVerified(_) => "nothing_verified",
        }
    }

    /// The exit status that stands for it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::IntactWitnessed => 0,
            Self::IntactUnwitnessedTail { .. } => 10,
            Self::Incomplete(_) => 20,
            Self::Altered(_) => 30,
            Self::Fork(_) => 40,
            Self::NothingVerified(_) => 50,
        }
    }

    /// Whether the log is intact, witnessed or not.
    pub const fn is_intact(&self) -> bool {
        matches!(self, Self::IntactWitnessed | Self::IntactUnwitnessedTail { .. })
    }

    /// The index of the record it is about, where it is about one.
    pub const fn index(&self) -> Option<u64> {
        match self {
            Self::Incomplete(
                Lack::Bundle { index, .. } | Lack::Entry { index, .. } | Lack::Unvouched { from: index },
            )
            | Self::Altered(Alteration::Record { index, .. } | Alteration::SignedMalformed { index, .. }) => {
                Some(*index)
            }
            Self::IntactWitnessed
            | Self::IntactUnwitnessedTail { .. }
            | Self::Incomplete(_)
            | Self::Altered(_)
            | Self::Fork(_)
            | Self::NothingVerified(_) => None,
        }
    }
}

/// What is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// A whole bundle of entries.
    #[error("record {index} and those after it in {path} cannot be read: {why}")]
    Bundle {
        /// The first record in it.
        index: u64,
        /// Its name.
        path: String,
        /// Why.
        why: ReadError,
    },
    /// The end of a bundle.
    #[error("{path} ends before record {index}")]
    Entry {
        /// The first record missing.
        index: u64,
        /// The bundle.
        path: String,
    },
    /// A tile of hashes.
    #[error("the hash tile {path} cannot be read: {why}")]
    Tile {
        /// Its name.
        path: String,
        /// Why.
        why: ReadError,
    },
    /// The list of files.
    #[error("the files under tile/ cannot be listed: {0}")]
    List(ReadError),
    /// Somebody outside has seen more than there is: the log was put back to an earlier state.
    #[error("{who} saw {seen} records, and the log's head covers {size}")]
    RolledBack {
        /// Who saw more.
        who: Outsider,
        /// How many they saw.
        seen: u64,
        /// How many there are.
        size: u64,
    },
    /// No key was given, and what was given covers a part of the log only.
    #[error(
        "nothing that was given vouches for record {from} and those after it: give the log's key as well"
    )]
    Unvouched {
        /// The first record not covered.
        from: u64,
    },
}

impl Lack {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Bundle { .. } => "bundle_missing",
            Self::Entry { .. } => "record_missing",
            Self::Tile { .. } => "tile_missing",
            Self::List(_) => "files_not_listed",
            Self::RolledBack { .. } => "rolled_back",
            Self::Unvouched { .. } => "tail_not_covered",
        }
    }
}

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
    #[error("record {index} is not a record, though these are the bytes that were signed: {why}")]
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
    /// Bytes follow the last record of a bundle.
    #[error("{bytes} bytes follow the last record of {path}")]
    Trailing {
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
    Malformed(RecordError),
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
    #[error("its hash is not the one in the signed tree")]
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
            Self::Malformed(RecordError::NotCanonical(_)) => "not_canonical",
            Self::Malformed(_) => "not_a_record",
            Self::Sequence { .. } => "sequence_differs",
            Self::Origin { .. } => "origin_differs",
            Self::Previous => "previous_differs",
            Self::Hash => "hash_differs",
            Self::Successor => "successor_differs",
        }
    }
}

/// Somebody outside the log who saw a state of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Outsider {
    /// Whoever kept the earlier head.
    #[error("the earlier head")]
    Head,
    /// A witness.
    #[error("the witness {0}")]
    Witness(KeyLabel),
}

/// Two heads that cannot both be of one log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{who} has another root for the first {size} records: there are two histories of this log")]
pub struct Contradiction {
    /// Who saw the other history.
    pub who: Outsider,
    /// The size at which they disagree.
    pub size: u64,
    /// Whether the log's own key signed both: then it is proof for third parties.
    pub signed_by_key: bool,
}

impl Contradiction {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        if self.signed_by_key { "two_heads_signed" } else { "outside_head_differs" }
    }
}

/// Why nothing was verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// Nothing was given from outside.
    #[error("no key and no earlier head was given: a log cannot vouch for itself")]
    NoTrust,
    /// What was given lies in the log's own directory.
    #[error("{0} lies inside the log's own directory: a log cannot vouch for itself")]
    TrustFromInside(String),
    /// An earlier head of size 0.
    #[error("the earlier head is of an empty log, which pins nothing")]
    EmptyOutsideHead,
    /// The earlier head is of another log than the key.
    #[error("the key {key} is not that of the log {head}, which the earlier head is of")]
    TrustDisagrees {
        /// The key.
        key: KeyLabel,
        /// What the head names.
        head: Origin,
    },
    /// The earlier head bears a signature in the key's name that is not the key's.
    #[error("the earlier head is not genuine: {0}")]
    OutsideHeadSignature(SignatureError),
    /// A witness's key was given as the log's.
    #[error("{key} is a witness's key and cannot sign heads")]
    KeyIsAWitness {
        /// The key.
        key: KeyLabel,
    },
    /// Another key was given as a witness's.
    #[error("{key} is not a witness's key")]
    WitnessIsNone {
        /// The key.
        key: KeyLabel,
    },
    /// The receipt is not from any of the witnesses.
    #[error("the receipt is not cosigned by any witness that was named")]
    ReceiptUnknown,
    /// The receipt bears a cosignature in a witness's name that is not the witness's.
    #[error("the receipt is not genuine: {0}")]
    ReceiptForged(CosignatureError),
    /// The receipt is for another log.
    #[error("the receipt is for the log {0}")]
    ReceiptOfAnotherLog(Origin),
    /// There is no head.
    #[error("the log's head, the file checkpoint, cannot be read: {0}")]
    NoHead(ReadError),
    /// The head is not signed by the key.
    #[error("the log's head is not signed by the key that was given: {0}")]
    NotSignedByKey(SignatureError),
    /// The head is of another log.
    #[error("this is the log {found}, not {expected}")]
    OtherLog {
        /// What the head names.
        found: Origin,
        /// What was asked for.
        expected: String,
    },
    /// There are no records.
    #[error("the log is empty: its head covers no record")]
    EmptyLog,
}

impl Unverified {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoTrust => "no_trust",
            Self::TrustFromInside(_) => "trust_from_inside",
            Self::EmptyOutsideHead => "outside_head_empty",
            Self::TrustDisagrees { .. } => "trust_disagrees",
            Self::OutsideHeadSignature(_) => "outside_head_signature",
            Self::KeyIsAWitness { .. } | Self::WitnessIsNone { .. } => "wrong_kind_of_key",
            Self::ReceiptUnknown => "receipt_not_cosigned",
            Self::ReceiptForged(_) => "receipt_invalid",
            Self::ReceiptOfAnotherLog(_) => "receipt_of_another_log",
            Self::NoHead(_) => "no_head",
            Self::NotSignedByKey(_) => "not_signed_by_key",
            Self::OtherLog { .. } => "other_log",
            Self::EmptyLog => "empty_log",
        }
    }
}
