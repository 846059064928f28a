//! What the command line may say: days and instants, where the hub is, who asks.

use std::path::PathBuf;
use std::str::FromStr;

use contract::exception::{Date, Person};
use contract::time::UtcTime;

use crate::exit::{Failure, Status};
use crate::operator::Operator;

/// A day or an instant, in UTC.
#[derive(Debug, Clone)]
pub(crate) struct Instant {
    time: UtcTime,
    text: String,
}

impl Instant {
    pub(super) const fn time(&self) -> UtcTime {
        self.time
    }

    /// The day or instant as part of a file's name.
    pub(super) fn short(&self) -> String {
        self.text.replace(':', "")
    }
}

impl FromStr for Instant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = text.parse::<Date>().map(Date::begins);
        let time = day.or_else(|_| text.parse::<UtcTime>()).map_err(|_| {
            "write a day like 2026-10-01 or an instant like 2026-10-01T06:00:00.000Z, both in UTC".to_owned()
        })?;
        Ok(Self { time, text: text.to_owned() })
    }
}

/// Where the hub is, and what opens its operator plane.
#[derive(Debug, clap::Args)]
pub(crate) struct Where {
    /// The hub's operator plane.
    #[arg(long, global = true, default_value = "http://127.0.0.1:6767")]
    hub: String,
    /// The file in which `suture login` keeps the session, or one with a key.
    #[arg(long, global = true, value_name = "FILE", default_value = crate::operator::TOKEN_FILE)]
    token_file: PathBuf,
}

impl Where {
    /// A connection to it.
    pub(crate) fn operator(&self) -> Result<Operator, Failure> {
        let address = self.hub.strip_prefix("http://").unwrap_or(&self.hub);
        Operator::new(address.strip_suffix('/').unwrap_or(address), &self.token_file)
    }
}

/// The name of whoever is logged in.
pub(super) fn login_name() -> Result<Person, Failure> {
    let name = ["LOGNAME", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
    let person = name.and_then(|name| Person::try_from(name).ok());
    person.ok_or_else(|| {
        Failure::new(Status::Usage, "nobody is known to be logged in here: say who exports this, with --by")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_first_instant() {
        let day: Instant = "2026-10-01".parse().unwrap();
        assert_eq!(day.time().to_string(), "2026-10-01T00:00:00.000Z");
        let instant: Instant = "2026-10-01T06:00:00.000Z".parse().unwrap();
        assert_eq!(instant.short(), "2026-10-01T060000.000Z");
        for bad in ["", "yesterday", "2026-10", "2026-10-01T06:00", "2026-13-01", "01.10.2026"] {
            assert!(bad.parse::<Instant>().is_err(), "{bad} was taken");
        }
    }
}
