//! Which part of a log a period needs: one walk over all its entries.
//!
//! The walk also computes the root over them, so that nothing is exported that its own head would not bear out. It reads every entry, since a
//! clock may have been set back: no bisection over times could then be relied on.
//!
//! **Which range.** Bounds are multiples of 256, or the log's size. All records of the period are in it, from the first of them in the log to the
//! last. It begins at 0 or with a record from before the period, and ends with the log or with a record from after the period, and is the shortest
//! such range. With a clock that never went back, nothing of the period can then lie outside. Where the clock did go back
//! ([`Survey::steps_back`]), a record inside the range may be from outside the period and is in the kit all the same; a record of the period is
//! never outside the range, since every record's own time was read.
//!
//! A period with no records at all still has a range: the shortest one that goes from before the period to after it.

use contract::ids::HostId;
use contract::time::UtcTime;
use tlog::tile::{TILE_WIDTH, Tile, bundle, entry_bundles};
use tlog::{CompactRange, Hash, TreeSize, leaf_hash};

use super::source::{Source, SourceError};

/// A stretch of time: its first instant, and the first one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: UtcTime,
    to: UtcTime,
}

impl Period {
    /// A period; `None` where it does not begin before it ends.
    pub fn new(from: UtcTime, to: UtcTime) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// Its first instant.
    pub const fn from(self) -> UtcTime {
        self.from
    }

    /// The first instant after it.
    pub const fn to(self) -> UtcTime {
        self.to
    }

    /// Whether `time` lies in it.
    pub fn holds(self, time: UtcTime) -> bool {
        self.from <= time && time < self.to
    }
}

/// One log, and a period of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The first entry that the kit needs: a multiple of 256.
    pub first: u64,
    /// The one after the last: a multiple of 256, or the log's size.
    pub end: u64,
    /// How many records are of the period.
    pub records: u64,
    /// The first and the last of them, as they stand in the log.
    pub bounds: Option<(u64, u64)>,
    /// Records with a time earlier than that of the record before them: how many, in the whole log.
    pub steps_back: u64,
    /// The first of those.
    pub first_step_back: Option<u64>,
    /// The root over all entries.
    pub root: Hash,
}

/// Why a log cannot be surveyed.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// A bundle cannot be had.
    #[error("{tile} of host {host}'s log cannot be read")]
    Source {
        /// Whose.
        host: HostId,
        /// Which.
        tile: Tile,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// A bundle, or an entry in it, is not what a log holds.
    #[error(
        "entry {index} of host {host}'s log is not there whole, or bears no time: the copy is damaged; restore it"
    )]
    Damaged {
        /// Whose.
        host: HostId,
        /// The first entry that is not right.
        index: u64,
    },
    /// The log is empty, so there is nothing to export.
    #[error("host {host}'s log is empty")]
    Empty {
        /// Whose.
        host: HostId,
    },
}

/// Walks the log of `host` over its first `size` entries, and hands every entry to `visit` with its index and time.
pub fn survey(
    source: &mut dyn Source,
    host: &HostId,
    size: TreeSize,
    period: Period,
    mut visit: impl FnMut(u64, UtcTime, &[u8]),
) -> Result<Survey, SurveyError> {
    if size == TreeSize::EMPTY {
        return Err(SurveyError::Empty { host: host.clone() });
    }
    let mut walk = Walk::new(period, size.get());
    for tile in entry_bundles(TreeSize::EMPTY, size) {
        let failed = |source| SurveyError::Source { host: host.clone(), tile, source };
        let bytes = source.tile(host, tile).map_err(failed)?;
        for entry in bundle::entries(&bytes, tile.width()) {
            let damaged = || SurveyError::Damaged { host: host.clone(), index: walk.index };
            let entry = entry.map_err(|_| damaged())?;
            let time = time_of(entry).ok_or_else(damaged)?;
            visit(walk.index, time, entry);
            walk.step(time, leaf_hash(entry));
        }
    }
    Ok(walk.end())
}

/// The time of an entry: `time` is the last key of a record's canonical form, and its value has one length.
fn time_of(entry: &[u8]) -> Option<UtcTime> {
    let (rest, time) = entry.strip_suffix(b"\"}")?.split_last_chunk::<24>()?;
    rest.strip_suffix(b",\"time\":\"")?;
    str::from_utf8(time).ok()?.parse().ok()
}

/// What is known after each entry.
struct Walk {
    period: Period,
    size: u64,
    index: u64,
    tree: CompactRange,
    last: Option<UtcTime>,
    steps_back: u64,
    first_step_back: Option<u64>,
    records: u64,
    bounds: Option<(u64, u64)>,
    /// The last bundle so far that begins at 0 or before the period.
    begins: u64,
    /// The range, once it has a beginning that counts and, for now, an end.
    range: Option<(u64, Option<u64>)>,
}

impl Walk {
    const fn new(period: Period, size: u64) -> Self {
        Self {
            period,
            size,
            index: 0,
            tree: CompactRange::new(),
            last: None,
            steps_back: 0,
            first_step_back: None,
            records: 0,
            bounds: None,
            begins: 0,
            range: None,
        }
    }

    fn step(&mut self, time: UtcTime, leaf: Hash) {
        let width = u64::from(TILE_WIDTH);
        let index = self.index;
        if self.last.is_some_and(|last| time < last) {
            self.steps_back += 1;
            self.first_step_back.get_or_insert(index);
        }
        if index.is_multiple_of(width) && time < self.period.from {
            self.begins = index;
        }
        if self.period.holds(time) {
            self.records += 1;
            let first = self.bounds.map_or(index, |(first, _)| first);
            if self.bounds.is_none() {
                self.range = Some((self.begins, None));
            } else if let Some((_, end)) = &mut self.range {
                // A record of the period after what looked like its end: the clock went back in between.
                *end = None;
            }
            self.bounds = Some((first, index));
        }
        let end = index + 1;
        if end == self.size || (end.is_multiple_of(width) && time >= self.period.to) {
            self.ends(end);
        }
        self.tree.append(leaf);
        (self.last, self.index) = (Some(time), end);
    }

    /// The range may end here.
    fn ends(&mut self, here: u64) {
        let shortest = self.range.and_then(|(first, end)| Some(end? - first));
        match &mut self.range {
            Some((_, end)) if self.bounds.is_some() => *end = Some(end.unwrap_or(here)),
            // No record of the period so far: of all ranges that reach across it, the shortest.
            _ if shortest.is_none_or(|shortest| here - self.begins < shortest) => {
                self.range = Some((self.begins, Some(here)));
            }
            _ => {}
        }
    }

    fn end(self) -> Survey {
        let (first, end) = self.range.unwrap_or((0, None));
        Survey {
            first,
            end: end.unwrap_or(self.size),
            records: self.records,
            bounds: self.bounds,
            steps_back: self.steps_back,
            first_step_back: self.first_step_back,
            root: self.tree.root(),
        }
    }
}
