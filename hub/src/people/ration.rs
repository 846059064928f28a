//! How many refusals of strangers are written each for itself: they cost whoever causes them nothing, and the log a sync.

use contract::time::UtcTime;

/// So many in a minute.
const PER_MINUTE: u32 = 30;
const MINUTE_MS: u64 = 60_000;

/// What was written in this minute, and what was not.
#[derive(Debug, Default)]
pub(super) struct Ration {
    since: Option<UtcTime>,
    written: u32,
    withheld: u64,
}

impl Ration {
    /// One more refusal: for how many a record is to be written now; none where the minute's ration is used up.
    pub(super) fn refuse(&mut self, now: UtcTime) -> Option<u64> {
        if self.since.is_none_or(|since| now < since || now.ms_since(since) >= MINUTE_MS) {
            (self.since, self.written) = (Some(now), 0);
        }
        self.withheld = self.withheld.saturating_add(1);
        if self.written >= PER_MINUTE {
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.withheld))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_counted_and_not_lost() {
        let at = |ms| UtcTime::from_unix_ms(1_800_000_000_000).unwrap().plus_ms(ms);
        let mut ration = Ration::default();
        let written: Vec<u64> = (0..1000).filter_map(|ms| ration.refuse(at(ms))).collect();
        assert_eq!(written, vec![1; 30]);
        assert_eq!(ration.refuse(at(MINUTE_MS)), Some(971));
    }
}
