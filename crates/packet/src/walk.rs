//! The walk over a machine's log: each entry is held against the one before, and all of them against the head that was signed over them.
//!
//! What it folds is believed only at its end: [`Walk::end`] gives no [`Machine`] unless the entries lead to the head.

use std::collections::BTreeSet;

use contract::canonical;
use contract::ids::ControlId;
use contract::record::{Body, FORMAT, Kind, Opened, PreviousLeaf, RECORD_MAX_BYTES, Record, RecordError};
use contract::time::UtcTime;
use serde::Deserialize;
use thiserror::Error;
use tlog::{CompactRange, Hash, Origin, VerifiedCheckpoint, leaf_hash};

use crate::fold::Fold;
use crate::machine::{At, Machine, Whose};
use crate::month::Span;
use crate::witnessed::WitnessedHead;

/// Why a log gives no packet. Each names the entry, by its index.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WalkError {
    /// An entry is no record.
    #[error(
        "entry {seq} is no record: the log was altered, or its copy is damaged; have it restored and verified"
    )]
    NoRecord {
        /// Which.
        seq: u64,
        /// Why.
        #[source]
        source: RecordError,
    },
    /// An entry does not follow on the one before.
    #[error(
        "entry {seq} does not follow on the one before it ({what}): the log was altered; have it verified"
    )]
    OutOfLine {
        /// Which.
        seq: u64,
        /// What of it.
        what: &'static str,
    },
    /// The log is somebody else's.
    #[error("the log begins as that of {is}, and {wanted}'s was asked for")]
    Another {
        /// Whose it is.
        is: String,
        /// Whose was asked for.
        wanted: String,
    },
    /// The entries are not those of the head.
    #[error(
        "{entries} entries do not lead to the head over {size}: the log was altered, or its copy is damaged; have it verified"
    )]
    Head {
        /// How many there were.
        entries: u64,
        /// The size that the head is over.
        size: u64,
    },
    /// The entries are not those of a head that others were shown.
    #[error(
        "its first {size} entries do not lead to the head that the log of heads has of them: the log was rewritten, or its copy was; have it verified"
    )]
    Shown {
        /// The size that the head is over.
        size: u64,
    },
    /// There is no entry.
    #[error("the log is empty")]
    Empty,
}

/// The walk, and what it has found so far.
#[derive(Debug)]
pub struct Walk {
    whose: Whose,
    origin: Origin,
    index: u64,
    previous: Option<Hash>,
    tree: CompactRange,
    fold: Fold,
    unread: u64,
    shown: Option<(u64, Hash)>,
}

/// The part of a record that all kinds share, those of later releases too.
#[derive(Deserialize)]
struct Frame {
    format: u32,
    origin: String,
    seq: u64,
    time: UtcTime,
    prev: Option<PreviousLeaf>,
    kind: String,
}

impl Walk {
    /// Begins before the first entry of the log `origin`. A score is made over `controls` at each of `marks`, which ascend and lie before the month is over,
    /// and at the end of the month.
    pub fn new(
        whose: Whose,
        origin: Origin,
        span: Span,
        controls: BTreeSet<ControlId>,
        marks: Vec<UtcTime>,
    ) -> Self {
        let fold = Fold::new(span, controls, marks);
        let tree = CompactRange::new();
        Self { whose, origin, index: 0, previous: None, tree, fold, unread: 0, shown: None }
    }

    /// The root over the first so many entries that others were shown: these entries have to lead to it as well.
    #[must_use]
    pub fn shown(self, size: u64, root: Hash) -> Self {
        Self { shown: Some((size, root)), ..self }
    }

    /// The heads by which a witness vouched for the log, ascending by size, each with the time at which it was taken. Without, nobody knows how long records waited.
    #[must_use]
    pub fn witnessed_by(mut self, heads: Vec<WitnessedHead>) -> Self {
        self.fold.witnessed_by(heads);
        self
    }

    /// The next entry, by the exact bytes that were written.
    pub fn entry(&mut self, bytes: &[u8]) -> Result<(), WalkError> {
        let seq = self.index;
        match Record::parse(bytes) {
            Ok(record) => {
                self.follows(&record.origin, record.seq, record.prev)?;
                self.begins(&record.body)?;
                self.fold.hear(At { seq, time: record.time });
                self.fold.take(&record);
            }
            Err(source) => {
                let frame = later_kind(bytes).ok_or(WalkError::NoRecord { seq, source })?;
                self.follows(&frame.origin, frame.seq, frame.prev)?;
                self.fold.hear(At { seq, time: frame.time });
                self.unread += 1;
            }
        }
        let leaf = leaf_hash(bytes);
        self.tree.append(leaf);
        (self.index, self.previous) = (seq + 1, Some(leaf));
        match self.shown {
            Some((size, root)) if size == self.index && root != self.tree.root() => {
                Err(WalkError::Shown { size })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn follows(&self, origin: &str, seq: u64, previous: Option<PreviousLeaf>) -> Result<(), WalkError> {
        let out = |what| WalkError::OutOfLine { seq: self.index, what };
        if origin != self.origin.to_string() {
            return Err(out("it is of another log"));
        }
        if seq != self.index {
            return Err(out("its number is another"));
        }
        if previous.map(|leaf| leaf.0) != self.previous.map(|hash| *hash.as_bytes()) {
            return Err(out("it names another one"));
        }
        Ok(())
    }

    /// The first record says whose the log is, and no other does.
    fn begins(&self, body: &Body) -> Result<(), WalkError> {
        match (self.index, body) {
            (0, Body::Opened(Opened { tenant, site, host, .. })) => {
                let Whose { tenant: t, site: s, host: h } = &self.whose;
                let words = |tenant, site, host| format!("{tenant}/{site}/{host}");
                if (tenant, site, host) == (t, s, h) {
                    return Ok(());
                }
                let (is, wanted) = (words(tenant, site, host), words(t, s, h));
                Err(WalkError::Another { is, wanted })
            }
            (0, _) => Err(WalkError::OutOfLine { seq: 0, what: "it does not say whose the log is" }),
            (_, Body::Opened(_)) => {
                Err(WalkError::OutOfLine { seq: self.index, what: "it opens the log again" })
            }
            (_, _) => Ok(()),
        }
    }

    /// What the month came to, where the entries are those that the head was signed over.
    pub fn end(self, head: &VerifiedCheckpoint) -> Result<Machine, WalkError> {
        let Self { whose, origin, index, previous: _, tree, fold, unread, shown } = self;
        let head = head.checkpoint();
        if index == 0 {
            return Err(WalkError::Empty);
        }
        if head.origin != origin || head.size.get() != index || head.root != tree.root() {
            return Err(WalkError::Head { entries: index, size: head.size.get() });
        }
        if let Some((size, _)) = shown.filter(|(size, _)| *size == 0 || *size > index) {
            return Err(WalkError::Shown { size });
        }
        Ok(fold.end(whose, index, unread))
    }
}

/// A record of this format whose kind a later release has brought: its frame is read, and its details are not.
fn later_kind(bytes: &[u8]) -> Option<Frame> {
    if bytes.len() > RECORD_MAX_BYTES || canonical::check(bytes).is_err() {
        return None;
    }
    let frame: Frame = serde_json::from_slice(bytes).ok()?;
    // One that this release knows, and cannot read, is broken.
    let is_known = serde_json::from_value::<Kind>(frame.kind.clone().into()).is_ok();
    (frame.format == FORMAT && !is_known).then_some(frame)
}
