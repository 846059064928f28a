//! Days of the calendar, in UTC.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::time::UtcTime;

/// Milliseconds of a day. UTC days of Unix time all have as many.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A day, written `2026-11-21`. Together with its first instant, so that no later use can fail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    begins: UtcTime,
    day: jiff::civil::Date,
}

crate::schema::text!(
    Date,
    // Every day that there is, the 29th of February of leap years too.
    concat!(
        r"^(?:(?:19[7-9]\d|[2-9]\d{3})-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))",
        r"|(?:19(?:[79][26]|8[048])|[2-9]\d(?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[3579][26])00)-02-29)$",
    ),
    None
);

/// Why a string is not a day.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a day: it must be written like 2026-11-21, between the years 1970 and 9999")]
pub struct BadDate(String);

impl Date {
    /// Its first instant.
    pub const fn begins(self) -> UtcTime {
        self.begins
    }

    /// The first instant that is no longer of it.
    pub fn ends(self) -> UtcTime {
        self.begins.plus_ms(DAY_MS)
    }

    /// Days from this one to `later`; negative where that is earlier.
    pub const fn days_until(self, later: Self) -> i64 {
        (later.begins.unix_ms() - self.begins.unix_ms()) / DAY_MS.cast_signed()
    }
}

impl FromStr for Date {
    type Err = BadDate;
    fn from_str(s: &str) -> Result<Self, BadDate> {
        let bad = || BadDate(s.chars().take(20).collect());
        let day: jiff::civil::Date = s.parse().map_err(|_| bad())?;
        // One day has one spelling: the reader above would also take times, years of six digits and more.
        if day.to_string() != s {
            return Err(bad());
        }
        let first = day.to_zoned(TimeZone::UTC).map_err(|_| bad())?;
        let begins = UtcTime::from_unix_ms(first.timestamp().as_millisecond()).map_err(|_| bad())?;
        Ok(Self { begins, day })
    }
}

impl TryFrom<String> for Date {
    type Error = BadDate;
    fn try_from(s: String) -> Result<Self, BadDate> {
        s.parse()
    }
}

impl From<Date> for String {
    fn from(d: Date) -> String {
        d.to_string()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.day.to_string())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
