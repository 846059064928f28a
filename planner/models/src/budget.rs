//! What a tenant may still spend on asking. Pure: the clock is handed in.
//!
//! Before a model is asked the most that it can cost is reserved; what it did cost is settled afterwards. A clock that goes back opens no window anew.

use contract::time::UtcTime;
use serde::Deserialize;

/// Millionths of the currency in which prices are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Micro(pub u64);

impl Micro {
    /// What so many tokens cost, rounded up. `per_million` is the price of a million of them.
    pub const fn of(tokens: u64, per_million: Self) -> Self {
        Self(tokens.saturating_mul(per_million.0).div_ceil(1_000_000))
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// What a tenant may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Questions in one hour of the clock.
    pub hour: u32,
    /// Questions in one day, UTC.
    pub day: u32,
    /// Money in one month, UTC.
    pub month: Micro,
}

/// Which of them is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// The hour's questions.
    Hour,
    /// The day's questions.
    Day,
    /// The month's money.
    Month,
}

/// What one tenant has spent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    hour: (String, u32),
    day: (String, u32),
    month: (String, Micro),
}

/// Money that is set aside for one question.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "settle it, or it stays spent"]
pub struct Reservation(Micro);

impl Budget {
    /// Sets `worst` aside for one question, or says what is spent.
    pub fn reserve(&mut self, limits: &Limits, worst: Micro, now: UtcTime) -> Result<Reservation, Spent> {
        self.turn(now);
        if self.hour.1 >= limits.hour {
            return Err(Spent::Hour);
        }
        if self.day.1 >= limits.day {
            return Err(Spent::Day);
        }
        if self.month.1.plus(worst) > limits.month {
            return Err(Spent::Month);
        }
        self.note(worst, now);
        Ok(Reservation(worst))
    }

    /// Gives back what was set aside and not spent, never more than was set aside; and counts what it cost beyond that.
    #[expect(clippy::needless_pass_by_value, reason = "a reservation is settled once")]
    pub fn settle(&mut self, reserved: Reservation, cost: Micro) {
        let Reservation(Micro(reserved)) = reserved;
        let spent = self.month.1.0.saturating_sub(reserved).saturating_add(cost.0);
        self.month.1 = Micro(spent);
    }

    /// Counts a question that was asked then, whatever the limits are.
    pub fn note(&mut self, cost: Micro, then: UtcTime) {
        self.turn(then);
        let text = then.to_string();
        let is = |window: &str, length: usize| text.get(..length) == Some(window);
        self.hour.1 += u32::from(is(&self.hour.0, HOUR));
        self.day.1 += u32::from(is(&self.day.0, DAY));
        if is(&self.month.0, MONTH) {
            self.month.1 = self.month.1.plus(cost);
        }
    }

    /// Begins what has begun since. A window before the one that is counted is never opened again.
    fn turn(&mut self, now: UtcTime) {
        let text = now.to_string();
        let window = |length: usize| text.get(..length).unwrap_or_default().to_owned();
        for (kept, length) in [(&mut self.hour, HOUR), (&mut self.day, DAY)] {
            if kept.0 < window(length) {
                *kept = (window(length), 0);
            }
        }
        if self.month.0 < window(MONTH) {
            self.month = (window(MONTH), Micro(0));
        }
    }
}

/// How much of an instant's text (RFC 3339) names its hour, its day and its month.
const HOUR: usize = 13;
const DAY: usize = 10;
const MONTH: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UtcTime {
        text.to_owned().try_into().unwrap()
    }

    const LIMITS: Limits = Limits { hour: 2, day: 3, month: Micro(100) };

    #[test]
    fn each_window_has_its_own_measure_and_begins_anew() {
        let mut budget = Budget::default();
        let mut ask = |time: &str| budget.reserve(&LIMITS, Micro(10), at(time)).map(|r| r.0);
        assert_eq!(ask("2026-11-27T10:00:00.000Z"), Ok(Micro(10)));
        assert_eq!(ask("2026-11-27T10:59:59.999Z"), Ok(Micro(10)));
        assert_eq!(ask("2026-11-27T10:59:59.999Z"), Err(Spent::Hour));
        assert_eq!(ask("2026-11-27T11:00:00.000Z"), Ok(Micro(10)));
        assert_eq!(ask("2026-11-27T12:00:00.000Z"), Err(Spent::Day));
        for day in 28..=30 {
            assert_eq!(ask(&format!("2026-11-{day}T01:00:00.000Z")), Ok(Micro(10)));
            assert_eq!(ask(&format!("2026-11-{day}T02:00:00.000Z")), Ok(Micro(10)));
        }
        assert_eq!(ask("2026-11-30T03:00:00.000Z"), Ok(Micro(10)), "the tenth of a hundred");
        assert_eq!(ask("2026-11-30T04:00:00.000Z"), Err(Spent::Day));
        assert_eq!(ask("2026-12-01T00:00:00.000Z"), Ok(Micro(10)), "another month");
    }

    #[test]
    fn what_was_set_aside_and_not_spent_comes_back_and_no_more() {
        let mut budget = Budget::default();
        let limits = Limits { hour: 100, day: 100, month: Micro(100) };
        let now = at("2026-11-27T10:00:00.000Z");
        let first = budget.reserve(&limits, Micro(90), now).unwrap();
        assert_eq!(budget.reserve(&limits, Micro(20), now), Err(Spent::Month), "it could cost that");
        budget.settle(first, Micro(30));
        let second = budget.reserve(&limits, Micro(70), now).unwrap();
        // One that cost more than was thought gives nothing back.
        budget.settle(second, Micro(500));
        assert_eq!(budget.reserve(&limits, Micro(1), now), Err(Spent::Month));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_back() {
        let mut budget = Budget::default();
        let limits = Limits { hour: 1, day: 1, month: Micro(5) };
        assert!(budget.reserve(&limits, Micro(5), at("2026-11-27T10:00:00.000Z")).is_ok());
        for earlier in ["2026-11-27T09:00:00.000Z", "2026-11-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z"] {
            assert!(budget.reserve(&limits, Micro(1), at(earlier)).is_err(), "{earlier}");
        }
    }

    #[test]
    fn a_price_is_rounded_up() {
        assert_eq!(Micro::of(1, Micro(1)), Micro(1));
        assert_eq!(Micro::of(1_000_000, Micro(3_000_000)), Micro(3_000_000));
        assert_eq!(Micro::of(1_500, Micro(1_000_000)), Micro(1_500));
        assert_eq!(Micro::of(0, Micro(5)), Micro(0));
    }
}
