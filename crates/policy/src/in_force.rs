//! Which policy holds: the one that the evidence log names, and no other that somebody laid in its place.
//!
//! The policy verb writes down which policy is about to hold before it renames the file, and that it holds afterwards. A start between the two finds the
//! old file or the new one, both of which the log names; any other was put there by somebody else.

use contract::digest::Digest;
use thiserror::Error;

use crate::file::Policy;

/// A policy that the evidence log names. The engine takes no other.
#[derive(Debug)]
pub struct InForce(Policy);

/// Why a policy does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotInForce {
    /// The log names none, so none was ever put in place by the verb.
    #[error("the evidence log names no policy; this one is {found}")]
    NoneRecorded {
        /// The file's digest.
        found: Digest,
    },
    /// It is another than the log names.
    #[error("it is {found}, and the evidence log names {recorded}: it was not put here by the policy verb")]
    Other {
        /// The file's digest.
        found: Digest,
        /// The log's.
        recorded: Digest,
    },
}

impl InForce {
    /// `recorded` is the digest that the log says holds, `announced` the one that it says is about to: what the last two policy records name.
    pub fn of(
        policy: Policy,
        recorded: Option<Digest>,
        announced: Option<Digest>,
    ) -> Result<Self, NotInForce> {
        let found = policy.digest();
        match (recorded, announced) {
            _ if recorded == Some(found) || announced == Some(found) => Ok(Self(policy)),
            (Some(recorded), _) | (None, Some(recorded)) => Err(NotInForce::Other { found, recorded }),
            (None, None) => Err(NotInForce::NoneRecorded { found }),
        }
    }

    /// The policy.
    pub const fn policy(&self) -> &Policy {
        &self.0
    }
}
