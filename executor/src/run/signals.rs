//! Taking signals over from the agent: as its word, and no more of them than a minute has records for. An agent that was turned away keeps what it has
//! and brings it together with what came since.

use std::sync::PoisonError;

use contract::record::{SIGNALS_MAX, Signalled};
use contract::time::MonoNs;
use evidence::AppendError;
use thiserror::Error;

use super::Runner;
use crate::machine::GivenUp;

/// So many records of signals a minute has: more than an agent makes that waits between two of them.
pub(super) const RECORDS_MAX: u32 = 6;
const MINUTE_MS: u64 = 60 * 1000;

/// Why signals were not taken.
#[derive(Debug, Error)]
pub enum SignalsError {
    /// None came, or too many at once.
    #[error("{0} signals came, and a record has from one to {SIGNALS_MAX}")]
    Number(usize),
    /// The minute has had its records.
    #[error("a minute has {RECORDS_MAX} records of signals, and this one has had them: bring these later")]
    TooSoon,
    /// The log cannot be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log is being put back.
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
}

/// The records of a minute.
#[derive(Debug, Default)]
pub(super) struct Minute {
    /// When it began; none before the first.
    since: Option<MonoNs>,
    /// How many there are.
    records: u32,
}

impl Minute {
    /// Whether one more may be written.
    fn has_room(&mut self, now: MonoNs) -> bool {
        if self.since.is_none_or(|since| now.ms_since(since) >= MINUTE_MS) {
            *self = Self { since: Some(now), records: 0 };
        }
        self.records < RECORDS_MAX
    }
}

impl Runner {
    /// Writes signals down, in one record. Returns the log's size.
    pub fn signals(&self, signals: Vec<Signalled>) -> Result<u64, SignalsError> {
        if !(1..=SIGNALS_MAX).contains(&signals.len()) {
            return Err(SignalsError::Number(signals.len()));
        }
        // Held until it is durable: two connections have one minute.
        let mut minute = self.signalled.lock().unwrap_or_else(PoisonError::into_inner);
        if !minute.has_room(self.now()) {
            return Err(SignalsError::TooSoon);
        }
        let stamp = self.machine.stamp();
        self.machine.with_log(|recorder| recorder.signals(stamp, signals))??;
        minute.records += 1;
        drop(minute);
        Ok(self.machine.with_log(|recorder| recorder.size())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_records_and_the_next_as_many_again() {
        let mut minute = Minute::default();
        let mut written = Vec::new();
        for second in 1..=150 {
            for _ in 0..100 {
                if minute.has_room(MonoNs(second * 1_000_000_000)) {
                    minute.records += 1;
                    written.push(second);
                }
            }
        }
        let six = |second| [second; RECORDS_MAX as usize];
        assert_eq!(written, [six(1), six(61), six(121)].concat());
    }
}
