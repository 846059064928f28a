//! A pack's extension: a program beside the executor that is asked last. It may deny, and whatever goes wrong with it denies.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::request::Request;
use crate::word::Code;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1024;

/// Why there is no answer. Each is a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtensionFault {
    /// It ended. One restart is attempted, for the next question.
    #[error("it crashed")]
    Crashed,
    /// It took too long.
    #[error("it did not answer in time")]
    TimedOut,
    /// It is still starting.
    #[error("it is not ready")]
    NotReady,
    /// What it said is no answer.
    #[error("it answered nonsense")]
    Nonsense,
}

/// Asks the extension. The shell implements it, with the time limit and the confinement.
pub trait Extension {
    /// The bytes that it answered.
    fn ask(&mut self, request: &Request) -> Result<Vec<u8>, ExtensionFault>;
    /// Starts it again after a crash. Called at most once for each question, and never waited for.
    fn restart(&mut self);
}

/// What it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Allow, with a code.
    Allow(Code),
    /// Deny, with a code.
    Deny(Code),
    /// Review, with a code.
    Review(Code),
    /// It abstains.
    Pass,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    Allow(Code),
    Deny(Code),
    Review(Code),
    Pass,
}

impl Verdict {
    /// Reads an answer: `"pass"`, or `{"deny":"<code>"}`, and nothing beside it.
    fn read(answer: &[u8]) -> Result<Self, ExtensionFault> {
        if answer.len() > ANSWER_BYTES_MAX {
            return Err(ExtensionFault::Nonsense);
        }
        match serde_json::from_slice(answer) {
            Ok(Said::Allow(code)) => Ok(Self::Allow(code)),
            Ok(Said::Deny(code)) => Ok(Self::Deny(code)),
            Ok(Said::Review(code)) => Ok(Self::Review(code)),
            Ok(Said::Pass) => Ok(Self::Pass),
            Err(_) => Err(ExtensionFault::Nonsense),
        }
    }

    /// Its code, where it said something.
    pub const fn code(&self) -> Option<&Code> {
        match self {
            Self::Allow(code) | Self::Deny(code) | Self::Review(code) => Some(code),
            Self::Pass => None,
        }
    }
}

/// One question, and at most one restart.
pub(crate) fn consult(extension: &mut dyn Extension, request: &Request) -> Result<Verdict, ExtensionFault> {
    let said = extension.ask(request).and_then(|answer| Verdict::read(&answer));
    match said {
        Err(ExtensionFault::Crashed) => extension.restart(),
        Err(ExtensionFault::TimedOut | ExtensionFault::NotReady | ExtensionFault::Nonsense) | Ok(_) => {}
    }
    said
}
