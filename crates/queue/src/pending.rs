//! Everything that is not acknowledged: what waits, what is held, and how many places each tenant has taken. Pure: the time is handed in.
//!
//! A message that the database has as live is here exactly once, waiting or held, from the moment its publishing is durable until it is settled.
//! What the database says changes this on the database's own thread, in the order of its transactions; taking, lapsing and delaying, which a
//! restart forgets, change it alone.

use std::collections::HashMap;
use std::time::Duration;

use contract::ids::TenantId;
use tokio::time::Instant;

use crate::held::{Held, Hold};
use crate::message::Sequence;
use crate::standing::Depth;
use crate::subject::Subject;
use crate::turns::{Entry, Turns};

/// The places of one tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Places {
    /// For messages that are being written.
    reserved: usize,
    waiting: usize,
    in_hand: usize,
    delayed: usize,
    dead: usize,
}

impl Places {
    const fn taken(self) -> usize {
        self.reserved + self.waiting + self.in_hand + self.delayed + self.dead
    }

    fn of(&mut self, hold: Hold) -> &mut usize {
        match hold {
            Hold::InHand(_) => &mut self.in_hand,
            Hold::Delayed => &mut self.delayed,
        }
    }
}

/// A message that was taken: its subject, its entry, and the receipt of this handing out.
pub(crate) type Taken = (Subject, Entry, u64);

/// Everything that is not acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    turns: Turns,
    held: Held,
    places: HashMap<TenantId, Places>,
    receipts: u64,
}

impl Pending {
    /// The places of `tenant`, while they are changed; one that has none is forgotten after it.
    fn with(&mut self, tenant: &TenantId, change: impl FnOnce(&mut Places)) {
        let places = self.places.entry(tenant.clone()).or_default();
        change(places);
        if places.taken() == 0 {
            self.places.remove(tenant);
        }
    }

    /// Takes a place for one more message of `tenant`; `false` where `limit` are taken.
    pub(crate) fn reserve(&mut self, tenant: &TenantId, limit: usize) -> bool {
        let free = self.places.get(tenant).is_none_or(|places| places.taken() < limit);
        if free {
            self.with(tenant, |places| places.reserved += 1);
        }
        free
    }

    /// Gives a reserved place back.
    pub(crate) fn free(&mut self, tenant: &TenantId) {
        self.with(tenant, |places| places.reserved = places.reserved.saturating_sub(1));
    }

    /// A message that has a reserved place is durable, and waits.
    pub(crate) fn push(&mut self, subject: &Subject, entry: Entry) {
        self.with(subject.tenant(), |places| {
            places.reserved = places.reserved.saturating_sub(1);
            places.waiting += 1;
        });
        self.turns.push(subject, entry);
    }

    /// A message that the database held when it was opened waits, whatever the bound is by now.
    pub(crate) fn load(&mut self, subject: &Subject, entry: Entry) {
        self.with(subject.tenant(), |places| places.waiting += 1);
        self.turns.push(subject, entry);
    }

    /// So many messages of `tenant` were dead when the database was opened.
    pub(crate) fn load_dead(&mut self, tenant: &TenantId, dead: usize) {
        self.with(tenant, |places| places.dead += dead);
    }

    /// What was held until now or before waits again.
    pub(crate) fn fall_due(&mut self, now: Instant) {
        for (subject, entry, hold) in self.held.due(now) {
            self.wait_again(&subject, entry, hold);
        }
    }

    fn wait_again(&mut self, subject: &Subject, entry: Entry, hold: Hold) {
        self.with(subject.tenant(), |places| {
            *places.of(hold) -= 1;
            places.waiting += 1;
        });
        self.turns.put_back(subject, entry);
    }

    /// The next at most `max` messages, in hand until then.
    pub(crate) fn take(&mut self, max: usize, until: Instant) -> Vec<Taken> {
        let mut taken = Vec::new();
        while taken.len() < max
            && let Some((subject, entry)) = self.turns.next()
        {
            let receipt = self.receipts;
            self.receipts += 1;
            self.with(subject.tenant(), |places| {
                places.waiting -= 1;
                places.in_hand += 1;
            });
            self.held.insert(subject.clone(), entry, Hold::InHand(receipt), until);
            taken.push((subject, entry, receipt));
        }
        taken
    }

    /// Whether it is still in hand by this receipt.
    pub(crate) fn is_in_hand(&self, sequence: Sequence, receipt: u64) -> bool {
        self.held.is_in_hand(sequence, receipt)
    }

    /// Begins a lease anew.
    pub(crate) fn extend(&mut self, sequence: Sequence, receipt: u64, until: Instant) {
        self.held.extend(sequence, receipt, until);
    }

    /// What is still in hand by this receipt waits again at once, first in its line.
    pub(crate) fn put_back(&mut self, sequence: Sequence, receipt: u64) {
        if self.held.is_in_hand(sequence, receipt)
            && let Some((subject, entry, hold)) = self.held.remove(sequence)
        {
            self.wait_again(&subject, entry, hold);
        }
    }

    /// What is still in hand by this receipt comes again then.
    pub(crate) fn delay(&mut self, sequence: Sequence, receipt: u64, until: Instant) {
        if self.held.is_in_hand(sequence, receipt)
            && let Some((subject, entry, hold)) = self.held.remove(sequence)
        {
            self.with(subject.tenant(), |places| {
                *places.of(hold) -= 1;
                places.delayed += 1;
            });
            self.held.insert(subject, entry, Hold::Delayed, until);
        }
    }

    /// A live message is settled, wherever it is: its place is free.
    pub(crate) fn remove(&mut self, subject: &Subject, sequence: Sequence) {
        if let Some((_, _, hold)) = self.held.remove(sequence) {
            self.with(subject.tenant(), |places| *places.of(hold) -= 1);
        } else if self.turns.remove(subject, sequence) {
            self.with(subject.tenant(), |places| places.waiting -= 1);
        }
    }

    /// A live message is dead, wherever it is, and keeps its place.
    pub(crate) fn die(&mut self, subject: &Subject, sequence: Sequence) {
        self.with(subject.tenant(), |places| places.dead += 1);
        self.remove(subject, sequence);
    }

    /// A dead message is dead no more.
    pub(crate) fn bury(&mut self, tenant: &TenantId) {
        self.with(tenant, |places| places.dead = places.dead.saturating_sub(1));
    }

    /// Everything of one tenant is gone, but for what is being written.
    pub(crate) fn purge(&mut self, tenant: &TenantId) {
        self.turns.clear(tenant);
        self.held.clear(tenant);
        self.with(tenant, |places| *places = Places { reserved: places.reserved, ..Places::default() });
    }

    /// Whether nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.turns.is_idle()
    }

    /// When the next message comes again.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.held.next_end()
    }

    /// How much of one tenant there is; its age is not known here.
    pub(crate) fn depth(&self, tenant: &TenantId) -> Depth {
        depth_of(self.places.get(tenant).copied().unwrap_or_default(), None)
    }

    /// How much of all tenants there is.
    pub(crate) fn depth_of_all(&self) -> Depth {
        let sum = self.places.values().fold(Places::default(), |a, b| Places {
            reserved: a.reserved + b.reserved,
            waiting: a.waiting + b.waiting,
            in_hand: a.in_hand + b.in_hand,
            delayed: a.delayed + b.delayed,
            dead: a.dead + b.dead,
        });
        depth_of(sum, None)
    }

    /// Which tenants have anything.
    pub(crate) fn tenants(&self) -> Vec<TenantId> {
        self.places.keys().cloned().collect()
    }
}

fn depth_of(places: Places, oldest_age: Option<Duration>) -> Depth {
    let Places { reserved: _, waiting, in_hand, delayed, dead } = places;
    let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Depth {
        waiting: wide(waiting),
        in_hand: wide(in_hand),
        delayed: wide(delayed),
        dead: wide(dead),
        oldest_age,
    }
}
