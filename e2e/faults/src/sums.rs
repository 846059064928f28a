//! What all faults of a run come to together.

use serde::Serialize;

use crate::came::Came;
use crate::catalogue::{Ends, Fault};

/// So many had to come to an end, and so many did.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Share {
    /// Had to.
    pub of: usize,
    /// Did, with all that belongs to it.
    pub came: usize,
}

/// Of times, or of ratios.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    /// How many were measured.
    pub of: usize,
    /// The middle one.
    pub p50: u64,
    /// All but one in a hundred are not above it.
    pub p99: u64,
}

/// All figures.
#[derive(Debug, Clone, Serialize)]
pub struct Sums {
    /// Faults that can be healed.
    pub healed: Share,
    /// Faults that a person has to look at, handed over with the right cause.
    pub escalated: Share,
    /// Faults whose repair has to wait.
    pub deferred: Share,
    /// Faults whose repair does not hold.
    pub reverted: Share,
    /// Runbooks that acted and were not right, and things touched that had to be left alone.
    pub wrong_actions: usize,
    /// Said to be healed where the proof, which knows nothing of Suture, says otherwise.
    pub unverified_heals: usize,
    /// Runs that were undone.
    pub rollbacks: usize,
    /// Cases whose evidence an outsider finds intact.
    pub evidence_intact: Share,
    /// From injection to noticed, in milliseconds; of all.
    pub detected_ms: Option<Spread>,
    /// From injection to whole again, likewise; of those that were healed.
    pub whole_ms: Option<Spread>,
    /// From injection to healed, verified and recorded, likewise; of those that were.
    pub healed_ms: Option<Spread>,
    /// The same repairs by bare scripts, in milliseconds.
    pub bare_ms: Option<Spread>,
    /// The one in hundredths of the other.
    pub ratio_percent: Option<Spread>,
    /// The steps alone, from permitted to acted, in hundredths of the script's time: without noticing, asking the hub, proving and holding.
    pub acting_percent: Option<Spread>,
    /// Healed, verified and recorded within one and a half times the script's time and 200 ms.
    pub near_a_script: Share,
    /// Whole again within it.
    pub whole_near_a_script: Share,
}

impl Sums {
    /// Adds them up.
    pub fn of(all: &[(&str, &Fault, &Came)]) -> Self {
        let each = || all.iter().map(|(_, fault, came)| (*fault, *came));
        let share = |ends| {
            let these = || each().filter(|(fault, _)| fault.ends == ends);
            Share { of: these().count(), came: these().filter(|(_, came)| came.is_good()).count() }
        };
        let healed = || {
            each().filter(|(fault, came)| fault.ends == Ends::Healed && came.is_good()).map(|(_, came)| came)
        };
        let compared: Vec<(u64, u64)> = healed().filter_map(|came| came.ended_ms.zip(came.bare_ms)).collect();
        Self {
            healed: share(Ends::Healed),
            escalated: share(Ends::Escalated),
            deferred: share(Ends::Deferred),
            reverted: share(Ends::Reverted),
            wrong_actions: each().map(|(_, came)| came.wrong.len()).sum(),
            unverified_heals: each().filter(|(_, came)| came.unverified).count(),
            rollbacks: each().map(|(_, came)| came.rollbacks).sum(),
            evidence_intact: Share {
                of: all.len(),
                came: each().filter(|(_, came)| came.evidence.starts_with("intact")).count(),
            },
            detected_ms: spread(each().filter_map(|(_, came)| came.detected_ms)),
            whole_ms: spread(healed().filter_map(|came| came.whole_ms)),
            healed_ms: spread(healed().filter_map(|came| came.ended_ms)),
            bare_ms: spread(compared.iter().map(|(_, bare)| *bare)),
            ratio_percent: spread(compared.iter().map(|(ours, bare)| ours * 100 / (*bare).max(1))),
            acting_percent: spread(
                healed().filter_map(|came| Some(came.acting_ms()? * 100 / came.bare_ms?.max(1))),
            ),
            near_a_script: near(&compared),
            whole_near_a_script: near(
                &healed().filter_map(|came| came.whole_ms.zip(came.bare_ms)).collect::<Vec<_>>(),
            ),
        }
    }
}

/// Times of ours and of a script's: how many are within the bar.
fn near(compared: &[(u64, u64)]) -> Share {
    let came = compared.iter().filter(|(ours, bare)| *ours <= bare * 3 / 2 + 200).count();
    Share { of: compared.len(), came }
}

/// By the nearest rank.
fn spread(values: impl Iterator<Item = u64>) -> Option<Spread> {
    let mut sorted: Vec<u64> = values.collect();
    sorted.sort_unstable();
    let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).checked_sub(1)?).copied();
    Some(Spread { of: sorted.len(), p50: at(50)?, p99: at(99)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank_is_one_that_was_measured() {
        let Some(spread) = spread(1..=200) else { panic!("nothing") };
        assert_eq!((spread.of, spread.p50, spread.p99), (200, 100, 198));
        assert!(super::spread([].into_iter()).is_none());
        let Some(one) = super::spread([7].into_iter()) else { panic!("nothing") };
        assert_eq!((one.of, one.p50, one.p99), (1, 7, 7));
    }
}
