//! What happens when: drawn from a seed, so that a course can be run again. Pure.

use std::time::Duration;

/// A fault is done this often.
const EVERY: Duration = Duration::from_secs(20);

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The fault of this index is done, if it is not there still.
    Fault(usize),
    /// The network cable is plugged in or pulled.
    Cable(bool),
    /// The power is cut, and comes back.
    PowerCut,
    /// The clock jumps a week ahead.
    ClockJump,
    /// Memory is looked at.
    Memory,
}

/// All of it, latest first.
#[derive(Debug)]
pub(super) struct Course(Vec<(Duration, Turn)>);

impl Course {
    /// So many minutes, with as many kinds of faults. The network is away for the middle third; of an hour the power is cut three times, and the clock
    /// jumps once.
    pub(super) fn new(minutes: u64, seed: u64, kinds: usize) -> Self {
        let whole = Duration::from_secs(minutes * 60);
        let part = |thousandths: u32| whole * thousandths / 1000;
        let mut turns = vec![
            (part(333), Turn::Cable(false)),
            (part(666), Turn::Cable(true)),
            (part(240), Turn::ClockJump),
        ];
        let cuts: &[u32] = if minutes < 15 { &[500] } else { &[150, 500, 800] };
        turns.extend(cuts.iter().map(|at| (part(*at), Turn::PowerCut)));
        let last_cut = cuts.last().map_or(whole, |at| part(*at));
        turns.push((last_cut + whole.saturating_sub(last_cut) / 3, Turn::Memory));
        let mut chance = Chance(seed);
        let mut at = EVERY;
        while at + EVERY < whole {
            turns.push((at + Duration::from_millis(chance.below(4000)), Turn::Fault(chance.pick(kinds))));
            at += EVERY;
        }
        turns.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Self(turns)
    }

    /// What comes next.
    pub(super) fn next(&mut self) -> Option<(Duration, Turn)> {
        self.0.pop()
    }
}

/// `SplitMix64` (Steele, Lea, Flood, 2014): good enough to choose by, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }

    fn pick(&mut self, kinds: usize) -> usize {
        usize::try_from(self.below(kinds as u64)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(minutes: u64, seed: u64) -> Vec<(Duration, Turn)> {
        let mut course = Course::new(minutes, seed, 30);
        std::iter::from_fn(|| course.next()).collect()
    }

    #[test]
    fn an_hour_has_a_fault_every_twenty_seconds_three_power_cuts_a_jump_and_twenty_minutes_without_network() {
        let all = turns(60, 7);
        assert!(all.is_sorted_by_key(|(at, _)| *at), "in the order of time");
        let count = |is: fn(&Turn) -> bool| all.iter().filter(|(_, turn)| is(turn)).count();
        assert!(count(|t| matches!(t, Turn::Fault(_))) >= 178, "{all:?}");
        assert_eq!(count(|t| *t == Turn::PowerCut), 3);
        assert_eq!(count(|t| *t == Turn::ClockJump), 1);
        let at = |turn| all.iter().find(|(_, t)| *t == turn).unwrap().0;
        let away = at(Turn::Cable(true)).saturating_sub(at(Turn::Cable(false)));
        assert!((1190..=1210).contains(&away.as_secs()), "{away:?}");
    }

    #[test]
    fn a_seed_makes_the_same_course_again_and_another_makes_another() {
        assert_eq!(turns(4, 1), turns(4, 1));
        assert_ne!(turns(4, 1), turns(4, 2));
    }
}
