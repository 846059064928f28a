//! The score: passes ÷ assessed, in one place. Every page, answer and packet that shows a number has it from here.
//!
//! A number never stands without what it was measured over: [`Score`]'s words hold "assessed n of m", and below 95 % of the controls the headline is
//! amber, whatever the score.
//!
//! **What is not known is never good.** A control that passed and cannot be seen any more leaves the passes. One that failed and cannot be seen any more
//! goes on counting as a failure: otherwise the fastest way to a better score would be to look away. It is not counted as assessed, so it shows in the
//! coverage as well. What nobody looked at for two days is not known, whatever it was.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::{Tally, Verdict};
use crate::time::UtcTime;

/// A look that is older says nothing any more: twice the longest time between two full scans that an agent can be told to keep.
pub const STALE_AFTER_MS: u64 = 2 * 24 * 60 * 60 * 1000;
/// A look of a clock that is further ahead than this is of no known time.
const AHEAD_MAX_MS: u64 = 60 * 60 * 1000;
/// Below so many of a thousand controls assessed, the headline is amber.
const COVERAGE_MIN_PERMILLE: u32 = 950;

/// The word of a verdict, without what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = VerdictWord))]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// What was seen meets the expectation.
    Pass,
    /// It does not.
    Fail,
    /// It does not, and a person accepted that until a date.
    Excepted,
    /// Nothing was seen.
    NotAssessed,
}

impl Word {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pass, Self::Fail, Self::Excepted, Self::NotAssessed];

    /// That of a verdict.
    pub const fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Pass(_) => Self::Pass,
            Verdict::Fail(_) => Self::Fail,
            Verdict::Excepted(_) => Self::Excepted,
            Verdict::NotAssessed(_) => Self::NotAssessed,
        }
    }

    /// What is written so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.word() == text)
    }

    /// As it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Excepted => "excepted",
            Self::NotAssessed => "not_assessed",
        }
    }
}

/// What the findings of a log came to for one control. Folded over them in their order, it is the same whoever folds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The last verdict.
    pub verdict: Verdict,
    /// Since when it has been of this word, and the record that first said so.
    pub since: (UtcTime, u64),
    /// When it was looked at last, and the record that says so.
    pub checked: (UtcTime, u64),
    /// Whether the last value that was seen, perhaps long ago, did not meet the expectation.
    pub unmet: bool,
}

impl Held {
    /// The next finding of this control, out of the record `at`.
    #[must_use]
    pub fn next(before: Option<&Self>, verdict: &Verdict, at: (UtcTime, u64)) -> Self {
        let unmet = match verdict {
            Verdict::Pass(_) => false,
            Verdict::Fail(_) | Verdict::Excepted(_) => true,
            Verdict::NotAssessed(_) => before.is_some_and(|before| before.unmet),
        };
        let same = before.filter(|before| Word::of(&before.verdict) == Word::of(verdict));
        Self { verdict: verdict.clone(), since: same.map_or(at, |before| before.since), checked: at, unmet }
    }

    /// What counts of it now.
    pub fn count(&self, now: UtcTime) -> Counted {
        Counted::of(Word::of(&self.verdict), self.unmet, lately(now).contains(&self.checked.0))
    }
}

/// The times at which a look must have been for it to count now.
pub fn lately(now: UtcTime) -> std::ops::RangeInclusive<UtcTime> {
    let back = now.unix_ms().saturating_sub_unsigned(STALE_AFTER_MS);
    UtcTime::from_unix_ms(back).unwrap_or(now)..=now.plus_ms(AHEAD_MAX_MS)
}

/// What one control counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// It passes.
    Passes,
    /// It fails.
    Fails,
    /// It fails, and a person accepted that.
    Excepted,
    /// It is not known. Before that it was not seen to fail.
    Unknown,
    /// It is not known, and it failed when it was seen last.
    UnknownUnmet,
}

impl Counted {
    /// From what is kept of a control: the last word, whether the last value that was seen did not meet the expectation, and whether the last look
    /// was within [`lately`].
    pub const fn of(word: Word, unmet: bool, lately: bool) -> Self {
        match (word, lately, unmet) {
            (Word::Pass, true, _) => Self::Passes,
            (Word::Fail, true, _) => Self::Fails,
            (Word::Excepted, true, _) => Self::Excepted,
            (Word::Fail | Word::Excepted, false, _) | (Word::NotAssessed, _, true) => Self::UnknownUnmet,
            (Word::Pass, false, _) | (Word::NotAssessed, _, false) => Self::Unknown,
        }
    }
}

/// Controls, counted. Those of several machines add up to those of their site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    passes: u32,
    fails: u32,
    excepted: u32,
    unknown: u32,
    unknown_unmet: u32,
}

/// The colour of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Headline {
    /// Enough was assessed, and nothing fails but what a person accepted.
    Green,
    /// Too little was assessed for the score to say much.
    Amber,
    /// Something fails.
    Red,
}

impl Headline {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }
}

impl Score {
    /// Counts controls.
    pub fn of(controls: impl IntoIterator<Item = Counted>) -> Self {
        let mut score = Self::default();
        controls.into_iter().for_each(|counted| score.add(counted, 1));
        score
    }

    /// So many more that count alike.
    pub const fn add(&mut self, counted: Counted, many: u32) {
        let place = match counted {
            Counted::Passes => &mut self.passes,
            Counted::Fails => &mut self.fails,
            Counted::Excepted => &mut self.excepted,
            Counted::Unknown => &mut self.unknown,
            Counted::UnknownUnmet => &mut self.unknown_unmet,
        };
        *place = place.saturating_add(many);
    }

    /// Both together.
    #[must_use]
    pub const fn and(mut self, other: Self) -> Self {
        self.add(Counted::Passes, other.passes);
        self.add(Counted::Fails, other.fails);
        self.add(Counted::Excepted, other.excepted);
        self.add(Counted::Unknown, other.unknown);
        self.add(Counted::UnknownUnmet, other.unknown_unmet);
        self
    }

    /// How many count so.
    pub const fn many(self, counted: Counted) -> u32 {
        match counted {
            Counted::Passes => self.passes,
            Counted::Fails => self.fails,
            Counted::Excepted => self.excepted,
            Counted::Unknown => self.unknown,
            Counted::UnknownUnmet => self.unknown_unmet,
        }
    }

    /// Controls that were assessed, and lately: an excepted one is among them, and is no pass.
    pub const fn assessed(self) -> u32 {
        self.passes.saturating_add(self.fails).saturating_add(self.excepted)
    }

    /// All controls that there are.
    pub const fn total(self) -> u32 {
        self.assessed().saturating_add(self.unknown).saturating_add(self.unknown_unmet)
    }

    /// What the passes are measured against: what was assessed, and what failed when it was seen last.
    pub const fn measured(self) -> u32 {
        self.assessed().saturating_add(self.unknown_unmet)
    }

    /// Passes of a thousand measured, rounded down: a thousand means all. None where nothing was assessed: that is no score, and no nought.
    pub const fn permille(self) -> Option<u32> {
        if self.assessed() == 0 { None } else { per_thousand(self.passes, self.measured()) }
    }

    /// Assessed of a thousand controls, rounded down. None where there are no controls.
    pub const fn coverage_permille(self) -> Option<u32> {
        per_thousand(self.assessed(), self.total())
    }

    /// Its colour.
    pub const fn headline(self) -> Headline {
        match self.coverage_permille() {
            Some(coverage) if coverage >= COVERAGE_MIN_PERMILLE => {
                if self.fails == 0 && self.unknown_unmet == 0 { Headline::Green } else { Headline::Red }
            }
            Some(_) | None => Headline::Amber,
        }
    }
}

/// One whole scan, just made: nothing of it is old, and nothing is known of what was seen before.
impl From<Tally> for Score {
    fn from(Tally { pass, fail, excepted, not_assessed }: Tally) -> Self {
        Self { passes: pass, fails: fail, excepted, unknown: not_assessed, unknown_unmet: 0 }
    }
}

/// Rounded down. None of nothing.
const fn per_thousand(part: u32, whole: u32) -> Option<u32> {
    match (part as u64 * 1000).checked_div(whole as u64) {
        // At most a thousand, since no part is greater than its whole.
        #[expect(clippy::cast_possible_truncation, reason = "at most a thousand")]
        Some(permille) => Some(permille as u32),
        None => None,
    }
}

impl fmt::Display for Score {
    /// `93.8 % (76 of 81), assessed 80 of 109`: never the number alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.permille() {
            Some(permille) => write!(
                f,
                "{}.{} % ({} of {}), assessed {} of {}",
                permille / 10,
                permille % 10,
                self.passes,
                self.measured(),
                self.assessed(),
                self.total()
            ),
            None => write!(f, "no score, assessed 0 of {}", self.total()),
        }
    }
}

#[cfg(test)]
mod tests;
