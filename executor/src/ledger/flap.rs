//! Flapping: a control that goes from passing to failing and back, again and again, over days. Successes count: a repair that has to be made anew
//! each day is no repair, and something is fighting us.

use std::collections::BTreeMap;

use contract::ids::ControlId;
use contract::record::Turned;
use contract::time::UtcTime;

/// So many transitions within the window are flapping: the thing broke three times and was repaired three times.
const TRANSITIONS: usize = 6;
/// The window, in days.
const DAYS: u32 = 7;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How often a control went back and forth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flap {
    /// Transitions within the window.
    pub transitions: u32,
    /// The window, in days.
    pub days: u32,
}

/// When each control last turned.
#[derive(Debug, Default)]
pub(super) struct Turns(BTreeMap<ControlId, Vec<UtcTime>>);

impl Turns {
    pub(super) fn turned(&mut self, control: &ControlId, at: UtcTime) {
        let turns = self.0.entry(control.clone()).or_default();
        turns.push(at);
        // Older ones can never count again: only the newest of a full window do.
        if turns.len() > TRANSITIONS {
            turns.remove(0);
        }
    }

    pub(super) fn flapping(&self, control: &ControlId, now: UtcTime) -> Option<Flap> {
        let turns = self.0.get(control)?;
        // A turn that lies in the future, by a clock that was set back, counts: it did happen.
        let recent = turns.iter().filter(|at| now.ms_since(**at) <= u64::from(DAYS) * DAY_MS).count();
        (recent >= TRANSITIONS)
            .then(|| Flap { transitions: u32::try_from(recent).unwrap_or(u32::MAX), days: DAYS })
    }

    pub(super) fn kept(&self) -> Vec<Turned> {
        self.0.iter().map(|(control, at)| Turned { control: control.clone(), at: at.clone() }).collect()
    }

    pub(super) fn restored(turned: &[Turned]) -> Self {
        Self(turned.iter().map(|t| (t.control.clone(), t.at.clone())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 60 * 60 * 1000;

    fn at(hours: i64) -> UtcTime {
        UtcTime::from_unix_ms(1_800_000_000_000 + hours * HOUR_MS).unwrap()
    }

    /// Turns at these hours, and whether it flaps at `now`.
    fn flaps(hours: impl IntoIterator<Item = i64>, now: i64) -> bool {
        let control = "ssh.root-login".parse().unwrap();
        let mut turns = Turns::default();
        hours.into_iter().for_each(|h| turns.turned(&control, at(h)));
        turns.flapping(&control, at(now)).is_some()
    }

    #[test]
    fn a_war_at_the_hourly_checks_is_found_on_its_third_day_at_the_latest() {
        // A configuration tool undoes the repair once a day; the repair comes a minute or an hour later.
        assert!(!flaps([0, 0, 24, 24, 48], 48));
        assert!(flaps([0, 0, 24, 24, 48, 48], 49));
        // At the full sweeps alone, an hour apart.
        assert!(flaps(0..6, 6));
    }

    #[test]
    fn a_thing_that_breaks_twice_a_week_does_not_flap() {
        assert!(!flaps([0, 1, 80, 81, 168, 169, 250, 251], 251));
    }

    #[test]
    fn peace_of_a_week_ends_it() {
        assert!(flaps(0..6, 6 + 100));
        assert!(!flaps(0..6, 6 + 168));
    }
}
