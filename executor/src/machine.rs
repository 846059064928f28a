//! What runs work with: the log, the executor's own eyes, the hands' place, the clocks. Shared by all runs; the log is held only as long as a write takes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::digest::Digest;
use contract::ids::ControlId;
use contract::record::{Body, GenerationHealthy};
use contract::runbook::{Confinement, TargetOs};
use edge::clock::Clock;
use edge::trace::Tracer;
use evidence::{AppendError, Appended};
use facts::OwnDirectories;
use hands::{Generation, Nixos, Programs, Snapshots};
use policy::Engine;

use crate::guard::Moment;
use crate::ledger::Ledger;
use crate::measure::Meter;
use crate::recorder::{Recorder, Stamp};

/// What a run works with.
#[derive(Debug)]
pub struct Machine {
    /// The log and its ledger; none once they were given up, because the log has to be put back.
    recorder: Mutex<Option<Recorder>>,
    /// The executor's own eyes.
    pub meter: Meter,
    /// Where Suture's own directories are.
    pub own: OwnDirectories,
    /// Diagnostics.
    pub tracer: Tracer,
    /// What runs keep to undo themselves.
    pub snapshots: Snapshots,
    /// Where steps work; each in a directory of its own.
    pub scratch: PathBuf,
    /// Starts programs, confined.
    pub programs: Box<dyn Programs>,
    /// What the kernel offers to confine them with.
    pub confinement: BTreeSet<Confinement>,
    /// Which system this is.
    pub system: TargetOs,
    /// The clocks.
    pub clock: Box<dyn Clock>,
    /// The policy in force.
    pub policy: Arc<Engine>,
    /// This very program: what keeps a dead-man's time is another process of it.
    pub program: PathBuf,
    /// Where `/nix` and `/run` lie.
    root: PathBuf,
}

/// The log was given up: it lacks entries, and is being put back. Whoever was about to write has written nothing.
#[derive(Debug, thiserror::Error)]
#[error("the log is being put back: nothing is written until it is whole")]
pub struct GivenUp;

/// What a machine is made from, beside the log.
#[derive(Debug)]
pub struct Parts {
    /// See [`Machine`].
    pub meter: Meter,
    /// See [`Machine`].
    pub own: OwnDirectories,
    /// See [`Machine`].
    pub tracer: Tracer,
    /// The executor's directory, below which snapshots and scratch lie.
    pub directory: PathBuf,
    /// See [`Machine`].
    pub programs: Box<dyn Programs>,
    /// See [`Machine`].
    pub confinement: BTreeSet<Confinement>,
    /// See [`Machine`].
    pub system: TargetOs,
    /// See [`Machine`].
    pub clock: Box<dyn Clock>,
    /// See [`Machine`].
    pub policy: Arc<Engine>,
    /// See [`Machine`].
    pub program: PathBuf,
    /// Where `/nix` and `/run` lie: `/`, except in tests.
    pub root: PathBuf,
}

impl Machine {
    /// Over an open log.
    pub fn new(recorder: Recorder, parts: Parts) -> Self {
        let Parts {
            meter,
            own,
            tracer,
            directory,
            programs,
            confinement,
            system,
            clock,
            policy,
            program,
            root,
        } = parts;
        let snapshots = Snapshots::below(&directory.join("snapshots"));
        let scratch = directory.join("scratch");
        let recorder = Mutex::new(Some(recorder));
        Self {
            recorder,
            meter,
            own,
            tracer,
            snapshots,
            scratch,
            programs,
            confinement,
            system,
            clock,
            policy,
            program,
            root,
        }
    }

    /// What is known of this machine's NixOS generations: which were healthy, the log says.
    pub fn nixos(&self) -> Nixos {
        let known = |ledger: &Ledger| ledger.healthy().map(hands_generation).collect();
        // While the log is being put back nothing is known, and what needs it is refused.
        Nixos { root: self.root.clone(), healthy: self.with_ledger(known).unwrap_or_default() }
    }

    /// The moment, read once for everything that is decided in it. What the clock says is remembered: it may not say less later.
    pub fn moment(&self) -> Moment {
        let mono = self.clock.mono();
        let moment = Moment { now: self.clock.utc(), mono, clock: self.meter.clock(mono) };
        // A log that was given up has nobody who decides by it.
        let _ = self.with_log(|recorder| recorder.saw(moment.now, mono));
        moment
    }

    /// The moment, for a record.
    pub fn stamp(&self) -> Stamp {
        let Moment { now, mono, clock } = self.moment();
        Stamp { time: now, clock, mono }
    }

    /// Works with the log. A thread that panicked while holding it has left it whole: the writer stops itself on any error.
    pub fn with_log<T>(&self, work: impl FnOnce(&mut Recorder) -> T) -> Result<T, GivenUp> {
        self.lock().as_mut().map(work).ok_or(GivenUp)
    }

    /// Looks at what the log amounts to.
    pub fn with_ledger<T>(&self, look: impl FnOnce(&Ledger) -> T) -> Result<T, GivenUp> {
        self.with_log(|recorder| look(recorder.ledger()))
    }

    /// Writes records about a control, in one group commit.
    pub fn about(
        &self,
        control: &ControlId,
        order: Digest,
        runbook: Option<Digest>,
        bodies: Vec<Body>,
    ) -> Result<Appended, AppendError> {
        let stamp = self.stamp();
        let subject = format!("control:{control}");
        self.append(|recorder| recorder.run(stamp, &subject, order, runbook, bodies))
    }

    /// Writes records about something else, in one group commit.
    pub fn about_subject(
        &self,
        subject: &str,
        order: Digest,
        bodies: Vec<Body>,
    ) -> Result<Appended, AppendError> {
        let stamp = self.stamp();
        self.append(|recorder| recorder.run(stamp, subject, order, None, bodies))
    }

    /// Writes what is about the log or the site itself.
    pub fn about_the_log(&self, bodies: Vec<Body>) -> Result<Appended, AppendError> {
        let stamp = self.stamp();
        self.append(|recorder| recorder.about_the_log(stamp, bodies))
    }

    fn append(
        &self,
        write: impl FnOnce(&mut Recorder) -> Result<Appended, AppendError>,
    ) -> Result<Appended, AppendError> {
        // The log is given up only while nothing runs and nothing is admitted: whoever writes then has lost a race that the process must not survive.
        self.with_log(write).unwrap_or(Err(AppendError::Stopped))
    }

    /// Gives the log up, for it to be put back.
    pub fn give_up(&self) -> Option<Recorder> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Recorder>> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hands_generation(healthy: &GenerationHealthy) -> Generation {
    Generation { number: healthy.number, closure: PathBuf::from(healthy.closure.as_str()) }
}
