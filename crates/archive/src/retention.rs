//! How long an object is kept: years, never fewer than the law's six.

use contract::time::UtcTime;
use thiserror::Error;

/// What 45 CFR 164.316(b)(2)(i) asks for: six years from the date of creation or of last effect, whichever is later.
pub const YEARS_MIN: u32 = 6;
/// Seven, so that a policy in effect for another year is covered as well.
pub const YEARS_DEFAULT: u32 = 7;
/// What S3 takes.
const YEARS_MAX: u32 = 100;

/// A year that no calendar year is longer than: the end of a retention is never early.
const YEAR_MS: u64 = 366 * 24 * 60 * 60 * 1000;

/// For how long what is put is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention(u32);

/// Why a number of years is no retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "{0} years are no retention for evidence: at least {YEARS_MIN} (45 CFR 164.316(b)(2)(i)), at most {YEARS_MAX}"
)]
pub struct BadRetention(u32);

impl Retention {
    /// Refuses fewer than six years and more than a hundred.
    pub const fn years(years: u32) -> Result<Self, BadRetention> {
        if years < YEARS_MIN || years > YEARS_MAX { Err(BadRetention(years)) } else { Ok(Self(years)) }
    }

    /// The end of the lock of what is put at `now`, on a whole second: S3 keeps no less.
    pub fn until(self, now: UtcTime) -> UtcTime {
        let end = now.plus_ms(u64::from(self.0) * YEAR_MS);
        let rest = end.unix_ms() % 1000;
        UtcTime::from_unix_ms(end.unix_ms() - rest).unwrap_or(end).plus_ms(if rest == 0 { 0 } else { 1000 })
    }

    /// The earliest end that the lock of an object stored at `stored` may have.
    pub fn earliest(stored: UtcTime) -> UtcTime {
        // A day for clocks that disagree: the store's, by which it dated the object, and ours, by which its end was reckoned.
        stored.plus_ms(u64::from(YEARS_MIN) * YEAR_MS - 24 * 60 * 60 * 1000)
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self(YEARS_DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_six_years_is_refused() {
        for (years, good) in [(0, false), (5, false), (6, true), (7, true), (100, true), (101, false)] {
            assert_eq!(Retention::years(years).is_ok(), good, "{years}");
        }
        assert_eq!(Retention::default(), Retention::years(7).unwrap());
    }

    #[test]
    fn the_end_is_never_early_and_on_a_whole_second() {
        let now: UtcTime = "2026-11-21T05:54:23.123Z".parse().unwrap();
        let end = Retention::default().until(now);
        let calendar: UtcTime = "2033-11-21T05:54:23.123Z".parse().unwrap();
        assert!(end >= calendar && end.ms_since(calendar) < 8 * 24 * 60 * 60 * 1000, "{end}");
        assert_eq!(end.unix_ms() % 1000, 0);
        assert!(Retention::years(6).unwrap().until(now) > Retention::earliest(now));
        assert!("2031-11-21T05:54:23.123Z".parse::<UtcTime>().unwrap() < Retention::earliest(now));
    }
}
