//! Where an action happens: the directories, the snapshot of its step, the programs it may start, and how long it may take.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use contract::runbook::{FileTarget, OwnDirectory};
use contract::time::MonoNs;
use facts::OwnDirectories;

use crate::error::HandError;
use crate::program::Programs;
use crate::snapshot::Snapshot;

/// What every verb is given.
#[derive(Debug)]
pub struct Place<'a> {
    /// Suture's own directories.
    pub own: &'a OwnDirectories,
    /// What this step keeps to undo itself.
    pub snapshot: Snapshot,
    /// Starts programs, confined.
    pub programs: &'a dyn Programs,
    /// Until when it must be done.
    pub deadline: MonoNs,
    /// Whether somebody wants it to stop.
    pub interrupt: &'a Interrupt,
    /// A directory of its own, for scratch work; removed by whoever makes the place.
    pub scratch: PathBuf,
    /// What is known of this machine's NixOS generations.
    pub nixos: Nixos,
}

/// What the verbs about NixOS generations are told.
#[derive(Debug, Clone)]
pub struct Nixos {
    /// Where `/nix` and `/run` lie: `/`, except in tests.
    pub root: PathBuf,
    /// Generations that were healthy: the executor notes one whenever all checks have passed on it.
    pub healthy: Vec<Generation>,
}

/// A generation. Numbers are given again after a deletion, so it is one only together with its closure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its number.
    pub number: u64,
    /// Its system closure in the store.
    pub closure: PathBuf,
}

impl Default for Nixos {
    fn default() -> Self {
        Self { root: PathBuf::from("/"), healthy: Vec::new() }
    }
}

/// Asks an action to pause, or to stop early. Long ones look at it between pieces of work; their programs are frozen by whoever starts them.
#[derive(Debug, Default)]
pub struct Interrupt {
    asked: Mutex<Asked>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    Pause,
    Stop,
}

impl Interrupt {
    /// Asks to stop.
    pub fn ask(&self) {
        self.set(Asked::Stop);
    }

    /// Asks to pause. One that was asked to stop stops.
    pub fn pause(&self) {
        if !self.is_asked() {
            self.set(Asked::Pause);
        }
    }

    /// Lets it go on after a pause.
    pub fn go_on(&self) {
        if !self.is_asked() {
            self.set(Asked::Nothing);
        }
    }

    /// Whether it was asked to stop.
    pub fn is_asked(&self) -> bool {
        *self.lock() == Asked::Stop
    }

    /// Whether it was asked to pause.
    pub fn is_paused(&self) -> bool {
        *self.lock() == Asked::Pause
    }

    /// Stands still while it is asked to.
    fn stand_still(&self) {
        let mut asked = self.lock();
        while *asked == Asked::Pause {
            asked = self.changed.wait(asked).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn set(&self, asked: Asked) {
        *self.lock() = asked;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Stands still while it is asked to pause; refuses to go on after the deadline, or when it is asked to stop.
    pub fn go_on(&self) -> Result<(), HandError> {
        self.interrupt.stand_still();
        if self.interrupt.is_asked() {
            Err(HandError::Interrupted)
        } else if edge::clock::mono() > self.deadline {
            Err(HandError::TooLate)
        } else {
            Ok(())
        }
    }

    /// Milliseconds that are left; 0 after the deadline.
    pub fn left_ms(&self) -> u64 {
        self.deadline.ms_since(edge::clock::mono())
    }

    /// The path of a `file.restore` target.
    pub fn path_of(&self, target: &FileTarget) -> PathBuf {
        match target {
            FileTarget::Own(OwnDirectory::Evidence) => self.own.evidence.clone(),
            FileTarget::Own(OwnDirectory::ExecutorKeys) => self.own.executor_keys.clone(),
            FileTarget::Own(OwnDirectory::AgentKeys) => self.own.agent_keys.clone(),
            FileTarget::Path(path) => Path::new(path.as_str()).to_owned(),
        }
    }
}
