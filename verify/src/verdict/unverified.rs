//! Reasons for `nothing_verified`.

use tlog::checkpoint::Origin;
use tlog::cosignature::CosignatureError;
use tlog::note::{KeyLabel, SignatureError};

use crate::source::ReadError;

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
