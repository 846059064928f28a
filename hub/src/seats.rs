//! How many there may be of something at a time: in all, and for each who takes one. Downloads, streams of events, connections, questions to models.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// The seats.
#[derive(Debug)]
pub(crate) struct Seats<K> {
    all_max: usize,
    each_max: usize,
    taken: Mutex<HashMap<K, usize>>,
}

/// A seat, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Seat<K: Eq + Hash> {
    seats: Arc<Seats<K>>,
    of: K,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// Whoever asks has as many as one may have.
    Theirs(usize),
    /// All are taken.
    All(usize),
}

impl<K: Eq + Hash + Clone> Seats<K> {
    /// All of them are free.
    pub(crate) fn new(all_max: usize, each_max: usize) -> Arc<Self> {
        Arc::new(Self { all_max, each_max, taken: Mutex::default() })
    }

    /// Takes one.
    pub(crate) fn take(self: &Arc<Self>, of: &K) -> Result<Seat<K>, NoSeat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.get(of).copied().unwrap_or(0) >= self.each_max {
            return Err(NoSeat::Theirs(self.each_max));
        }
        if taken.values().sum::<usize>() >= self.all_max {
            return Err(NoSeat::All(self.all_max));
        }
        *taken.entry(of.clone()).or_default() += 1;
        Ok(Seat { seats: Arc::clone(self), of: of.clone() })
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
        if let Some(theirs) = taken.get_mut(&self.of) {
            *theirs -= 1;
            if *theirs == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_a_few_and_all_together_no_more_than_there_are() {
        let seats = Seats::new(3, 2);
        let [ada, ben, cleo] = ["ada", "ben", "cleo"];
        let first = seats.take(&ada).unwrap();
        let _second = seats.take(&ada).unwrap();
        assert_eq!(seats.take(&ada).unwrap_err(), NoSeat::Theirs(2));
        let third = seats.take(&ben).unwrap();
        assert_eq!(seats.take(&cleo).unwrap_err(), NoSeat::All(3));
        drop((first, third));
        let _again = (seats.take(&cleo).unwrap(), seats.take(&ada).unwrap());
        assert_eq!(seats.taken.lock().unwrap().len(), 2, "whoever has none is forgotten");
    }
}
