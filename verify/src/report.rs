//! What the verifier hands back: the verdict, and what it rests on.

mod json;
mod words;

use std::collections::BTreeMap;

use contract::record::{Kind, Record};
use contract::time::UtcTime;
use tlog::checkpoint::Checkpoint;
use tlog::cosignature::CosignatureTime;
use tlog::note::KeyLabel;

use crate::verdict::Verdict;

/// The outcome of one verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// What was trusted from outside.
    pub trust: Vec<TrustUsed>,
    /// The log's head, once it is known to be the log's.
    pub head: Option<Head>,
    /// What the records are; only where all of them were read and lead to the head's root.
    pub summary: Option<Summary>,
    /// What each named witness has vouched for.
    pub witnesses: Vec<WitnessSeen>,
    /// Files that the head does not cover.
    pub uncovered: Uncovered,
}

impl Report {
    /// How many records all named witnesses have vouched for.
    pub fn witnessed_size(&self) -> u64 {
        self.witnesses.iter().map(|seen| seen.size).min().unwrap_or(0)
    }

    /// The stable code of the reason behind the verdict; none where there is nothing to add.
    pub fn reason(&self) -> Option<&'static str> {
        match &self.verdict {
            Verdict::IntactWitnessed => None,
            Verdict::IntactUnwitnessedTail { unwitnessed: 0 } => Some("uncovered_files"),
            Verdict::IntactUnwitnessedTail { .. } => Some("unwitnessed_tail"),
            Verdict::Incomplete(lack) => Some(lack.code()),
            Verdict::Altered(alteration) => Some(alteration.code()),
            Verdict::Fork(contradiction) => Some(contradiction.code()),
            Verdict::NothingVerified(why) => Some(why.code()),
        }
    }

    /// The reason behind the verdict as a sentence. It may quote bytes of the log: escape it for a terminal.
    pub fn explanation(&self) -> String {
        match &self.verdict {
            Verdict::IntactWitnessed => "every record is unchanged, in order and witnessed".to_owned(),
            Verdict::IntactUnwitnessedTail { unwitnessed: 0 } => {
                "every record is unchanged, in order and witnessed; there are files that the head does not cover"
                    .to_owned()
            }
            Verdict::IntactUnwitnessedTail { unwitnessed } => format!(
                "every record is unchanged and in order; no witness vouches for the last {unwitnessed} of them"
            ),
            Verdict::Incomplete(lack) => lack.to_string(),
            Verdict::Altered(alteration) => alteration.to_string(),
            Verdict::Fork(contradiction) => contradiction.to_string(),
            Verdict::NothingVerified(why) => why.to_string(),
        }
    }
}

/// One thing from outside that the verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustUsed {
    /// The log's key.
    Key(KeyLabel),
    /// An earlier head.
    Head {
        /// What it states.
        checkpoint: Checkpoint,
        /// Whether the log's key signed it.
        signed_by_key: bool,
    },
    /// A witness's key.
    Witness(KeyLabel),
}

/// The head of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What it states.
    pub checkpoint: Checkpoint,
    /// Whether the key that was given signed it. Without a key only an earlier head vouches for what is in it.
    pub signed: bool,
}

/// What one witness has vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessSeen {
    /// The witness.
    pub witness: KeyLabel,
    /// The first so many records; 0 where there is no cosignature of it.
    pub size: u64,
    /// When, by the witness's clock.
    pub time: Option<CosignatureTime>,
}

/// Files under `tile/` that the head does not cover: newer than it, older than it, or foreign.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uncovered {
    /// How many.
    pub count: u64,
    /// The names of the first few.
    pub names: Vec<String>,
}

/// What the records are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// How many there are of each kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// The time of the first record, by the host's clock.
    pub first_time: Option<UtcTime>,
    /// The time of the last record, by the host's clock.
    pub last_time: Option<UtcTime>,
    /// How many records bear an earlier time than the one before them.
    pub steps_back: u64,
}

impl Summary {
    /// Adds one record to those before it.
    pub(crate) fn add(&mut self, record: &Record) {
        *self.kinds.entry(kind_name(record.body.kind())).or_default() += 1;
        self.steps_back += u64::from(self.last_time.is_some_and(|last| record.time < last));
        self.first_time.get_or_insert(record.time);
        self.last_time = Some(record.time);
    }

    /// Adds the records that follow.
    pub(crate) fn extend(&mut self, later: &Self) {
        for (kind, count) in &later.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        let steps_back = self.last_time.zip(later.first_time).is_some_and(|(last, first)| first < last);
        self.steps_back += later.steps_back + u64::from(steps_back);
        self.first_time = self.first_time.or(later.first_time);
        self.last_time = later.last_time.or(self.last_time);
    }
}

/// The word that stands for a kind in its records.
const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Opened => "opened",
        Kind::Findings => "findings",
        Kind::Accepted => "accepted",
        Kind::Refused => "refused",
        Kind::Intent => "intent",
        Kind::Ended => "ended",
        Kind::Recovered => "recovered",
    }
}
