//! The maintenance window: days and hours in the site's own time zone, daylight saving included.

use contract::time::UtcTime;
use contract::window::{Day, DeclaredWindow};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};
use thiserror::Error;

/// Why a window makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadWindow {
    /// It never opens.
    #[error("days is empty: such a window never opens; leave `window` out where there is none")]
    NoDays,
    /// Not a time of day.
    #[error("{0:?} is not a time of day such as \"02:00\"")]
    Time(String),
    /// It opens and closes at once.
    #[error("from and to are the same time of day")]
    Nothing,
}

/// A window that was understood.
#[derive(Debug, Clone)]
pub struct Window {
    declared: DeclaredWindow,
    zone: TimeZone,
    days: Vec<Weekday>,
    from: Time,
    to: Time,
}

impl Window {
    /// As it is declared, in the zone that its name stands for: looking that up reads the system's tables, so the caller does it.
    pub fn new(declared: &DeclaredWindow, zone: TimeZone) -> Result<Self, BadWindow> {
        let time = |text: &str| Time::strptime("%H:%M", text).map_err(|_| BadWindow::Time(text.to_owned()));
        let (from, to) = (time(declared.from.as_str())?, time(declared.to.as_str())?);
        if declared.days.is_empty() {
            return Err(BadWindow::NoDays);
        }
        if from == to {
            return Err(BadWindow::Nothing);
        }
        let days = declared.days.iter().map(|day| weekday(*day)).collect();
        Ok(Self { declared: declared.clone(), zone, days, from, to })
    }

    /// As the site declares it.
    pub const fn declared(&self) -> &DeclaredWindow {
        &self.declared
    }

    /// When it opens next; `now` itself where it is open. None where the calendar ends.
    pub fn opens(&self, now: UtcTime) -> Option<UtcTime> {
        let local = Timestamp::from_millisecond(now.unix_ms()).ok()?.to_zoned(self.zone.clone());
        // Yesterday's window may reach into today; a window of one day a week opens within eight.
        (-1..=8).find_map(|days| {
            let (open, close) = self.on(&local, days)?;
            let (open, close) = (open.timestamp().as_millisecond(), close.timestamp().as_millisecond());
            if close <= now.unix_ms() { None } else { UtcTime::from_unix_ms(open.max(now.unix_ms())).ok() }
        })
    }

    /// Whether it is open.
    pub fn is_open(&self, now: UtcTime) -> bool {
        self.opens(now) == Some(now)
    }

    /// The window that begins `days` days from `local`'s day, where one does. A time that the change to summer time skips is the next that there is.
    fn on(&self, local: &Zoned, days: i64) -> Option<(Zoned, Zoned)> {
        let date = local.date().checked_add(Span::new().try_days(days).ok()?).ok()?;
        if !self.days.contains(&date.weekday()) {
            return None;
        }
        let last = if self.to > self.from { date } else { date.tomorrow().ok()? };
        let open = date.to_datetime(self.from).to_zoned(self.zone.clone()).ok()?;
        let close = last.to_datetime(self.to).to_zoned(self.zone.clone()).ok()?;
        Some((open, close))
    }
}

const fn weekday(day: Day) -> Weekday {
    match day {
        Day::Mon => Weekday::Monday,
        Day::Tue => Weekday::Tuesday,
        Day::Wed => Weekday::Wednesday,
        Day::Thu => Weekday::Thursday,
        Day::Fri => Weekday::Friday,
        Day::Sat => Weekday::Saturday,
        Day::Sun => Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(zone: &str, days: &[Day], from: &str, to: &str) -> DeclaredWindow {
        let word = |text: &str| text.to_owned().try_into().unwrap();
        DeclaredWindow {
            zone: word(zone),
            days: days.iter().copied().collect(),
            from: word(from),
            to: word(to),
        }
    }

    fn window(zone: &str, days: &[Day], from: &str, to: &str) -> Window {
        Window::new(&declared(zone, days, from, to), TimeZone::get(zone).unwrap()).unwrap()
    }

    fn at(text: &str) -> UtcTime {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_open_in_the_sites_own_night_in_winter_and_in_summer() {
        let berlin = window("Europe/Berlin", &[Day::Tue], "02:00", "04:00");
        // Tuesday 2026-01-13 and 2026-07-14: UTC+1 and UTC+2.
        for (time, open) in [
            ("2026-01-13T00:59:59.999Z", false),
            ("2026-01-13T01:00:00.000Z", true),
            ("2026-01-13T02:59:59.999Z", true),
            ("2026-01-13T03:00:00.000Z", false),
            ("2026-07-14T00:00:00.000Z", true),
            ("2026-07-14T02:00:00.000Z", false),
            ("2026-01-14T01:30:00.000Z", false),
        ] {
            assert_eq!(berlin.is_open(at(time)), open, "{time}");
        }
    }

    #[test]
    fn it_reaches_over_midnight_and_says_when_it_opens() {
        let chicago = window("America/Chicago", &[Day::Sat], "22:00", "05:00");
        assert_eq!(chicago.opens(at("2026-11-26T12:00:00.000Z")), Some(at("2026-11-29T04:00:00.000Z")));
        assert!(chicago.is_open(at("2026-11-29T10:59:00.000Z")), "Sunday, 4:59 at the clinic");
        assert!(!chicago.is_open(at("2026-11-29T11:00:00.000Z")));
    }

    #[test]
    fn the_hour_that_summer_time_skips_does_not_lose_the_window() {
        // In Berlin 02:00 to 03:00 does not exist on 2026-03-29.
        let berlin = window("Europe/Berlin", &[Day::Sun], "02:15", "03:45");
        let opens = berlin.opens(at("2026-03-28T12:00:00.000Z")).unwrap();
        assert_eq!(opens, at("2026-03-29T01:15:00.000Z"));
        assert!(berlin.is_open(at("2026-03-29T01:30:00.000Z")));
    }

    #[test]
    fn a_window_that_never_opens_is_refused() {
        let sheet = |days: &[Day], from: &str| declared("UTC", days, from, "04:00");
        let refused = |sheet| Window::new(&sheet, TimeZone::UTC).unwrap_err();
        assert_eq!(refused(sheet(&[], "02:00")), BadWindow::NoDays);
        assert_eq!(refused(sheet(&[Day::Mon], "04:00")), BadWindow::Nothing);
        assert_eq!(refused(sheet(&[Day::Mon], "25:00")), BadWindow::Time("25:00".into()));
    }
}
