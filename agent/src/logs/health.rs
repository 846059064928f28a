//! How the sources of log lines are: for the heartbeat. Numbers and closed sets, no names of files.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract::record::LineLoss;
use contract::time::UtcTime;
use serde::Serialize;

use crate::detectors;

/// Where lines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The systemd journal.
    Journal,
    /// Log files.
    Files,
}

impl Source {
    /// Where lines come from that the detectors look at.
    pub(super) const fn of(source: &detectors::Source<'_>) -> Self {
        match source {
            detectors::Source::Journal(_) => Self::Journal,
            detectors::Source::Syslog | detectors::Source::File(_) => Self::Files,
        }
    }
}

/// Whether a source is being followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is: so many streams.
    Following(u32),
    /// There is nothing to follow, or none of it may be read.
    NothingReadable,
    /// The kernel does not let us, or journalctl does not run.
    Refused,
}

/// One source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceHealth {
    /// Whether it is followed.
    pub state: State,
    /// Lines since the start of this process.
    pub lines: u64,
    /// Lines on which a detector matched.
    pub matched: u64,
    /// When the last one was read.
    pub last: Option<UtcTime>,
    /// Log files that are not followed: they may not be read, or there are too many.
    pub unfollowed: u64,
}

/// All of them, and what was lost since this machine was enrolled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// By source. One that was not begun is not there.
    pub sources: BTreeMap<Source, SourceHealth>,
    /// By reason: lines, or the times that it happened.
    pub lost: BTreeMap<LineLoss, u64>,
}

/// The health as it is now, to be looked at from anywhere.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Mutex<Health>>);

impl Pulse {
    /// As it is now.
    pub fn now(&self) -> Health {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Health)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn source(&self, source: Source, change: impl FnOnce(&mut SourceHealth)) {
        let unbegun =
            SourceHealth { state: State::NothingReadable, lines: 0, matched: 0, last: None, unfollowed: 0 };
        self.set(|health| change(health.sources.entry(source).or_insert(unbegun)));
    }
}
