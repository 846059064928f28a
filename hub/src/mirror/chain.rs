//! The keys of a log, each in force from a size on: the first was pinned at enrolment, every later one was handed over by the key before it
//! (docs/evidence-format.md, section 6).
//!
//! Pure. The verified log is the truth: what stands in the file `keys` beside it only says where to look.

use std::fmt::Write as _;

use contract::record::{Body, KeyTaken};
use tlog::note::SignatureType;
use tlog::{CompactRange, VerifierKey, checkpoint};

/// A log's keys, and the one that its last record names, where it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyChain {
    first: VerifierKey,
    /// Each with the smallest size of a head that it signs, ascending.
    later: Vec<(VerifierKey, u64)>,
    named: Option<String>,
}

impl KeyChain {
    /// A log whose key was never changed.
    pub(super) const fn pinned(key: VerifierKey) -> Self {
        Self { first: key, later: Vec::new(), named: None }
    }

    /// The key whose heads of `size` entries count.
    pub(crate) fn at(&self, size: u64) -> &VerifierKey {
        let later = self.later.iter().rev().find(|(_, from)| *from <= size);
        later.map_or(&self.first, |(key, _)| key)
    }

    /// Whether the key was ever in force.
    pub(super) fn knows(&self, key: &VerifierKey) -> bool {
        self.all().any(|(known, _)| known == key)
    }

    /// Every key with the smallest size that it signs, the oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = (&VerifierKey, u64)> {
        std::iter::once((&self.first, 1)).chain(self.later.iter().map(|(key, from)| (key, *from)))
    }

    /// How often the key was changed.
    pub(super) fn changes(&self) -> usize {
        self.later.len()
    }

    /// Takes note of the next record, which stands after `before`. Says what is wrong with a hand-over, and changes nothing then.
    pub(super) fn step(&mut self, body: &Body, before: &CompactRange) -> Result<(), &'static str> {
        match (self.named.as_deref(), body) {
            (None, Body::KeyTaken(_)) => Err("no key was named right before it"),
            (Some(named), Body::KeyTaken(taken)) => {
                let key = self.taken(named, taken, before)?;
                self.later.push((key, before.size().get() + 1));
                self.named = None;
                Ok(())
            }
            (Some(_), _) => Err("the key that was named right before it is not taken"),
            (None, Body::KeyNamed(named)) => {
                self.named = Some(named.key.clone());
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    fn taken(
        &self,
        named: &str,
        taken: &KeyTaken,
        before: &CompactRange,
    ) -> Result<VerifierKey, &'static str> {
        if taken.key != named {
            return Err("the key that is taken is not the one that was named");
        }
        let key: VerifierKey = taken.key.parse().map_err(|_| "the key that is taken is no verifier key")?;
        if key.label().name != self.first.label().name || key.signature_type() != SignatureType::Ed25519 {
            return Err("the key that is taken cannot sign heads of this log");
        }
        if self.knows(&key) {
            return Err("the key that is taken was in force before");
        }
        let size = before.size();
        let head = checkpoint::open(taken.handover.as_bytes(), self.at(size.get()))
            .map_err(|_| "the hand-over is not signed by the key in force")?;
        if head.checkpoint().size != size || head.checkpoint().root != before.root() {
            return Err("the hand-over is not the head of the records up to the naming one");
        }
        Ok(key)
    }

    /// The key log of section 6.
    pub(super) fn text(&self) -> String {
        let mut text = format!("suture key log v1\n{}\n", self.first.label().name);
        let ends = self.later.iter().map(|(_, from)| (from - 1).to_string()).chain(["-".to_owned()]);
        for ((key, from), until) in self.all().zip(ends) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{key} {from} {until}");
        }
        text
    }
}

/// What a key log's lines say, the first key's left out: hints, nothing in them checked.
pub(super) fn hints(text: &str) -> Vec<(VerifierKey, u64)> {
    let line = |line: &str| {
        let mut fields = line.split(' ');
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    text.lines().skip(3).filter_map(line).collect()
}
