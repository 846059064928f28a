//! A sample of a measure, as it is written: `0 min 70 %, 10 min 71.5 %`.

use crate::rate::Span;

/// Seconds from the beginning, and parts of a million.
pub(crate) fn parse(text: &str) -> Option<Vec<(u64, u64)>> {
    text.split(", ").map(point).collect()
}

fn point(text: &str) -> Option<(u64, u64)> {
    let (time, percent) = text.strip_suffix(" %")?.rsplit_once(' ')?;
    let seconds = if time.starts_with("0 ") { 0 } else { Span::try_from(time.to_owned()).ok()?.seconds };
    let (whole, part) = percent.split_once('.').unwrap_or((percent, "0"));
    let tenths = part.parse::<u64>().ok().filter(|n| *n < 10)?;
    let ppm = whole.parse::<u64>().ok()?.checked_mul(10_000)? + tenths * 1_000;
    (ppm <= 1_000_000).then_some((u64::from(seconds), ppm))
}
