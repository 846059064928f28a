//! What one detector has seen, and whether that is enough.

use contract::signal::{About, Signal};
use contract::time::MonoNs;

use crate::capture::{Capture, SiteKey, Value, about};
use crate::definition::{Definition, Trigger};
use crate::windows::{Reached, Windows};

const SECOND_NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * SECOND_NS;
/// Few days left are told again after so long, though they did not halve.
const AGAIN_NS: u64 = 7 * DAY_NS;

/// The memory of one detector.
#[derive(Debug)]
pub(crate) enum Memory {
    /// Of a rate.
    Counting(Windows),
    /// Of another detector's lines.
    Following(Windows),
    /// Of the last line, and when it was missed last.
    Waiting { span_ns: u64, last: Option<MonoNs>, told: Option<MonoNs> },
    /// Of how many days were told last.
    Running { limit: u16, told: Option<(u16, MonoNs)> },
    /// It looks at no lines.
    Deaf,
}

impl Memory {
    pub(crate) fn of(trigger: &Trigger) -> Self {
        match trigger {
            Trigger::Rate(rate) => Self::Counting(Windows::new(*rate)),
            Trigger::After(after) => Self::Following(Windows::new(after.rate)),
            Trigger::Missing(span) => {
                Self::Waiting { span_ns: u64::from(span.seconds) * SECOND_NS, last: None, told: None }
            }
            Trigger::DaysLeft(limit) => Self::Running { limit: *limit, told: None },
            Trigger::Fills(_) => Self::Deaf,
        }
    }

    /// Takes one line in. Answers what it comes to.
    pub(crate) fn line(
        &mut self,
        definition: &Definition,
        values: &[Value<'_>],
        key: &SiteKey,
        now: MonoNs,
    ) -> Option<Signal> {
        match self {
            Self::Counting(windows) => {
                let Reached { count, together } = windows.count(identity(values), now)?;
                let about = if together { About::default() } else { about(values, key) };
                Some(signal(definition, count, windows.rate().within.seconds, about))
            }
            Self::Following(windows) => {
                let count = windows.has_reached(identity(values), now)?;
                Some(signal(definition, count, windows.rate().within.seconds, about(values, key)))
            }
            Self::Waiting { last, told, .. } => {
                (*last, *told) = (Some(now), None);
                None
            }
            Self::Running { limit, told } => {
                let about = about(values, key);
                let days = about.days.filter(|days| days <= limit)?;
                let is_news = told.is_none_or(|(before, at)| {
                    u32::from(days) * 2 <= u32::from(before) && days < before
                        || now.0.saturating_sub(at.0) >= AGAIN_NS
                });
                if !is_news {
                    return None;
                }
                *told = Some((days, now));
                Some(signal(definition, 1, 1, about))
            }
            Self::Deaf => None,
        }
    }

    /// Takes in that a line of the detector that this one follows came.
    pub(crate) fn other(&mut self, values: &[Value<'_>], now: MonoNs) {
        if let Self::Following(windows) = self {
            // Whether the other's rate is reached matters only once a line of our own comes.
            let _ = windows.count(identity(values), now);
        }
    }

    /// Says what did not come until `now`.
    pub(crate) fn tick(&mut self, definition: &Definition, now: MonoNs) -> Option<Signal> {
        let Self::Waiting { span_ns, last, told } = self else { return None };
        let since = (*last)?;
        let from = told.unwrap_or(since);
        if now.0.saturating_sub(from.0) < *span_ns {
            return None;
        }
        *told = Some(now);
        let gone = now.0.saturating_sub(since.0);
        let days = u16::try_from(gone / DAY_NS).unwrap_or(u16::MAX);
        let seconds = u32::try_from(gone / SECOND_NS).unwrap_or(u32::MAX);
        Some(signal(definition, 0, seconds, About { days: Some(days), ..About::default() }))
    }
}

/// What is counted apart: the one value that names something, if there is one.
fn identity<'a>(values: &[Value<'a>]) -> &'a [u8] {
    values.iter().find(|v| Capture::is_identity(v.capture)).map_or(b"".as_slice(), |v| v.bytes)
}

pub(crate) fn signal(definition: &Definition, count: u32, window_s: u32, about: About) -> Signal {
    let Definition { id, kind, severity, .. } = definition;
    Signal { detector: id.clone(), kind: *kind, severity: *severity, count, window_s, about }
}
