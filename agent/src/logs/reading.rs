//! What all streams share: the detectors, the numbers, and the way out for signals.

use std::path::Path;

use contract::baseline::Severity;
use contract::event::Event;
use contract::ids::DetectorId;
use contract::signal::{About, SignalKind};
use contract::time::MonoNs;
use edge::trace::Tracer;
use tokio::sync::mpsc::UnboundedSender;

use crate::detectors::{Detectors, Signal, Source};

/// Numbers are told this often, and only where they changed.
const TELL_MS: u64 = 3_000;

/// Lines may be older than this machine's last start, where the monotonic clock begins; detectors only compare times with each other.
const BEFORE_BOOT_NS: u64 = 1 << 62;

/// The time that lines have which are written `now`.
pub(super) const fn live(now: MonoNs) -> MonoNs {
    MonoNs(now.0.saturating_add(BEFORE_BOOT_NS))
}

/// The detectors at work.
#[derive(Debug)]
pub struct Reading {
    detectors: Detectors,
    signals: UnboundedSender<Signal>,
    tracer: Tracer,
    lines: u64,
    matched: u64,
    told: (u64, MonoNs),
}

impl Reading {
    /// Signals go to `signals`. It is unbounded because detectors bound them: each fires once within its window.
    pub const fn new(detectors: Detectors, signals: UnboundedSender<Signal>, tracer: Tracer) -> Self {
        Self { detectors, signals, tracer, lines: 0, matched: 0, told: (0, MonoNs(0)) }
    }

    /// Looks at whole lines of `source` that were written at `at`, as [`live`] counts.
    pub fn take(&mut self, source: &Source<'_>, lines: &[u8], at: MonoNs) {
        let observed = self.detectors.observe(lines, source, at);
        self.lines += observed.lines;
        self.matched += observed.matched;
        for signal in observed.signals {
            self.signal(signal);
        }
    }

    /// Looks at whole lines of a log file, as they are written `now`.
    pub fn take_file(&mut self, path: &Path, lines: &[u8], now: MonoNs) {
        self.take(&Source::of_file(path), lines, live(now));
    }

    /// Says that lines were lost: silence would read as "nothing happened".
    pub fn lost(&mut self, why: &'static str) {
        tracing::error!(why, "log lines were lost");
        if let Ok(detector) = "agent.log-gap".parse::<DetectorId>() {
            let (kind, severity) = (SignalKind::LogLoss, Severity::High);
            self.signal(Signal { detector, kind, severity, count: 1, window_s: 1, about: About::default() });
        }
    }

    fn signal(&self, signal: Signal) {
        // Nobody listens any more only while the process stops.
        let _ = self.signals.send(signal);
    }

    /// Says what is followed.
    pub fn tailing(&self, what: String, streams: usize) {
        self.tracer.emit(Event::Tailing { what, streams: u32::try_from(streams).unwrap_or(u32::MAX) });
    }

    /// Tells the numbers, where they changed and it is time, and what did not come for too long.
    pub fn tell(&mut self, now: MonoNs) {
        for signal in self.detectors.tick(live(now)) {
            self.signal(signal);
        }
        if self.lines != self.told.0 && now.ms_since(self.told.1) >= TELL_MS {
            self.tracer.emit(Event::Tailed { lines: self.lines, matched: self.matched });
            self.told = (self.lines, now);
        }
    }

    /// Lines so far, and those on which a detector matched.
    pub const fn numbers(&self) -> (u64, u64) {
        (self.lines, self.matched)
    }
}
