//! How many there may be at a time of each: of the streams that one person follows, and of the connections that come from one place.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Seats, so many in all and so many for each.
#[derive(Debug)]
pub(crate) struct Seats<K> {
    all_max: usize,
    each_max: usize,
    taken: Mutex<HashMap<K, usize>>,
}

/// One that is taken, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Seat<K: Eq + Hash> {
    of: K,
    seats: Arc<Seats<K>>,
}

impl<K: Eq + Hash + Clone> Seats<K> {
    /// All of them are free.
    pub(crate) fn new(all_max: usize, each_max: usize) -> Arc<Self> {
        Arc::new(Self { all_max, each_max, taken: Mutex::default() })
    }

    /// Takes one; none where there is none left, or this one has enough.
    pub(crate) fn take(self: &Arc<Self>, of: K) -> Option<Seat<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&of).copied().unwrap_or_default();
        if own >= self.each_max || taken.values().sum::<usize>() >= self.all_max {
            return None;
        }
        taken.insert(of.clone(), own + 1);
        Some(Seat { of, seats: Arc::clone(self) })
    }

    /// How many are taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().unwrap().values().sum()
    }
}

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.of) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_more_than_the_own_and_what_is_left_goes_to_others() {
        let seats = Seats::new(3, 2);
        let own: Vec<_> = (0..2).map(|_| seats.take("a").unwrap()).collect();
        assert!(seats.take("a").is_none(), "one took more than the own");
        let other = seats.take("b").unwrap();
        assert!(seats.take("c").is_none(), "there are three in all");
        drop((own, other));
        assert_eq!(seats.taken(), 0);
        assert!(seats.taken.lock().unwrap().is_empty(), "whoever is gone is remembered");
    }
}
