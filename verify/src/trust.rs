//! What a person brings from outside. Everything a verdict rests on begins here.

mod key_log;
mod of_log;
mod outside;

use tlog::checkpoint::Checkpoint;
use tlog::note::{SignatureType, SignedNote, VerifierKey};
use tlog::policy::Policy;

pub use key_log::{KeyLog, KeyLogError, KeyLogFault};
pub(crate) use of_log::LogTrust;
pub use outside::{OutsideHead, OutsideHeadError};

use crate::claims::vouched;
use crate::heads::signed_by;
use crate::verdict::Unverified;

/// What came from outside. For each log a key, a key log or an earlier head is needed; the rest says more, never less.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Keys that sign logs' heads. The name of each is its log's origin.
    pub keys: Vec<VerifierKey>,
    /// Keys that count where there is a log for them, and whose log need not be there: those of a policy's `log` lines.
    pub known_logs: Vec<VerifierKey>,
    /// Keys with the sizes that they count for. Where there is one for a log, no other key counts for that log.
    pub key_logs: Vec<KeyLog>,
    /// Heads that somebody kept.
    pub heads: Vec<OutsideHead>,
    /// Who has to have witnessed.
    pub witnesses: Witnesses,
    /// Notes with cosignatures that are kept apart from the logs, such as the hub's receipts.
    pub receipts: Vec<SignedNote>,
    /// The key of the hub's log of heads.
    pub heads_key: Option<VerifierKey>,
    /// The key with which the hub signs the covers of kits.
    pub kit_key: Option<VerifierKey>,
}

/// Who has to vouch for a record before it counts as witnessed.
#[derive(Debug, Clone)]
pub enum Witnesses {
    /// All of these. With none of them nothing is ever witnessed.
    All(Vec<VerifierKey>),
    /// As many as a policy asks for.
    Policy(Policy),
}

impl Default for Witnesses {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Witnesses {
    /// Every witness, whether the quorum depends on it or not.
    pub(crate) fn keys(&self) -> Vec<&VerifierKey> {
        match self {
            Self::All(keys) => keys.iter().collect(),
            Self::Policy(policy) => policy.witnesses().iter().map(|witness| &witness.key).collect(),
        }
    }

    /// The largest size that enough of them vouch for, given the largest that each of them does.
    pub(crate) fn witnessed(&self, seen: impl Fn(&VerifierKey) -> u64) -> u64 {
        match self {
            Self::All(keys) => keys.iter().map(seen).min().unwrap_or(0),
            // A quorum of nobody says nothing of any size.
            Self::Policy(policy) if policy.satisfied(|_| false) => 0,
            Self::Policy(policy) => {
                let sizes = policy.witnesses().iter().map(|witness| seen(&witness.key));
                sizes.filter(|size| policy.satisfied(|key| seen(key) >= *size)).max().unwrap_or(0)
            }
        }
    }
}

impl Trust {
    /// Refuses trust that carries nothing or cannot be what it is given for, before anything else is read.
    pub(crate) fn check(&self) -> Result<(), Unverified> {
        let notes = [&self.keys, &self.known_logs].into_iter().flatten();
        for key in notes.chain(&self.heads_key).chain(&self.kit_key) {
            if key.signature_type() != SignatureType::Ed25519 {
                return Err(Unverified::KeyIsAWitness { key: key.label().clone() });
            }
        }
        for (key, end) in [(&self.heads_key, "/heads"), (&self.kit_key, "/kits")] {
            if let Some(key) = key
                && !key.label().name.as_str().ends_with(end)
            {
                return Err(Unverified::KeyOfAnotherName { key: key.label().clone(), end });
            }
        }
        for key in self.witnesses.keys() {
            if key.signature_type() != SignatureType::CosignatureV1 {
                return Err(Unverified::WitnessIsNone { key: key.label().clone() });
            }
        }
        if self.heads.iter().any(|head| head.checkpoint().size.get() == 0) {
            return Err(Unverified::EmptyOutsideHead);
        }
        let nothing = self.keys.is_empty()
            && self.known_logs.is_empty()
            && self.key_logs.is_empty()
            && self.heads.is_empty();
        if nothing {
            return Err(Unverified::NoTrust);
        }
        self.agrees()?;
        self.heads.iter().try_for_each(|head| self.genuine(head))
    }

    /// The note that a head came in: whatever it bears in a given name must be that key's.
    fn genuine(&self, head: &OutsideHead) -> Result<(), Unverified> {
        let Some(note) = head.note() else { return Ok(()) };
        for key in self.of_log(&head.checkpoint().origin).all_keys() {
            signed_by(note, key).map_err(Unverified::OutsideHeadSignature)?;
        }
        vouched(note, &self.witnesses).map(drop)
    }

    /// For a directory, which holds one log: refuses heads of another log than the keys are for.
    pub(crate) fn check_one_log(&self) -> Result<(), Unverified> {
        for head in &self.heads {
            let origin = &head.checkpoint().origin;
            let of_log = self.of_log(origin);
            if let (Some(key), false) = (self.keys.first(), of_log.has_keys()) {
                let (key, head) = (key.label().clone(), origin.clone());
                return Err(Unverified::TrustDisagrees { key, head });
            }
        }
        Ok(())
    }

    /// A key log is complete: a second one, or a key that it does not list, contradicts it. And a size has one root.
    fn agrees(&self) -> Result<(), Unverified> {
        let heads: Vec<_> = self.heads.iter().map(OutsideHead::checkpoint).collect();
        for (at, head) in heads.iter().enumerate() {
            let same = |other: &&&Checkpoint| other.origin == head.origin && other.size == head.size;
            if heads[..at].iter().find(same).is_some_and(|other| other.root != head.root) {
                let (origin, size) = (head.origin.clone(), head.size.get());
                return Err(Unverified::TwoRoots { origin, size });
            }
        }
        for (at, log) in self.key_logs.iter().enumerate() {
            let origin = log.origin();
            if self.key_logs[..at].iter().any(|other| other.origin() == origin) {
                return Err(Unverified::TwoKeyLogs(origin.clone()));
            }
            let mut keys = self.keys.iter().chain(&self.known_logs);
            let of_log = keys.find(|key| key.label().name == *origin.key_name() && !log.lists(key));
            if let Some(key) = of_log {
                return Err(Unverified::KeyNotListed { key: key.label().clone() });
            }
        }
        Ok(())
    }
}
