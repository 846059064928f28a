//! Parameters of runbooks: declared types, and bindings from the failing control. Nobody ever writes a value.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Runbook;
use crate::baseline::Control;
use crate::fact::{FactId, FileMode, Source, Word};
use crate::ids::ParameterName;

/// Suture's own directories on a host, by role. The executor alone knows where they are: no order can name a path among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnDirectory {
    /// The evidence log.
    Evidence,
    /// The executor's keys.
    ExecutorKeys,
    /// The agent's keys.
    AgentKeys,
}

impl OwnDirectory {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Evidence, Self::ExecutorKeys, Self::AgentKeys];

    /// Its word: the name of its fact within [`Source::Own`].
    pub const fn word(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::ExecutorKeys => "executor-keys",
            Self::AgentKeys => "agent-keys",
        }
    }

    /// By its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.word() == word)
    }
}

/// What a parameter may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ParameterType {
    /// One of Suture's own directories.
    OwnDirectory,
    /// One of these absolute paths, written out: no pattern can grow.
    Path {
        /// The only paths allowed.
        one_of: Vec<Word>,
    },
    /// One of these kernel parameters.
    SysctlKey {
        /// The only keys allowed.
        one_of: Vec<Word>,
    },
    /// One of these units.
    Unit {
        /// The only units allowed.
        one_of: Vec<Word>,
    },
    /// A mode that grants nothing beyond this one.
    FileMode {
        /// The most that may be granted.
        within: FileMode,
    },
    /// A whole number.
    Number {
        /// The smallest allowed.
        min: i64,
        /// The largest allowed.
        max: i64,
    },
}

/// Where a parameter's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// The name of the fact that the failing control looks at: the path, the key, the unit.
    FactName,
    /// The number that the failing control expects.
    ExpectedNumber,
    /// The mode that the failing control expects.
    ExpectedMode,
}

/// A parameter's declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it may hold.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// Where its value comes from.
    pub from: Binding,
}

/// A parameter's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ParameterValue {
    /// One of Suture's own directories.
    OwnDirectory(OwnDirectory),
    /// An absolute path.
    Path(Word),
    /// A kernel parameter's key.
    SysctlKey(Word),
    /// A unit's name.
    Unit(Word),
    /// A mode.
    FileMode(FileMode),
    /// A whole number.
    Number(i64),
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnDirectory(d) => f.write_str(d.word()),
            Self::Path(w) | Self::SysctlKey(w) | Self::Unit(w) => f.write_str(w.as_str()),
            Self::FileMode(mode) => write!(f, "{mode}"),
            Self::Number(n) => write!(f, "{n}"),
        }
    }
}

/// What is wrong with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterFault {
    /// The order leaves it out.
    #[error("it is missing")]
    Missing,
    /// The runbook declares no such parameter.
    #[error("the runbook declares no such parameter")]
    Undeclared,
    /// The value is of another type than declared.
    #[error("it is of another type than declared")]
    WrongType,
    /// The value is outside its declared set or range.
    #[error("it is outside its declared set or range")]
    OutOfRange,
    /// The value cannot be had from this control.
    #[error("the control does not yield it")]
    Unbindable,
    /// The value is not the one that this control yields.
    #[error("it is not what the control yields")]
    NotAsBound,
}

type Values = BTreeMap<ParameterName, ParameterValue>;
type Fault = (ParameterName, ParameterFault);

impl Runbook {
    /// Binds every parameter from the failing control, and nothing else.
    pub fn bind(&self, control: &Control) -> Result<Values, Fault> {
        self.parameters
            .iter()
            .map(|(name, declared)| {
                let value = declared.bind(control).map_err(|fault| (name.clone(), fault))?;
                Ok((name.clone(), value))
            })
            .collect()
    }

    /// Checks that `values` are exactly what this runbook's bindings yield for `control`, and that each is within its declaration.
    pub fn check(&self, values: &Values, control: &Control) -> Result<(), Fault> {
        if let Some(extra) = values.keys().find(|name| !self.parameters.contains_key(*name)) {
            return Err((extra.clone(), ParameterFault::Undeclared));
        }
        for (name, declared) in &self.parameters {
            let fault = |f| (name.clone(), f);
            let value = values.get(name).ok_or_else(|| fault(ParameterFault::Missing))?;
            declared.kind.admits(value).map_err(fault)?;
            if declared.bind(control).map_err(fault)? != *value {
                return Err(fault(ParameterFault::NotAsBound));
            }
        }
        Ok(())
    }
}

impl Parameter {
    fn bind(&self, control: &Control) -> Result<ParameterValue, ParameterFault> {
        let value = match self.from {
            Binding::FactName => self.kind.read_fact(&control.observe)?,
            Binding::ExpectedNumber => {
                control.expect.number().map(ParameterValue::Number).ok_or(ParameterFault::Unbindable)?
            }
            Binding::ExpectedMode => {
                control.expect.mode().map(ParameterValue::FileMode).ok_or(ParameterFault::Unbindable)?
            }
        };
        self.kind.admits(&value)?;
        Ok(value)
    }
}

impl ParameterType {
    /// Reads the value out of the fact's name, where the fact's source is the one that this type belongs to.
    fn read_fact(&self, fact: &FactId) -> Result<ParameterValue, ParameterFault> {
        let word = || Word::try_from(fact.name().to_owned()).map_err(|_| ParameterFault::Unbindable);
        match (self, fact.source()) {
            (Self::OwnDirectory, Source::Own) => OwnDirectory::from_word(fact.name())
                .map(ParameterValue::OwnDirectory)
                .ok_or(ParameterFault::Unbindable),
            (Self::Path { .. }, Source::Path) => word().map(ParameterValue::Path),
            (Self::SysctlKey { .. }, Source::Sysctl) => word().map(ParameterValue::SysctlKey),
            (Self::Unit { .. }, Source::Unit) => word().map(ParameterValue::Unit),
            _ => Err(ParameterFault::Unbindable),
        }
    }

    /// Whether `value` is of this type and within its set or range.
    pub fn admits(&self, value: &ParameterValue) -> Result<(), ParameterFault> {
        let within = match (self, value) {
            (Self::OwnDirectory, ParameterValue::OwnDirectory(_)) => true,
            (Self::Path { one_of }, ParameterValue::Path(w)) => {
                one_of.contains(w) && is_plain_absolute(w.as_str())
            }
            (Self::SysctlKey { one_of }, ParameterValue::SysctlKey(w))
            | (Self::Unit { one_of }, ParameterValue::Unit(w)) => one_of.contains(w),
            (Self::FileMode { within }, ParameterValue::FileMode(mode)) => mode.within(*within),
            (Self::Number { min, max }, ParameterValue::Number(n)) => (min..=max).contains(&n),
            _ => return Err(ParameterFault::WrongType),
        };
        if within { Ok(()) } else { Err(ParameterFault::OutOfRange) }
    }
}

impl ParameterType {
    /// Values that it admits: every member of its set, the ends of its range.
    pub fn examples(&self) -> Vec<ParameterValue> {
        let each =
            |words: &[Word], value: fn(Word) -> ParameterValue| words.iter().cloned().map(value).collect();
        match self {
            Self::OwnDirectory => OwnDirectory::ALL.into_iter().map(ParameterValue::OwnDirectory).collect(),
            Self::Path { one_of } => each(one_of, ParameterValue::Path),
            Self::SysctlKey { one_of } => each(one_of, ParameterValue::SysctlKey),
            Self::Unit { one_of } => each(one_of, ParameterValue::Unit),
            Self::FileMode { within } => vec![ParameterValue::FileMode(*within)],
            Self::Number { min, max } => vec![ParameterValue::Number(*min), ParameterValue::Number(*max)],
        }
    }
}

/// Absolute, and in its one canonical spelling: no `.`, no `..`, no empty part.
fn is_plain_absolute(path: &str) -> bool {
    path.strip_prefix('/')
        .is_some_and(|rest| rest.split('/').all(|part| !part.is_empty() && part != "." && part != ".."))
}
