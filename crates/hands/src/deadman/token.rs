//! The token: an empty file whose name says how the timer stands. It goes from state to state by rename, which one of several gets and the others
//! do not.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use edge::file::{self, FileError, Lock};

use super::DeadManError;

const POLL: Duration = Duration::from_millis(10);
const WATCHING: &str = "dead-man.watching";

/// How a timer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There is none.
    None,
    /// It waits.
    Armed,
    /// All is well: it will do nothing.
    Confirmed,
    /// Nothing was done, so nothing has to be undone.
    Withdrawn,
    /// It puts the old state back, or was cut off while it did.
    Firing,
    /// It has put the old state back.
    Fired,
}

impl State {
    /// In the order in which a token passes them, so that one that moves while we look is still seen.
    const ALL: [Self; 5] = [Self::Armed, Self::Confirmed, Self::Withdrawn, Self::Firing, Self::Fired];

    /// How the timer of the step with this snapshot stands.
    pub(super) fn of(directory: &Path) -> Self {
        Self::ALL.into_iter().find(|state| state.path(directory).exists()).unwrap_or(Self::None)
    }

    fn path(self, directory: &Path) -> PathBuf {
        directory.join(match self {
            Self::None => "dead-man.none",
            Self::Armed => "dead-man.armed",
            Self::Confirmed => "dead-man.confirmed",
            Self::Withdrawn => "dead-man.withdrawn",
            Self::Firing => "dead-man.firing",
            Self::Fired => "dead-man.fired",
        })
    }
}

/// Forgets an ended timer of the same step.
pub(super) fn clear(directory: &Path) -> Result<(), FileError> {
    let ended = [State::Confirmed, State::Withdrawn, State::Fired].map(|state| state.path(directory));
    for path in ended.into_iter().chain([directory.join(WATCHING)]) {
        match file::remove_durably(&path) {
            Err(e) if e.source.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// Makes the token.
pub(super) fn arm(directory: &Path) -> Result<(), FileError> {
    file::write_durably(&State::Armed.path(directory), b"")
}

/// Takes the token from one state to another, durably. False where it was not in the first: somebody else was there before.
pub(super) fn go(directory: &Path, from: State, to: State) -> Result<bool, FileError> {
    let path = from.path(directory);
    match fs::rename(&path, to.path(directory)) {
        Ok(()) => file::sync_directory(directory).map(|()| true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(FileError { path, action: "move the dead-man's token", source }),
    }
}

/// Says that somebody watches.
pub(super) fn watch(directory: &Path) -> Result<(), FileError> {
    file::write_durably(&directory.join(WATCHING), b"")
}

/// Waits until somebody says that he watches.
pub(super) fn await_watcher(directory: &Path, limit: Duration) -> Result<(), DeadManError> {
    let until = Instant::now() + limit;
    while Instant::now() < until {
        if directory.join(WATCHING).exists() {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
    Err(DeadManError::NotWatching)
}

/// Lets one fire at a time; the others wait for it.
pub(super) fn alone(directory: &Path, limit: Duration) -> Result<Lock, FileError> {
    let until = Instant::now() + limit;
    loop {
        match file::lock(&directory.join("dead-man.lock")) {
            Err(e) if e.source.kind() == ErrorKind::WouldBlock && Instant::now() < until => {
                std::thread::sleep(POLL);
            }
            locked => return locked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_who_confirm_and_fire_at_once_exactly_one_wins() {
        for _ in 0..50 {
            let dir = tempfile::tempdir().unwrap();
            arm(dir.path()).unwrap();
            let wins: Vec<State> = std::thread::scope(|scope| {
                let racers = [State::Confirmed, State::Firing].into_iter().cycle().take(8).map(|to| {
                    let dir = dir.path();
                    scope.spawn(move || go(dir, State::Armed, to).unwrap().then_some(to))
                });
                let racers: Vec<_> = racers.collect();
                racers.into_iter().filter_map(|r| r.join().unwrap()).collect()
            });
            assert_eq!(wins, [State::of(dir.path())]);
        }
    }

    #[test]
    fn one_fires_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let held = alone(dir.path(), Duration::ZERO).unwrap();
        assert!(alone(dir.path(), Duration::from_millis(30)).is_err());
        drop(held);
        alone(dir.path(), Duration::ZERO).unwrap();
    }
}
