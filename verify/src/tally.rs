//! Counts what the records are, as they go by.

use crate::frame::{Frame, Stamp};
use crate::report::Summary;

/// More kinds than this have been made up by somebody: they are counted together, so that memory stays bounded.
const KINDS_MAX: usize = 64;
/// What those are counted as. No kind has a hyphen.
const OTHER: &[u8] = b"other-kinds";

/// Kinds and times of consecutive records.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kinds: Vec<(Vec<u8>, u64)>,
    times: Option<(Stamp, Stamp)>,
    steps_back: u64,
}

impl Tally {
    /// Adds one record to those before it.
    pub(crate) fn add(&mut self, frame: &Frame) {
        self.count(frame.kind, 1);
        self.pass(frame.time, frame.time);
    }

    /// Adds the records that follow.
    pub(crate) fn extend(&mut self, later: &Self) {
        for (kind, count) in &later.kinds {
            self.count(kind, *count);
        }
        self.steps_back += later.steps_back;
        if let Some((first, last)) = later.times {
            self.pass(first, last);
        }
    }

    /// The times of the first record and of the last.
    pub(crate) const fn times(&self) -> Option<(Stamp, Stamp)> {
        self.times
    }

    pub(crate) fn summary(&self) -> Summary {
        let word = |kind: &[u8]| String::from_utf8_lossy(kind).into_owned();
        Summary {
            kinds: self.kinds.iter().map(|(kind, count)| (word(kind), *count)).collect(),
            first_time: self.times.and_then(|(first, _)| first.instant()),
            last_time: self.times.and_then(|(_, last)| last.instant()),
            steps_back: self.steps_back,
        }
    }

    fn count(&mut self, kind: &[u8], count: u64) {
        if let Some((_, so_far)) = self.kinds.iter_mut().find(|(known, _)| known == kind) {
            *so_far += count;
        } else if self.kinds.len() < KINDS_MAX || kind == OTHER {
            self.kinds.push((kind.to_vec(), count));
        } else {
            self.count(OTHER, count);
        }
    }

    fn pass(&mut self, first: Stamp, last: Stamp) {
        self.times = Some(match self.times {
            None => (first, last),
            Some((begin, before)) => {
                self.steps_back += u64::from(first < before);
                (begin, last)
            }
        });
    }
}
