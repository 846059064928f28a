//! A score with all that it was measured over.

use contract::score::{Counted, Headline, Score};
use serde::Serialize;
use utoipa::ToSchema;

/// A score. No number of it stands anywhere without the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ScoreView {
    /// All of it in words: `93.0 % (93 of 100), assessed 100 of 109`.
    pub(crate) words: String,
    /// Green, amber or red. Amber where less than 95 % of the controls were assessed, whatever the score.
    pub(crate) headline: Headline,
    /// Passes of a thousand measured, rounded down; none where nothing was assessed.
    pub(crate) permille: Option<u32>,
    /// Assessed of a thousand, rounded down; none where there are no controls.
    pub(crate) coverage_permille: Option<u32>,
    /// Controls that pass.
    pub(crate) passes: u32,
    /// Controls that fail.
    pub(crate) fails: u32,
    /// Controls that fail, which a person accepted.
    pub(crate) excepted: u32,
    /// Controls that could not be assessed, or not lately.
    pub(crate) not_assessed: u32,
    /// Those of them that failed when they were seen last: they count against the score until they are seen to pass.
    pub(crate) not_assessed_failed_before: u32,
    /// What the passes are measured against.
    pub(crate) measured: u32,
    /// Controls that were assessed,
    pub(crate) assessed: u32,
    /// of so many.
    pub(crate) total: u32,
}

impl From<Score> for ScoreView {
    fn from(score: Score) -> Self {
        let before = score.many(Counted::UnknownUnmet);
        Self {
            words: score.to_string(),
            headline: score.headline(),
            permille: score.permille(),
            coverage_permille: score.coverage_permille(),
            passes: score.many(Counted::Passes),
            fails: score.many(Counted::Fails),
            excepted: score.many(Counted::Excepted),
            not_assessed: score.many(Counted::Unknown).saturating_add(before),
            not_assessed_failed_before: before,
            measured: score.measured(),
            assessed: score.assessed(),
            total: score.total(),
        }
    }
}
