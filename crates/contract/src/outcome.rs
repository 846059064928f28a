//! How a run can end. A closed set: whoever matches on it names every member.

use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The check that failed passes now, and still passed after the hold-down.
    Healed,
    /// The repair did not work and there was nothing to undo, or undoing it failed too.
    Failed,
    /// The repair did not work and was undone.
    Reverted,
    /// It waits for a maintenance window or a quieter moment.
    Deferred,
    /// A guardrail refused it.
    Refused,
    /// The order was too old.
    Expired,
    /// A person has to look.
    Escalated,
    /// The site only watches: nothing was touched.
    Observed,
}

impl Outcome {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healed => "healed",
            Self::Failed => "failed",
            Self::Reverted => "reverted",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Escalated => "escalated",
            Self::Observed => "observed",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}
