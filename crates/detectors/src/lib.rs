//! Detectors: what the host's logs say about it, as data.
//!
//! - Pure: lines, where they come from, and the time go in; typed signals come out. Neither a line nor a name out of one is in them, and no type
//!   here could carry it away.
//! - Two stages: one automaton over all literals says which lines may matter; only the patterns of the literals in such a line are tried. A literal
//!   that its pattern does not need is refused, so the first stage never hides a line from the second.
//! - Time is linear in a line's length: no pattern can backtrack. Memory is bounded however many lines, units and addresses there are.
//! - A detector is refused as a whole file, with its place: an unknown key, a pattern without an anchor, a sample that it does not find.
//!
//! What it does not do: read files, know the machine, or decide what is done about a signal.
#![forbid(unsafe_code)]

mod capture;
mod definition;
mod engine;
mod fill;
mod finder;
mod library;
mod literal;
mod rate;
mod remembered;
mod samples;
mod series;
mod shown;
mod source;
mod table;
mod trigger;
mod windows;

pub use capture::SiteKey;
pub use contract::signal::Signal;
pub use definition::{Definition, Heard, Shape, Trigger};
pub use engine::{Detectors, LINE_BYTES_MAX, Observed};
pub use fill::{DiskUse, Trends};
pub use library::{BadDetectors, Library, Why};
pub use rate::{Rate, Span};
pub use remembered::{Long, Moment, Remembered};
pub use samples::{Missed, Tried, missed};
pub use shown::Shown;
pub use source::{Claims, Program, Source};
