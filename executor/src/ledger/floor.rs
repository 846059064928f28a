//! A floor of time: what has been cannot be to come, whatever the clock says now.
//!
//! Whoever can put the clock back could have an order carried out long after its time. So the times that have been are kept: of records, of the
//! hub's receipts, and of what the clock said while this process ran; from each on, the monotonic clock counts. A clock that was ahead for a while
//! leaves a time that never was. The hub's receipt takes that back: what came before an entry that the hub holds was not later than the receipt's own
//! time. No reading is taken back by a receipt that agrees with it, so one that is held back and delivered late lowers nothing.

use contract::time::{MonoNs, UtcTime};

use crate::guard::{CLOCK_ALLOWANCE_MS, Moment};

/// A reading that raises the floor by less is not worth keeping: clocks are slewed.
const RAISES_MS: u64 = 1000;
/// So many readings are kept, each above all before it. A clock that jumps ahead more often than that loses the middle ones.
const KEPT_MAX: usize = 16;

/// Times that have been.
#[derive(Debug, Default)]
pub(super) struct Floor(Vec<Seen>);

/// One of them.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// It had been before the record with this index was there.
    before: u64,
    at: UtcTime,
    /// The monotonic clock at that time, or later; none for what was read from a log.
    mono: Option<MonoNs>,
}

impl Seen {
    fn by(&self, mono: MonoNs) -> UtcTime {
        self.at.plus_ms(self.mono.map_or(0, |then| mono.ms_since(then)))
    }
}

impl Floor {
    /// It was `at`, before the record with index `before` was there.
    pub(super) fn saw(&mut self, before: u64, at: UtcTime, mono: Option<MonoNs>) {
        let least = self.by(mono.unwrap_or(MonoNs(0)));
        if least.is_some_and(|least| at < least.plus_ms(RAISES_MS)) {
            return;
        }
        if self.0.len() == KEPT_MAX {
            self.0.pop();
        }
        self.0.push(Seen { before, at, mono });
    }

    /// The hub says that it held `size` records at `at`.
    pub(super) fn heard(&mut self, size: u64, at: UtcTime, mono: MonoNs) {
        let latest = at.plus_ms(CLOCK_ALLOWANCE_MS);
        self.0.retain(|seen| seen.before >= size || seen.at <= latest);
        self.saw(size, at, Some(mono));
    }

    /// The latest time that has been, as it was read.
    pub(super) fn latest(&self) -> Option<UtcTime> {
        self.by(MonoNs(0))
    }

    /// A time that has been, where the clock says that it is to come, by more than clocks may differ.
    pub(super) fn above(&self, moment: &Moment) -> Option<UtcTime> {
        self.by(moment.mono).filter(|floor| moment.now.plus_ms(CLOCK_ALLOWANCE_MS) < *floor)
    }

    fn by(&self, mono: MonoNs) -> Option<UtcTime> {
        self.0.iter().map(|seen| seen.by(mono)).max()
    }
}

#[cfg(test)]
mod tests {
    use contract::time::ClockOffset;

    use super::*;

    const MINUTE: i64 = 60_000;
    const YEAR: i64 = 365 * 24 * 60 * MINUTE;

    fn utc(ms: i64) -> UtcTime {
        UtcTime::from_unix_ms(1_800_000_000_000 + ms).unwrap()
    }

    /// The monotonic clock, which is right, where the clock on the wall should say `ms`.
    fn mono(ms: i64) -> MonoNs {
        MonoNs((u64::try_from(ms).unwrap() + 1) * 1_000_000)
    }

    fn is_behind(floor: &Floor, now: i64, really: i64) -> bool {
        let moment = Moment { now: utc(now), mono: mono(really), clock: ClockOffset::Unknown };
        floor.above(&moment).is_some()
    }

    #[test]
    fn a_clock_is_behind_where_it_says_less_than_the_log_or_than_itself_some_time_ago() {
        let mut floor = Floor::default();
        assert!(!is_behind(&floor, -YEAR, 0));
        floor.saw(7, utc(0), None);
        assert!(is_behind(&floor, -MINUTE - 1, 5 * MINUTE) && !is_behind(&floor, -MINUTE, 5 * MINUTE));
        floor.saw(8, utc(5 * MINUTE), Some(mono(5 * MINUTE)));
        assert!(!is_behind(&floor, 30 * MINUTE, 30 * MINUTE), "a right clock");
        assert!(is_behind(&floor, 20 * MINUTE, 30 * MINUTE), "put back to a time that was never read");
    }

    #[test]
    fn a_time_that_never_was_is_taken_back_by_the_hubs_receipt_for_what_came_after_it() {
        let mut floor = Floor::default();
        floor.saw(0, utc(0), Some(mono(0)));
        floor.saw(1, utc(YEAR), Some(mono(MINUTE)));
        assert!(is_behind(&floor, 2 * MINUTE, 2 * MINUTE));
        floor.heard(1, utc(2 * MINUTE), mono(2 * MINUTE));
        assert!(is_behind(&floor, 3 * MINUTE, 3 * MINUTE), "the hub does not hold what came after it");
        floor.heard(2, utc(3 * MINUTE), mono(3 * MINUTE));
        assert!(!is_behind(&floor, 4 * MINUTE, 4 * MINUTE));
        assert!(is_behind(&floor, 4 * MINUTE, 6 * MINUTE), "the floor is gone, and not only the wrong time");
    }

    #[test]
    fn a_receipt_that_was_held_back_lowers_nothing() {
        let mut floor = Floor::default();
        floor.saw(4, utc(0), Some(mono(0)));
        floor.saw(5, utc(MINUTE), Some(mono(MINUTE)));
        floor.heard(5, utc(MINUTE / 2), mono(20 * MINUTE));
        assert!(is_behind(&floor, 2 * MINUTE, 20 * MINUTE));
    }

    #[test]
    fn a_hub_whose_clock_was_ahead_takes_its_own_word_back() {
        let mut floor = Floor::default();
        floor.heard(3, utc(YEAR), mono(0));
        assert!(is_behind(&floor, MINUTE, MINUTE));
        floor.heard(4, utc(MINUTE), mono(MINUTE));
        assert!(!is_behind(&floor, MINUTE, MINUTE));
    }

    #[test]
    fn however_often_a_clock_jumps_ahead_few_readings_are_kept_and_the_latest_counts() {
        let mut floor = Floor::default();
        for minute in 0..1000 {
            floor.saw(0, utc(minute * MINUTE), Some(mono(0)));
        }
        assert_eq!((floor.0.len(), floor.latest()), (KEPT_MAX, Some(utc(999 * MINUTE))));
    }
}
