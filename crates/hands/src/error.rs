//! Why an action could not be armed, did not act, or could not be undone.

use std::io;
use std::path::{Path, PathBuf};

use contract::runbook::Verb;
use thiserror::Error;

use crate::snapshot::SnapshotError;

/// Why a hand did not do its work. What it says goes to the trace, never into a record: it may name paths.
#[derive(Debug, Error)]
pub enum HandError {
    /// A file cannot be opened, read, written or put in place.
    #[error("{}: cannot {action}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The target is another inode than the one that the intent names.
    #[error("{}: it is not the inode that the intent names", .0.display())]
    Replaced(PathBuf),
    /// The candidate did not pass its validator: nothing was put in place.
    #[error("{}: the candidate was refused by {by}", path.display())]
    Candidate {
        /// Where it was to go.
        path: PathBuf,
        /// The program that refused it.
        by: &'static str,
    },
    /// The service manager did not do it, or says that it did not work.
    #[error("{unit}: {action}: {why}")]
    Unit {
        /// The unit.
        unit: String,
        /// What was tried.
        action: &'static str,
        /// What it said.
        why: String,
    },
    /// A program could not be started, or ended badly.
    #[error("{program}: {why}")]
    Program {
        /// The program.
        program: PathBuf,
        /// What became of it.
        why: String,
    },
    /// It did what it was told, and what came of it is not what was declared.
    #[error("{what}")]
    NotAsDeclared {
        /// What is missing or different.
        what: &'static str,
    },
    /// It could not be checked: what there is to compare says nothing. That is no proof of anything, and never passes for one.
    #[error("could not check: {what}")]
    NotChecked {
        /// What was not there to be compared.
        what: &'static str,
    },
    /// There is nothing that the action could be about: no such account, no busy unit, no healthy generation.
    #[error("nothing to do: {0}")]
    NothingToDo(&'static str),
    /// The snapshot cannot be kept or read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The intent's `before` is of another verb.
    #[error("{0}: the intent does not say how things stood")]
    NoBefore(Verb),
    /// Its time is over.
    #[error("its time is over")]
    TooLate,
    /// It was asked to stop.
    #[error("it was asked to stop")]
    Interrupted,
}

impl HandError {
    /// For `map_err`: what was tried on which file.
    pub(crate) fn file<E: Into<io::Error>>(path: &Path, action: &'static str) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, action, source: source.into() }
    }

    /// A file or directory that is not as it must be for this.
    pub(crate) fn unfit(path: &Path, action: &'static str, why: &'static str) -> Self {
        Self::File { path: path.to_owned(), action, source: io::Error::new(io::ErrorKind::InvalidInput, why) }
    }
}
