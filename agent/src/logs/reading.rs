//! What all streams share: the detectors, the numbers, and the way out for signals.

use contract::event::Event;
use contract::ids::DetectorId;
use contract::time::MonoNs;
use edge::trace::Tracer;
use tokio::sync::mpsc::UnboundedSender;

use crate::detectors::{Detectors, Signal};

/// Numbers are told this often, and only where they changed.
const TELL_MS: u64 = 3_000;

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

    /// Looks at whole lines that were written at `at`.
    pub fn take(&mut self, lines: &[u8], at: MonoNs) {
        let observed = self.detectors.observe(lines, at);
        self.lines += observed.lines;
        self.matched += observed.matched;
        for signal in observed.signals {
            self.signal(signal);
        }
    }

    /// Says that lines were lost: silence would read as "nothing happened".
    pub fn lost(&mut self, why: &'static str) {
        tracing::error!(why, "log lines were lost");
        if let Ok(detector) = "agent.log-gap".parse::<DetectorId>() {
            self.signal(Signal { detector, count: 1, window_s: 1 });
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

    /// Tells the numbers, where they changed and it is time.
    pub fn tell(&mut self, now: MonoNs) {
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
