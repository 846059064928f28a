//! Guessing is slowed: for each account, whoever tries, and for each source, whatever account it tries.
//!
//! A try counts as failed from the moment it begins, so that a hundred at once are a hundred; coming in takes it back.

use contract::time::UtcTime;

/// What is slowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// One account.
    Account,
    /// One address.
    Source,
}

/// Tries that failed, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tries {
    pub(crate) failures: u32,
    pub(crate) last: UtcTime,
}

/// There were too many tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slowed {
    pub(crate) what: What,
    pub(crate) until: UtcTime,
}

/// The longest wait.
const WAIT_MAX_MS: u64 = 15 * 60 * 1000;
/// After a day without a try nothing is remembered.
pub(crate) const FORGET_MS: u64 = 24 * 60 * 60 * 1000;

impl What {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Source => "source",
        }
    }

    /// How many may fail before anybody waits. Behind one address there can be a whole office.
    const fn free(self) -> u32 {
        match self {
            Self::Account => 3,
            Self::Source => 30,
        }
    }
}

/// Whether a try may be made now.
pub(crate) fn judge(what: What, tries: Option<Tries>, now: UtcTime) -> Result<(), Slowed> {
    let Some(Tries { failures, last }) = tries else { return Ok(()) };
    let Some(beyond) = failures.checked_sub(what.free()) else { return Ok(()) };
    let wait = 1000_u64.checked_shl(beyond.min(20)).unwrap_or(WAIT_MAX_MS).min(WAIT_MAX_MS);
    let until = last.plus_ms(wait);
    if now < until { Err(Slowed { what, until }) } else { Ok(()) }
}

/// What is remembered once a try has begun.
pub(crate) fn begun(tries: Option<Tries>, now: UtcTime) -> Tries {
    let kept = tries.filter(|tries| now.ms_since(tries.last) < FORGET_MS);
    Tries { failures: kept.map_or(0, |tries| tries.failures).saturating_add(1), last: now }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> UtcTime {
        UtcTime::from_unix_ms(1_800_000_000_000).unwrap().plus_ms(ms)
    }

    #[test]
    fn three_are_free_then_each_takes_twice_as_long_up_to_a_quarter_of_an_hour() {
        let wait = |failures| {
            let slowed = judge(What::Account, Some(Tries { failures, last: at(0) }), at(0)).err()?;
            Some(slowed.until.ms_since(at(0)))
        };
        assert_eq!([0, 1, 2].map(wait), [None; 3]);
        assert_eq!([3, 4, 5, 12].map(wait), [Some(1000), Some(2000), Some(4000), Some(512_000)]);
        assert_eq!([13, 100, u32::MAX].map(wait), [Some(WAIT_MAX_MS); 3]);
        assert!(judge(What::Account, Some(Tries { failures: 5, last: at(0) }), at(4000)).is_ok());
        assert!(judge(What::Source, Some(Tries { failures: 29, last: at(0) }), at(0)).is_ok());
        assert!(judge(What::Source, Some(Tries { failures: 30, last: at(0) }), at(0)).is_err());
    }

    #[test]
    fn in_an_hour_an_account_stands_a_handful_of_guesses() {
        let (mut tries, mut guesses, mut now) = (None, 0, at(0));
        while now < at(3_600_000) {
            if judge(What::Account, tries, now).is_ok() {
                tries = Some(begun(tries, now));
                guesses += 1;
            }
            now = now.plus_ms(500);
        }
        assert!(guesses < 20, "{guesses}");
        assert_eq!(begun(tries, now.plus_ms(FORGET_MS)).failures, 1);
    }
}
