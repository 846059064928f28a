//! How a command fails: an exit status that scripts can rely on, and words that a person can act on.

use std::fmt;
use std::process::ExitCode;

/// The exit statuses (after `sysexits.h` where it has one).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// The loop did not close, the evidence did not verify, what came is not what was exported, a sample did not do what its detector says,
    /// a planner missed its bar, or a decision came out otherwise.
    NotProven,
    /// The command line cannot be used.
    Usage,
    /// A new policy would deny what the old one allowed.
    Breaking,
    /// What a file holds is refused: a policy, a runbook, a key, an envelope.
    Refused,
    /// What was asked for is not there.
    NothingThere,
    /// The hub cannot be reached.
    Unavailable,
    /// A directory or file cannot be used.
    CannotCreate,
    /// Another process uses the directory.
    InUse,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::NotProven => 1,
            Status::Usage => 2,
            Status::Breaking => 3,
            Status::Refused => 65,
            Status::NothingThere => 66,
            Status::Unavailable => 69,
            Status::CannotCreate => 73,
            Status::InUse => 75,
        })
    }
}

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    /// What went wrong and what to do next.
    pub(crate) words: String,
}

impl Failure {
    pub(crate) fn new(status: Status, words: impl Into<String>) -> Self {
        Self { status, words: words.into() }
    }

    /// A file or directory that cannot be used, with the whole chain of causes and advice where there is some.
    pub(crate) fn file(error: &edge::file::FileError) -> Self {
        let advice = match error.source.kind() {
            std::io::ErrorKind::StorageFull => {
                "; the disk is full: free some space, or choose another directory with --dir"
            }
            std::io::ErrorKind::PermissionDenied => "; choose a directory of your own with --dir",
            _ => "",
        };
        Self::new(Status::CannotCreate, format!("{error}: {}{advice}", error.source))
    }
}

impl From<edge::file::FileError> for Failure {
    fn from(error: edge::file::FileError) -> Self {
        Self::file(&error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}
