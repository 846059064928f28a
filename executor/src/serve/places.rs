//! Who is connected, and who has to go when another comes. An agent may be silent for as long as it likes while there is room; when there is none, the
//! one that has been silent longest makes it, if that was long.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::time::MonoNs;

/// An agent keeps three, and one that reconnects may overlap with its former self; more than this is a flood.
pub(super) const CONNECTIONS_MAX: usize = 6;

/// So long must one have been silent to be closed for another. Whoever is mute before hello goes by itself after as long.
const SILENT_MS: u64 = 10_000;

/// All connections that are open.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Vec<Arc<Place>>>);

/// One of them.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) stream: UnixStream,
    /// Since when it says nothing; none while it says something, or is being answered.
    silent: Mutex<Option<MonoNs>>,
}

/// What became of one that came.
#[derive(Debug)]
pub(super) enum Came {
    /// It has a place.
    In(Arc<Place>),
    /// It has the place of another, which was silent.
    InsteadOf(Arc<Place>),
    /// All places are taken by some that talk.
    Full,
}

impl Places {
    /// Gives `stream` a place, if there is one or somebody silent has one.
    pub(super) fn come(&self, stream: UnixStream, now: MonoNs) -> Came {
        let place = Arc::new(Place { stream, silent: Mutex::default() });
        let mut places = self.lock();
        if places.len() < CONNECTIONS_MAX {
            places.push(Arc::clone(&place));
            return Came::In(place);
        }
        let silent = places.iter().enumerate().filter_map(|(index, other)| Some((other.silent()?, index)));
        match silent.min().filter(|(since, _)| now.ms_since(*since) >= SILENT_MS) {
            Some((_, index)) => {
                // Its reader wakes up to a connection that has ended.
                let _ = places[index].stream.shutdown(Shutdown::Both);
                places[index] = Arc::clone(&place);
                Came::InsteadOf(place)
            }
            None => Came::Full,
        }
    }

    /// One is gone, if it is still here.
    pub(super) fn gone(&self, place: &Arc<Place>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, place));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Place>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// It is waited for.
    pub(super) fn falls_silent(&self, now: MonoNs) {
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// It says something.
    pub(super) fn speaks(&self) {
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn silent(&self) -> Option<MonoNs> {
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn at(ms: u64) -> MonoNs {
        MonoNs(ms * 1_000_000)
    }

    /// One that came, and its peer.
    fn come(places: &Places, now: u64) -> (Came, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (places.come(ours, at(now)), theirs)
    }

    #[test]
    fn the_one_that_has_been_silent_longest_makes_room_and_none_that_talks_does() {
        let places = Places::default();
        let mut peers = Vec::new();
        for n in 0..CONNECTIONS_MAX as u64 {
            let (Came::In(place), theirs) = come(&places, 0) else { panic!("no place") };
            place.falls_silent(at(n));
            peers.push((place, theirs));
        }
        assert!(matches!(come(&places, SILENT_MS - 1).0, Came::Full));
        peers[0].0.speaks();
        assert!(matches!(come(&places, SILENT_MS).0, Came::Full));
        let (Came::InsteadOf(newcomer), _theirs) = come(&places, SILENT_MS + 1) else { panic!("no place") };
        assert_eq!(peers[1].1.read(&mut [0]).unwrap(), 0, "it was not closed");
        // The one that was closed ends late, and takes nobody's place along.
        places.gone(&peers[1].0);
        assert!(matches!(come(&places, SILENT_MS + 1).0, Came::Full));
        places.gone(&newcomer);
        assert!(matches!(come(&places, SILENT_MS + 1).0, Came::In(_)));
    }
}
