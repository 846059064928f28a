//! Two requests at the same time: the specification's own race, and many threads.

use std::convert::Infallible;
use std::sync::{Barrier, Mutex};

use tlog::{Origin, SignedNote};
use witness::{Heads, Logs, Witness};

use crate::model::{History, Memory, cosigned, log_key, time, witness, witness_key};

/// Another request gets in between the reading and the writing of the first one.
struct Overtaken {
    heads: Memory,
    winner: Mutex<Option<SignedNote>>,
}

impl Heads for Overtaken {
    type Error = Infallible;

    fn newest(&self, log: &Origin) -> Result<Option<SignedNote>, Infallible> {
        let newest = self.heads.newest(log)?;
        if let Some(winner) = self.winner.lock().unwrap().take() {
            self.heads.0.lock().unwrap().insert(log.clone(), winner);
        }
        Ok(newest)
    }

    fn replace(
        &self,
        log: &Origin,
        expected: Option<&SignedNote>,
        next: &SignedNote,
    ) -> Result<bool, Infallible> {
        self.heads.replace(log, expected, next)
    }
}

#[test]
fn who_is_overtaken_rolls_nothing_back() {
    let log = History::new(0, 0, 50);
    // What the witness would keep after the larger head.
    let ahead = witness();
    ahead.add(&witness_key(), &log.request(0, 30), time()).unwrap();
    let winner = ahead.heads().0.lock().unwrap().values().next().cloned();
    let heads = Overtaken { heads: Memory::default(), winner: Mutex::new(winner) };
    let witness = Witness::new(Logs::of([log_key().verifier()]).unwrap(), heads);
    let considered = witness.add(&witness_key(), &log.request(0, 20), time()).unwrap();
    assert_eq!((considered.answer.status, considered.answer.body.as_str()), (409, "30\n"));
}

#[test]
fn of_two_histories_offered_at_once_one_is_cosigned() {
    for round in 0..50 {
        let witness = witness();
        let histories: Vec<History> = (0..8).map(|i| History::new(i, round % 5, 12)).collect();
        let barrier = Barrier::new(histories.len());
        let vouched: Vec<_> = std::thread::scope(|scope| {
            let offers: Vec<_> = histories
                .iter()
                .map(|history| {
                    scope.spawn(|| {
                        barrier.wait();
                        let request = history.request(0, 9);
                        cosigned(&request, &witness.add(&witness_key(), &request, time()).unwrap())
                    })
                })
                .collect();
            offers.into_iter().filter_map(|offer| offer.join().unwrap()).collect()
        });
        assert_eq!(vouched.len(), 1, "cosigned heads of two histories, or none: {vouched:?}");
    }
}

/// A disk that fails, or that is full.
struct Failing(Memory);

impl Heads for Failing {
    type Error = std::io::Error;

    fn newest(&self, log: &Origin) -> Result<Option<SignedNote>, std::io::Error> {
        Ok(self.0.newest(log).unwrap())
    }

    fn replace(&self, _: &Origin, _: Option<&SignedNote>, _: &SignedNote) -> Result<bool, std::io::Error> {
        Err(std::io::Error::other("no space left on device"))
    }
}

#[test]
fn what_cannot_be_kept_is_not_cosigned() {
    let log = History::new(0, 0, 9);
    let witness = Witness::new(Logs::of([log_key().verifier()]).unwrap(), Failing(Memory::default()));
    assert!(witness.add(&witness_key(), &log.request(0, 4), time()).is_err());
    assert!(witness.add(&witness_key(), &log.request(0, 4), time()).is_err());
}
