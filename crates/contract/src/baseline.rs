//! The baseline: named controls, each with what is looked at, what is expected, and which rule of the Security Rule asks for it.
//!
//! A baseline is parsed once, strictly, and refused as a whole where anything in it makes no sense: an empty list, a control that appears twice
//! or cites nothing, an expectation that nothing or everything could meet. Evaluation is pure: facts, baseline and exceptions go in, findings
//! come out. A pass needs a value that was seen; an absent fact, or one of another kind than expected, is never assessed.

mod citation;
mod control;
mod expectation;
mod nixos;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_yaml::Spanned;
use thiserror::Error;

use crate::digest::Digest;
use crate::exception::Exceptions;
use crate::fact::{FactId, FactSet, Word};
use crate::finding::{Finding, Verdict};
use crate::ids::ControlId;
use crate::time::UtcTime;
use crate::yaml::{self, YamlError};

pub use citation::{BadCitation, Citation};
pub use control::{Area, Control, Severity};
pub use expectation::{Expectation, Owner, PermissionsWithin, Range, Users};
pub use nixos::{Assignment, BadAssignment, Nixos};

/// A list of controls with a name and a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    name: Word,
    version: u32,
    controls: Vec<Control>,
    index: BTreeMap<ControlId, usize>,
    digest: Digest,
}

/// The file as written, before its meaning is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Word,
    version: u32,
    controls: Spanned<Vec<Spanned<Control>>>,
}

/// Why a baseline was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BaselineError {
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
        nonsense: Nonsense,
    },
}

/// What makes no sense in a baseline that is otherwise well written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Nonsense {
    /// A baseline without controls would find nothing wrong anywhere.
    #[error("the list of controls is empty")]
    NoControls,
    /// Two controls share an id.
    #[error("control {0} appears twice")]
    Twice(ControlId),
    /// A control that cites nothing is an opinion.
    #[error("control {0} cites nothing")]
    NoCitation(ControlId),
    /// One control cites the same paragraph twice.
    #[error("control {0} cites {1} twice")]
    CitedTwice(ControlId, Citation),
    /// The expectation can be met by no value, or repeats itself.
    #[error("control {0} expects what no value could meet, or names a value twice")]
    HollowExpectation(ControlId),
    /// The title or the reason is empty, too long or not one line.
    #[error("control {0}: title and why must each be one line, of at most 80 and 280 characters")]
    Prose(ControlId),
    /// A runbook may repair it and none may; or the reason why none may says nothing.
    #[error(
        "control {0}: `person` is one line that says why no runbook may repair it, and stands where `runbook` does not"
    )]
    WhoRepairs(ControlId),
    /// Neither an option nor a reason.
    #[error("control {0} names no NixOS option and gives no reason why")]
    NoNixos(ControlId),
}

impl Baseline {
    /// Parses `text`. `file` is only for the messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, BaselineError> {
        let Written { name, version, controls: written } = yaml::parse(file, text)?;
        let refuse = |line, nonsense| Err(BaselineError::Meaning { file: file.to_owned(), line, nonsense });
        if written.value.is_empty() {
            return refuse(written.referenced.line(), Nonsense::NoControls);
        }
        let mut index = BTreeMap::new();
        let mut controls = Vec::with_capacity(written.value.len());
        for item in written.value {
            let line = item.referenced.line();
            let control = item.value;
            if let Some(nonsense) = control.nonsense() {
                return refuse(line, nonsense);
            }
            if index.insert(control.id.clone(), controls.len()).is_some() {
                return refuse(line, Nonsense::Twice(control.id));
            }
            controls.push(control);
        }
        Ok(Self { name, version, controls, index, digest: Digest::of(text.as_bytes()) })
    }

    /// Its name.
    pub const fn name(&self) -> &Word {
        &self.name
    }

    /// Its version.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// SHA-256 over the file's exact bytes.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Its controls, in the file's order. Never empty.
    pub fn controls(&self) -> &[Control] {
        &self.controls
    }

    /// The control of this id.
    pub fn control(&self, id: &ControlId) -> Option<&Control> {
        self.index.get(id).map(|&at| &self.controls[at])
    }

    /// Every fact that a control looks at, once, in the controls' order.
    pub fn facts(&self) -> Vec<FactId> {
        let mut seen = BTreeSet::new();
        self.controls.iter().map(|c| &c.observe).filter(|f| seen.insert(*f)).cloned().collect()
    }

    /// One finding for each control, in the file's order. `users` are those that run Suture.
    pub fn evaluate(
        &self,
        facts: &FactSet,
        exceptions: &Exceptions,
        now: UtcTime,
        users: Users,
    ) -> Vec<Finding> {
        let finding = |control: &Control| {
            let verdict = match control.judge(&facts.observation(&control.observe), users) {
                Verdict::Fail(seen) if exceptions.excuse(&control.id, now).is_some() => {
                    Verdict::Excepted(seen)
                }
                other => other,
            };
            Finding { control: control.id.clone(), fact: control.observe.clone(), verdict }
        };
        self.controls.iter().map(finding).collect()
    }
}
