//! Log files through rotation, truncation and restarts: no line twice, none left out; and no line ever leaves.

mod child;
mod clock;
mod crowd;
mod hostile;
mod killed;
mod links;
mod lost;
mod places;
mod real;
mod rotation;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent::detectors::{Detectors, Library, SiteKey};
use agent::logs::{Health, Inlet, Pulse, Reading, Scope, Shared, Told, files, outlet};
use agent::thread::Thread;
use contract::heartbeat::LogSource;
use contract::incident::What;
use contract::record::LineLoss;
use edge::trace::Tracer;

use crate::rig::until_blocking;

/// One detector for each marked line, so that each says by itself how often it was read. Two are enough to tell "once" from "twice".
fn detectors(marks: u32) -> Detectors {
    let one = |n: u32| {
        let (once, twice) = (format!("mark.n{n}"), format!("mark.n{n}.twice"));
        [(once, 1), (twice, 2)].map(|(id, times)| detector(&id, &format!("^line {n}$"), times, 60)).concat()
    };
    parsed(&(0..marks).map(one).collect::<String>())
}

/// A detector of every source. What its pattern stands for is its literal and its sample.
pub(crate) fn detector(id: &str, pattern: &str, times: u32, seconds: u32) -> String {
    let literal = pattern.trim_start_matches('^').trim_end_matches('$');
    format!(
        "- {{id: {id}, title: t, kind: unsaid, severity: low, source: {{everything: true}}, \
           lines: [{{literal: '{literal}', pattern: '{pattern}'}}], when: {{rate: {times} in {seconds} s}}, \
           matches: ['{literal}'], ignores: [x]}}\n"
    )
}

/// Detectors at work, as a file holds them.
pub(crate) fn parsed(text: &str) -> Detectors {
    Detectors::new(Library::parse(&[("d", text)]).unwrap(), key()).unwrap()
}

/// The detectors that are shipped, at work.
pub(crate) fn built_in() -> Detectors {
    agent::detectors::built_in(key()).unwrap()
}

fn key() -> SiteKey {
    SiteKey::new(&[7; 32])
}

/// The detector of what was told.
pub(crate) fn name(told: &Told) -> String {
    let incident = match told {
        Told::Signal(incident) => incident.clone(),
        Told::Loss(loss) => loss.incident(),
    };
    match incident.what {
        What::Signal(signal) => signal.detector.to_string(),
        What::Drift { .. } => panic!("a log made a drift"),
    }
}

fn append(path: &Path, lines: std::ops::Range<u32>) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    for n in lines {
        writeln!(file, "line {n}").unwrap();
    }
}

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// Files that are being followed.
struct At {
    thread: Thread,
    shared: Shared,
    pulse: Pulse,
    inlet: Inlet,
}

impl At {
    fn begin(scope: Scope, kept: &Path, detectors: Detectors) -> Self {
        let (outlet, inlet) = outlet();
        let reading = Reading::resume(detectors, kept, outlet, Tracer::new(false));
        let (pulse, shared) = (reading.pulse(), reading.shared());
        let shared_too = Shared::clone(&shared);
        let thread =
            Thread::begin("logs", move |stop| files::follow(&scope, &shared_too, &stop).unwrap()).unwrap();
        Self { thread, shared, pulse, inlet }
    }

    /// What was told by now; it has arrived.
    fn told(&mut self) -> Vec<String> {
        let told = std::iter::from_fn(|| self.inlet.told.try_recv().ok());
        let told: Vec<_> = told.inspect(|t| self.inlet.arrived.send(t.id().clone()).unwrap()).collect();
        told.iter().map(name).collect()
    }

    fn lines(&self) -> u64 {
        self.pulse.now().sources.get(&LogSource::Files).map_or(0, |s| s.lines)
    }

    /// Waits until so many lines were read, and a little more in case there are others.
    fn until_lines(&self, lines: u64) {
        until_blocking(&format!("{lines} lines"), || (self.lines() >= lines).then_some(()));
        pause(100);
        assert_eq!(self.lines(), lines);
    }

    fn lost(&self, why: LineLoss) -> u64 {
        self.pulse.now().lost.get(&why).copied().unwrap_or(0)
    }

    fn end(mut self) -> (Vec<String>, Health) {
        let told = self.told();
        self.thread.end();
        let (pulse, shared) = (self.pulse, self.shared);
        drop(shared);
        let rest = std::iter::from_fn(|| self.inlet.told.try_recv().ok()).map(|t| name(&t));
        (told.into_iter().chain(rest).collect(), pulse.now())
    }
}

struct Followed {
    dir: tempfile::TempDir,
    seen: Vec<String>,
}

impl Followed {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), seen: Vec::new() }
    }

    /// A directory in which an empty `app.log` was followed before.
    fn begun() -> Self {
        let mut followed = Self::new();
        append(&followed.log(), 0..0);
        followed.follow(0, |_| ());
        followed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.path("app.log")
    }

    fn scope(&self) -> Scope {
        Scope::Directories(vec![self.dir.path().to_owned()])
    }

    fn begin(&self) -> At {
        let at = At::begin(self.scope(), &self.path("kept.json"), detectors(24));
        until_blocking("the first look", || self.path("kept.json").exists().then_some(()));
        pause(50);
        at
    }

    /// Follows while `work` runs, until `lines` are read in all, then stops. What was seen is kept across calls.
    fn follow(&mut self, lines: u32, work: impl FnOnce(&Self)) {
        let mut at = self.begin();
        work(self);
        until_blocking("the lines", || {
            self.seen.extend(at.told());
            (self.once() >= lines as usize).then_some(())
        });
        pause(100);
        self.seen.extend(at.end().0);
    }

    fn once(&self) -> usize {
        self.seen.iter().filter(|s| s.starts_with("mark") && !s.ends_with("twice")).count()
    }

    /// Lines `0..lines`, each once, and nothing else.
    fn check(&self, lines: u32) {
        let mut seen = self.seen.clone();
        let mut expected: Vec<_> = (0..lines).map(|n| format!("mark.n{n}")).collect();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
    }
}
