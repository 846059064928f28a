//! Cases drawn from a seed, over all that is shipped: the same seed draws the same.

use contract::decision::Choice;
use contract::fact::{FactValue, Word};
use contract::outcome::Outcome;
use contract::record::Opponent;
use contract::runbook::TargetOs;
use contract::time::UtcTime;
use planner::Case;
use planner::coalesce::{HostLife, Sibling};
use planner::flap::{Ended, EndedBy, Episode};

use super::*;

/// `SplitMix64` (Steele, Lea, Flood 2014).
pub(super) struct Seed(pub(super) u64);

impl Seed {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let n = self.below(of.len() as u64);
        &of[usize::try_from(n).unwrap()]
    }

    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            let other = usize::try_from(self.below(at as u64 + 1)).unwrap();
            list.swap(at, other);
        }
    }
}

/// 2026-06-01.
pub(super) const BASE_MS: i64 = 1_780_272_000_000;

pub(super) fn utc(after_base_ms: i64) -> UtcTime {
    UtcTime::from_unix_ms(BASE_MS + after_base_ms).unwrap()
}

pub(super) fn systems() -> [Option<TargetOs>; 4] {
    [None, Some(TargetOs::Linux), Some(TargetOs::Debian), Some(TargetOs::Nixos)]
}

/// Everything that can be found by what is shipped.
pub(super) fn everything() -> Vec<What> {
    let mut all: Vec<What> = baseline().controls().iter().map(drift).collect();
    all.extend(decisions::signals());
    all
}

fn observed(seed: &mut Seed) -> FactValue {
    match seed.below(3) {
        0 => FactValue::Flag(seed.below(2) == 0),
        1 => FactValue::Number(i64::try_from(seed.below(200)).unwrap()),
        _ => FactValue::Word(Word::try_from("other".to_owned()).unwrap()),
    }
}

fn what(seed: &mut Seed, all: &[What]) -> What {
    let mut what = seed.one(all).clone();
    match &mut what {
        What::Drift { observed: value, .. } => *value = observed(seed),
        What::Signal(signal) => {
            signal.count = u32::try_from(seed.below(40)).unwrap();
            if seed.below(3) == 0 {
                signal.about.unit = "nginx.service".parse().ok();
            }
        }
    }
    what
}

fn hosts(seed: &mut Seed) -> Vec<HostLife> {
    let n = 1 + seed.below(6);
    let dark = seed.below(8);
    (0..n)
        .map(|i| HostLife {
            host: format!("h-{i}").parse().unwrap(),
            dark_since: (seed.below(8) < dark && dark > 4)
                .then(|| utc(i64::try_from(seed.below(7_200_000)).unwrap())),
        })
        .collect()
}

fn past(seed: &mut Seed, hosts: &[HostLife], subjects: &[String], found: i64) -> Vec<Episode> {
    let runbook = "RB-TIME-001-sync";
    let period = *seed.one(&[600_000, 1_800_000, 3_600_000, 86_400_000]);
    (1..=i64::try_from(seed.below(9)).unwrap())
        .map(|back| {
            let jitter = i64::try_from(seed.below(60_000)).unwrap();
            let at = found - back * period + jitter;
            let by = match seed.below(4) {
                0 => EndedBy::Person,
                1 => EndedBy::Itself,
                2 => EndedBy::Run(runbook.parse().unwrap(), Outcome::Reverted),
                _ => EndedBy::Run(runbook.parse().unwrap(), Outcome::Healed),
            };
            let opponent = (seed.below(9) == 0).then_some(Opponent::Timetable);
            Episode {
                host: seed.one(hosts).host.clone(),
                subject: seed.one(subjects).clone(),
                found: utc(at),
                ended: (seed.below(9) > 0).then(|| Ended { at: utc(at + 120_000), by, opponent }),
            }
        })
        .collect()
}

/// One case, with siblings, silences and a past.
pub(super) fn case(seed: &mut Seed, all: &[What], number: u64) -> Case {
    let hosts = hosts(seed);
    let own = what(seed, all);
    let found = i64::try_from(seed.below(7_200_000)).unwrap();
    let open: Vec<Sibling> = (0..seed.below(12))
        .map(|i| Sibling {
            host: seed.one(&hosts).host.clone(),
            incident: format!("i-{number}-{i}").parse().unwrap(),
            found: utc(i64::try_from(seed.below(7_200_000)).unwrap()),
            what: what(seed, all),
        })
        .collect();
    let subjects = [own.subject(), own.subject(), "control:time.sync".to_owned()];
    let past = past(seed, &hosts, &subjects, found);
    Case {
        incident: format!("i-{number}").parse().unwrap(),
        host: seed.one(&hosts).host.clone(),
        what: own,
        os: *seed.one(&systems()),
        found: utc(found),
        now: utc(found + 1000),
        open,
        hosts,
        past,
    }
}

/// The runbook of a choice, for tests that ask.
pub(super) fn run(choice: &Choice) -> Option<&str> {
    match choice {
        Choice::Run(runbook) => Some(runbook.as_str()),
        Choice::Escalate(_) => None,
    }
}
