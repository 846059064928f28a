//! How long records waited for somebody outside to vouch for them.

use contract::time::UtcTime;

use crate::machine::At;

/// A head of the log, and when a witness took it; none where that is not kept any more.
pub type WitnessedHead = (u64, Option<UtcTime>);

/// How long the records of the month waited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witnessed {
    /// The longest wait in milliseconds, by the machine's clock and then the hub's, and the record that waited.
    pub longest: Option<(u64, At)>,
    /// Records of whose head nobody knows when it was taken.
    pub unknown: u64,
}

/// Finds the head that first covers each record.
#[derive(Debug, Default)]
pub(crate) struct Witnessing {
    /// By size, ascending.
    heads: Vec<WitnessedHead>,
    next: usize,
    seen: Witnessed,
}

impl Witnessing {
    /// `heads` ascend by size, and the last is that of the whole log.
    pub(crate) fn by(heads: Vec<WitnessedHead>) -> Self {
        Self { heads, ..Self::default() }
    }

    /// A record of the month, each later in the log than the one before.
    pub(crate) fn hear(&mut self, at: At) {
        while self.heads.get(self.next).is_some_and(|(size, _)| *size <= at.seq) {
            self.next += 1;
        }
        match self.heads.get(self.next) {
            Some((_, Some(taken))) => {
                let waited = taken.ms_since(at.time);
                if self.seen.longest.is_none_or(|(longest, _)| waited > longest) {
                    self.seen.longest = Some((waited, at));
                }
            }
            Some((_, None)) | None => self.seen.unknown += 1,
        }
    }

    pub(crate) fn end(self) -> Witnessed {
        self.seen
    }
}
