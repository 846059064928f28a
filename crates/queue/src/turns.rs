//! Taking turns: which message is next. Pure, and held in memory: it is rebuilt from the database when that is opened.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use contract::ids::{SiteId, TenantId};

use crate::message::Sequence;
use crate::subject::Subject;

/// Something that gives its next message, and says where it lay.
trait Lane: Default {
    type Item;
    fn next(&mut self) -> Option<Self::Item>;
    fn is_empty(&self) -> bool;
}

impl Lane for VecDeque<Sequence> {
    type Item = Sequence;
    fn next(&mut self) -> Option<Sequence> {
        self.pop_front()
    }
    fn is_empty(&self) -> bool {
        VecDeque::is_empty(self)
    }
}

/// Lanes that give one message each in turn. No lane is empty, and each stands in `order` once.
#[derive(Debug)]
struct Turns<K, L> {
    order: VecDeque<K>,
    lanes: HashMap<K, L>,
}

impl<K, L> Default for Turns<K, L> {
    fn default() -> Self {
        Self { order: VecDeque::new(), lanes: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash, L: Lane> Turns<K, L> {
    /// The lane of `key`. The caller puts something into it.
    fn lane(&mut self, key: &K) -> &mut L {
        if !self.lanes.contains_key(key) {
            self.order.push_back(key.clone());
        }
        self.lanes.entry(key.clone()).or_default()
    }
}

impl<K: Clone + Eq + Hash, L: Lane> Lane for Turns<K, L> {
    type Item = (K, L::Item);
    fn next(&mut self) -> Option<(K, L::Item)> {
        let key = self.order.pop_front()?;
        let lane = self.lanes.get_mut(&key)?;
        let next = lane.next();
        if lane.is_empty() {
            self.lanes.remove(&key);
        } else {
            self.order.push_back(key.clone());
        }
        next.map(|next| (key, next))
    }
    fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

/// Everything that waits, and how much each tenant has pending: waiting or being worked on.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    waiting: Turns<TenantId, Turns<SiteId, VecDeque<Sequence>>>,
    counts: HashMap<TenantId, usize>,
}

impl Pending {
    /// Takes a place for one more message of `tenant`; `false` where `limit` are taken.
    pub(crate) fn reserve(&mut self, tenant: &TenantId, limit: usize) -> bool {
        let count = self.counts.entry(tenant.clone()).or_default();
        let free = *count < limit;
        if free {
            *count += 1;
        }
        free
    }

    /// Gives a place back.
    pub(crate) fn free(&mut self, tenant: &TenantId) {
        if let Some(count) = self.counts.get_mut(tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.counts.remove(tenant);
            }
        }
    }

    /// Puts a message that has its place last in its lane.
    pub(crate) fn push(&mut self, subject: &Subject, sequence: Sequence) {
        self.waiting.lane(subject.tenant()).lane(subject.site()).push_back(sequence);
    }

    /// Puts a message that was taken first in its lane again.
    pub(crate) fn put_back(&mut self, subject: &Subject, sequence: Sequence) {
        self.waiting.lane(subject.tenant()).lane(subject.site()).push_front(sequence);
    }

    /// The next at most `max` messages. They keep their places.
    pub(crate) fn take(&mut self, max: usize) -> Vec<(Subject, Sequence)> {
        let next = || self.waiting.next().map(|(tenant, (site, next))| (Subject::new(tenant, site), next));
        std::iter::from_fn(next).take(max).collect()
    }

    /// Whether nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(tenant: &str, site: &str) -> Subject {
        Subject::new(tenant.parse().unwrap(), site.parse().unwrap())
    }

    fn filled(of: &[(&str, &str, i64)]) -> Pending {
        let mut pending = Pending::default();
        for (tenant, site, sequence) in of {
            pending.push(&subject(tenant, site), Sequence(*sequence));
        }
        pending
    }

    #[test]
    fn tenants_take_turns_and_sites_within_them() {
        let mut pending = filled(&[
            ("flood", "a", 1),
            ("flood", "a", 2),
            ("flood", "a", 3),
            ("flood", "b", 4),
            ("calm", "x", 5),
            ("quiet", "y", 6),
        ]);
        let order: Vec<i64> = pending.take(10).into_iter().map(|(_, s)| s.0).collect();
        assert_eq!(order, [1, 5, 6, 4, 2, 3]);
        assert!(pending.is_idle());
    }

    #[test]
    fn the_turn_goes_on_from_one_fetch_to_the_next() {
        let mut pending = filled(&[("a", "s", 1), ("a", "s", 2), ("b", "s", 3), ("c", "s", 4)]);
        let order: Vec<i64> = (0..4).flat_map(|_| pending.take(1)).map(|(_, s)| s.0).collect();
        assert_eq!(order, [1, 3, 4, 2]);
    }

    #[test]
    fn places_are_counted_for_each_tenant_alone() {
        let mut pending = Pending::default();
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        assert!(pending.reserve(&a, 1));
        assert!(!pending.reserve(&a, 1));
        assert!(pending.reserve(&b, 1));
        pending.free(&a);
        assert!(pending.reserve(&a, 1));
    }
}
