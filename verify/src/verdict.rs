//! The verdicts, and everything that can stand behind one.
//!
//! Each reason has a sentence for people (`Display`) and a code for machines (`code`), which never changes once published.

mod alteration;
mod contradiction;
mod lack;
mod unverified;

pub use alteration::{Alteration, RecordFault};
pub use contradiction::{Contradiction, Outsider};
pub use lack::{Lack, PeriodCut};
pub use unverified::Unverified;

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

    /// How bad it is, for the worst of several: fork, altered, nothing verified, incomplete, unwitnessed, intact.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Fork(_) => 5,
            Self::Altered(_) => 4,
            Self::NothingVerified(_) => 3,
            Self::Incomplete(_) => 2,
            Self::IntactUnwitnessedTail { .. } => 1,
            Self::IntactWitnessed => 0,
        }
    }

    /// Whether the log is intact, witnessed or not.
    pub const fn is_intact(&self) -> bool {
        matches!(self, Self::IntactWitnessed | Self::IntactUnwitnessedTail { .. })
    }

    /// The stable code of the reason behind it; none where there is nothing to add.
    pub const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::IntactWitnessed => None,
            Self::IntactUnwitnessedTail { unwitnessed: 0 } => Some("uncovered_files"),
            Self::IntactUnwitnessedTail { .. } => Some("unwitnessed_tail"),
            Self::Incomplete(lack) => Some(lack.code()),
            Self::Altered(alteration) => Some(alteration.code()),
            Self::Fork(contradiction) => Some(contradiction.code()),
            Self::NothingVerified(why) => Some(why.code()),
        }
    }

    /// The reason behind it as a sentence. It may quote bytes of the log: escape it for a terminal.
    pub fn explanation(&self) -> String {
        match self {
            Self::IntactWitnessed => "every record is unchanged, in order and witnessed".to_owned(),
            Self::IntactUnwitnessedTail { unwitnessed: 0 } => {
                "every record is unchanged, in order and witnessed; there are files that the head does not cover"
                    .to_owned()
            }
            Self::IntactUnwitnessedTail { unwitnessed } => format!(
                "every record is unchanged and in order; no witness vouches for the last {unwitnessed} of them"
            ),
            Self::Incomplete(lack) => lack.to_string(),
            Self::Altered(alteration) => alteration.to_string(),
            Self::Fork(contradiction) => contradiction.to_string(),
            Self::NothingVerified(why) => why.to_string(),
        }
    }

    /// The index of the record it is about, where it is about one.
    pub const fn index(&self) -> Option<u64> {
        match self {
            Self::Incomplete(
                Lack::Bundle { index, .. } | Lack::Entry { index, .. } | Lack::Unvouched { from: index },
            )
            | Self::Altered(
                Alteration::Record { index, .. }
                | Alteration::SignedMalformed { index, .. }
                | Alteration::Handover { index, .. }
                | Alteration::Trailing { index, .. },
            ) => Some(*index),
            Self::IntactWitnessed
            | Self::IntactUnwitnessedTail { .. }
            | Self::Incomplete(_)
            | Self::Altered(_)
            | Self::Fork(_)
            | Self::NothingVerified(_) => None,
        }
    }
}
