//! What all streams share: the detectors, what is kept, the numbers, and the way out.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::SystemTime;

use contract::event::Event;
use contract::heartbeat::{DetectorsHealth, Following, LogSource};
use contract::ids::IncidentId;
use contract::record::LineLoss;
use contract::time::MonoNs;
use edge::trace::Tracer;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::health::{self, Pulse};
use super::kept::{Found, Kept, Told};
use super::place::Place;
use crate::detectors::{Detectors, Moment, Shown, Signal, Source};
use crate::signals;

/// Numbers are told this often, and only where they changed.
const TELL_MS: u64 = 3_000;
/// How far a stream was read is written this often, where nothing came of it, and when we stop.
pub(super) const STORE_MS: u64 = 5_000;

/// Lines may be older than this machine's last start, where the monotonic clock begins; detectors only compare times with each other.
const BEFORE_BOOT_NS: u64 = 1 << 62;

/// The time that lines have which are written `now`.
pub(super) const fn live(now: MonoNs) -> MonoNs {
    MonoNs(now.0.saturating_add(BEFORE_BOOT_NS))
}

fn moment() -> Moment {
    Moment { mono: live(edge::clock::mono()), utc: edge::clock::utc() }
}

/// Where signals and losses go, and where it is heard that they arrived.
#[derive(Debug)]
pub struct Outlet {
    told: UnboundedSender<Told>,
    arrived: mpsc::Receiver<IncidentId>,
}

/// The other end: what was told, and where to say that it is in the outbox.
#[derive(Debug)]
pub struct Inlet {
    /// What was told. Unbounded, and bounded by what may wait to arrive.
    pub told: UnboundedReceiver<Told>,
    /// Its id goes here once it is in the outbox.
    pub arrived: mpsc::Sender<IncidentId>,
}

/// Both ends.
pub fn outlet() -> (Outlet, Inlet) {
    let (tell, told) = unbounded_channel();
    let (arrive, arrived) = mpsc::channel();
    (Outlet { told: tell, arrived }, Inlet { told, arrived: arrive })
}

/// The detectors at work.
#[derive(Debug)]
pub struct Reading {
    detectors: Detectors,
    outlet: Outlet,
    tracer: Tracer,
    pulse: Pulse,
    pub(super) kept: Kept,
    kept_at: PathBuf,
    kept_since: Option<SystemTime>,
    /// Written down next, and told only then.
    fresh: Vec<Told>,
    lines: u64,
    matched: u64,
    told: (u64, MonoNs),
    /// The files that are followed, and those that may not be read.
    files: Files,
}

/// Names of log files, for the detectors that look at them.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) followed: Vec<PathBuf>,
    pub(super) unreadable: Vec<PathBuf>,
}

/// The reading, for several streams. Whoever holds it has what it read and how far it read change together.
pub type Shared = Arc<Mutex<Reading>>;

/// Takes hold of it.
pub fn hold(shared: &Shared) -> MutexGuard<'_, Reading> {
    // A panic in between leaves lines read of which nothing is kept: they are read again after a restart.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reading {
    /// Takes up what an earlier run left in `kept_at`, and says again what may not have arrived.
    pub fn resume(mut detectors: Detectors, kept_at: &Path, outlet: Outlet, tracer: Tracer) -> Self {
        let (kept, is_unreadable) = match Kept::load(kept_at) {
            Found::Kept(kept) => (kept, false),
            Found::FirstTime => (Kept::default(), false),
            Found::Unreadable => (Kept::default(), true),
        };
        let kept_since = std::fs::metadata(kept_at).and_then(|m| m.modified()).ok();
        detectors.remember(&kept.remembered, moment());
        let fresh = kept.untold().to_vec();
        let (pulse, kept_at) = (Pulse::default(), kept_at.to_owned());
        let mut reading = Self {
            detectors,
            outlet,
            tracer,
            pulse,
            kept,
            kept_at,
            kept_since,
            fresh,
            lines: 0,
            matched: 0,
            told: (0, MonoNs(0)),
            files: Files::default(),
        };
        if is_unreadable {
            reading.lost(LineLoss::PlacesLost, 1);
        }
        reading
    }

    /// For several streams.
    pub fn shared(self) -> Shared {
        Arc::new(Mutex::new(self))
    }

    /// How the sources are.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// When an earlier run last wrote anything down, as the file system has it.
    pub(super) const fn kept_since(&self) -> Option<SystemTime> {
        self.kept_since
    }

    /// Looks at whole lines of `source` that were written at `at`, as [`live`] counts.
    pub fn take(&mut self, source: &Source<'_>, lines: &[u8], at: MonoNs) {
        let observed = self.detectors.observe(lines, source, at);
        self.lines += observed.lines;
        self.matched += observed.matched;
        self.pulse.source(health::source_of(source), |s| {
            s.lines += observed.lines;
            s.matched += observed.matched;
            s.last = Some(edge::clock::utc());
        });
        for signal in observed.signals {
            self.fired(&signal);
        }
    }

    /// Looks at whole lines of a log file, as they are written `now`.
    pub fn take_file(&mut self, source: &Source<'_>, lines: &[u8], now: MonoNs) {
        self.take(source, lines, live(now));
    }

    fn fired(&mut self, signal: &Signal) {
        self.pulse.fired(&signal.detector);
        let kept = match signals::incident(signal) {
            Ok(incident) => {
                let told = Told::Signal(incident);
                self.kept.owe(told.clone()).then_some(told)
            }
            Err(error) => {
                tracing::error!(%error, "no id can be drawn for a signal");
                None
            }
        };
        match kept {
            Some(told) => self.fresh.push(told),
            None => self.lost(LineLoss::Unkept, 1),
        }
    }

    /// Says that lines were lost: silence would read as "nothing happened".
    pub fn lost(&mut self, why: LineLoss, lost: u64) {
        self.kept.losses.add(why, lost, edge::clock::utc());
        let total = self.kept.losses.total().clone();
        self.pulse.set(|health| health.lost = total);
    }

    /// True where something is to be told, and so everything is to be written down at once.
    pub(super) fn has_news(&mut self, now: MonoNs) -> bool {
        for loss in self.kept.losses.due(now, || crate::incident_id().ok()) {
            tracing::error!(why = ?loss.why, lost = loss.lost, "log lines were lost");
            let told = Told::Loss(loss);
            // Where there is no room it is not owed after a restart; it is counted all the same.
            self.kept.owe(told.clone());
            self.fresh.push(told);
        }
        !self.fresh.is_empty()
    }

    /// Forgets what arrived; true where something did.
    pub(super) fn settle(&mut self) -> bool {
        let mut any = false;
        while let Ok(id) = self.outlet.arrived.try_recv() {
            self.kept.settle(&id);
            any = true;
        }
        any
    }

    /// True where something is owed: it is written down soon after it arrived.
    pub(super) fn is_owing(&self) -> bool {
        !self.kept.untold().is_empty() || self.kept.losses.is_owing()
    }

    /// Writes everything down, and tells what is new.
    pub fn write_down(&mut self) {
        self.has_news(edge::clock::mono());
        self.store(None);
    }

    /// Writes everything down, and then tells what is new. `places` are those of the files, where they are known.
    pub(super) fn store(&mut self, places: Option<Vec<(PathBuf, Place)>>) -> bool {
        if let Some(places) = places {
            (self.kept.places, self.kept.resumed) = (places, true);
        }
        self.settle();
        self.kept.remembered = self.detectors.remembered(moment());
        let stored = self.kept.store(&self.kept_at);
        if let Err(error) = &stored {
            tracing::error!(error = crate::chain(error), "how far logs were read is not stored");
        }
        // Told even so: twice, should we be killed now, is better than late.
        for told in self.fresh.drain(..) {
            // Nobody listens any more only while the process stops.
            let _ = self.outlet.told.send(told);
        }
        stored.is_ok()
    }

    /// Says what is followed.
    pub fn tailing(&self, source: LogSource, streams: usize) {
        let streams = u32::try_from(streams).unwrap_or(u32::MAX);
        let what = match source {
            LogSource::Journal => "journal".to_owned(),
            LogSource::Files => format!("{streams} files"),
        };
        self.pulse.source(source, |s| s.state = Following::Streams(streams));
        self.tracer.emit(Event::Tailing { what, streams });
    }

    /// These files are followed now: more of them or fewer where that `is_news`.
    pub(super) fn follows(&mut self, files: Files, is_news: bool) {
        match files.followed.len() {
            0 => self.pulse.source(LogSource::Files, |s| s.state = Following::NothingReadable),
            some if is_news => self.tailing(LogSource::Files, some),
            _ => {}
        }
        self.files = files;
    }

    /// None is. Those that may not be read are not forgotten: they are why.
    pub(super) fn follows_no_file(&mut self, state: Following) {
        self.files.followed.clear();
        self.pulse.source(LogSource::Files, |s| s.state = state);
    }

    /// How the detectors fare now.
    pub fn detectors_health(&self) -> DetectorsHealth {
        let health = self.pulse.now();
        let journal = health.sources.get(&LogSource::Journal).map(|source| source.state);
        let library = self.detectors.library();
        let shown = Shown {
            journal: matches!(journal, Some(Following::Streams(_))),
            followed: self.files.followed.iter().map(PathBuf::as_path).collect(),
            unreadable: self.files.unreadable.iter().map(PathBuf::as_path).collect(),
            measured: health.measured,
        };
        DetectorsHealth {
            known: u32::try_from(library.iter().count()).unwrap_or(u32::MAX),
            blind: library.blind(&shown),
            fired: health.fired,
        }
    }

    /// Tells the numbers, where they changed and it is time, and notes what did not come for too long.
    pub fn tell(&mut self, now: MonoNs) {
        for signal in self.detectors.tick(live(now)) {
            self.fired(&signal);
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
