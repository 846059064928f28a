//! Refusals that spend no counter, bounded: what is refused like that can come again and again, and would fill the log. The first few of a minute have
//! a record each; the others are counted, and the count is a record when the minute is over.

use contract::record::{Body, Intruded, Intrusion};
use contract::time::MonoNs;

use super::{OrderError, Runner};

/// So many of a minute have a record each.
pub(super) const EACH_MAX: u32 = 5;
const MINUTE_MS: u64 = 60 * 1000;

/// What was refused within a minute.
#[derive(Debug, Default)]
pub(super) struct TurnedAway {
    /// When the minute began; none before the first.
    since: Option<MonoNs>,
    /// How many of it have a record.
    each: u32,
    /// How many have none yet.
    counted: u64,
}

impl TurnedAway {
    /// One more. True where it is to have a record of its own. Whatever was due has been written.
    fn one_more(&mut self, now: MonoNs) -> bool {
        if self.is_over(now) {
            *self = Self { since: Some(now), counted: self.counted, each: 0 };
        }
        let has_record = self.each < EACH_MAX;
        if has_record {
            self.each += 1;
        } else {
            self.counted = self.counted.saturating_add(1);
        }
        has_record
    }

    /// How many are to be written down together, where it is time to.
    fn due(&self, now: MonoNs) -> Option<u64> {
        (self.counted > 0 && self.is_over(now)).then_some(self.counted)
    }

    fn is_over(&self, now: MonoNs) -> bool {
        self.since.is_none_or(|since| now.ms_since(since) >= MINUTE_MS)
    }
}

impl Runner {
    /// Whether a refusal that spends no counter has a record of its own. One that has none is counted.
    pub(super) fn is_worth_a_record(&self) -> Result<bool, OrderError> {
        self.look_at_turned_away()?;
        let now = self.now();
        let mut turned_away = self.turned_away.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(turned_away.one_more(now))
    }

    /// Writes down how many were turned away without a record, where their minute is over.
    pub(super) fn look_at_turned_away(&self) -> Result<(), OrderError> {
        let now = self.now();
        self.tell_turned_away(|turned_away| turned_away.due(now))
    }

    /// Writes it down at once: the process is about to end.
    pub(super) fn tell_all_turned_away(&self) -> Result<(), OrderError> {
        self.tell_turned_away(|turned_away| Some(turned_away.counted).filter(|counted| *counted > 0))
    }

    fn tell_turned_away(&self, due: impl FnOnce(&TurnedAway) -> Option<u64>) -> Result<(), OrderError> {
        // Held until it is durable, so that none is counted twice and none is lost.
        let mut turned_away = self.turned_away.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(count) = due(&turned_away) else { return Ok(()) };
        let stamp = self.machine.stamp();
        let body = Body::Intruded(Intruded { what: Intrusion::Refused, count, uid: None });
        self.machine.with_log(|recorder| recorder.about_the_log(stamp, vec![body]))??;
        turned_away.counted = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> MonoNs {
        MonoNs((seconds + 1) * 1_000_000_000)
    }

    #[test]
    fn each_is_in_a_record_of_its_own_or_in_a_count_and_none_in_both() {
        let mut turned_away = TurnedAway::default();
        let (mut each, mut counts) = (0, Vec::new());
        for tenth in 0..10 * 150 {
            let now = at(tenth / 10);
            if let Some(count) = turned_away.due(now) {
                turned_away.counted = 0;
                counts.push(count);
            }
            each += u64::from(turned_away.one_more(now));
        }
        assert_eq!(each, 3 * u64::from(EACH_MAX), "three minutes were begun");
        assert_eq!(counts, [595, 595]);
        assert_eq!(each + counts.iter().sum::<u64>() + turned_away.counted, 1500);
    }

    #[test]
    fn few_have_a_record_each_and_no_count_follows() {
        let mut turned_away = TurnedAway::default();
        assert!((0..EACH_MAX).all(|_| turned_away.one_more(at(0))));
        assert_eq!(turned_away.due(at(60)), None);
        assert!(turned_away.one_more(at(60)), "a minute later all is as before");
    }
}
