//! The dead-man timer: what touches how people get in is undone by itself, unless somebody came in afterwards and said that all is well.
//!
//! Before the act [`DeadMan::arm`] writes down how to undo it, durably, and starts a process that is no part of ours ([`keeper`]): it outlives the
//! executor however that ends. When its time is over and nobody confirmed, it undoes. Whether it was confirmed or fired is decided by one rename of one
//! file ([`token`]): whoever makes it first has won, and the other learns so.
//!
//! The time is the machine's since its start, sleep included. After a power cut there is neither the process nor that time: the next start of the
//! executor asks [`pending`] and fires what it finds at once.

mod keeper;
mod look;
mod plan;
mod readers;
mod token;

use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::resource::{Resource, UnitName};
use contract::runbook::Action;
use contract::time::MonoNs;
use edge::file::FileError;
use thiserror::Error;

use crate::{HandError, Interrupt, Nixos, NotConfirmed, Place, Programs, Snapshot, WayIn, verbs};

pub use keeper::Starter;
use plan::Timed;
pub use plan::{OwnPlaces, Pending, UndoPlan, pending};
pub use token::State;

/// How long undoing may take, services restarted included.
const UNDO_MS: u64 = 60_000;
/// How long the process that keeps the time may take to be there.
const WATCHING: Duration = Duration::from_secs(10);
/// How often it looks whether it is still needed, or is asked something.
const NAP: Duration = Duration::from_millis(100);
/// How often it tries to undo before it leaves that to the executor's next start.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Why a dead-man timer could not be armed, or did not do what it is for.
#[derive(Debug, Error)]
pub enum DeadManError {
    /// Its files cannot be written or read.
    #[error("the dead-man timer's files cannot be kept or read")]
    File(#[from] FileError),
    /// A plan is not what was written.
    #[error("{}: it is no dead-man's plan", path.display())]
    Plan {
        /// The plan.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The step has one already that has not ended.
    #[error("{}: a dead-man timer is armed there", .0.display())]
    AlreadyArmed(PathBuf),
    /// The process that keeps the time could not be started.
    #[error("the dead-man timer's process cannot be started: {0}")]
    NotStarted(String),
    /// That process did not say that it watches. Nothing may be done without it.
    #[error("the dead-man timer's process does not watch")]
    NotWatching,
    /// It cannot be told which units read the file that is to be changed.
    #[error("it cannot be told who reads the file")]
    Readers(#[source] HandError),
    /// Undoing failed.
    #[error("the old state could not be put back")]
    Undo(#[from] HandError),
}

/// An armed timer, as the executor holds it. Dropped, it goes on: only [`DeadMan::confirm`] ends it.
#[derive(Debug)]
pub struct DeadMan {
    snapshot: PathBuf,
}

impl DeadMan {
    /// Writes the plan down and has `program dead-man <plan>` watch. Returns once that process says that it does: what touches how people get in may
    /// only begin then, and the time must be well above what the act may take. Where systemd runs the process is a unit of its own; elsewhere a process
    /// in a session of its own.
    pub fn arm(plan: &UndoPlan, after: Duration, program: &Path) -> Result<Self, DeadManError> {
        Self::arm_with(plan, after, program, Starter::of_this_machine())
    }

    /// As [`DeadMan::arm`], with the process started in a given way.
    pub fn arm_with(
        plan: &UndoPlan,
        after: Duration,
        program: &Path,
        starter: Starter,
    ) -> Result<Self, DeadManError> {
        let directory = &plan.snapshot;
        if matches!(State::of(directory), State::Armed | State::Firing) {
            return Err(DeadManError::AlreadyArmed(directory.clone()));
        }
        let after_ns = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        let due = MonoNs(edge::clock::mono().0.saturating_add(after_ns));
        token::clear(directory)?;
        Timed { plan: plan.clone(), due }.write()?;
        token::arm(directory)?;
        let watched = starter
            .start(program, &plan::path_in(directory))
            .and_then(|()| token::await_watcher(directory, WATCHING));
        if let Err(e) = watched {
            // Nothing was done yet, so nothing has to be undone.
            token::go(directory, State::Armed, State::Withdrawn)?;
            return Err(e);
        }
        Ok(Self { snapshot: directory.clone() })
    }

    /// The one that an earlier process armed for this step.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self { snapshot: snapshot.directory().to_owned() }
    }

    /// The after-check confirmed that people get in, or the executor itself has put the old state back. True: the timer is off, and its process ends by
    /// itself. False: it was too late, and the old state is back or on its way. An act that took longer than the timer may have ended after that, so
    /// the executor then undoes once more, which changes nothing where all is as it was.
    pub fn confirm(&self) -> Result<bool, DeadManError> {
        Ok(token::go(&self.snapshot, State::Armed, State::Confirmed)?)
    }

    /// The step does not act after all: the timer is off, its process ends by itself, and undoing has nothing to undo.
    pub fn withdraw(&self) -> Result<(), DeadManError> {
        token::go(&self.snapshot, State::Armed, State::Withdrawn)?;
        Ok(())
    }

    /// The units that are restarted once the old state is back: those that read it, and ran when the timer was armed. None where none was, since the
    /// step did not act without.
    pub fn readers(&self) -> Result<Vec<UnitName>, DeadManError> {
        match self.state() {
            State::None | State::Withdrawn => Ok(Vec::new()),
            State::Armed | State::Confirmed | State::Firing | State::Fired => {
                Ok(Timed::read(&plan::path_in(&self.snapshot))?.plan.restart)
            }
        }
    }

    /// Has the process that keeps the time look whether people can still get in: as [`crate::after_check`], and from a process that shares nothing
    /// with this one. Only `Ok` confirms.
    pub fn look(&self, way: WayIn, limit: Duration) -> Result<(), NotConfirmed> {
        look::ask(&self.snapshot, way, limit)
    }

    /// How it stands.
    pub fn state(&self) -> State {
        State::of(&self.snapshot)
    }

    /// Whether the timer of this step has put the old state back: for the record.
    pub fn fired(snapshot: &Snapshot) -> bool {
        State::of(snapshot.directory()) == State::Fired
    }
}

/// Who reads this when it starts, and runs now: for the plan.
pub fn readers(target: &Resource) -> Result<Vec<UnitName>, DeadManError> {
    readers::of(target).map_err(DeadManError::Readers)
}

/// Puts the old state back, unless that was confirmed or done. True where it was done here. Safe at any time, in any process, more than once.
///
/// What later steps of the run did is undone before it, as the executor does: stopping the packet filter's service empties the filter, and the rules
/// that a step before has kept are loaded after that.
pub fn fire(plan: &UndoPlan, programs: &dyn Programs) -> Result<bool, DeadManError> {
    fire_after(plan, plan::later, programs)
}

/// As [`fire`], with what `later` finds undone before it: once it is decided that this one fires, and not where it was confirmed.
fn fire_after(
    plan: &UndoPlan,
    later: fn(&Path) -> Result<Vec<UndoPlan>, DeadManError>,
    programs: &dyn Programs,
) -> Result<bool, DeadManError> {
    let directory = &plan.snapshot;
    // What has ended may have been forgotten, with its directory.
    if !matches!(State::of(directory), State::Armed | State::Firing) {
        return Ok(false);
    }
    let _alone = token::alone(directory, Duration::from_millis(UNDO_MS))?;
    match State::of(directory) {
        State::Confirmed | State::Withdrawn | State::Fired | State::None => return Ok(false),
        State::Armed => {
            if !token::go(directory, State::Armed, State::Firing)? {
                return Ok(false);
            }
        }
        // Somebody began and did not end: undoing twice is undoing.
        State::Firing => {}
    }
    for later in later(directory)? {
        fire(&later, programs)?;
    }
    put_back(plan, programs)?;
    Ok(token::go(directory, State::Firing, State::Fired)?)
}

fn put_back(plan: &UndoPlan, programs: &dyn Programs) -> Result<(), DeadManError> {
    let own = plan.own.directories();
    let interrupt = Interrupt::default();
    let scratch = plan.snapshot.join("dead-man-scratch");
    edge::file::private_directory(&scratch)?;
    let place = Place {
        own: &own,
        snapshot: Snapshot::at(&plan.snapshot),
        programs,
        deadline: MonoNs(edge::clock::mono().0.saturating_add(UNDO_MS * 1_000_000)),
        interrupt: &interrupt,
        scratch: scratch.clone(),
        nixos: Nixos::default(),
    };
    verbs::undo(plan.verb, &plan.target, &plan.before, &place)?;
    for unit in &plan.restart {
        verbs::arm(&Action::UnitRestart(unit.clone()), &place)?.act(&place)?;
    }
    let _ = std::fs::remove_dir_all(&scratch);
    Ok(())
}

/// What `program dead-man <plan>` does: watches until it is confirmed or due, and fires then.
pub fn serve(plan: &Path, programs: &dyn Programs) -> Result<(), DeadManError> {
    // One that leads its session already is as well off.
    let _ = rustix::process::setsid();
    let Timed { plan, due } = Timed::read(plan)?;
    token::watch(&plan.snapshot)?;
    std::thread::scope(|scope| {
        while State::of(&plan.snapshot) == State::Armed && edge::clock::mono() < due {
            // On a thread of its own: however long a look takes, the time is kept.
            if let Some(question) = look::take(&plan.snapshot) {
                let snapshot = &plan.snapshot;
                scope.spawn(move || look::answer(snapshot, &question, programs));
            }
            // Short naps: a nap does not count the machine's sleep, and the time does.
            let left = Duration::from_millis(due.ms_since(edge::clock::mono()));
            std::thread::sleep(left.clamp(Duration::from_millis(1), NAP));
        }
        fire_at_last(&plan, programs)
    })
}

fn fire_at_last(plan: &UndoPlan, programs: &dyn Programs) -> Result<(), DeadManError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match fire(plan, programs) {
            Ok(_) => return Ok(()),
            // One that cannot be undone keeps nothing before it from being undone.
            Err(e) if tries >= TRIES => return fire_after(plan, |_| Ok(Vec::new()), programs).and(Err(e)),
            Err(e) => {
                tracing::warn!(error = &e as &dyn std::error::Error, "the old state is not back yet");
                std::thread::sleep(PAUSE);
            }
        }
    }
}

#[cfg(test)]
mod tests;
