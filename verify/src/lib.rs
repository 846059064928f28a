//! The offline verifier: is this evidence whole, in order and unaltered, and who says so?
//!
//! [`verify`] reads a log in C2SP `tlog-tiles` layout through a [`Source`], [`Kit::verify`] a kit, and both compare what they read
//! with a [`Trust`] that came from outside. Their core is a function of those two: no network, no configuration, no clock. What they
//! judge, and in which order, is written in `docs/evidence-format.md`.
//!
//! Invariants:
//! - Without trust from outside nothing is verified, and that is a failure. A key found inside is never used, unless one from outside
//!   handed over to it.
//! - A verdict of intact needs every entry read, parsed, hashed, and led to the root that was signed.
//! - Entries are judged by their exact bytes; nothing is encoded again.
//! - Faults of the log are `altered`, `incomplete` or `fork`; a fault of what came from outside is `nothing verified`.
//! - Memory is bounded, however long the log: a few bundles and one tile for each worker. Of a kit the list of files is held.
//!
//! Not a goal: whether what a record says is true. No log can prove that.
#![forbid(unsafe_code)]

mod claims;
mod directory;
mod examine;
mod extent;
mod frame;
mod frontier;
mod handover;
mod heads;
mod heads_proof;
mod kit;
mod locate;
mod log;
mod report;
mod source;
mod tally;
mod tiles;
mod trust;
mod uncovered;
mod verdict;
mod walk;

pub use directory::Directory;
pub use extent::Extent;
pub use frame::FrameError;
pub use handover::HandoverFault;
pub use heads_proof::HeadsProofFault;
pub use kit::{Cover, CoverFault, CoverFaultPart, Kit, KitFault, KitOpenError, KitReport, LogInKit};
pub use report::{Head, Remark, Report, Summary, TrustUsed, Uncovered, WitnessSeen};
pub use source::{ReadError, Source};
pub use trust::{KeyLog, KeyLogError, KeyLogFault, OutsideHead, OutsideHeadError, Trust, Witnesses};
pub use verdict::{Alteration, Contradiction, Lack, Outsider, PeriodCut, RecordFault, Unverified, Verdict};
pub use walk::Progress;

/// Verifies a log against what came from outside it.
pub fn verify(source: &impl Source, trust: &Trust) -> Report {
    verify_with_progress(source, trust, &mut |_| ())
}

/// Verifies a log, and says after each bundle how far it has come.
pub fn verify_with_progress(
    source: &impl Source,
    trust: &Trust,
    progress: &mut dyn FnMut(Progress),
) -> Report {
    let checked = trust.check().and_then(|()| trust.check_one_log());
    match checked {
        Ok(()) => log::judge(source, trust, &log::Scope::Directory, progress).report,
        Err(why) => Report::new(Verdict::NothingVerified(why)),
    }
}
