//! Before a certificate was shown: handshakes take turns, and whoever does not go on makes room.
//!
//! Ten thousand devices that come back at once are all let in, one after the other: so much of each handshake as costs something is done in turns, in
//! the order in which they came, and beside them there is always a thread for those who are in. Nobody holds a turn while the network is waited for, so
//! silence holds up nobody. Where the lobby is full, whoever has been in it for the longest goes: a handshake in order takes less than a second.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore};

/// The lobby.
#[derive(Debug)]
pub(super) struct Lobby {
    places: usize,
    waiting: Mutex<(u64, BTreeMap<u64, Arc<Notify>>)>,
    turns: Arc<Semaphore>,
}

/// A place in it, for as long as this lives.
#[derive(Debug)]
pub(super) struct Place {
    lobby: Arc<Lobby>,
    number: u64,
    gone: Arc<Notify>,
}

impl Lobby {
    /// With so many places; on a machine of so many threads.
    pub(super) fn new(places: usize, threads: usize) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new((threads / 2).max(1)));
        Arc::new(Self { places: places.max(1), waiting: Mutex::default(), turns })
    }

    /// Takes a place, if need be that of whoever has been here for the longest.
    pub(super) fn enter(self: &Arc<Self>) -> Place {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, all) = &mut *waiting;
        if all.len() >= self.places
            && let Some((_, oldest)) = all.pop_first()
        {
            oldest.notify_one();
        }
        *next += 1;
        let (number, gone) = (*next, Arc::new(Notify::new()));
        all.insert(number, Arc::clone(&gone));
        Place { lobby: Arc::clone(self), number, gone }
    }

    /// Does `work` in turns.
    pub(super) fn in_turns<F>(&self, work: F) -> InTurns<F> {
        InTurns { work, turns: Arc::clone(&self.turns), asked: None }
    }
}

impl Place {
    /// Returns once the place is somebody else's.
    pub(super) async fn gone(&self) {
        self.gone.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.lobby.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.1.remove(&self.number);
    }
}

type Asked = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// Work that goes on only in its turn, and waits for the network outside of it.
pub(super) struct InTurns<F> {
    work: F,
    turns: Arc<Semaphore>,
    asked: Option<Asked>,
}

impl<F: Future + Unpin> Future for InTurns<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let asked = this.asked.get_or_insert_with(|| Box::pin(Arc::clone(&this.turns).acquire_owned()));
        // The semaphore is never closed; should it be, the work is done out of turn.
        let Poll::Ready(turn) = asked.as_mut().poll(context) else { return Poll::Pending };
        this.asked = None;
        let done = Pin::new(&mut this.work).poll(context);
        drop(turn);
        done
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    fn is_gone(place: &Place) -> bool {
        pin!(place.gone()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn where_it_is_full_the_oldest_goes_and_whoever_left_takes_no_place() {
        let lobby = Lobby::new(2, 2);
        let (first, second) = (lobby.enter(), lobby.enter());
        drop(second);
        let third = lobby.enter();
        assert!(!is_gone(&first));
        let fourth = lobby.enter();
        assert!(is_gone(&first) && !is_gone(&third) && !is_gone(&fourth));
        drop((first, third, fourth));
        assert!(lobby.waiting.lock().unwrap().1.is_empty());
    }

    #[test]
    fn whoever_waits_for_the_network_holds_no_turn() {
        let lobby = Lobby::new(10, 2);
        let context = &mut Context::from_waker(Waker::noop());
        let mut silent = pin!(lobby.in_turns(std::future::pending::<()>()));
        assert!(silent.as_mut().poll(context).is_pending());
        let mut honest = pin!(lobby.in_turns(std::future::ready(7)));
        assert_eq!(honest.as_mut().poll(context), Poll::Ready(7));
        // And while somebody is at work, the next waits.
        let turn = Arc::clone(&lobby.turns).try_acquire_owned().unwrap();
        let mut next = pin!(lobby.in_turns(std::future::ready(8)));
        assert!(next.as_mut().poll(context).is_pending());
        drop(turn);
        assert_eq!(next.as_mut().poll(context), Poll::Ready(8));
    }
}
