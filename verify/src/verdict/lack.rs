//! Reasons for `incomplete`.

use super::Outsider;
use crate::source::ReadError;

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
    /// A kit begins or ends amid the records of its period.
    #[error("the kit holds the records {first} to {}, and its period {how}", .end.saturating_sub(1))]
    Period {
        /// The first record there is.
        first: u64,
        /// The record after the last.
        end: u64,
        /// How it shows.
        how: PeriodCut,
    },
    /// A document that the cover of a kit lists.
    #[error("the file {name}, which the cover of the kit lists, is not in it")]
    Document {
        /// Its name.
        name: String,
    },
    /// A log that something was brought for.
    #[error("something was given for the log {origin}, and it is not in the kit")]
    Log {
        /// Its origin.
        origin: String,
    },
}

/// Which end of a kit's period is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeriodCut {
    /// The first record is of the period already.
    #[error("may have begun before the first of them")]
    Begin,
    /// The last record is of the period still.
    #[error("may go on after the last of them")]
    End,
    /// The log ends within the period, and no witness saw that it did when the period was over, or the kit was made.
    #[error(
        "may go on after the last of them: no witness vouched for that end when it was over, or exported"
    )]
    Stale,
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
            Self::Period { .. } => "period_cut",
            Self::Document { .. } => "document_missing",
            Self::Log { .. } => "log_missing",
        }
    }
}
