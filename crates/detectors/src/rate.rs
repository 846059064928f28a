//! How often, and how long: `5 in 60 s per source`, as it is written and as it is meant.

use std::fmt;

use serde::Deserialize;

use crate::capture::Capture;
use crate::windows::COUNT_MAX;

/// The longest span: a quarter of a year.
const SPAN_MAX_S: u32 = 90 * 24 * 60 * 60;
/// The longest window: a day.
pub(crate) const WINDOW_MAX_S: u32 = 24 * 60 * 60;
/// The most matches that are counted for each unit or address: beyond it memory would grow with both.
const EACH_MAX: u32 = 50;

const UNITS: [(&str, u32); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400)];

/// A length of time: a number and `s`, `min`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span {
    /// In seconds.
    pub seconds: u32,
}

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no length of time: a number and s, min, h or d, at most 90 d");
        let (number, unit) = text.split_once(' ').ok_or_else(wrong)?;
        let factor = UNITS.iter().find(|(word, _)| *word == unit).ok_or_else(wrong)?.1;
        let seconds = number.parse::<u32>().ok().and_then(|n| n.checked_mul(factor));
        seconds.filter(|s| (1..=SPAN_MAX_S).contains(s)).map(|seconds| Self { seconds }).ok_or_else(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, factor) = UNITS
            .into_iter()
            .rev()
            .find(|(_, factor)| self.seconds.is_multiple_of(*factor))
            .unwrap_or(UNITS[0]);
        write!(f, "{} {word}", self.seconds / factor)
    }
}

/// So many matches in so long, counted together or for each unit, mount, device or source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate {
    /// How many.
    pub times: u32,
    /// Within.
    pub within: Span,
    /// What is counted apart.
    pub(crate) per: Option<Capture>,
}

impl TryFrom<String> for Rate {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| format!("{text:?} is no rate such as `5 in 60 s per source`: {why}");
        let (times, rest) = text.split_once(" in ").ok_or_else(|| wrong("it has no `in`"))?;
        let (within, per) = match rest.split_once(" per ") {
            Some((within, per)) => {
                let apart = Capture::named(per).filter(|c| c.is_identity());
                (within, Some(apart.ok_or_else(|| wrong("per what? unit, mount, device or source"))?))
            }
            None => (rest, None),
        };
        let within = Span::try_from(within.to_owned())?;
        let max = if per.is_some() { EACH_MAX } else { COUNT_MAX };
        let times = times.parse().ok().filter(|n| (1..=max).contains(n));
        let times = times.ok_or_else(|| wrong(&format!("it must begin with 1 to {max}")))?;
        if within.seconds > WINDOW_MAX_S {
            return Err(wrong("a window is a day at most"));
        }
        Ok(Self { times, within, per })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.times, self.within)?;
        self.per.map_or(Ok(()), |per| write!(f, " per {}", per.word()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_as_it_is_written() {
        for text in ["5 in 1 min per source", "3 in 15 min per unit", "1000 in 1 d", "1 in 90 s"] {
            assert_eq!(Rate::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        assert_eq!(Rate::try_from("5 in 60 s".to_owned()).unwrap().within, Span { seconds: 60 });
        for text in [
            "",
            "5",
            "0 in 1 s",
            "1001 in 1 s",
            "51 in 1 s per unit",
            "5 in 25 h",
            "5 in 60s",
            "5 in 0 s",
            "x in 1 s",
            "5 in 1 s per port",
            "5 in 1 s per ",
            "-1 in 1 s",
            "5 in 4294967295 d",
        ] {
            assert!(Rate::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
