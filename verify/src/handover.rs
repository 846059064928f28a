//! Key rotation as the records tell it: which key hands over to which, and whose heads count by that.
//!
//! What a log says of its keys is never trust. But a key that was brought from outside may name the next one, and whoever
//! trusts the first may trust the second, as far as every hand-over between them is in order.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use tlog::checkpoint::{Checkpoint, Origin};
use tlog::hash::Hash;
use tlog::note::{SignatureError, SignatureType, SignedNote, VerifierKey};
use tlog::tree::TreeSize;

use crate::frame::Frame;

/// A record that carries a key. Its details are as the log has them: nothing in them is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRecord {
    pub(crate) index: u64,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// Record 0 names the first key; none where it names nothing that is one.
    Opened(Option<VerifierKey>),
    /// The key in force names the next.
    Named(Option<Named>),
    /// The next takes over.
    Taken(Option<Taken>),
}

#[derive(Deserialize)]
struct Opened {
    key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Taken {
    handover: String,
    key: String,
}

impl KeyRecord {
    /// Looks into the details of the three kinds that carry keys.
    pub(crate) fn read(index: u64, frame: &Frame) -> Option<Self> {
        let what = match frame.kind {
            b"opened" if index == 0 => {
                let opened = serde_json::from_slice::<Opened>(frame.details).ok();
                What::Opened(opened.and_then(|opened| opened.key.parse().ok()))
            }
            b"key_named" => What::Named(serde_json::from_slice(frame.details).ok()),
            b"key_taken" => What::Taken(serde_json::from_slice(frame.details).ok()),
            _ => return None,
        };
        Some(Self { index, what })
    }
}

/// Why a hand-over does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandoverFault {
    /// No `key_taken` follows.
    #[error("it names the next key, and no record follows in which that key takes over")]
    NotTaken,
    /// No `key_named` stands before it.
    #[error("a key takes over in it that the record before it does not name")]
    NotNamed,
    /// The key cannot be this log's next.
    #[error("its key is not a key of this log, or was in force before")]
    Key,
    /// The details or the note in them are malformed, or the note's text is not the head at this place.
    #[error("the hand-over in it is not the head of the records before it")]
    Head,
    /// The key in force did not sign.
    #[error("the key in force until then did not sign the hand-over in it")]
    Signature,
}

/// The bytes of a key. All keys of one log have its name and one type, so these tell them apart.
type Public = [u8; 32];

/// A key that counts, and for which sizes of heads it does, as far as the records tell.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    key: VerifierKey,
    first: u64,
    /// None for a key that did not hand over.
    last: Option<u64>,
}

impl Term {
    const fn from(first: u64, key: VerifierKey) -> Self {
        Self { key, first, last: None }
    }

    fn covers(&self, size: u64) -> bool {
        self.first <= size && self.last.is_none_or(|last| size <= last)
    }
}

/// The keys of a log as its records are read one after the other.
pub(crate) struct Handovers {
    origin: Origin,
    /// The index of the first record read: what stands before it is not known.
    first: u64,
    /// The keys that were brought from outside, and those that they handed over to.
    counting: BTreeMap<Public, Term>,
    /// The key in force, where the records say which.
    in_force: Option<VerifierKey>,
    /// Keys that were in force, that one included.
    seen: BTreeSet<Public>,
    /// The last record, where it named a key.
    named: Option<(u64, Option<Named>)>,
}

impl Handovers {
    /// Before any record is read.
    pub(crate) fn new(origin: Origin, first: u64, given: Vec<VerifierKey>) -> Self {
        let counting = given.into_iter().map(|key| (*key.public(), Term::from(1, key))).collect();
        Self { origin, first, counting, in_force: None, seen: BTreeSet::new(), named: None }
    }

    /// Takes the next record that carries a key. `root_before` is the root over all records before it.
    pub(crate) fn take(
        &mut self,
        record: &KeyRecord,
        root_before: impl FnOnce() -> Hash,
    ) -> Result<(), (u64, HandoverFault)> {
        self.read_to(record.index)?;
        match &record.what {
            What::Opened(key) => {
                self.in_force = key.clone().filter(|key| self.is_of_this_log(key));
                self.seen.extend(self.in_force.iter().map(|key| *key.public()));
                Ok(())
            }
            What::Named(named) => match self.named.replace((record.index, named.clone())) {
                Some((before, _)) => Err((before, HandoverFault::NotTaken)),
                None => Ok(()),
            },
            What::Taken(taken) => {
                let named = self.named.take();
                self.taken(record.index, taken.as_ref(), named, root_before)
                    .map_err(|fault| (record.index, fault))
            }
        }
    }

    /// Says that every record before `index` was read.
    pub(crate) fn read_to(&self, index: u64) -> Result<(), (u64, HandoverFault)> {
        match self.named {
            Some((at, _)) if at + 1 < index => Err((at, HandoverFault::NotTaken)),
            _ => Ok(()),
        }
    }

    fn taken(
        &mut self,
        index: u64,
        taken: Option<&Taken>,
        named: Option<(u64, Option<Named>)>,
        root_before: impl FnOnce() -> Hash,
    ) -> Result<(), HandoverFault> {
        let taken = taken.ok_or(HandoverFault::Head)?;
        let was_named = named.is_some();
        match named {
            Some((_, Some(named))) if named.key == taken.key => {}
            // What stands before the first record read is not known.
            None if index == self.first && index > 0 => {}
            None | Some(_) => return Err(HandoverFault::NotNamed),
        }
        let key: VerifierKey = taken.key.parse().map_err(|_| HandoverFault::Key)?;
        if !self.is_of_this_log(&key) || self.seen.contains(key.public()) {
            return Err(HandoverFault::Key);
        }
        let note = SignedNote::parse(taken.handover.as_bytes()).map_err(|_| HandoverFault::Head)?;
        let size = TreeSize::new(index);
        let head = Checkpoint { origin: self.origin.clone(), size, root: root_before() };
        if note.text() != head.to_string() {
            return Err(HandoverFault::Head);
        }
        self.hand_over(index, &note, key, was_named)
    }

    /// The old key's last head is the one that it hands over with, of size `index`. Where the naming record was not read, it leads to no key: any head
    /// that the old key ever signed would do for a hand-over then.
    fn hand_over(
        &mut self,
        index: u64,
        note: &SignedNote,
        key: VerifierKey,
        was_named: bool,
    ) -> Result<(), HandoverFault> {
        let signers = self.signers(note)?;
        let mut reached = self.counting.contains_key(key.public());
        for signer in &signers {
            if let Some(term) = self.counting.get_mut(signer) {
                term.last = Some(index);
                reached |= was_named;
            }
        }
        if reached {
            self.counting.insert(*key.public(), Term::from(index + 1, key.clone()));
        }
        self.seen.extend(signers.iter().chain([key.public()]));
        self.in_force = Some(key);
        Ok(())
    }

    /// Who signed a hand-over: the key in force, or those given keys that did, where the records do not say which was in force.
    fn signers(&self, note: &SignedNote) -> Result<Vec<Public>, HandoverFault> {
        if let Some(in_force) = &self.in_force {
            note.verify(in_force).map_err(|_| HandoverFault::Signature)?;
            return Ok(vec![*in_force.public()]);
        }
        let mut signers = Vec::new();
        for Term { key: given, .. } in self.counting.values() {
            match note.verify(given) {
                Ok(()) => signers.push(*given.public()),
                Err(SignatureError::Missing(_)) => {}
                Err(_) => return Err(HandoverFault::Signature),
            }
        }
        Ok(signers)
    }

    fn is_of_this_log(&self, key: &VerifierKey) -> bool {
        key.label().name == *self.origin.key_name() && key.signature_type() == SignatureType::Ed25519
    }

    /// The keys whose heads of this size count.
    pub(crate) fn counting_at(&self, size: u64) -> impl Iterator<Item = &VerifierKey> {
        self.counting.values().filter(move |term| term.covers(size)).map(|term| &term.key)
    }

    /// The keys whose heads count, now that all records are read.
    pub(crate) fn counting(&self) -> impl Iterator<Item = &VerifierKey> {
        self.counting.values().filter(|term| term.last.is_none()).map(|term| &term.key)
    }
}
