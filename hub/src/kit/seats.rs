//! Who is downloading: so many at once and of one person, since each holds a thread that the hub's own work needs as well.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract::ids::OperatorId;

/// The seats.
#[derive(Debug)]
pub(crate) struct Seats {
    all_max: usize,
    each_max: usize,
    taken: Mutex<HashMap<OperatorId, usize>>,
}

/// A seat, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    person: OperatorId,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// The person has as many as one may have.
    Theirs(usize),
    /// All are taken.
    All(usize),
}

impl Seats {
    pub(crate) fn new(all_max: usize, each_max: usize) -> Arc<Self> {
        Arc::new(Self { all_max, each_max, taken: Mutex::default() })
    }

    pub(crate) fn take(self: &Arc<Self>, person: &OperatorId) -> Result<Seat, NoSeat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.get(person).copied().unwrap_or(0) >= self.each_max {
            return Err(NoSeat::Theirs(self.each_max));
        }
        if taken.values().sum::<usize>() >= self.all_max {
            return Err(NoSeat::All(self.all_max));
        }
        *taken.entry(person.clone()).or_default() += 1;
        Ok(Seat { seats: Arc::clone(self), person: person.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(theirs) = taken.get_mut(&self.person) {
            *theirs -= 1;
            if *theirs == 0 {
                taken.remove(&self.person);
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
        let [ada, ben, cleo] = ["ada", "ben", "cleo"].map(|name| name.parse::<OperatorId>().unwrap());
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
