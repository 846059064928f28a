//! How far a machine's clock could be trusted in the month: every record says so of the moment in which it was written.

use contract::time::ClockOffset;

use crate::machine::At;

/// The records of a month by what they say of the clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Written by a clock that was kept.
    pub kept: u64,
    /// The largest error that one of those could have had, in milliseconds, and the record that says so.
    pub worst: Option<(u32, At)>,
    /// Written by a clock that nothing kept: how many, the first and the last.
    pub unkept: Option<(u64, At, At)>,
    /// Nobody could tell.
    pub unknown: u64,
}

impl Clocks {
    pub(crate) fn add(&mut self, clock: ClockOffset, at: At) {
        match clock {
            ClockOffset::SynchronisedWithinMs(ms) => {
                self.kept += 1;
                if self.worst.is_none_or(|(worst, _)| ms > worst) {
                    self.worst = Some((ms, at));
                }
            }
            ClockOffset::Unsynchronised => {
                let (many, first, _) = self.unkept.unwrap_or((0, at, at));
                self.unkept = Some((many + 1, first, at));
            }
            ClockOffset::Unknown => self.unknown += 1,
        }
    }
}
