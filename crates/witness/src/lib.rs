//! A witness of transparency logs (<https://c2sp.org/tlog-witness>): what it may cosign, and what it never does.
//!
//! A witness remembers one thing of each log, the newest head that it cosigned, and cosigns only what extends that head by a proof. So whoever
//! finds its cosignature on two heads of one log knows that the one extends the other. The rules do no I/O and read no clock: heads are kept by
//! whoever implements [`Heads`], and every answer is a value.
//!
//! | module | what it does |
//! |---|---|
//! | [`logs`] | the logs that are known, each with its keys |
//! | [`judge`] | the rules of the specification, in its order |
//! | [`fork`] | two heads of one log that cannot both be true, kept as proof |
//! | [`answer`] | statuses and bodies |
//! | [`files`] | the newest heads and the proofs of forks, on a disk |
//!
//! Beyond the specification: a head has exactly its three lines (a checkpoint with extension lines is answered with 400), and an attempt that
//! proves a fork is handed back with both signed heads.
#![forbid(unsafe_code)]

pub mod answer;
pub mod files;
pub mod fork;
pub mod judge;
pub mod logs;

mod heads;

pub use answer::Answer;
pub use fork::ForkAttempt;
pub use heads::{Considered, Heads, Witness, WitnessError};
pub use judge::{Cosigned, Extension, Refusal, Refused, judge};
pub use logs::{Logs, LogsError};

/// The largest body of an `add-checkpoint` request that is read, in bytes: the largest note, and room for 63 proof lines.
pub const BODY_MAX_BYTES: usize = tlog::note::NOTE_BYTES_MAX + 4 * 1024;
