//! The time of a record, kept as it is written: its one spelling sorts as the instants do.

use contract::time::UtcTime;
use serde::Deserialize;

/// `YYYY-MM-DDThh:mm:ss.sssZ`, a real date from 1970 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Stamp([u8; 24]);

/// From the first of March of the year 0 to the first of January 1970.
const DAYS_TO_1970: u64 = 719_468;

const SHAPE: &[u8; 24] = b"0000-00-00T00:00:00.000Z";

impl Stamp {
    pub(crate) fn read(text: &[u8; 24]) -> Option<Self> {
        let fits = |(byte, shape): (&u8, &u8)| match shape {
            b'0' => byte.is_ascii_digit(),
            fixed => byte == fixed,
        };
        if !text.iter().zip(SHAPE).all(fits) {
            return None;
        }
        let two = |at: usize| u16::from(text[at] - b'0') * 10 + u16::from(text[at + 1] - b'0');
        let (year, month, day) = (two(0) * 100 + two(2), two(5), two(8));
        let real = year >= 1970
            && (1..=12).contains(&month)
            && (1..=days(year, month)).contains(&day)
            && two(11) < 24
            && two(14) < 60
            // There are no leap seconds in it.
            && two(17) < 60;
        real.then_some(Self(*text))
    }

    /// The instant; none on the last days of 9999, which the calendar of this release does not reach.
    pub(crate) fn instant(&self) -> Option<UtcTime> {
        self.as_str().parse().ok()
    }

    /// Whole seconds since 1970.
    pub(crate) fn unix_seconds(&self) -> u64 {
        let number = |places: std::ops::Range<usize>| {
            self.0[places].iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
        };
        let (year, month, day) = (number(0..4), number(5..7), number(8..10));
        // Days since March of the year 0, in years that begin in March: so the leap day is a year's last.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
        let days = days - DAYS_TO_1970;
        ((days * 24 + number(11..13)) * 60 + number(14..16)) * 60 + number(17..19)
    }

    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        // It was read as ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TryFrom<String> for Stamp {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let read = text.as_bytes().try_into().ok().and_then(Self::read);
        read.ok_or("a time is written like 2026-11-21T05:54:23.120Z")
    }
}

const fn days(year: u16, month: u16) -> u16 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_instants_of_the_format_are_taken() {
        let read = |text: &str| text.as_bytes().try_into().ok().and_then(Stamp::read);
        for good in ["1970-01-01T00:00:00.000Z", "2000-02-29T23:59:59.999Z", "9999-12-31T23:59:59.999Z"] {
            assert_eq!(read(good).unwrap().as_str(), good);
        }
        assert_eq!(read("2000-02-29T23:59:59.999Z").unwrap().instant().unwrap().unix_ms(), 951_868_799_999);
        for text in [
            "1970-01-01T00:00:00.999Z",
            "1972-02-29T01:02:03.000Z",
            "2100-03-01T23:59:59.999Z",
            "2026-12-31T00:00:00.000Z",
        ] {
            let stamp = read(text).unwrap();
            assert_eq!(stamp.unix_seconds(), stamp.instant().unwrap().unix_seconds(), "{text}");
        }
        assert_eq!(read("9999-12-31T23:59:59.999Z").unwrap().unix_seconds(), 253_402_300_799);
        for bad in [
            "1969-12-31T23:59:59.999Z",
            "2001-02-29T00:00:00.000Z",
            "1900-02-29T00:00:00.000Z",
            "2026-00-01T00:00:00.000Z",
            "2026-13-01T00:00:00.000Z",
            "2026-04-31T00:00:00.000Z",
            "2026-04-00T00:00:00.000Z",
            "2026-04-01T24:00:00.000Z",
            "2026-04-01T00:60:00.000Z",
            "2026-12-31T23:59:60.000Z",
            "2026-04-01t00:00:00.000Z",
            "2026-04-01T00:00:00.00Z",
            "2026-04-01T00:00:00,000Z",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
