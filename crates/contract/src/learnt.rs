//! What runs teach: proposals to change the rules, as a hub tells of them and a person approves them.

use serde::{Deserialize, Serialize};

use crate::ids::{SiteId, TenantId};
use crate::time::UtcTime;

/// A proposal to change the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LearntView {
    /// Its number at this hub.
    pub number: u64,
    /// When it was proposed.
    pub at: UtcTime,
    /// What is proposed, in words.
    pub what: String,
    /// What it rests on, in words: how many healed of how many, on how many sites.
    pub rests_on: String,
    /// The records that it rests on: machine and index.
    pub evidence: Vec<String>,
    /// What it would have done with what was, in words.
    pub rehearsal: String,
    /// Where it stands.
    pub stands: Stands,
}

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// Nothing has changed: a person has to approve it.
    Proposed,
    /// A rule is tried on one site.
    Canary,
    /// A rule holds everywhere.
    Everywhere,
    /// A rule holds nowhere any more.
    Retired,
    /// Its steps make no sense, and it holds nowhere.
    Unreadable,
}

impl Stands {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Proposed => "waits for somebody to approve it",
            Self::Canary => "is tried on one site",
            Self::Everywhere => "holds everywhere",
            Self::Retired => "is retired",
            Self::Unreadable => "cannot be read, and holds nowhere",
        }
    }
}

/// A person's yes to a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Where a new rule is tried first; none for the end of a rule.
    pub canary: Option<Canary>,
}

/// The site where a rule is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub site: SiteId,
}
