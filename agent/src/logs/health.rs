//! How the sources of log lines and the detectors are: for the heartbeat. Numbers and closed sets, no names of files.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract::heartbeat::{self, Fired, Following, LogSource};
use contract::ids::DetectorId;
use contract::record::LineLoss;
use contract::time::UtcTime;

use crate::detectors;

/// Where lines come from that the detectors look at.
pub(super) const fn source_of(source: &detectors::Source<'_>) -> LogSource {
    match source {
        detectors::Source::Journal(_) => LogSource::Journal,
        detectors::Source::Syslog | detectors::Source::File(_) => LogSource::Files,
    }
}

/// One source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceHealth {
    /// Whether it is followed.
    pub state: Following,
    /// Lines since the start of this process.
    pub lines: u64,
    /// Lines on which a detector matched.
    pub matched: u64,
    /// When the last one was read.
    pub last: Option<UtcTime>,
    /// Log files that are not followed: they may not be read, or there are too many.
    pub unfollowed: u64,
}

impl SourceHealth {
    /// What of it is told when it changes.
    pub const fn told(&self) -> heartbeat::SourceHealth {
        heartbeat::SourceHealth { state: self.state, unfollowed: self.unfollowed }
    }
}

/// All of them, the detectors, and what was lost since this machine was enrolled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// By source. One that was not begun is not there.
    pub sources: BTreeMap<LogSource, SourceHealth>,
    /// By reason: lines, or the times that it happened.
    pub lost: BTreeMap<LineLoss, u64>,
    /// The detectors that fired since the start of this process.
    pub fired: BTreeMap<DetectorId, Fired>,
    /// Whether any file system was measured when they last were.
    pub measured: bool,
}

/// The health as it is now, to be looked at from anywhere.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Mutex<Health>>);

impl Pulse {
    /// As it is now.
    pub fn now(&self) -> Health {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A detector fired just now.
    pub fn fired(&self, detector: &DetectorId) {
        let last = edge::clock::utc();
        self.set(|health| {
            let fired = health.fired.entry(detector.clone()).or_insert(Fired { count: 0, last });
            *fired = Fired { count: fired.count + 1, last };
        });
    }

    /// File systems were measured, or none could be.
    pub fn measured(&self, any: bool) {
        self.set(|health| health.measured = any);
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Health)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn source(&self, source: LogSource, change: impl FnOnce(&mut SourceHealth)) {
        let unbegun = SourceHealth {
            state: Following::NothingReadable,
            lines: 0,
            matched: 0,
            last: None,
            unfollowed: 0,
        };
        self.set(|health| change(health.sources.entry(source).or_insert(unbegun)));
    }
}
