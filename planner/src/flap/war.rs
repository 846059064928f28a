//! What is known of who sets back what we repair: a clock, another of our own runbooks, or what an executor found on the machine.

use std::fmt::{self, Display, Formatter};

use contract::ids::RunbookId;
use contract::outcome::Outcome;
use contract::record::Opponent;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

use super::{Ended, EndedBy, Episode};
use crate::why::Name;

const MINUTE_MS: u64 = 60 * 1000;
/// Back within so long of our repair is soon.
const SOON_MS: u64 = 60 * MINUTE_MS;
/// So close after the repair of another thing, a break is laid to that repair.
const WAKE_MS: u64 = 10 * MINUTE_MS;
/// Intervals that differ by so much of a hundred are alike,
const ALIKE_PERCENT: u64 = 15;
/// and so are those that differ by no more than this: looking takes turns.
const ALIKE_MS: u64 = 2 * MINUTE_MS;
/// On one machine, so many intervals that are alike are a clock's.
const INTERVALS: usize = 3;
/// Over a whole site, where machines fail by themselves all the time, it takes more.
const SITE_INTERVALS: usize = 6;

/// What is known of who fights us.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct War {
    /// It comes back by a clock, about every so many milliseconds.
    pub period_ms: Option<u64>,
    /// It came back within an hour of each of so many of our repairs that healed; none where it once took longer.
    pub soon_after: Option<u32>,
    /// Another thing that we repair breaks it, and its repair breaks that.
    pub alternates: Option<Alternation>,
    /// What an executor found on the machine.
    pub opponent: Option<Opponent>,
}

/// Two things that we repair in turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alternation {
    /// What repairs the other thing.
    pub runbook: RunbookId,
    /// So often ours broke right after it.
    pub times: u32,
}

impl War {
    pub(super) fn on_host(subject: &str, found: UtcTime, own: &[&Episode], past: &[Episode]) -> Self {
        let findings: Vec<UtcTime> = own.iter().map(|episode| episode.found).chain([found]).collect();
        Self {
            period_ms: alike(&intervals(&findings), INTERVALS, true),
            soon_after: soon_after(own, &findings),
            alternates: alternates(subject, &findings, own, past),
            opponent: own.iter().rev().find_map(|episode| {
                let told = episode.ended.as_ref()?.opponent.clone()?;
                (told != Opponent::Unknown).then_some(told)
            }),
        }
    }

    /// True where something is known.
    pub const fn is_known(&self) -> bool {
        self.period_ms.is_some()
            || self.soon_after.is_some()
            || self.alternates.is_some()
            || self.opponent.is_some()
    }

    pub(super) const fn who(&self) -> Who<'_> {
        Who(self)
    }
}

fn intervals(findings: &[UtcTime]) -> Vec<u64> {
    findings.windows(2).map(|pair| pair[1].ms_since(pair[0])).collect()
}

/// The period of the last `asked` intervals and all before that go on like them; none where they differ. `doubled` allows for a beat that was missed: the
/// thing was still broken, or its repair was cooling down.
fn alike(intervals: &[u64], asked: usize, doubled: bool) -> Option<u64> {
    let recent = intervals.get(intervals.len().checked_sub(asked)?..)?;
    let mut sorted = recent.to_vec();
    sorted.sort_unstable();
    // The lower median: a doubled beat must not be taken for the beat itself.
    let beat = *sorted.get((sorted.len() - 1) / 2)?;
    let near = |interval: u64, of: u64| {
        interval.abs_diff(of) <= (of * ALIKE_PERCENT / 100).max(ALIKE_MS.min(of / 2))
    };
    let fits = |interval: &u64| near(*interval, beat) || (doubled && near(*interval, beat * 2));
    (beat > 0 && recent.iter().all(fits)).then_some(beat)
}

/// The period of waves over a site, where they come by a clock.
pub(super) fn by_the_clock(waves: &[UtcTime]) -> Option<u64> {
    alike(&intervals(waves), SITE_INTERVALS, false)
}

/// When our run of `runbook` healed the episode.
fn healed(episode: &Episode) -> Option<(UtcTime, &RunbookId)> {
    match episode.ended.as_ref()? {
        Ended { at, by: EndedBy::Run(runbook, Outcome::Healed), .. } => Some((*at, runbook)),
        Ended { by: EndedBy::Run(..) | EndedBy::Person | EndedBy::Itself, .. } => None,
    }
}

fn soon_after(own: &[&Episode], findings: &[UtcTime]) -> Option<u32> {
    let next = findings.iter().skip(1);
    let gaps: Vec<u64> = own
        .iter()
        .zip(next)
        .filter_map(|(episode, next)| healed(episode).map(|(at, _)| next.ms_since(at)))
        .collect();
    let all_soon = gaps.len() >= INTERVALS && gaps.iter().all(|gap| *gap <= SOON_MS);
    all_soon.then(|| super::count(gaps.len()))
}

/// The other thing of this machine whose repair most often came right before ours broke, where ours also came right before that broke; at least twice each.
fn alternates(
    subject: &str,
    findings: &[UtcTime],
    own: &[&Episode],
    past: &[Episode],
) -> Option<Alternation> {
    let host = &own.first()?.host;
    let others: Vec<&Episode> =
        past.iter().filter(|episode| episode.host == *host && episode.subject != subject).collect();
    let in_wake = |at: UtcTime, repaired: UtcTime| repaired <= at && at.ms_since(repaired) <= WAKE_MS;
    let mut best: Option<Alternation> = None;
    for other in &others {
        let Some((_, runbook)) = healed(other) else { continue };
        let theirs: Vec<&&Episode> = others.iter().filter(|e| e.subject == other.subject).collect();
        let broke_us = findings
            .iter()
            .filter(|at| theirs.iter().any(|e| healed(e).is_some_and(|(ended, _)| in_wake(**at, ended))))
            .count();
        let we_broke = theirs
            .iter()
            .filter(|e| own.iter().any(|o| healed(o).is_some_and(|(ended, _)| in_wake(e.found, ended))))
            .count();
        let times = super::count(broke_us.min(we_broke));
        let better = best.as_ref().is_none_or(|b| (times, &b.runbook) > (b.times, runbook));
        if times >= 2 && better {
            best = Some(Alternation { runbook: runbook.clone(), times });
        }
    }
    best
}

/// Who sets it back, in words.
pub(super) struct Who<'a>(&'a War);

impl Display for Who<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(Alternation { runbook, .. }) = &self.0.alternates {
            return write!(f, "it and {} undo each other", Name(runbook.as_str()));
        }
        match &self.0.opponent {
            Some(Opponent::Unit(unit)) => write!(f, "unit {} sets it back", Name(unit.as_str())),
            Some(Opponent::Program(program)) => write!(f, "program {} sets it back", Name(program.as_str())),
            Some(Opponent::Timetable) => f.write_str("the timetable sets it back"),
            Some(Opponent::Package) => f.write_str("its package's tools set it back"),
            Some(Opponent::Unknown) | None if self.0.period_ms.is_some() => {
                f.write_str("something on a timer sets it back")
            }
            Some(Opponent::Unknown) | None if self.0.soon_after.is_some() => {
                f.write_str("something sets it back within the hour")
            }
            Some(Opponent::Unknown) | None => f.write_str("something sets it back"),
        }
    }
}
