//! What was not observed or not kept: by the log's own word, and by its silence.

use contract::record::{GapReason, Lost, Recovered, Restored};
use contract::time::UtcTime;

use crate::machine::At;
use crate::month::Span;

/// A machine looks at everything once an hour, give or take a tenth. A longer silence than this means that at least two looks are missing.
const SILENT_MS: u64 = 3 * 60 * 60 * 1000;

/// Something that was not observed or not kept, as a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// A gap.
    Gap {
        /// Why.
        reason: GapReason,
        /// From when on.
        from: UtcTime,
        /// Until when.
        until: UtcTime,
        /// How much.
        lost: Lost,
        /// The record.
        at: At,
    },
    /// The recorder came back after it was interrupted, and cut off so many bytes that had never been acknowledged.
    Recovered {
        /// How many.
        torn_bytes: u64,
        /// How many repairs were under way.
        unfinished: u64,
        /// The record.
        at: At,
    },
    /// Entries that were lost were fetched back from the mirror: from this one on,
    Restored {
        /// the first,
        from: u64,
        /// up to this size.
        size: u64,
        /// The record.
        at: At,
    },
}

impl Broken {
    pub(crate) fn recovered(recovered: &Recovered, at: At) -> Self {
        let unfinished = u64::try_from(recovered.unfinished.len()).unwrap_or(u64::MAX);
        Self::Recovered { torn_bytes: recovered.torn_bytes, unfinished, at }
    }

    pub(crate) const fn restored(restored: &Restored, at: At) -> Self {
        Self::Restored { from: restored.from, size: restored.size, at }
    }
}

/// A stretch of the month in which no record was written, between the two records that border on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Since when.
    pub from: UtcTime,
    /// Until when.
    pub until: UtcTime,
    /// The last record before it; none where the log begins with it.
    pub after: Option<At>,
    /// The first record after it; none where the log, as far as it is known, ends with it.
    pub before: Option<At>,
}

impl Silence {
    /// How much of it lies in the month, in milliseconds.
    pub fn ms(&self) -> u64 {
        self.until.ms_since(self.from)
    }
}

/// Finds the silences of a month. The times are put in order first: a clock that stepped, for one record or for many, makes no silence and hides at most what it
/// claims to have been there for.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    /// The log's first record.
    began: Option<At>,
    /// The record before the month with the latest time.
    before: Option<At>,
    within: Vec<At>,
    /// The record after the month with the earliest time.
    after: Option<At>,
}

impl Listening {
    pub(crate) fn hear(&mut self, at: At, span: Span) {
        self.began.get_or_insert(at);
        if span.holds(at.time) {
            self.within.push(at);
        } else if at.time < span.from() {
            self.before = self.before.filter(|before| before.time >= at.time).or(Some(at));
        } else {
            self.after = self.after.filter(|after| after.time <= at.time).or(Some(at));
        }
    }

    /// The machine was there from then on: its log's first record, where that is of the month or later.
    pub(crate) fn since(&self, span: Span) -> Option<At> {
        self.began.filter(|began| began.time >= span.from())
    }

    pub(crate) fn end(mut self, span: Span) -> Vec<Silence> {
        self.within.sort_by_key(|at| (at.time, at.seq));
        // Before its first record there was no machine to be silent.
        let since = self.since(span);
        if since.is_some_and(|began| began.time >= span.to()) {
            return Vec::new();
        }
        let first = if since.is_some() { None } else { Some(self.before) };
        let inner = self.within.iter().map(|at| Some(*at));
        let all: Vec<Option<At>> = first.into_iter().chain(inner).chain([self.after]).collect();
        all.windows(2).filter_map(|pair| between(pair[0], pair[1], span)).collect()
    }
}

fn between(after: Option<At>, before: Option<At>, span: Span) -> Option<Silence> {
    let from = after.map_or(span.from(), |at| at.time.max(span.from()));
    let until = before.map_or(span.to(), |at| at.time.min(span.to()));
    let whole = match (after, before) {
        (Some(after), Some(before)) => before.time.ms_since(after.time),
        // Before a machine's first record, and after its last, there is the month alone to measure by.
        (None, _) | (_, None) => until.ms_since(from),
    };
    (from < until && whole > SILENT_MS).then_some(Silence { from, until, after, before })
}
