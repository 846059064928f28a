//! The offline verifier: is this evidence log whole, in order and unaltered, and who says so?
//!
//! [`verify`] reads a log in C2SP `tlog-tiles` layout through a [`Source`] and compares it with a [`Trust`] that came
//! from outside the log. Its core is a function of those two: no network, no configuration, no clock.
//!
//! Invariants:
//! - Without trust from outside nothing is verified, and that is a failure. A key found inside the log is never used.
//! - A verdict of intact needs every entry of the head read, parsed, hashed, and led to the root that was signed.
//! - Entries are judged by their exact bytes; nothing is encoded again.
//! - Faults of the log are `altered`, `incomplete` or `fork`; a fault of what came from outside is `nothing verified`.
//! - Memory is bounded, however long the log: one bundle and one tile at a time for each worker.
//!
//! Not a goal: whether what a record says is true. No log can prove that.
#![forbid(unsafe_code)]

mod directory;
mod examine;
mod heads;
mod locate;
mod report;
mod source;
mod tiles;
mod trust;
mod uncovered;
mod verdict;
mod verify;
mod walk;

pub use directory::Directory;
pub use report::{Head, Report, Summary, TrustUsed, Uncovered, WitnessSeen};
pub use source::{ReadError, Source};
pub use trust::{OutsideHead, OutsideHeadError, Trust};
pub use verdict::{Alteration, Contradiction, Lack, Outsider, RecordFault, Unverified, Verdict};
pub use verify::{Progress, verify, verify_with_progress};
