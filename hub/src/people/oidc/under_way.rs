//! Logins that were begun and have not ended: in memory, since a restart may well ask for another try.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use contract::digest::Digest;
use contract::ids::OperatorId;
use contract::time::UtcTime;

/// How long one may take.
const TIME_MAX_MS: u64 = 10 * 60 * 1000;
/// How many there may be: anybody can begin one. Where there are more, the oldest are forgotten.
const NUMBER_MAX: usize = 1000;
/// How many from one source: behind it there can be a whole office. Whoever begins more forgets the own ones.
const OF_SOURCE_MAX: usize = 50;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnderWay {
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) invitation: Option<(Digest, OperatorId)>,
    /// Where whoever began it is.
    pub(super) source: String,
    pub(super) begun: UtcTime,
}

/// All of them, by the digest of their state.
#[derive(Debug, Default)]
pub(super) struct All(Mutex<BTreeMap<Digest, UnderWay>>);

impl All {
    pub(super) fn begin(&self, state: &str, login: UnderWay) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = login.begun;
        all.retain(|_, other| is_fresh(other, now));
        let own = |other: &UnderWay| other.source == login.source;
        if all.values().filter(|other| own(other)).count() >= OF_SOURCE_MAX {
            forget_oldest(&mut all, own);
        }
        if all.len() >= NUMBER_MAX {
            forget_oldest(&mut all, |_| true);
        }
        all.insert(Digest::of(state.as_bytes()), login);
    }

    /// Takes one out, for the browser that began it. A second time there is none.
    pub(super) fn end(&self, state: &str, cookie: &str, now: UtcTime) -> Option<UnderWay> {
        let (state, cookie) = (Digest::of(state.as_bytes()), Digest::of(cookie.as_bytes()));
        if state != cookie {
            return None;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&state).filter(|login| is_fresh(login, now))
    }
}

fn forget_oldest(all: &mut BTreeMap<Digest, UnderWay>, of: impl Fn(&UnderWay) -> bool) {
    let those = all.iter().filter(|(_, login)| of(login));
    let oldest = those.min_by_key(|(_, login)| login.begun).map(|(state, _)| *state);
    oldest.and_then(|oldest| all.remove(&oldest));
}

fn is_fresh(login: &UnderWay, now: UtcTime) -> bool {
    // One that was begun after now was begun by another clock.
    login.begun <= now && now.ms_since(login.begun) < TIME_MAX_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> UtcTime {
        UtcTime::from_unix_ms(1_800_000_000_000).unwrap().plus_ms(ms)
    }

    fn begun(ms: u64) -> UnderWay {
        UnderWay {
            nonce: ms.to_string(),
            verifier: String::new(),
            invitation: None,
            source: "192.0.2.1".into(),
            begun: at(ms),
        }
    }

    #[test]
    fn one_ends_once_in_its_own_browser_and_in_time() {
        let all = All::default();
        all.begin("a", begun(0));
        assert_eq!(all.end("a", "b", at(1)), None, "another browser ended it");
        assert_eq!(all.end("a", "a", at(1)), Some(begun(0)));
        assert_eq!(all.end("a", "a", at(1)), None, "it ended twice");
        all.begin("c", begun(0));
        assert_eq!(all.end("c", "c", at(TIME_MAX_MS)), None, "it took too long");
        assert_eq!(all.end("", "", at(0)), None, "nothing was taken for one");
    }

    #[test]
    fn whoever_begins_many_forgets_the_own_ones() {
        let all = All::default();
        let from = |source: &str, n| UnderWay { source: source.into(), ..begun(n) };
        all.begin("somebody", from("192.0.2.7", 0));
        for n in 1..=2 * NUMBER_MAX as u64 {
            all.begin(&n.to_string(), from("192.0.2.8", n));
        }
        let now = at(2 * NUMBER_MAX as u64);
        assert_eq!(all.0.lock().unwrap().len(), OF_SOURCE_MAX + 1);
        assert_eq!(all.end("somebody", "somebody", now), Some(from("192.0.2.7", 0)), "others pushed it out");
    }

    #[test]
    fn a_flood_fills_no_memory_and_the_newest_still_end() {
        let all = All::default();
        let from = |source: u64, n| UnderWay { source: source.to_string(), ..begun(n) };
        for n in 0..3 * NUMBER_MAX as u64 {
            all.begin(&n.to_string(), from(n, n));
        }
        assert_eq!(all.0.lock().unwrap().len(), NUMBER_MAX);
        let last = 3 * NUMBER_MAX as u64 - 1;
        assert_eq!(all.end(&last.to_string(), &last.to_string(), at(last)), Some(from(last, last)));
    }
}
