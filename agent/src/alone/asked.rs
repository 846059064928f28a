//! When which incident is put before the executor. Pure: the time is handed in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contract::ids::IncidentId;
use contract::outcome::Outcome;
use contract::refusal::Refusal;
use contract::socket::OrderAnswer;
use tokio::time::Instant;

/// Between two questions about a run that is under way.
const UNDER_WAY: Duration = Duration::from_secs(2);
/// The first and the longest wait where nothing says when to ask again.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// When another run was under way, and a little after a cooldown.
const ANOTHER_RUN: Duration = Duration::from_secs(5);
const AFTER_COOLDOWN: Duration = Duration::from_millis(250);
/// The least wait, so that a wrong clock makes no storm.
const LEAST: Duration = Duration::from_millis(20);

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It is decided, and healed.
    Healed,
    /// It is decided: nothing that comes changes it.
    NeverAgain,
    /// Not before another standing order came.
    WhenGranted,
    /// Ask again soon, as long as it takes.
    UnderWay,
    /// Ask again after this long.
    After(Duration),
    /// Ask again, later each time.
    Later,
}

impl Next {
    /// What follows from the executor's answer, where `silence` is how long the hub must have been silent.
    pub(super) fn after(answer: &OrderAnswer, silence: Duration) -> Self {
        match (&answer.refusal, answer.outcome) {
            (None, Outcome::Healed) => Self::Healed,
            (None, Outcome::Deferred) => Self::Later,
            // It ran, and people have to look; or it found nothing to do.
            (
                None
                | Some(Refusal::NoFailingCheck | Refusal::Flapping { .. } | Refusal::WaitedTooLong { .. }),
                _,
            ) => Self::NeverAgain,
            (Some(Refusal::HubHeard { ago_ms }), _) => {
                Self::After(silence.saturating_sub(Duration::from_millis(*ago_ms)).max(LEAST))
            }
            (Some(Refusal::NoStandingOrder | Refusal::NoRule | Refusal::NotGranted), _) => Self::WhenGranted,
            (Some(Refusal::CoolingDown { left_ms }), _) => {
                Self::After(Duration::from_millis(*left_ms).saturating_add(AFTER_COOLDOWN))
            }
            (Some(Refusal::AnotherRun), _) => Self::After(ANOTHER_RUN),
            (Some(_), _) => Self::Later,
        }
    }
}

#[derive(Debug)]
struct One {
    /// None: not before something changes.
    due: Option<Instant>,
    tries: u32,
    decided: bool,
}

/// What was asked, and what is to be asked when.
#[derive(Debug)]
pub(super) struct Asked {
    silence: Duration,
    all: BTreeMap<IncidentId, One>,
}

impl Asked {
    pub(super) const fn new(silence: Duration) -> Self {
        Self { silence, all: BTreeMap::new() }
    }

    /// These wait for the hub. Each has its time from when it was first seen; those that the hub took are forgotten.
    pub(super) fn note(&mut self, waiting: &[IncidentId], now: Instant) {
        let waiting: BTreeSet<&IncidentId> = waiting.iter().collect();
        self.all.retain(|incident, _| waiting.contains(incident));
        for incident in waiting {
            let due = Some(now + self.silence);
            self.all.entry(incident.clone()).or_insert(One { due, tries: 0, decided: false });
        }
    }

    /// One that is due.
    pub(super) fn due(&self, now: Instant) -> Option<IncidentId> {
        let due = self.all.iter().filter(|(_, one)| one.due.is_some_and(|due| due <= now));
        due.min_by_key(|(_, one)| one.due).map(|(incident, _)| incident.clone())
    }

    /// It was put before the executor.
    pub(super) fn answered(&mut self, incident: &IncidentId, next: Next, now: Instant) {
        let Some(one) = self.all.get_mut(incident) else { return };
        one.due = match next {
            Next::Healed | Next::NeverAgain => {
                one.decided = true;
                None
            }
            Next::WhenGranted => None,
            Next::UnderWay => Some(now + UNDER_WAY),
            Next::After(wait) => Some(now + wait.min(LONGEST)),
            Next::Later => {
                let wait = FIRST.saturating_mul(1 << one.tries.min(10)).min(LONGEST);
                one.tries += 1;
                Some(now + wait)
            }
        };
    }

    /// Another standing order is in force: what was not granted before may be now.
    pub(super) fn granted(&mut self, now: Instant) {
        for one in self.all.values_mut().filter(|one| !one.decided && one.due.is_none()) {
            (one.due, one.tries) = (Some(now), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_secs(300);

    fn answer(outcome: Outcome, refusal: Option<Refusal>) -> Next {
        Next::after(&OrderAnswer { order: None, outcome, refusal, seq: 1 }, SILENCE)
    }

    fn ids(names: &[&str]) -> Vec<IncidentId> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn an_incident_is_asked_about_after_the_silence_and_never_again_once_it_is_decided() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut asked = Asked::new(SILENCE);
        asked.note(&ids(&["i-1"]), at(0));
        asked.note(&ids(&["i-1", "i-2"]), at(100));
        assert_eq!(asked.due(at(299)), None);
        assert_eq!(asked.due(at(300)), Some(ids(&["i-1"])[0].clone()));
        asked.answered(&ids(&["i-1"])[0], Next::Healed, at(300));
        assert_eq!(asked.due(at(399)), None);
        asked.granted(at(399));
        asked.note(&ids(&["i-1", "i-2"]), at(400));
        assert_eq!(asked.due(at(400)), Some(ids(&["i-2"])[0].clone()));
        // The hub took it: an incident of that id would be another one.
        asked.note(&[], at(401));
        assert_eq!(asked.due(at(10_000)), None);
    }

    #[test]
    fn what_no_rule_speaks_of_waits_for_another_standing_order() {
        let began = Instant::now();
        let mut asked = Asked::new(SILENCE);
        let one = ids(&["i-1"]);
        asked.note(&one, began);
        for refusal in [Refusal::NoRule, Refusal::NotGranted, Refusal::NoStandingOrder] {
            let now = began + SILENCE;
            asked.granted(now);
            assert_eq!(asked.due(now), Some(one[0].clone()));
            asked.answered(&one[0], answer(Outcome::Refused, Some(refusal)), now);
            assert_eq!(asked.due(now + SILENCE * 1000), None);
        }
    }

    #[test]
    fn a_hub_that_was_heard_is_waited_for_and_other_refusals_are_asked_again_later_and_later() {
        let heard = Refusal::HubHeard { ago_ms: 100_000 };
        assert_eq!(answer(Outcome::Deferred, Some(heard)), Next::After(Duration::from_secs(200)));
        let heard = Refusal::HubHeard { ago_ms: 400_000 };
        assert_eq!(answer(Outcome::Deferred, Some(heard)), Next::After(LEAST));
        assert_eq!(answer(Outcome::Reverted, None), Next::NeverAgain);
        assert_eq!(answer(Outcome::Observed, Some(Refusal::NoFailingCheck)), Next::NeverAgain);
        assert_eq!(answer(Outcome::Deferred, Some(Refusal::ClockUnsynchronised)), Next::Later);
        let began = Instant::now();
        let mut asked = Asked::new(Duration::ZERO);
        let one = ids(&["i-1"]);
        asked.note(&one, began);
        let mut waits = Vec::new();
        let mut now = began;
        for _ in 0..9 {
            asked.answered(&one[0], Next::Later, now);
            let due = asked.all[&one[0]].due.unwrap();
            waits.push(due.duration_since(now).as_secs());
            now = due;
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    }
}
