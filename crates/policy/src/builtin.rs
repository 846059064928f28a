//! The built-in rules: at most ten, asked first, and never overridden by a file, a token or an extension.
//!
//! What Suture itself stands on is untouchable: whoever could write the policy, cut the evidence or exchange the executor needs no runbook. An access
//! counts as one to a protected path where it is to that path, to something below it, or to a directory that it lies in: deleting `/var/lib` deletes
//! `/var/lib/suture`.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::path::CanonicalPath;
use crate::request::{Operation, Request, Resource};
use crate::word::UnitName;

/// What a protected path is to Suture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The policy.
    Policy,
    /// The evidence log.
    Evidence,
    /// What Suture remembers.
    State,
    /// Its keys.
    Keys,
    /// The executor's program and configuration.
    Executor,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Policy, Self::Evidence, Self::State, Self::Keys, Self::Executor];
}

/// One built-in rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltIn {
    /// Denies every change of a path with this role.
    Untouchable(Role),
    /// Denies reading keys: what can be read can be carried away in a backup.
    KeysUnread,
    /// Denies control of the executor's own units.
    ExecutorUnit,
    /// Denies everything to an own directory but the one thing that the next one allows.
    OwnDirectory,
    /// Allows giving an own directory its declared private mode.
    OwnTightened,
}

impl BuiltIn {
    /// All nine.
    pub const ALL: [Self; 9] = [
        Self::Untouchable(Role::Policy),
        Self::Untouchable(Role::Evidence),
        Self::Untouchable(Role::State),
        Self::Untouchable(Role::Keys),
        Self::Untouchable(Role::Executor),
        Self::KeysUnread,
        Self::ExecutorUnit,
        Self::OwnDirectory,
        Self::OwnTightened,
    ];

    /// True for the one that allows. An allow ends nothing: a rule or an extension may still deny.
    pub const fn allows(self) -> bool {
        match self {
            Self::OwnTightened => true,
            Self::Untouchable(_) | Self::KeysUnread | Self::ExecutorUnit | Self::OwnDirectory => false,
        }
    }
}

impl fmt::Display for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Untouchable(Role::Policy) => "the policy is untouchable",
            Self::Untouchable(Role::Evidence) => "the evidence is untouchable",
            Self::Untouchable(Role::State) => "Suture's state is untouchable",
            Self::Untouchable(Role::Keys) => "Suture's keys are untouchable",
            Self::Untouchable(Role::Executor) => "the executor is untouchable",
            Self::KeysUnread => "Suture's keys are not read by a step",
            Self::ExecutorUnit => "the executor's units are untouchable",
            Self::OwnDirectory => "Suture's own directories are untouchable",
            Self::OwnTightened => "an own directory may get its declared private mode",
        })
    }
}

/// Where on this machine the untouchable things are. Whoever starts the engine says so; there is no default that could be wrong in silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    paths: Box<[(CanonicalPath, Role)]>,
    units: Box<[UnitName]>,
}

/// Why the list of protected things is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtectedFault {
    /// Nothing is named for a role, so the role would be unprotected.
    #[error("no path is named for the role {0:?}")]
    NoPath(Role),
    /// No unit is named, so the executor could be stopped.
    #[error("no unit of the executor is named")]
    NoUnit,
}

impl Protected {
    /// At least one path for each role, and at least one unit.
    pub fn new(paths: Vec<(CanonicalPath, Role)>, units: Vec<UnitName>) -> Result<Self, ProtectedFault> {
        if let Some(role) = Role::ALL.into_iter().find(|role| !paths.iter().any(|(_, r)| r == role)) {
            return Err(ProtectedFault::NoPath(role));
        }
        if units.is_empty() {
            return Err(ProtectedFault::NoUnit);
        }
        Ok(Self { paths: paths.into(), units: units.into() })
    }

    /// What the built-ins say of a request; `None` where they are silent.
    pub(crate) fn judge(&self, request: &Request) -> Option<BuiltIn> {
        match (&request.resource, request.operation) {
            (Resource::Path(path) | Resource::Program(path), operation) => self.judge_path(path, operation),
            (Resource::Unit(unit), operation) => {
                let own = operation != Operation::Read && self.units.contains(unit);
                own.then_some(BuiltIn::ExecutorUnit)
            }
            (Resource::Own(_), Operation::TightenOwn) => Some(BuiltIn::OwnTightened),
            (Resource::Own(_), _) => Some(BuiltIn::OwnDirectory),
            (Resource::Unplaced(_) | Resource::Sysctl(_) | Resource::User(_) | Resource::Machine, _) => None,
        }
    }

    fn judge_path(&self, path: &CanonicalPath, operation: Operation) -> Option<BuiltIn> {
        let touched = |wanted: fn(Role) -> bool| {
            self.paths.iter().find(|(own, role)| wanted(*role) && own.may_touch(path)).map(|(_, role)| *role)
        };
        match operation {
            Operation::Read => touched(|role| role == Role::Keys).map(|_| BuiltIn::KeysUnread),
            Operation::Write
            | Operation::Rename
            | Operation::Delete
            | Operation::Link
            | Operation::Chmod
            | Operation::Truncate
            | Operation::Exec
            | Operation::Control
            | Operation::TightenOwn => touched(|_| true).map(BuiltIn::Untouchable),
        }
    }

    /// Nothing at all is protected: there is no such thing outside this crate's own tests.
    #[cfg(test)]
    pub(crate) fn nothing() -> Self {
        Self { paths: Box::new([]), units: Box::new([]) }
    }
}
