//! Reasons for `nothing_verified`.

use tlog::checkpoint::Origin;
use tlog::cosignature::CosignatureError;
use tlog::note::{KeyLabel, SignatureError};

use crate::source::ReadError;

/// Why nothing was verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// Nothing was given from outside.
    #[error(
        "nothing that was given, no key and no earlier head, is about this log, and a log cannot vouch for itself"
    )]
    NoTrust,
    /// What was given lies in the log's own directory, or is what is verified.
    #[error("{0} lies inside what is verified, which cannot vouch for itself")]
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
    /// Two key logs for one log.
    #[error("two key logs were given for the log {0}")]
    TwoKeyLogs(Origin),
    /// A key that the key log of its log does not list.
    #[error("the key {key} is not listed in the key log that was given for its log")]
    KeyNotListed {
        /// The key.
        key: KeyLabel,
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
    /// A key was given for something that its name does not say.
    #[error("{key} cannot be what it was given as: such a key has a name that ends in {end}")]
    KeyOfAnotherName {
        /// The key.
        key: KeyLabel,
        /// What its name would end in.
        end: &'static str,
    },
    /// Two earlier heads of one size have different roots.
    #[error("two earlier heads of size {size} were given for the log {origin}, with different roots")]
    TwoRoots {
        /// The log.
        origin: Origin,
        /// The size.
        size: u64,
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
    /// A receipt is for another log.
    #[error("a receipt is for another log than there is")]
    ReceiptOfAnotherLog,
    /// There is no head.
    #[error("the log's head, the file checkpoint, cannot be read: {0}")]
    NoHead(ReadError),
    /// The head is not signed by the key.
    #[error(
        "the log's head is not signed by a key that was given, nor by one that such a key handed over to: {keys}"
    )]
    NotSignedByKey {
        /// The keys that were given.
        keys: String,
    },
    /// The head is signed by a key that does not count for its size.
    #[error(
        "the log's head is signed by {key}, which by the key log does not count for a head of size {size}"
    )]
    KeyRevoked {
        /// The key.
        key: KeyLabel,
        /// The head's size.
        size: u64,
    },
    /// A kit without logs.
    #[error("there is no log in the kit")]
    NoLogs,
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
            Self::TwoRoots { .. }
            | Self::TrustDisagrees { .. }
            | Self::TwoKeyLogs(_)
            | Self::KeyNotListed { .. } => "trust_disagrees",
            Self::OutsideHeadSignature(_) => "outside_head_signature",
            Self::KeyIsAWitness { .. } | Self::WitnessIsNone { .. } | Self::KeyOfAnotherName { .. } => {
                "wrong_kind_of_key"
            }
            Self::ReceiptUnknown => "receipt_not_cosigned",
            Self::ReceiptForged(_) => "receipt_invalid",
            Self::ReceiptOfAnotherLog => "receipt_of_another_log",
            Self::NoHead(_) => "no_head",
            Self::NotSignedByKey { .. } => "not_signed_by_key",
            Self::KeyRevoked { .. } => "key_revoked",
            Self::NoLogs => "no_logs",
            Self::OtherLog { .. } => "other_log",
            Self::EmptyLog => "empty_log",
        }
    }
}
