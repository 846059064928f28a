//! What runs on a machine, by its own word, and what the hub makes of a change of it.
//!
//! It is a word and no proof: whoever holds the whole machine can say what was there before. What it shows is every change that nobody took the trouble
//! to hide: an update out of turn, a generation from somewhere else, a binary that was laid in place of ours.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fact::Word;
use crate::heartbeat::{Condition, ExecutorHealth};
use crate::ids::{HostId, SiteId};
use crate::time::UtcTime;

/// One of the programs on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its version.
    pub version: Word,
    /// The digest of the file that it was started from; none where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<Digest>,
}

/// What runs on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Attested {
    /// The agent.
    pub agent: Program,
    /// The executor; none where it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<Program>,
    /// The hash of the running system's closure, where there is one (NixOS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closure: Option<Word>,
}

/// A part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Attests {
    /// The agent.
    Agent,
    /// The executor.
    Executor,
    /// The system's closure.
    Closure,
}

impl Attests {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Executor => "executor",
            Self::Closure => "closure",
        }
    }
}

/// A program that was released: one that may run in place of another. `POST /api/v1/releases`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Which program.
    pub program: Released,
    /// Its version.
    pub version: Word,
    /// The digest of its file.
    pub binary: Digest,
}

/// A program that is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Released {
    /// `suture-agent`.
    Agent,
    /// `suture-executor`.
    Executor,
}

/// `POST /api/v1/tenants/<tenant>/generations`: a closure that the tenant's hosts are going to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Announced {
    /// Its hash, as it stands in front of its name in the store.
    pub closure: Word,
}

/// One host in quarantine, as `GET /api/v1/tenants/<tenant>/quarantine` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QuarantineView {
    /// Where.
    pub site: SiteId,
    /// Which machine.
    pub host: HostId,
    /// From when on. A change of the closure alone has some minutes in which the evidence of it may come.
    pub since: UtcTime,
    /// What changed.
    pub changed: BTreeSet<Attests>,
    /// What was known to run.
    pub held: Attested,
    /// What is said to run now.
    pub said: Attested,
    /// By what an approval names exactly this.
    pub digest: Digest,
}

/// `POST /api/v1/tenants/<tenant>/hosts/<host>/quarantine/approve`: what is said to run there may run there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QuarantineApproval {
    /// [`QuarantineView::digest`], as whoever approves has seen it.
    pub digest: Digest,
}

impl Attested {
    /// By what a person names it.
    pub fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// What a heartbeat says of it; none of an executor that did not say how it stands.
    pub fn of(condition: &Condition) -> Self {
        let executor = match &condition.executor {
            ExecutorHealth::Stands(stands) => {
                Some(Program { version: stands.software.clone(), binary: stands.binary })
            }
            ExecutorHealth::Away | ExecutorHealth::Silent | ExecutorHealth::Restoring => None,
        };
        Self {
            agent: Program { version: condition.agent.clone(), binary: condition.binary },
            executor,
            closure: condition.closure.clone(),
        }
    }

    /// What is another than it was. An executor that says nothing is silent and not changed; what was never said before is new and not changed.
    pub fn changes_from(&self, held: &Self) -> BTreeSet<Attests> {
        let program = |held: &Program, said: &Program| {
            held.version != said.version || (held.binary.is_some() && held.binary != said.binary)
        };
        let executor = match (&held.executor, &self.executor) {
            (Some(held), Some(said)) => program(held, said),
            (None, _) | (_, None) => false,
        };
        let found = [
            (Attests::Agent, program(&held.agent, &self.agent)),
            (Attests::Executor, executor),
            (Attests::Closure, held.closure.is_some() && held.closure != self.closure),
        ];
        found.into_iter().filter_map(|(part, changed)| changed.then_some(part)).collect()
    }

    /// The same, with what is not said now as it was said before.
    #[must_use]
    pub fn over(self, held: &Self) -> Self {
        Self { executor: self.executor.or_else(|| held.executor.clone()), ..self }
    }
}

/// The hash in front of a name in the store. What follows it may name the host.
pub fn closure_hash(name_in_store: &str) -> Option<Word> {
    name_in_store.split_once('-')?.0.to_owned().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(version: &str, binary: Option<&[u8]>) -> Program {
        Program { version: version.to_owned().try_into().unwrap(), binary: binary.map(Digest::of) }
    }

    fn held() -> Attested {
        Attested {
            agent: program("1", Some(b"a")),
            executor: Some(program("1", Some(b"e"))),
            closure: Some("abc".to_owned().try_into().unwrap()),
        }
    }

    #[test]
    fn each_part_that_is_another_is_a_change_and_silence_is_none() {
        let none = BTreeSet::new();
        assert_eq!(held().changes_from(&held()), none);
        assert_eq!(Attested { executor: None, ..held() }.changes_from(&held()), none);
        assert_eq!(held().changes_from(&Attested { executor: None, closure: None, ..held() }), none);
        for (said, changed) in [
            (Attested { agent: program("2", Some(b"a")), ..held() }, Attests::Agent),
            (Attested { agent: program("1", Some(b"b")), ..held() }, Attests::Agent),
            (Attested { agent: program("1", None), ..held() }, Attests::Agent),
            (Attested { executor: Some(program("1", None)), ..held() }, Attests::Executor),
            (Attested { executor: Some(program("1", Some(b"f"))), ..held() }, Attests::Executor),
            (Attested { closure: None, ..held() }, Attests::Closure),
        ] {
            assert_eq!(said.changes_from(&held()), [changed].into(), "{said:?}");
            assert_ne!(said.digest(), held().digest());
        }
    }

    #[test]
    fn a_closure_is_told_by_its_hash_alone() {
        let told = closure_hash("1b5vy0a7x3kq2wz9sd8f6gh4jklm0npr-nixos-system-dr-jane-doe-24.05").unwrap();
        assert_eq!(told.as_str(), "1b5vy0a7x3kq2wz9sd8f6gh4jklm0npr");
        assert_eq!(closure_hash("x"), None);
    }
}
