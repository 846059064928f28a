//! What a runbook says of itself beside its steps: who must agree, how urgent it is, what proves it, what undoes it.

use serde::{Deserialize, Serialize};

use crate::ids::ControlId;
use crate::resource::{AbsolutePath, UnitName};

/// Whether a person must agree before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Nobody need be asked.
    None,
    /// One person.
    OnePerson,
    /// Two different people.
    TwoPeople,
}

impl Approval {
    /// How many different people.
    pub const fn people(self) -> usize {
        match self {
            Self::None => 0,
            Self::OnePerson => 1,
            Self::TwoPeople => 2,
        }
    }
}

/// Which systems it is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetOs {
    /// Any Linux.
    Linux,
    /// Debian and what is made from it.
    Debian,
    /// `NixOS`.
    Nixos,
}

/// How urgent a run is: 1 is served first, 5 last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Priority(u8);

impl Priority {
    /// The most urgent.
    pub const FIRST: Self = Self(1);
    /// Neither urgent nor idle.
    pub const MIDDLE: Self = Self(3);

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Priority {
    type Error = &'static str;
    fn try_from(n: u8) -> Result<Self, Self::Error> {
        if (1..=5).contains(&n) { Ok(Self(n)) } else { Err("a priority is a number from 1 to 5") }
    }
}

impl From<Priority> for u8 {
    fn from(p: Priority) -> u8 {
        p.0
    }
}

/// What must hold before a run begins, besides the failing check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Precondition {
    /// This control passes.
    Passes(ControlId),
    /// This program or file is there.
    Exists(AbsolutePath),
    /// systemd knows this unit.
    UnitKnown(UnitName),
    /// So many MiB are free where this path is.
    FreeMb {
        /// Where.
        at: AbsolutePath,
        /// How many.
        mb: u32,
    },
    /// The file system that holds this path is fuller than so many percent, of bytes or of inodes: making room elsewhere would help nobody.
    Fuller {
        /// Where.
        at: AbsolutePath,
        /// Than this.
        percent: u8,
    },
}

/// What proves the repair: the control that failed, always; and those that must not fail because of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// Always `failed_control`: the same check that failed must pass. Written out, so that a runbook says what it promises.
    pub check: VerifiedBy,
    /// Further controls that must pass, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<ControlId>,
}

/// The check of a [`Verification`]. There is one: whoever writes a runbook cannot choose an easier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifiedBy {
    /// The control that failed.
    FailedControl,
}

/// What happens to a repair that did not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollback {
    /// The inverses of the steps that ran, last first.
    Inverse,
    /// Nothing can be undone: a person is told. Refused where the runbook is disruptive.
    Escalate,
}

/// What a running step of this runbook may have done to it when an urgent run needs the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUrgent {
    /// It goes on: the urgent one waits.
    GoOn,
    /// It is frozen until the urgent one ended.
    Pause,
    /// It is cancelled, undone and ordered again later.
    Cancel,
}

/// What the kernel must offer for a step to be confined as this runbook demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Confinement {
    /// Landlock.
    Landlock,
    /// seccomp filters.
    Seccomp,
    /// Control groups with limits.
    Cgroup,
    /// Namespaces of their own for mounts, processes and the network.
    Namespaces,
}

impl Confinement {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Landlock, Self::Seccomp, Self::Cgroup, Self::Namespaces];
}

impl std::fmt::Display for Confinement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Cgroup => "cgroup",
            Self::Namespaces => "namespaces",
        })
    }
}

/// What the end of a run is to say beside its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceField {
    /// What the check saw before.
    Before,
    /// What it saw afterwards.
    After,
    /// How long the steps and the hold-down took.
    Durations,
    /// Numbers that the steps counted: files removed, bytes restored.
    Counts,
}
