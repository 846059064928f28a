//! What was lost: counted by kind for good, and told now and then. Never silence, and never a flood: whoever can make us lose lines could
//! otherwise make as many incidents.

use std::collections::BTreeMap;

use contract::baseline::Severity;
use contract::ids::{DetectorId, IncidentId};
use contract::incident::{Incident, What};
use contract::record::LineLoss;
use contract::signal::{About, Signal, SignalKind};
use contract::time::{MonoNs, UtcTime};
use serde::{Deserialize, Serialize};

/// A kind that was told of is not told of again for so long.
const QUIET_MS: u64 = 10 * 60 * 1_000;

/// Lines that were lost for one reason, between two tellings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// Under which incident it is told.
    pub incident: IncidentId,
    /// Why.
    pub why: LineLoss,
    /// So many lines, or times that it happened.
    pub lost: u64,
    /// When it was first seen.
    pub from: UtcTime,
    /// When it was last seen.
    pub until: UtcTime,
}

impl Loss {
    /// How the hub is told.
    pub fn incident(&self) -> Incident {
        #[expect(clippy::expect_used, reason = "the names are constants that a test parses")]
        let detector: DetectorId = detector(self.why).parse().expect("a detector's id");
        let seconds = self.until.ms_since(self.from).div_ceil(1_000).max(1);
        let signal = Signal {
            detector,
            kind: SignalKind::LogLoss,
            severity: Severity::High,
            count: u32::try_from(self.lost).unwrap_or(u32::MAX),
            window_s: u32::try_from(seconds).unwrap_or(u32::MAX),
            about: About::default(),
        };
        Incident { incident: self.incident.clone(), found: self.until, what: What::Signal(signal) }
    }
}

/// The detector under which a loss is told.
const fn detector(why: LineLoss) -> &'static str {
    match why {
        LineLoss::RotatedAway => "agent.log-gap.rotated-away",
        LineLoss::Truncated => "agent.log-gap.truncated",
        LineLoss::EventsDropped => "agent.log-gap.events-dropped",
        LineLoss::TooLong => "agent.log-gap.too-long",
        LineLoss::TooManyFiles => "agent.log-gap.too-many-files",
        LineLoss::Unreadable => "agent.log-gap.unreadable",
        LineLoss::PlacesLost => "agent.log-gap.places-lost",
        LineLoss::JournalForgot => "agent.log-gap.journal-forgot",
        LineLoss::JournalDropped => "agent.log-gap.journal-dropped",
        LineLoss::JournalBent => "agent.log-gap.journal-bent",
        LineLoss::Unkept => "agent.log-gap.unkept",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    lost: u64,
    from: UtcTime,
    until: UtcTime,
}

/// All losses so far, and those that nobody was told of yet.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Losses {
    total: BTreeMap<LineLoss, u64>,
    waiting: BTreeMap<LineLoss, Waiting>,
    #[serde(skip)]
    told: BTreeMap<LineLoss, MonoNs>,
}

impl Losses {
    pub(super) fn add(&mut self, why: LineLoss, lost: u64, now: UtcTime) {
        *self.total.entry(why).or_default() += lost;
        let waiting = self.waiting.entry(why).or_insert(Waiting { lost: 0, from: now, until: now });
        (waiting.lost, waiting.until) = (waiting.lost + lost, now);
    }

    /// Those that are to be told now. One whose id cannot be drawn waits on.
    pub(super) fn due(&mut self, now: MonoNs, mut draw: impl FnMut() -> Option<IncidentId>) -> Vec<Loss> {
        let quiet = |told: &BTreeMap<LineLoss, MonoNs>, why| {
            told.get(why).is_some_and(|at: &MonoNs| now.ms_since(*at) < QUIET_MS)
        };
        let due: Vec<_> = self.waiting.keys().filter(|why| !quiet(&self.told, why)).copied().collect();
        let mut losses = Vec::new();
        for why in due {
            let Some(incident) = draw() else { break };
            let Some(Waiting { lost, from, until }) = self.waiting.remove(&why) else { continue };
            self.told.insert(why, now);
            losses.push(Loss { incident, why, lost, from, until });
        }
        losses
    }

    /// True where something was lost that nobody was told of yet.
    pub(super) fn is_owing(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) const fn total(&self) -> &BTreeMap<LineLoss, u64> {
        &self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> UtcTime {
        UtcTime::from_unix_ms(ms).unwrap()
    }

    #[test]
    fn a_loss_is_told_at_once_and_then_added_up_for_a_while() {
        let mut losses = Losses::default();
        let draw = || Some("inc-1".parse().unwrap());
        losses.add(LineLoss::TooLong, 2, at(1_000));
        losses.add(LineLoss::RotatedAway, 1, at(1_500));
        let told = losses.due(MonoNs(0), draw);
        assert_eq!(
            told.iter().map(|l| (l.why, l.lost)).collect::<Vec<_>>(),
            [(LineLoss::RotatedAway, 1), (LineLoss::TooLong, 2)]
        );
        for n in 0..1_000 {
            losses.add(LineLoss::TooLong, 1, at(2_000 + n));
            assert_eq!(losses.due(MonoNs(1_000_000), draw), []);
        }
        assert!(losses.is_owing());
        let told = losses.due(MonoNs(QUIET_MS * 1_000_000), draw);
        assert_eq!((told[0].lost, told[0].from, told[0].until), (1_000, at(2_000), at(2_999)));
        assert_eq!(losses.total()[&LineLoss::TooLong], 1_002);
    }

    #[test]
    fn every_kind_has_a_detectors_name_of_its_own() {
        let kinds = [
            LineLoss::RotatedAway,
            LineLoss::Truncated,
            LineLoss::EventsDropped,
            LineLoss::TooLong,
            LineLoss::TooManyFiles,
            LineLoss::Unreadable,
            LineLoss::PlacesLost,
            LineLoss::JournalForgot,
            LineLoss::JournalDropped,
            LineLoss::JournalBent,
            LineLoss::Unkept,
        ];
        let names: std::collections::BTreeSet<DetectorId> =
            kinds.iter().map(|k| detector(*k).parse().unwrap()).collect();
        assert_eq!(names.len(), kinds.len());
    }
}
