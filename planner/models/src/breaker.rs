//! Whether a model is asked at all: one that fails again and again is left alone for a while, and then tried once. Pure: time is handed in.

/// So many failures in a row open it.
pub const FAILURES: u32 = 3;
/// How long it stays open the first time, in milliseconds; each further time twice as long.
pub const COOL_OFF_MS: u64 = 30_000;
/// And no longer than this.
pub const COOL_OFF_MS_MAX: u64 = 15 * 60 * 1000;

/// The breaker of one model. Times are milliseconds of a clock that never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// It is asked; so many failures in a row.
    Closed(u32),
    /// It is not asked before then. The next time it would be left alone for so long.
    Open {
        /// When it is tried again.
        until_ms: u64,
        /// How long the next time.
        next_ms: u64,
    },
    /// One question is on its way to see whether it answers again.
    Trying {
        /// How long it is left alone where it does not.
        next_ms: u64,
        /// When that question is given up: whoever asked may have been dropped.
        until_ms: u64,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed(0)
    }
}

impl Breaker {
    /// Whether it may be asked now; where it was left alone for long enough, this one question tries it, for at most `within_ms`.
    pub fn admit(&mut self, now_ms: u64, within_ms: u64) -> bool {
        match *self {
            Self::Closed(_) => true,
            Self::Open { until_ms, next_ms } | Self::Trying { next_ms, until_ms } if now_ms >= until_ms => {
                *self = Self::Trying { next_ms, until_ms: now_ms.saturating_add(within_ms) };
                true
            }
            Self::Open { .. } | Self::Trying { .. } => false,
        }
    }

    /// It answered.
    pub fn succeeded(&mut self) {
        *self = Self::Closed(0);
    }

    /// It did not.
    pub fn failed(&mut self, now_ms: u64) {
        let open = |for_ms: u64| Self::Open {
            until_ms: now_ms.saturating_add(for_ms),
            next_ms: for_ms.saturating_mul(2).min(COOL_OFF_MS_MAX),
        };
        *self = match *self {
            Self::Closed(failures) if failures + 1 < FAILURES => Self::Closed(failures + 1),
            Self::Closed(_) => open(COOL_OFF_MS),
            Self::Trying { next_ms, .. } => open(next_ms),
            // One that was asked before it opened came to its end.
            Self::Open { .. } => return,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_tries_once_and_closes_with_an_answer() {
        let mut breaker = Breaker::default();
        breaker.failed(0);
        breaker.failed(0);
        breaker.succeeded();
        for _ in 0..FAILURES {
            assert!(breaker.admit(0, 1_000));
            breaker.failed(0);
        }
        assert!(!breaker.admit(COOL_OFF_MS - 1, 1_000));
        assert!(breaker.admit(COOL_OFF_MS, 1_000), "one tries it");
        assert!(!breaker.admit(COOL_OFF_MS, 1_000), "and only one");
        breaker.succeeded();
        assert!(breaker.admit(COOL_OFF_MS, 1_000));
    }

    #[test]
    fn it_is_left_alone_ever_longer_up_to_a_bound_and_a_try_that_was_dropped_is_no_end() {
        let mut breaker = Breaker::default();
        let mut now = 0;
        for _ in 0..FAILURES {
            breaker.failed(now);
        }
        let mut waits = Vec::new();
        for _ in 0..8 {
            let began = now;
            while !breaker.admit(now, 1_000) {
                now += 1_000;
            }
            waits.push(now - began);
            breaker.failed(now);
        }
        assert_eq!(waits, [30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000, 900_000]);
        now += COOL_OFF_MS_MAX;
        assert!(breaker.admit(now, 1_000));
        assert!(!breaker.admit(now + 999, 1_000));
        assert!(breaker.admit(now + 1_000, 1_000), "nobody ever heard of the other");
    }
}
