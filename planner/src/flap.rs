//! Flapping and war: what comes back again and again, though it was repaired, and what is known of who sets it back.
//!
//! A transition is a finding or an end; successes count, as a repair that has to be made anew each day is no repair. The figures are those of the executor's
//! own guardrail (six within seven days), so that a hub does not go on ordering what every site refuses; but who fights us can be seen on the machine alone,
//! so its executor is asked once ([`is_the_machines`]) and refuses with the name. Beyond the one machine, recurrence belongs to the
//! subject at the site: findings on several machines within a quarter of an hour are one wave, and waves that come back by the clock are flapping, though
//! each machine failed but once. Pure: episodes go in, in any order. **Absent:** text; guesses: what is said of an opponent was counted or was told by an
//! executor.

mod war;

use std::fmt::{self, Display, Formatter};

use contract::ids::{HostId, RunbookId};
use contract::outcome::Outcome;
use contract::record::Opponent;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

use crate::coalesce::Span;
use crate::why::Name;

pub use war::{Alternation, War};

/// So many transitions within the window are flapping: it broke three times and was repaired three times.
pub const TRANSITIONS: usize = 6;
/// The window, in days.
pub const DAYS: u64 = 7;
/// Findings on several machines of a site within so long are one wave: the executor's shortest usual cooldown.
pub const WAVE_MS: u64 = 15 * 60 * 1000;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// One time that a subject was found, at a site, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Episode {
    /// On which machine.
    pub host: HostId,
    /// What was found: [`contract::incident::What::subject`].
    pub subject: String,
    /// When it was found.
    pub found: UtcTime,
    /// How it ended; none where it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// How an episode ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// When.
    pub at: UtcTime,
    /// What ended it.
    pub by: EndedBy,
    /// Who else changes it, where an executor found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opponent: Option<Opponent>,
}

/// What ended an episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EndedBy {
    /// A run of ours, and its outcome.
    Run(RunbookId, Outcome),
    /// A person did it, or said that it is done.
    Person,
    /// It passed again, and nothing of ours ran.
    Itself,
}

/// Where it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// On this machine.
    Host,
    /// At this site, from machine to machine.
    Site,
}

/// Something comes back again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flapping {
    /// Where.
    pub scope: Scope,
    /// How often it came back, this time included.
    pub returns: u32,
    /// Findings and ends within the window, this finding included.
    pub transitions: u32,
    /// From the first of them until now.
    pub span_ms: u64,
    /// The runbook that was ordered last, and how often it healed within the window, of how many runs.
    pub repair: Option<Repair>,
    /// What is known of who sets it back.
    pub war: War,
}

/// What became of our repairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// Which runbook.
    pub runbook: RunbookId,
    /// So many of its runs healed,
    pub healed: u32,
    /// of so many.
    pub runs: u32,
}

/// Whether `subject`, found on `host` at `found`, flaps. `past` is what is known of the site: episodes of any subject, of any machine, in any order,
/// without the one that is asked about.
pub fn flapping(subject: &str, host: &HostId, found: UtcTime, past: &[Episode]) -> Option<Flapping> {
    let of_subject = of_subject(subject, found, past);
    let own: Vec<&Episode> = of_subject.iter().copied().filter(|episode| episode.host == *host).collect();
    on_host(subject, found, &own, past).or_else(|| at_site(host, found, &of_subject))
}

/// The same, beyond the machine alone.
pub fn over_site(subject: &str, host: &HostId, found: UtcTime, past: &[Episode]) -> Option<Flapping> {
    at_site(host, found, &of_subject(subject, found, past))
}

/// Whether the machine's own guardrail is left to say that it flaps: it has not yet, and it alone sees who sets the thing back. Once, and no more: where it
/// repairs again instead, the next return is stopped by the hub.
pub fn is_the_machines(subject: &str, host: &HostId, found: UtcTime, past: &[Episode]) -> bool {
    let own = own(subject, host, found, past);
    let was_told = own.iter().any(|e| e.ended.as_ref().is_some_and(|ended| ended.opponent.is_some()));
    let Some(last) = own.iter().rfind(|episode| episode.ended.is_some()) else { return true };
    let was_asked = on_host(subject, last.found, &before(last, past), past).is_some();
    !was_told && !was_asked
}

fn of_subject<'a>(subject: &str, found: UtcTime, past: &'a [Episode]) -> Vec<&'a Episode> {
    let mut of_subject: Vec<&Episode> =
        past.iter().filter(|episode| episode.subject == subject && touches(episode, found)).collect();
    of_subject.sort_by(|a, b| (a.found, &a.host).cmp(&(b.found, &b.host)));
    of_subject
}

fn own<'a>(subject: &str, host: &HostId, found: UtcTime, past: &'a [Episode]) -> Vec<&'a Episode> {
    of_subject(subject, found, past).into_iter().filter(|episode| episode.host == *host).collect()
}

/// What was known of the same thing on the same machine when `episode` was found.
fn before<'a>(episode: &Episode, past: &'a [Episode]) -> Vec<&'a Episode> {
    let own = own(&episode.subject, &episode.host, episode.found, past);
    own.into_iter().filter(|earlier| earlier.found < episode.found).collect()
}

/// Whether `at` lies in the window that ends at `found`.
fn in_window(at: UtcTime, found: UtcTime) -> bool {
    at <= found && found.ms_since(at) <= DAYS * DAY_MS
}

/// Whether an episode has to do with the window: found before now, and found or ended within it.
fn touches(episode: &Episode, found: UtcTime) -> bool {
    let ended = episode.ended.as_ref().is_some_and(|ended| in_window(ended.at, found));
    episode.found <= found && (in_window(episode.found, found) || ended)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Findings before this one, and ends, within the window.
fn turns(episodes: &[&Episode], found: UtcTime) -> (usize, usize) {
    let findings = episodes.iter().filter(|episode| in_window(episode.found, found)).count();
    let ends = episodes.iter().filter_map(|episode| episode.ended.as_ref());
    (findings, ends.filter(|ended| in_window(ended.at, found)).count())
}

fn on_host(subject: &str, found: UtcTime, own: &[&Episode], past: &[Episode]) -> Option<Flapping> {
    let (findings, ends) = turns(own, found);
    let transitions = 1 + findings + ends;
    // What stays open does not come back: half of the transitions must be ends.
    (transitions >= TRANSITIONS && ends >= TRANSITIONS / 2).then(|| Flapping {
        scope: Scope::Host,
        returns: count(own.len()),
        transitions: count(transitions),
        span_ms: own.first().map_or(0, |first| found.ms_since(first.found)),
        repair: repair(own),
        war: War::on_host(subject, found, own, past),
    })
}

/// Waves over the whole site. Rare failures of many machines make waves, too, so these must come by the clock; and what never ended did not come back.
fn at_site(host: &HostId, found: UtcTime, episodes: &[&Episode]) -> Option<Flapping> {
    let ended: Vec<&Episode> = episodes.iter().copied().filter(|episode| episode.ended.is_some()).collect();
    if ended.iter().all(|episode| episode.host == *host) {
        return None;
    }
    let mut waves: Vec<UtcTime> = Vec::new();
    let mut newest: Option<UtcTime> = None;
    for at in ended.iter().map(|episode| episode.found).chain([found]) {
        if newest.is_none_or(|before| at.ms_since(before) > WAVE_MS) {
            waves.push(at);
        }
        newest = Some(at);
    }
    let period_ms = war::by_the_clock(&waves)?;
    let (findings, ends) = turns(&ended, found);
    Some(Flapping {
        scope: Scope::Site,
        returns: count(waves.len() - 1),
        transitions: count(1 + findings + ends),
        span_ms: waves.first().map_or(0, |first| found.ms_since(*first)),
        repair: repair(&ended),
        war: War { period_ms: Some(period_ms), ..War::default() },
    })
}

fn repair(episodes: &[&Episode]) -> Option<Repair> {
    let runs: Vec<(&RunbookId, Outcome)> = episodes
        .iter()
        .filter_map(|episode| match &episode.ended.as_ref()?.by {
            EndedBy::Run(runbook, outcome) => Some((runbook, *outcome)),
            EndedBy::Person | EndedBy::Itself => None,
        })
        .collect();
    let (runbook, _) = runs.last()?;
    let of_it: Vec<Outcome> = runs.iter().filter(|(id, _)| id == runbook).map(|(_, o)| *o).collect();
    let healed = of_it.iter().filter(|outcome| **outcome == Outcome::Healed).count();
    Some(Repair { runbook: (*runbook).clone(), healed: count(healed), runs: count(of_it.len()) })
}

impl Display for Flapping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let place = match self.scope {
            Scope::Host => "",
            Scope::Site => " at this site",
        };
        write!(f, "flapping: {} returns{place} in {}", self.returns, Span(self.span_ms))?;
        if let Some(period) = self.war.period_ms {
            write!(f, ", about every {}", Span(period))?;
        }
        if let Some(Repair { runbook, healed, runs }) = &self.repair {
            write!(f, "; {} healed {healed} of {runs} times", Name(runbook.as_str()))?;
        }
        write!(f, ": {}", self.war.who())
    }
}
