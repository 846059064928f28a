//! Exceptions: failures that a person has accepted, for a stated reason and a limited time.
//!
//! An exception excuses a fail and nothing else: it never makes a pass, and it says nothing about a control that could not be assessed. An
//! expired one excuses nothing and stays visible until somebody removes it.

mod date;
#[cfg(test)]
mod tests;
mod words;

use serde::Deserialize;
use serde_yaml::Spanned;
use thiserror::Error;

use crate::baseline::Baseline;
use crate::ids::ControlId;
use crate::time::UtcTime;
use crate::yaml::{self, YamlError};

pub use date::{BadDate, Date};
pub use words::{BadWords, Person, Prose};

/// The longest time that a person can accept a risk for without looking again.
pub const DAYS_MAX: i64 = 90;

/// One accepted failure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The control that fails.
    pub control: ControlId,
    /// Why it is left so.
    pub reason: Prose,
    /// What could come of it.
    pub risk: Prose,
    /// What is done instead.
    pub compensating_controls: Vec<Prose>,
    /// Who answers for it.
    pub owner: Person,
    /// Who accepted it: somebody else.
    pub approver: Person,
    /// The first day (UTC) it holds.
    pub from: Date,
    /// The last day (UTC) it holds.
    pub until: Date,
}

impl Exception {
    /// True on the days from `from` to `until`, both included.
    pub fn in_force(&self, now: UtcTime) -> bool {
        self.from.begins() <= now && now < self.until.ends()
    }

    /// True after `until`.
    pub fn expired(&self, now: UtcTime) -> bool {
        now >= self.until.ends()
    }

    fn nonsense(&self) -> Option<ExceptionNonsense> {
        let control = || self.control.clone();
        if self.owner.is(&self.approver) {
            return Some(ExceptionNonsense::ApprovedByOwner(control()));
        }
        if self.compensating_controls.is_empty() {
            return Some(ExceptionNonsense::NothingInstead(control()));
        }
        match self.from.days_until(self.until) {
            days if days < 0 => Some(ExceptionNonsense::Backwards(control())),
            days if days > DAYS_MAX => Some(ExceptionNonsense::TooLong(control(), days)),
            _ => None,
        }
    }
}

/// A tenant's accepted failures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions {
    file: String,
    list: Vec<(u64, Exception)>,
}

/// Why a file of exceptions was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExceptionError {
    /// It is not YAML of our shape.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// It is of our shape and makes no sense.
    #[error("{file}:{line}: {nonsense}")]
    Meaning {
        /// The file, as it was named to us.
        file: String,
        /// Counted from 1.
        line: u64,
        /// What makes no sense there.
        nonsense: ExceptionNonsense,
    },
}

/// What makes no sense in an exception that is otherwise well written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExceptionNonsense {
    /// The file is empty.
    #[error("there is no list here; no exception at all is written []")]
    NoList,
    /// The baseline has no such control.
    #[error("the baseline has no control {0}")]
    UnknownControl(ControlId),
    /// Nobody approves a risk of their own.
    #[error("the exception to {0} is approved by its own owner")]
    ApprovedByOwner(ControlId),
    /// Accepting a risk and doing nothing is not an exception.
    #[error("the exception to {0} names no compensating control")]
    NothingInstead(ControlId),
    /// It ends before it begins.
    #[error("the exception to {0} ends before it begins")]
    Backwards(ControlId),
    /// It holds for too long.
    #[error("the exception to {0} runs for {1} days; at most {DAYS_MAX} are allowed")]
    TooLong(ControlId, i64),
}

impl Exceptions {
    /// Parses `text`: a list of exceptions, which may be empty (`[]`). `file` is only for the messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, ExceptionError> {
        // An empty file would read as an empty list: it may as well be one that was cut off.
        let written: Option<Vec<Spanned<Exception>>> = yaml::parse(file, text)?;
        let Some(written) = written else {
            let (file, nonsense) = (file.to_owned(), ExceptionNonsense::NoList);
            return Err(ExceptionError::Meaning { file, line: 1, nonsense });
        };
        let list: Vec<_> = written.into_iter().map(|w| (w.referenced.line(), w.value)).collect();
        let exceptions = Self { file: file.to_owned(), list };
        match exceptions.list.iter().find_map(|(line, e)| Some((*line, e.nonsense()?))) {
            Some((line, nonsense)) => Err(exceptions.refusal(line, nonsense)),
            None => Ok(exceptions),
        }
    }

    /// Refuses an exception to a control that `baseline` does not have.
    pub fn check_against(&self, baseline: &Baseline) -> Result<(), ExceptionError> {
        match self.list.iter().find(|(_, e)| baseline.control(&e.control).is_none()) {
            Some((line, e)) => Err(self.refusal(*line, ExceptionNonsense::UnknownControl(e.control.clone()))),
            None => Ok(()),
        }
    }

    /// The exception that excuses a fail of `control` now.
    pub fn excuse(&self, control: &ControlId, now: UtcTime) -> Option<&Exception> {
        self.iter().find(|e| e.control == *control && e.in_force(now))
    }

    /// Those whose last day has passed: each is a finding of its own.
    pub fn expired(&self, now: UtcTime) -> Vec<&Exception> {
        self.iter().filter(|e| e.expired(now)).collect()
    }

    /// All of them, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &Exception> {
        self.list.iter().map(|(_, e)| e)
    }

    fn refusal(&self, line: u64, nonsense: ExceptionNonsense) -> ExceptionError {
        ExceptionError::Meaning { file: self.file.clone(), line, nonsense }
    }
}
