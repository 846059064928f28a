//! Taking turns: which message is next. Pure, and held in memory: it is rebuilt from the database when that is opened.
//!
//! Between tenants by deficit round robin in bytes (Shreedhar and Varghese, 1995): at each turn a tenant may take [`QUANTUM`] bytes more, and what it
//! does not use because its next message is longer it keeps for its next turn, for as long as something of it waits. So over any time in which two
//! tenants both have something waiting, they get the same bytes but for a quantum and two longest messages, whatever lengths they publish. Each
//! message costs constant work: a visit for each quantum of its length. Within a tenant, each site gives one message in turn.

use std::collections::{HashMap, VecDeque};

use contract::ids::{SiteId, TenantId};

use crate::message::Sequence;
use crate::subject::Subject;

/// The bytes of one turn: a handful of incidents, so that a single message waits for no more than a handful of each other tenant's.
pub(crate) const QUANTUM: u64 = 1024;
/// What a message costs at least: an empty one is work as well.
pub(crate) const COST_MIN: u64 = 64;

/// A message that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) sequence: Sequence,
    /// The length of its body.
    pub(crate) bytes: u32,
}

impl Entry {
    pub(crate) fn cost(self) -> u64 {
        u64::from(self.bytes).max(COST_MIN)
    }
}

/// What waits of one tenant. No site's line is empty, and each stands in `order` once.
#[derive(Debug, Default)]
struct Lane {
    order: VecDeque<SiteId>,
    lines: HashMap<SiteId, VecDeque<Entry>>,
    deficit: u64,
    /// Whether the present turn's quantum was given.
    turn: bool,
}

impl Lane {
    fn line(&mut self, site: &SiteId) -> &mut VecDeque<Entry> {
        if !self.lines.contains_key(site) {
            self.order.push_back(site.clone());
        }
        self.lines.entry(site.clone()).or_default()
    }

    /// The next message, where the deficit lasts for it.
    fn next(&mut self) -> Option<(SiteId, Entry)> {
        if !self.turn {
            self.turn = true;
            self.deficit += QUANTUM;
        }
        let site = self.order.front()?;
        let line = self.lines.get_mut(site)?;
        let entry = *line.front()?;
        self.deficit = self.deficit.checked_sub(entry.cost())?;
        line.pop_front();
        let emptied = line.is_empty();
        let site = self.order.pop_front()?;
        if emptied {
            self.lines.remove(&site);
        } else {
            self.order.push_back(site.clone());
        }
        Some((site, entry))
    }

    fn remove(&mut self, site: &SiteId, sequence: Sequence) -> bool {
        let Some(line) = self.lines.get_mut(site) else { return false };
        let Some(at) = line.iter().position(|entry| entry.sequence == sequence) else { return false };
        line.remove(at);
        if line.is_empty() {
            self.lines.remove(site);
            self.order.retain(|other| other != site);
        }
        true
    }
}

/// Everything that waits. No lane is empty, and each stands in `order` once.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    order: VecDeque<TenantId>,
    lanes: HashMap<TenantId, Lane>,
}

impl Turns {
    fn line(&mut self, subject: &Subject) -> &mut VecDeque<Entry> {
        let tenant = subject.tenant();
        if !self.lanes.contains_key(tenant) {
            self.order.push_back(tenant.clone());
        }
        self.lanes.entry(tenant.clone()).or_default().line(subject.site())
    }

    /// Puts a message last in its line.
    pub(crate) fn push(&mut self, subject: &Subject, entry: Entry) {
        self.line(subject).push_back(entry);
    }

    /// Puts a message that comes again first in its line.
    pub(crate) fn put_back(&mut self, subject: &Subject, entry: Entry) {
        self.line(subject).push_front(entry);
    }

    /// Takes the message whose turn it is.
    pub(crate) fn next(&mut self) -> Option<(Subject, Entry)> {
        loop {
            let tenant = self.order.pop_front()?;
            let Some(lane) = self.lanes.get_mut(&tenant) else { continue };
            match lane.next() {
                Some((site, entry)) => {
                    if lane.order.is_empty() {
                        self.lanes.remove(&tenant);
                    } else {
                        self.order.push_front(tenant.clone());
                    }
                    return Some((Subject::new(tenant, site), entry));
                }
                None => {
                    lane.turn = false;
                    self.order.push_back(tenant);
                }
            }
        }
    }

    /// Takes one message out, wherever it stands; `false` where it does not wait.
    pub(crate) fn remove(&mut self, subject: &Subject, sequence: Sequence) -> bool {
        let Some(lane) = self.lanes.get_mut(subject.tenant()) else { return false };
        let removed = lane.remove(subject.site(), sequence);
        if lane.order.is_empty() {
            self.clear(subject.tenant());
        }
        removed
    }

    /// Takes everything of one tenant out.
    pub(crate) fn clear(&mut self, tenant: &TenantId) {
        self.lanes.remove(tenant);
        self.order.retain(|other| other != tenant);
    }

    /// Whether nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests;
