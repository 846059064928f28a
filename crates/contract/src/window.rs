//! A maintenance window, as a site declares it: when what is disruptive may run there, by the clock on the wall.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fact::Word;

/// The window as the executor's configuration writes it: `{ zone: Europe/Berlin, days: [tue, thu], from: "02:00", to: "04:00" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeclaredWindow {
    /// The site's time zone, by its IANA name.
    pub zone: Word,
    /// On which days it opens. Never empty.
    pub days: BTreeSet<Day>,
    /// When it opens, as the clock on the wall there shows it.
    pub from: Word,
    /// When it closes; before `from`: on the next day.
    pub to: Word,
}

impl fmt::Display for DeclaredWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<&str> = self.days.iter().map(|day| day.words()).collect();
        let (zone, from, to) = (self.zone.as_str(), self.from.as_str(), self.to.as_str());
        write!(f, "{}, {from} to {to}, {zone} time", days.join(", "))
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    const fn words(self) -> &'static str {
        match self {
            Self::Mon => "Mondays",
            Self::Tue => "Tuesdays",
            Self::Wed => "Wednesdays",
            Self::Thu => "Thursdays",
            Self::Fri => "Fridays",
            Self::Sat => "Saturdays",
            Self::Sun => "Sundays",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_by_the_clock_on_the_sites_wall() {
        let text = r#"{"zone":"Europe/Berlin","days":["thu","tue"],"from":"02:00","to":"04:00"}"#;
        let window: DeclaredWindow = serde_json::from_str(text).unwrap();
        assert_eq!(window.to_string(), "Tuesdays, Thursdays, 02:00 to 04:00, Europe/Berlin time");
    }
}
