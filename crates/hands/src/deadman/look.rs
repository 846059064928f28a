//! The look from outside, made by the process that keeps the time. It is fresh, and no part of the executor, which may be confined to have no
//! network at all. Asked and answered by two files beside the plan.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use edge::file::{self, FileError};
use serde::{Deserialize, Serialize};

use crate::{HandError, NotConfirmed, Programs, WayIn, after_check};

const POLL: Duration = Duration::from_millis(20);
const BYTES_MAX: u64 = 1024;

/// A question. The number tells its answer from that to an earlier one, for which nobody waits any more.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    number: u64,
    way: WayIn,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    number: u64,
    seen: Seen,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Seen {
    Open,
    NothingToReach,
    OutOfSight,
    Configuration,
    NotRunning,
    NoAnswer,
    NobodyCanGetIn,
    NotMeasured,
}

fn question_in(directory: &Path) -> PathBuf {
    directory.join("dead-man.look")
}

fn answer_in(directory: &Path) -> PathBuf {
    directory.join("dead-man.seen")
}

/// Asks, and waits for the answer.
pub(super) fn ask(directory: &Path, way: WayIn, limit: Duration) -> Result<(), NotConfirmed> {
    let until = Instant::now() + limit;
    let question = Question { number: edge::clock::mono().0, way };
    write(&question_in(directory), &question)?;
    while Instant::now() < until {
        match read::<Answer>(&answer_in(directory))? {
            Some(Answer { number, seen }) if number == question.number => return seen.told(),
            _ => std::thread::sleep(POLL),
        }
    }
    Err(HandError::TooLate.into())
}

/// Takes the question that was asked last, if there is one.
pub(super) fn take(directory: &Path) -> Option<Question> {
    let path = question_in(directory);
    let question = read(&path).ok().flatten()?;
    file::remove_durably(&path).ok().map(|()| question)
}

/// Looks, and says what was seen.
pub(super) fn answer(directory: &Path, question: &Question, programs: &dyn Programs) {
    let seen = Seen::from(after_check(question.way, programs));
    if let Err(e) = write(&answer_in(directory), &Answer { number: question.number, seen }) {
        tracing::warn!(error = &e as &dyn std::error::Error, "what was seen cannot be told");
    }
}

impl From<Result<(), NotConfirmed>> for Seen {
    fn from(looked: Result<(), NotConfirmed>) -> Self {
        match looked {
            Ok(()) => Self::Open,
            Err(NotConfirmed::NothingToReach) => Self::NothingToReach,
            Err(NotConfirmed::OutOfSight) => Self::OutOfSight,
            Err(NotConfirmed::Configuration) => Self::Configuration,
            Err(NotConfirmed::NotRunning) => Self::NotRunning,
            Err(NotConfirmed::NoAnswer) => Self::NoAnswer,
            Err(NotConfirmed::NobodyCanGetIn) => Self::NobodyCanGetIn,
            Err(NotConfirmed::NotMeasured(e)) => {
                tracing::warn!(error = &e as &dyn std::error::Error, "nothing could be seen from outside");
                Self::NotMeasured
            }
        }
    }
}

impl Seen {
    fn told(self) -> Result<(), NotConfirmed> {
        Err(match self {
            Self::Open => return Ok(()),
            Self::NothingToReach => NotConfirmed::NothingToReach,
            Self::OutOfSight => NotConfirmed::OutOfSight,
            Self::Configuration => NotConfirmed::Configuration,
            Self::NotRunning => NotConfirmed::NotRunning,
            Self::NoAnswer => NotConfirmed::NoAnswer,
            Self::NobodyCanGetIn => NotConfirmed::NobodyCanGetIn,
            Self::NotMeasured => {
                HandError::NotAsDeclared { what: "the dead-man's process could not look from outside" }.into()
            }
        })
    }
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), HandError> {
    let bytes = serde_json::to_vec(value)
        .map_err(|_| HandError::NotAsDeclared { what: "a question or an answer cannot be written down" })?;
    file::write_durably(path, &bytes).map_err(failed)
}

/// None where there is none. Half a file is never seen: it takes its place whole.
fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, HandError> {
    match file::read(path, BYTES_MAX) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(e) if e.source.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed(e)),
    }
}

fn failed(FileError { path, action, source }: FileError) -> HandError {
    HandError::File { path, action, source }
}
