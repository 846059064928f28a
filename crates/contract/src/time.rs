//! Instants are UTC with millisecond precision; durations are monotonic milliseconds.
//!
//! Nothing here reads a clock. The shells read theirs once and hand the value in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An instant, in milliseconds since 1970-01-01T00:00:00Z, written `2026-11-21T05:54:23.123Z` (RFC 3339, always UTC, always three decimals).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UtcTime(i64);

/// Why a string or number is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not an instant: it must be written like 2026-11-21T05:54:23.123Z, between the years 1970 and 9999"
)]
pub struct BadTime(String);

/// 9999-12-31T23:59:59.999Z: the last instant that RFC 3339 can write.
const LAST_MS: i64 = 253_402_300_799_999;

crate::schema::text!(
    UtcTime,
    // Every day that there is, the 29th of February of leap years too.
    concat!(
        r"^(?:(?:19[7-9]\d|[2-9]\d{3})-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))",
        r"|(?:19(?:[79][26]|8[048])|[2-9]\d(?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[3579][26])00)-02-29)",
        r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$",
    ),
    None
);

impl UtcTime {
    /// From milliseconds since 1970.
    pub fn from_unix_ms(ms: i64) -> Result<Self, BadTime> {
        if (0..=LAST_MS).contains(&ms) { Ok(Self(ms)) } else { Err(BadTime(ms.to_string())) }
    }

    /// Milliseconds since 1970.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970.
    pub const fn unix_seconds(self) -> u64 {
        // Not negative: the constructor refuses instants before 1970.
        self.0.unsigned_abs() / 1000
    }

    /// The instant `ms` later; the last instant there is where that would pass it.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        let sum = self.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        Self(sum.min(LAST_MS))
    }

    /// Milliseconds from `earlier` to this instant; 0 where `earlier` is later.
    pub fn ms_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or(0)
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => Err(fmt::Error),
        }
    }
}

impl fmt::Debug for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for UtcTime {
    type Err = BadTime;
    fn from_str(s: &str) -> Result<Self, BadTime> {
        let bad = || BadTime(s.chars().take(80).collect());
        let t: jiff::Timestamp = s.parse().map_err(|_| bad())?;
        let time = Self::from_unix_ms(t.as_millisecond()).map_err(|_| bad())?;
        // One instant has one spelling: the bytes of a record must be reproducible from its meaning.
        if time.to_string() == s { Ok(time) } else { Err(bad()) }
    }
}

impl TryFrom<String> for UtcTime {
    type Error = BadTime;
    fn try_from(s: String) -> Result<Self, BadTime> {
        s.parse()
    }
}

impl From<UtcTime> for String {
    fn from(t: UtcTime) -> String {
        t.to_string()
    }
}

/// A monotonic reading, in nanoseconds since this machine started. Comparable across the processes of one machine, and across nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MonoNs(pub u64);

impl MonoNs {
    /// Milliseconds from `earlier` to this reading; 0 where `earlier` is later.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }
}

/// How far this host's clock is known to be from true time, as it stands in each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ClockOffset {
    /// The kernel says that the clock is disciplined, with at most this error in milliseconds.
    SynchronisedWithinMs(u32),
    /// The kernel says that nothing disciplines the clock.
    Unsynchronised,
    /// The kernel could not be asked.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_one_spelling() {
        let t = UtcTime::from_unix_ms(1_795_240_463_120).unwrap();
        assert_eq!(t.to_string(), "2026-11-21T05:54:23.120Z");
        assert_eq!(t.to_string().parse::<UtcTime>().unwrap(), t);
        for bad in [
            "",
            "2026-11-21T05:54:23Z",
            "2026-11-21T05:54:23.12Z",
            "2026-11-21T06:54:23.120+01:00",
            "2026-11-21 05:54:23.120Z",
        ] {
            assert!(bad.parse::<UtcTime>().is_err(), "{bad} was taken");
        }
        assert!(UtcTime::from_unix_ms(-1).is_err());
    }

    #[test]
    fn differences_never_wrap() {
        let (a, b) = (UtcTime::from_unix_ms(5).unwrap(), UtcTime::from_unix_ms(9).unwrap());
        assert_eq!((b.ms_since(a), a.ms_since(b)), (4, 0));
        assert_eq!(a.plus_ms(u64::MAX).unix_ms(), LAST_MS);
    }
}
