//! What a control expects of a fact's value.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use crate::fact::{FactValue, FileKind, FileMode, Permissions, Word};

/// What a control expects. Each kind is met by values of one kind only; a value of another kind is not judged at all.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// A switch stands like this.
    Flag(bool),
    /// A number is this one.
    Equals(i64),
    /// A number is this one or more.
    AtLeast(i64),
    /// A number is this one or less.
    AtMost(i64),
    /// A number lies within these bounds.
    Between(Range),
    /// A setting is this word.
    Word(Word),
    /// A setting is one of these words.
    OneOf(Vec<Word>),
    /// No port but these is open. An empty list allows none.
    PortsWithin(Vec<u16>),
    /// A path is of this kind, belongs to this owner and grants no more than this.
    Permissions(PermissionsWithin),
}

/// Both bounds are allowed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The smallest.
    pub low: i64,
    /// The largest.
    pub high: i64,
}

/// What a path may be and grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionsWithin {
    /// What it must be.
    pub kind: FileKind,
    /// What it may grant at most.
    pub mode_within: FileMode,
    /// Whose it must be.
    pub owner: Owner,
}

/// Whose a path must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Owner {
    /// The superuser's.
    #[serde(rename = "root")]
    Root,
    /// The user's that runs the agent.
    #[serde(rename = "agent")]
    Agent,
    /// The user's that runs the executor.
    #[serde(rename = "executor")]
    Executor,
}

/// Who runs Suture on this machine, by user id. Agent and executor hold the same files against the same two, whichever of them looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Users {
    /// Who runs the agent.
    pub agent: u32,
    /// Who runs the executor.
    pub executor: u32,
}

impl Users {
    /// One user runs both.
    pub const fn one(uid: u32) -> Self {
        Self { agent: uid, executor: uid }
    }
}

impl Owner {
    /// The user id it stands for.
    pub const fn uid(self, users: Users) -> u32 {
        match self {
            Self::Root => 0,
            Self::Agent => users.agent,
            Self::Executor => users.executor,
        }
    }
}

impl Expectation {
    /// The one mode that a repair would set: all that is allowed, and no more.
    pub const fn mode(&self) -> Option<FileMode> {
        match self {
            Self::Permissions(within) => Some(within.mode_within),
            Self::Flag(_)
            | Self::Equals(_)
            | Self::AtLeast(_)
            | Self::AtMost(_)
            | Self::Between(_)
            | Self::Word(_)
            | Self::OneOf(_)
            | Self::PortsWithin(_) => None,
        }
    }

    /// Whether `value` meets it; `None` where the value is of another kind.
    pub fn met_by(&self, value: &FactValue, users: Users) -> Option<bool> {
        match (self, value) {
            (Self::Flag(want), FactValue::Flag(got)) => Some(want == got),
            (Self::Equals(want), FactValue::Number(got)) => Some(got == want),
            (Self::AtLeast(low), FactValue::Number(got)) => Some(got >= low),
            (Self::AtMost(high), FactValue::Number(got)) => Some(got <= high),
            (Self::Between(range), FactValue::Number(got)) => Some((range.low..=range.high).contains(got)),
            (Self::Word(want), FactValue::Word(got)) => Some(want == got),
            (Self::OneOf(words), FactValue::Word(got)) => Some(words.contains(got)),
            (Self::PortsWithin(allowed), FactValue::Ports(open)) => {
                Some(open.iter().all(|p| allowed.contains(p)))
            }
            (Self::Permissions(limit), FactValue::Permissions(seen)) => Some(limit.holds(*seen, users)),
            _ => None,
        }
    }

    /// The one number that meets it; `None` where several would, or where it is not about a number.
    pub const fn number(&self) -> Option<i64> {
        match self {
            Self::Equals(n) => Some(*n),
            Self::Flag(_)
            | Self::AtLeast(_)
            | Self::AtMost(_)
            | Self::Between(_)
            | Self::Word(_)
            | Self::OneOf(_)
            | Self::PortsWithin(_)
            | Self::Permissions(_) => None,
        }
    }

    /// True where no value could meet it, or where it names a value twice: a slip of the pen either way.
    pub(super) fn is_hollow(&self) -> bool {
        fn repeats<T: Ord>(items: &[T]) -> bool {
            items.iter().collect::<BTreeSet<_>>().len() != items.len()
        }
        match self {
            Self::Between(range) => range.low > range.high,
            Self::OneOf(words) => words.is_empty() || repeats(words),
            Self::PortsWithin(ports) => repeats(ports),
            Self::Flag(_)
            | Self::Equals(_)
            | Self::AtLeast(_)
            | Self::AtMost(_)
            | Self::Word(_)
            | Self::Permissions(_) => false,
        }
    }
}

impl PermissionsWithin {
    fn holds(self, seen: Permissions, users: Users) -> bool {
        seen.kind == self.kind && seen.mode.within(self.mode_within) && seen.uid == self.owner.uid(users)
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: Vec<String>| items.join(", ");
        let text = match self {
            Self::Flag(on) => (if *on { "on" } else { "off" }).to_owned(),
            Self::Equals(n) => n.to_string(),
            Self::AtLeast(n) => format!("at least {n}"),
            Self::AtMost(n) => format!("at most {n}"),
            Self::Between(range) => format!("{} to {}", range.low, range.high),
            Self::Word(word) => word.to_string(),
            Self::OneOf(words) => format!("one of {}", list(words.iter().map(Word::to_string).collect())),
            Self::PortsWithin(ports) if ports.is_empty() => "no ports".to_owned(),
            Self::PortsWithin(ports) => {
                format!("none but {}", list(ports.iter().map(u16::to_string).collect()))
            }
            Self::Permissions(p) => {
                let kind = match p.kind {
                    FileKind::File => "file",
                    FileKind::Directory => "directory",
                    FileKind::Symlink => "symbolic link",
                    FileKind::Special => "special file",
                };
                let owner = match p.owner {
                    Owner::Root => "root",
                    Owner::Agent => "the agent's user",
                    Owner::Executor => "the executor's user",
                };
                format!("{kind}, at most {}, of {owner}", p.mode_within)
            }
        };
        f.pad(&text)
    }
}
