//! What is in somebody's hands, or released and to come again later. Pure: the time is handed in.

use std::collections::{BTreeSet, HashMap};

use contract::ids::TenantId;
use tokio::time::Instant;

use crate::message::Sequence;
use crate::subject::Subject;
use crate::turns::Entry;

/// How a message is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Handed out, by this receipt, until its lease ends.
    InHand(u64),
    /// Released, until its delay is over.
    Delayed,
}

#[derive(Debug)]
struct Holding {
    subject: Subject,
    bytes: u32,
    hold: Hold,
    until: Instant,
}

/// Messages that are not waiting, each until some instant.
#[derive(Debug, Default)]
pub(crate) struct Held {
    messages: HashMap<Sequence, Holding>,
    /// The same, by when they come again.
    ends: BTreeSet<(Instant, Sequence)>,
}

impl Held {
    pub(crate) fn insert(&mut self, subject: Subject, entry: Entry, hold: Hold, until: Instant) {
        let Entry { sequence, bytes } = entry;
        if let Some(before) = self.messages.insert(sequence, Holding { subject, bytes, hold, until }) {
            self.ends.remove(&(before.until, sequence));
        }
        self.ends.insert((until, sequence));
    }

    /// Takes a message out, however it is held.
    pub(crate) fn remove(&mut self, sequence: Sequence) -> Option<(Subject, Entry, Hold)> {
        let Holding { subject, bytes, hold, until } = self.messages.remove(&sequence)?;
        self.ends.remove(&(until, sequence));
        Some((subject, Entry { sequence, bytes }, hold))
    }

    /// Whether it is still in hand by this receipt.
    pub(crate) fn is_in_hand(&self, sequence: Sequence, receipt: u64) -> bool {
        self.messages.get(&sequence).is_some_and(|holding| holding.hold == Hold::InHand(receipt))
    }

    /// It stays in hand until then, where it still is.
    pub(crate) fn extend(&mut self, sequence: Sequence, receipt: u64, until: Instant) {
        if let Some(holding) = self.messages.get_mut(&sequence)
            && holding.hold == Hold::InHand(receipt)
        {
            self.ends.remove(&(holding.until, sequence));
            holding.until = until;
            self.ends.insert((until, sequence));
        }
    }

    /// What comes again by now, the newest first.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<(Subject, Entry, Hold)> {
        let mut due = Vec::new();
        while let Some(&(until, sequence)) = self.ends.first()
            && until <= now
        {
            self.ends.pop_first();
            due.extend(self.remove(sequence));
        }
        due.sort_unstable_by_key(|(_, entry, _)| std::cmp::Reverse(entry.sequence));
        due
    }

    /// When the next one comes again.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.ends.first().map(|(until, _)| *until)
    }

    /// Forgets everything of one tenant.
    pub(crate) fn clear(&mut self, tenant: &TenantId) {
        let Self { messages, ends } = self;
        messages.retain(|sequence, holding| {
            let stays = holding.subject.tenant() != tenant;
            if !stays {
                ends.remove(&(holding.until, *sequence));
            }
            stays
        });
    }
}
