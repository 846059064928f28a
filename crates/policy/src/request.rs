//! What the engine is asked: one access, of one verb, to one thing.
//!
//! A step that touches three things asks three times. Everything in a request is a typed value with one spelling; it can be written into a record and
//! asked again from there.

use std::collections::BTreeSet;
use std::fmt;

use contract::ids::RunbookId;
use contract::runbook::OwnDirectory;
use serde::{Deserialize, Serialize};

use crate::path::{CanonicalPath, Last, Links, PathFault};
use crate::word::{Person, SysctlKey, Tag, UnitName, VerbWord};

/// What is done to the thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Its content is read.
    Read,
    /// Its content or value is written, or it is made.
    Write,
    /// It, or something onto it, is renamed.
    Rename,
    /// It is deleted, with what is below it.
    Delete,
    /// A link to it, or in its place, is made.
    Link,
    /// Its mode or owner is changed.
    Chmod,
    /// It is cut short.
    Truncate,
    /// It is run.
    Exec,
    /// A unit or a process is started, stopped, limited or set.
    Control,
    /// One of Suture's own directories gets the private mode that is declared for it, and no other: this can open nothing up. Never a chmod of a path.
    TightenOwn,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Read,
        Self::Write,
        Self::Rename,
        Self::Delete,
        Self::Link,
        Self::Chmod,
        Self::Truncate,
        Self::Exec,
        Self::Control,
        Self::TightenOwn,
    ];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Rename => "rename",
            Self::Delete => "delete",
            Self::Link => "link",
            Self::Chmod => "chmod",
            Self::Truncate => "truncate",
            Self::Exec => "exec",
            Self::Control => "control",
            Self::TightenOwn => "tighten_own",
        }
    }

    /// By its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.word() == word)
    }

    /// Which thing a path means where its last name is a link.
    pub const fn last(self) -> Last {
        match self {
            Self::Rename | Self::Delete | Self::Link => Last::Itself,
            Self::Read
            | Self::Write
            | Self::Chmod
            | Self::Truncate
            | Self::Exec
            | Self::Control
            | Self::TightenOwn => Last::Followed,
        }
    }

    /// True where what lies below a directory goes with it.
    pub(crate) const fn takes_all_below(self) -> bool {
        match self {
            Self::Rename | Self::Delete => true,
            Self::Read
            | Self::Write
            | Self::Link
            | Self::Chmod
            | Self::Truncate
            | Self::Exec
            | Self::Control
            | Self::TightenOwn => false,
        }
    }
}

/// The thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// A file or directory.
    Path(CanonicalPath),
    /// A path that has no one spelling. It is denied, whatever the rules say.
    Unplaced(PathFault),
    /// A program that is run, or the processes of one.
    Program(CanonicalPath),
    /// A unit.
    Unit(UnitName),
    /// A kernel parameter.
    Sysctl(SysctlKey),
    /// One of Suture's own directories, by role.
    Own(OwnDirectory),
    /// A user, by number: names stay on the machine.
    User(u32),
    /// The machine as a whole: its clock, its packet filter, its generation.
    Machine,
}

impl Resource {
    /// The file that a step names, walked as the kernel would for this operation.
    pub fn path(text: &str, base: Option<&CanonicalPath>, operation: Operation, links: &dyn Links) -> Self {
        CanonicalPath::resolve(text, base, operation.last(), links).map_or_else(Self::Unplaced, Self::Path)
    }

    /// The program that a step names.
    pub fn program(text: &str, links: &dyn Links) -> Self {
        CanonicalPath::resolve(text, None, Last::Followed, links).map_or_else(Self::Unplaced, Self::Program)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{path}"),
            Self::Unplaced(fault) => write!(f, "a path that cannot be placed ({fault})"),
            Self::Program(path) => write!(f, "program {path}"),
            Self::Unit(unit) => write!(f, "{unit}"),
            Self::Sysctl(key) => write!(f, "{key}"),
            Self::Own(directory) => write!(f, "Suture's own {}", directory.word()),
            Self::User(uid) => write!(f, "user {uid}"),
            Self::Machine => f.write_str("this machine"),
        }
    }
}

/// On whose word the step runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// An order of the hub that no person chose.
    Hub,
    /// A standing order, while the hub cannot be reached.
    Standing,
    /// An order that this person chose.
    Person(Person),
}

/// Numbers of the access. What was not measured is unknown, and what is unknown allows nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measures {
    /// How many bytes it touches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// How old the youngest thing is that it touches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// How many things it touches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The step's verb.
    pub verb: VerbWord,
    /// What is done.
    pub operation: Operation,
    /// To what.
    pub resource: Resource,
    /// In which runbook.
    pub runbook: RunbookId,
    /// On whose word.
    pub actor: Actor,
    /// What the site calls this machine.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Tag>,
    /// Its numbers.
    #[serde(default)]
    pub measures: Measures,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_one_word() {
        for operation in Operation::ALL {
            assert_eq!(Operation::from_word(operation.word()), Some(operation));
            let json = serde_json::to_string(&operation).unwrap();
            assert_eq!(json, format!("{:?}", operation.word()), "the record says it in other words");
        }
    }
}
