//! The log in memory: its newest heads with the cosignatures that came for them, and which of them enough outsiders cosigned.

use std::collections::VecDeque;

use tlog::cosignature;
use tlog::note::NoteSignature;
use tlog::policy::Policy;
use tlog::tree::TreeSize;
use tlog::{Checkpoint, SignedNote, SigningKey, VerifierKey};

use super::log::{Log, LogError};

/// Heads that cosignatures are still taken for: a slow witness may answer when the log has grown.
const RECENT_MAX: usize = 16;

/// The log and what is known of it outside.
#[derive(Debug)]
pub(super) struct State {
    log: Log,
    policy: Option<Policy>,
    recent: VecDeque<(TreeSize, SignedNote)>,
    witnessed: Option<(TreeSize, SignedNote)>,
    /// After an error nothing more is appended: what is on the disk is known again only after a start.
    stopped: bool,
}

impl State {
    pub(super) fn new(log: Log, policy: Option<Policy>, key: &VerifierKey) -> Result<Self, LogError> {
        let recent = log.newest().map(|note| (log.size(), note.clone())).into_iter().collect();
        let kept = log.witnessed(key)?.map(|(note, head): (_, Checkpoint)| (head.size, note));
        // Another policy than the last time may ask for more.
        let witnessed = kept.filter(|(_, note)| policy.as_ref().is_some_and(|p| satisfied(p, note)));
        let mut state = Self { log, policy, recent, witnessed, stopped: false };
        state.settle(state.log.size())?;
        Ok(state)
    }

    pub(super) const fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn size(&self) -> u64 {
        self.log.size().get()
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Appends, or does nothing for ever after the first error.
    pub(super) fn append(&mut self, entries: &[String], key: &SigningKey) -> Result<(), LogError> {
        if self.stopped {
            return Err(LogError::Stopped);
        }
        let note = self.log.append(entries, key).inspect_err(|_| self.stopped = true)?;
        self.recent.push_back((self.log.size(), note));
        while self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
        self.settle(self.log.size())
    }

    /// The newest head, with what was collected for it.
    pub(super) fn newest(&self) -> Option<&SignedNote> {
        self.log.newest()
    }

    /// The head of a size, while it is among the newest.
    pub(super) fn head(&self, size: TreeSize) -> Option<&SignedNote> {
        self.recent.iter().find(|(of, _)| *of == size).map(|(_, note)| note)
    }

    /// Takes up a witness's cosignature, which the caller has verified.
    pub(super) fn take(&mut self, size: TreeSize, line: NoteSignature) -> Result<(), LogError> {
        let Some((_, note)) = self.recent.iter_mut().find(|(of, _)| *of == size) else { return Ok(()) };
        note.add(line).map_err(|e| self.log.damaged("checkpoint", &e))?;
        if size == self.log.size() {
            let note = note.clone();
            self.log.set_newest(&note)?;
        }
        self.settle(size)
    }

    /// The size of the newest head that enough outsiders cosigned; none where no policy says what is enough.
    pub(super) fn witnessed(&self) -> Option<TreeSize> {
        self.witnessed.as_ref().map(|(size, _)| *size)
    }

    /// Whether the quorum is met for the newest head.
    pub(super) fn is_met(&self) -> bool {
        self.witnessed() == Some(self.log.size())
    }

    /// The head that proofs are made under.
    pub(super) fn provable(&self) -> Option<(SignedNote, TreeSize)> {
        match &self.policy {
            Some(_) => self.witnessed.as_ref().map(|(size, note)| (note.clone(), *size)),
            None => self.log.newest().map(|note| (note.clone(), self.log.size())),
        }
    }

    /// Who outside cosigned a head of this log, and when: those that the policy names.
    pub(super) fn cosigned_by(&self, note: &SignedNote) -> Vec<packet::Cosigned> {
        let named = self.policy.iter().flat_map(Policy::witnesses);
        named.filter_map(|party| super::cosigned(note, &party.key)).collect()
    }

    /// Makes a head the newest that enough outsiders cosigned, where they did; later cosignatures for the same head are taken up as well.
    fn settle(&mut self, size: TreeSize) -> Result<(), LogError> {
        let (Some(policy), Some((_, note))) = (&self.policy, self.recent.iter().find(|(of, _)| *of == size))
        else {
            return Ok(());
        };
        let older = self.witnessed.as_ref().is_none_or(|(of, _)| *of <= size);
        if older && satisfied(policy, note) {
            self.log.set_witnessed(note)?;
            self.witnessed = Some((size, note.clone()));
        }
        Ok(())
    }
}

fn satisfied(policy: &Policy, note: &SignedNote) -> bool {
    policy.satisfied(|key| cosignature::verify(note, key).is_ok())
}
