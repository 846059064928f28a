//! A month by the clock on a clinic's wall. The rules of the time zones are compiled in: the machine that makes a packet has no say in them.

use std::fmt;
use std::str::FromStr;

use contract::time::UtcTime;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A month of the calendar, such as `2026-10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: i16,
    month: i8,
}

/// What is no month.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no month: write a year and a month, such as 2026-10, between 1970 and 9998")]
pub struct BadMonth(String);

/// What names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no time zone: write its IANA name, such as America/Chicago")]
pub struct BadZone(String);

/// A stretch of time: its first instant, and the first one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    from: UtcTime,
    to: UtcTime,
}

impl Span {
    /// Its first instant.
    pub const fn from(self) -> UtcTime {
        self.from
    }

    /// The first instant after it.
    pub const fn to(self) -> UtcTime {
        self.to
    }

    /// Whether `time` lies in it.
    pub fn holds(self, time: UtcTime) -> bool {
        self.from <= time && time < self.to
    }

    /// Whether any of the time from `from` to `until` lies in it; an instant that is both lies in it where [`Self::holds`] says so.
    pub fn meets(self, from: UtcTime, until: UtcTime) -> bool {
        from < self.to && until >= self.from
    }

    /// How many milliseconds it lasts.
    pub fn ms(self) -> u64 {
        self.to.ms_since(self.from)
    }
}

impl Month {
    /// When it begins and ends in `zone`.
    pub fn span(self, zone: &Zone) -> Span {
        Span { from: zone.midnight(self.first_day()), to: zone.midnight(self.after().first_day()) }
    }

    /// As much of it as is over at `now`; none where it has not begun. The whole where it is over.
    pub fn until(self, now: UtcTime, zone: &Zone) -> Option<Span> {
        let whole = self.span(zone);
        (whole.from < now).then(|| Span { from: whole.from, to: whole.to.min(now) })
    }

    /// The one after it.
    #[must_use]
    pub const fn after(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { year: self.year, month: month + 1 },
        }
    }

    /// The one before it.
    #[must_use]
    pub const fn before(self) -> Self {
        match self.month {
            1 => Self { year: self.year - 1, month: 12 },
            month => Self { year: self.year, month: month - 1 },
        }
    }

    /// The month in which `time` lies in `zone`.
    pub fn of(time: UtcTime, zone: &Zone) -> Self {
        let date = zone.date(time);
        Self { year: date.year(), month: date.month() }
    }

    const fn first_day(self) -> Date {
        jiff::civil::date(self.year, self.month, 1)
    }
}

impl FromStr for Month {
    type Err = BadMonth;

    fn from_str(text: &str) -> Result<Self, BadMonth> {
        let parse = || {
            let (year, month) = text.split_once('-')?;
            let digits = |text: &str, many| text.len() == many && text.bytes().all(|b| b.is_ascii_digit());
            if !digits(year, 4) || !digits(month, 2) {
                return None;
            }
            let (year, month) = (year.parse().ok()?, month.parse().ok()?);
            // The next one has to be one as well, and its instants such as records can have.
            ((1970..=9998).contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
        };
        parse().ok_or_else(|| BadMonth(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl TryFrom<String> for Month {
    type Error = BadMonth;

    fn try_from(text: String) -> Result<Self, BadMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

/// A time zone, with the rules that this release was built with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// The one of this IANA name, such as `America/Chicago`, or `UTC`.
    pub fn named(name: &str) -> Result<Self, BadZone> {
        let bad = || BadZone(name.chars().take(80).collect());
        let rules = TimeZoneDatabase::bundled().get(name).map_err(|_| bad())?;
        Ok(Self { name: rules.iana_name().ok_or_else(bad)?.to_owned(), rules })
    }

    /// Universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An instant as the clock on the wall shows it, to the minute: `2026-10-03 14:05`.
    pub fn wall(&self, time: UtcTime) -> String {
        self.zoned(time).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// The month in which an instant lies, in words: `October 2026`.
    pub fn month(&self, time: UtcTime) -> String {
        self.zoned(time).strftime("%B %Y").to_string()
    }

    /// The day on which an instant lies, in words: `3 October 2026`.
    pub fn day(&self, time: UtcTime) -> String {
        self.zoned(time).strftime("%-d %B %Y").to_string()
    }

    /// A month, short: `Oct`.
    pub fn short_month(&self, month: Month) -> String {
        month.first_day().strftime("%b").to_string()
    }

    /// The day on which an instant lies.
    pub fn date(&self, time: UtcTime) -> Date {
        self.zoned(time).date()
    }

    /// The last week, from Monday to Monday, that was over at `now`: its first day (`2026-10-12`), and its span.
    pub fn week_before(&self, now: UtcTime) -> (String, Span) {
        let today = self.date(now);
        let back = i64::from(today.weekday().to_monday_zero_offset());
        let ends = today.saturating_sub(jiff::Span::new().days(back));
        let begins = ends.saturating_sub(jiff::Span::new().days(7));
        (begins.to_string(), Span { from: self.midnight(begins), to: self.midnight(ends) })
    }

    fn zoned(&self, time: UtcTime) -> jiff::Zoned {
        // Every instant of a record lies between 1970 and 9999.
        jiff::Timestamp::from_millisecond(time.unix_ms()).unwrap_or_default().to_zoned(self.rules.clone())
    }

    /// The first instant of a day: midnight, or what comes after it where a clock is put forward then.
    fn midnight(&self, day: Date) -> UtcTime {
        let begins = self.rules.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible();
        let ms = begins.map_or(0, jiff::Timestamp::as_millisecond);
        UtcTime::from_unix_ms(ms.max(0)).unwrap_or_else(|_| epoch())
    }
}

fn epoch() -> UtcTime {
    // The one instant that always is one.
    #[expect(clippy::unwrap_used, reason = "1970 is between 1970 and 9999")]
    UtcTime::from_unix_ms(0).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn bounds(text: &str, zone: &str) -> [String; 2] {
        let span = month(text).span(&Zone::named(zone).unwrap());
        [span.from().to_string(), span.to().to_string()]
    }

    #[test]
    fn a_month_is_by_the_clock_on_the_wall() {
        assert_eq!(bounds("2026-10", "UTC"), ["2026-10-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z"]);
        // Summer time ends within it.
        assert_eq!(
            bounds("2026-11", "America/Chicago"),
            ["2026-11-01T05:00:00.000Z", "2026-12-01T06:00:00.000Z"]
        );
        assert_eq!(
            bounds("2026-12", "Asia/Kathmandu"),
            ["2026-11-30T18:15:00.000Z", "2026-12-31T18:15:00.000Z"]
        );
        // Where midnight was left out on the first of a month: in Cairo in 2014 it was not, in Amman on 2016-04-01 it was.
        assert_eq!(bounds("2016-04", "Asia/Amman")[0], "2016-03-31T22:00:00.000Z");
    }

    #[test]
    fn months_follow_each_other() {
        assert_eq!(
            (month("2026-12").after(), month("2026-01").before()),
            (month("2027-01"), month("2025-12"))
        );
        let zone = Zone::named("America/Chicago").unwrap();
        for text in ["2026-01", "2026-03", "2026-11", "2026-12"] {
            let (this, next) = (month(text).span(&zone), month(text).after().span(&zone));
            assert_eq!(this.to(), next.from());
            assert_eq!(Month::of(this.from(), &zone), month(text));
            assert_eq!(Month::of(next.from(), &zone), month(text).after());
        }
    }

    #[test]
    fn what_is_no_month_or_zone_is_refused() {
        for bad in [
            "",
            "2026",
            "2026-1",
            "2026-13",
            "2026-00",
            "26-10",
            "1969-12",
            "9999-01",
            "2026-10-01",
            "+026-10",
        ] {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
        for bad in ["", "Mars/Olympus", "America/Chicago ", "../etc/passwd"] {
            assert!(Zone::named(bad).is_err(), "{bad}");
        }
        assert_eq!(Zone::named("america/chicago").unwrap().name(), "America/Chicago");
    }

    #[test]
    fn a_week_is_from_monday_to_monday_and_over() {
        let zone = Zone::named("America/Chicago").unwrap();
        let week = |now: &str| {
            let (first, span) = zone.week_before(now.parse().unwrap());
            (first, span.from().to_string(), span.to().to_string())
        };
        let of_october = ("2026-10-12", "2026-10-12T05:00:00.000Z", "2026-10-19T05:00:00.000Z");
        let of_october = (of_october.0.to_owned(), of_october.1.to_owned(), of_october.2.to_owned());
        // From the midnight that ends it, by the clinic's clock, to that of the next.
        assert_eq!(week("2026-10-19T05:00:00.000Z"), of_october);
        assert_eq!(week("2026-10-26T04:59:59.999Z"), of_october);
        assert_eq!(week("2026-10-19T04:59:59.999Z").0, "2026-10-05");
    }

    #[test]
    fn the_wall_shows_local_time() {
        let zone = Zone::named("America/Chicago").unwrap();
        assert_eq!(zone.wall("2026-10-03T19:05:59.999Z".parse().unwrap()), "2026-10-03 14:05");
        assert_eq!(zone.wall("2026-01-01T00:30:00.000Z".parse().unwrap()), "2025-12-31 18:30");
    }
}
