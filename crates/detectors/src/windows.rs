//! Sliding counts: how many matches lie within the last so many seconds, for each unit or address, in memory that has an end.

use std::collections::{BTreeMap, VecDeque};

use contract::time::MonoNs;

use crate::rate::Rate;

/// The most matches that one window counts. Beyond it the count stands still, so a flood of lines costs no memory.
pub(crate) const COUNT_MAX: u32 = 1_000;
/// The most units or addresses that are counted apart. A further one has the first of them forgotten.
const EACH_MAX: usize = 512;
/// So many of them may fire within one window, each by itself; the next speaks for all.
const FIRED_MAX: usize = 8;

const SECOND_NS: u64 = 1_000_000_000;

/// One count.
#[derive(Debug, Default)]
struct Window {
    matches: VecDeque<MonoNs>,
    quiet_until: Option<MonoNs>,
}

/// That a rate was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    /// How many matches.
    pub(crate) count: u32,
    /// True where too many units or addresses fired: nobody is named.
    pub(crate) together: bool,
}

/// The counts of one detector.
#[derive(Debug)]
pub(crate) struct Windows {
    rate: Rate,
    each: BTreeMap<Box<[u8]>, Window>,
    /// In the order in which they were first seen.
    order: VecDeque<Box<[u8]>>,
    fired: VecDeque<MonoNs>,
}

impl Windows {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, each: BTreeMap::new(), order: VecDeque::new(), fired: VecDeque::new() }
    }

    pub(crate) const fn rate(&self) -> Rate {
        self.rate
    }

    /// Counts a match of `who` at `now`. Says where the rate is reached, and then not again for the length of one window.
    pub(crate) fn count(&mut self, who: &[u8], now: MonoNs) -> Option<Reached> {
        let length = u64::from(self.rate.within.seconds) * SECOND_NS;
        // What is counted apart is counted no further than it has to be.
        let kept = if self.rate.per.is_some() { self.rate.times } else { COUNT_MAX };
        let window = self.window(who);
        window.slide(now, length);
        if window.matches.len() >= kept as usize {
            window.matches.pop_front();
        }
        window.matches.push_back(now);
        let count = window.matches.len() as u64;
        let quiet = window.quiet_until.is_some_and(|until| now < until);
        if count < u64::from(self.rate.times) || quiet {
            return None;
        }
        self.window(who).quiet_until = Some(MonoNs(now.0.saturating_add(length)));
        let count = u32::try_from(count).unwrap_or(COUNT_MAX);
        if self.rate.per.is_none() {
            return Some(Reached { count, together: false });
        }
        self.in_turn(now, length).map(|together| Reached { count, together })
    }

    /// Whether `who` has reached the rate by `now`, without counting anything.
    pub(crate) fn has_reached(&mut self, who: &[u8], now: MonoNs) -> Option<u32> {
        let length = u64::from(self.rate.within.seconds) * SECOND_NS;
        let window = self.each.get_mut(who)?;
        window.slide(now, length);
        let count = u32::try_from(window.matches.len()).unwrap_or(COUNT_MAX);
        (count >= self.rate.times).then_some(count)
    }

    /// Bounds how many fire apart: a flood of addresses must not become a flood of signals.
    fn in_turn(&mut self, now: MonoNs, length: u64) -> Option<bool> {
        while self.fired.front().is_some_and(|&f| now.0.saturating_sub(f.0) >= length) {
            self.fired.pop_front();
        }
        if self.fired.len() > FIRED_MAX {
            return None;
        }
        self.fired.push_back(now);
        Some(self.fired.len() > FIRED_MAX)
    }

    fn window(&mut self, who: &[u8]) -> &mut Window {
        if !self.each.contains_key(who) {
            while self.each.len() >= EACH_MAX {
                let Some(first) = self.order.pop_front() else { break };
                self.each.remove(&first);
            }
            self.order.push_back(who.into());
        }
        self.each.entry(who.into()).or_default()
    }

    /// How many units or addresses are counted, for tests of the bound.
    #[cfg(test)]
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.each.len(), self.order.len())
    }
}

impl Window {
    fn slide(&mut self, now: MonoNs, length: u64) {
        while self.matches.front().is_some_and(|&m| now.0.saturating_sub(m.0) >= length) {
            self.matches.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(rate: &str) -> Windows {
        Windows::new(Rate::try_from(rate.to_owned()).unwrap())
    }

    fn at(seconds: u64) -> MonoNs {
        MonoNs(seconds * SECOND_NS)
    }

    #[test]
    fn each_source_has_a_count_of_its_own() {
        let mut windows = windows("3 in 60 s per source");
        for second in 0..2 {
            assert_eq!(windows.count(b"a", at(second)), None);
            assert_eq!(windows.count(b"b", at(second)), None);
        }
        assert_eq!(windows.count(b"a", at(2)), Some(Reached { count: 3, together: false }));
        assert_eq!(windows.count(b"a", at(3)), None, "it is quiet for a window");
        assert_eq!(windows.count(b"b", at(61)), None, "what is old does not count");
        assert_eq!(windows.has_reached(b"a", at(3)), Some(3));
        assert_eq!(windows.has_reached(b"c", at(3)), None);
    }

    #[test]
    fn a_hundred_thousand_sources_cost_no_more_than_512_and_nine_signals() {
        let mut windows = windows("2 in 60 s per source");
        let mut reached = Vec::new();
        for n in 0..100_000_u32 {
            for _ in 0..2 {
                reached.extend(windows.count(&n.to_be_bytes(), at(1)));
            }
        }
        assert_eq!(windows.len(), (EACH_MAX, EACH_MAX));
        assert_eq!(
            reached.iter().map(|r| r.together).collect::<Vec<_>>(),
            [vec![false; 8], vec![true]].concat()
        );
        assert!(windows.count(b"x", at(61)).is_none() && windows.count(b"x", at(61)).is_some());
    }

    #[test]
    fn a_clock_that_goes_back_breaks_nothing() {
        let mut windows = windows("2 in 60 s");
        assert_eq!(windows.count(b"", at(100)), None);
        assert_eq!(windows.count(b"", at(90)).map(|r| r.count), Some(2));
    }
}
