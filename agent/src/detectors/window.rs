//! A sliding count: how many matches lie within the last so many seconds.

use std::collections::VecDeque;

use contract::time::MonoNs;

/// The most matches that one window counts. Beyond it the count stands still, so a flood of lines costs no memory.
pub(super) const COUNT_MAX: u32 = 1_000;

#[derive(Debug, Default)]
pub(super) struct Window {
    matches: VecDeque<MonoNs>,
    quiet_until: Option<MonoNs>,
}

impl Window {
    /// Counts a match at `now`. `Some(count)` where the detector fires: at the threshold, and then not again for the length of one window.
    pub(super) fn count(&mut self, now: MonoNs, threshold: u32, window_s: u32) -> Option<u32> {
        let length = u64::from(window_s) * 1_000_000_000;
        while self.matches.front().is_some_and(|&m| now.0.saturating_sub(m.0) >= length) {
            self.matches.pop_front();
        }
        if self.matches.len() >= COUNT_MAX as usize {
            self.matches.pop_front();
        }
        self.matches.push_back(now);
        let count = u32::try_from(self.matches.len()).unwrap_or(COUNT_MAX);
        let quiet = self.quiet_until.is_some_and(|until| now < until);
        (count >= threshold && !quiet).then(|| {
            self.quiet_until = Some(MonoNs(now.0.saturating_add(length)));
            count
        })
    }
}
