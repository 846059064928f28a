//! One control: what is looked at, what is expected, why, and what may repair it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Citation, Expectation, Nixos, Nonsense, Users};
use crate::fact::{Absence, FactId, Observation};
use crate::finding::Verdict;
use crate::ids::{ControlId, RunbookId};

/// A named control.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its id, such as `ssh.root-login`.
    pub id: ControlId,
    /// What holds where it passes, in plain words.
    pub title: String,
    /// The part of the machine it is about.
    pub area: Area,
    /// What is looked at.
    pub observe: FactId,
    /// What is expected there.
    pub expect: Expectation,
    /// How much a failure matters.
    pub severity: Severity,
    /// The paragraphs that ask for it.
    pub citations: Vec<Citation>,
    /// Why those paragraphs, in one sentence.
    pub why: String,
    /// What declares it on NixOS.
    pub nixos: Nixos,
    /// What may repair it.
    pub runbook: Option<RunbookId>,
    /// Why a person has to, where nothing else may.
    pub person: Option<String>,
}

/// The part of the machine a control is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The SSH server.
    Ssh,
    /// Accounts and passwords.
    Accounts,
    /// sudo.
    Sudo,
    /// Owners and modes of the system's files.
    Files,
    /// Suture's own directories.
    Suture,
    /// Encryption of disks and swap.
    Encryption,
    /// TLS certificates and their keys.
    Certificates,
    /// The clock.
    Time,
    /// Packet filter and listening ports.
    Network,
    /// The journal, the audit trail and how long they are kept.
    Logging,
    /// Kernel parameters.
    Kernel,
    /// Updates.
    Updates,
    /// Backups and restore tests.
    Backups,
    /// Services.
    Services,
    /// The NixOS generation.
    Generation,
    /// Room on disks and for work.
    Capacity,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Ssh,
        Self::Accounts,
        Self::Sudo,
        Self::Files,
        Self::Suture,
        Self::Encryption,
        Self::Certificates,
        Self::Time,
        Self::Network,
        Self::Logging,
        Self::Kernel,
        Self::Updates,
        Self::Backups,
        Self::Services,
        Self::Generation,
        Self::Capacity,
    ];
}

/// How much a failure matters, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth tidying.
    Low,
    /// Weakens another safeguard.
    Medium,
    /// A safeguard is missing.
    High,
    /// Anyone could walk in.
    Critical,
}

impl Severity {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl Control {
    /// What `seen` comes to. `users` are those that run Suture.
    pub fn judge(&self, seen: &Observation, users: Users) -> Verdict {
        match seen {
            Err(absence) => Verdict::NotAssessed(*absence),
            Ok(value) => match self.expect.met_by(value, users) {
                Some(true) => Verdict::Pass(value.clone()),
                Some(false) => Verdict::Fail(value.clone()),
                None => Verdict::NotAssessed(Absence::Malformed),
            },
        }
    }

    /// What is expected, for a column of a table.
    pub fn expected_text(&self) -> String {
        self.expect.to_string()
    }

    /// What makes no sense in this control alone.
    pub(super) fn nonsense(&self) -> Option<Nonsense> {
        let id = || self.id.clone();
        let is_line =
            |s: &str, max| !s.trim().is_empty() && s.chars().count() <= max && !s.contains(char::is_control);
        let mut cited = BTreeSet::new();
        if !is_line(&self.title, 80) || !is_line(&self.why, 280) {
            return Some(Nonsense::Prose(id()));
        }
        if self.person.as_ref().is_some_and(|why| self.runbook.is_some() || !is_line(why, 280)) {
            return Some(Nonsense::WhoRepairs(id()));
        }
        if self.citations.is_empty() {
            return Some(Nonsense::NoCitation(id()));
        }
        if let Some(again) = self.citations.iter().find(|c| !cited.insert(*c)) {
            return Some(Nonsense::CitedTwice(id(), again.clone()));
        }
        if self.expect.is_hollow() {
            return Some(Nonsense::HollowExpectation(id()));
        }
        self.nixos.is_empty().then(|| Nonsense::NoNixos(id()))
    }
}
