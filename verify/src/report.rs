//! What the verifier hands back: the verdict, and what it rests on.

mod json;
mod words;

use std::collections::BTreeMap;

use contract::time::UtcTime;
use tlog::checkpoint::Checkpoint;
use tlog::cosignature::CosignatureTime;
use tlog::note::KeyLabel;

use crate::extent::Extent;
use crate::verdict::{Outsider, Verdict};

/// The outcome of verifying one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// What was trusted from outside.
    pub trust: Vec<TrustUsed>,
    /// The log's head, once it is known to be the log's.
    pub head: Option<Head>,
    /// Which of its records there were to read.
    pub extent: Option<Extent>,
    /// What the records are; only where all of them were read and lead to the head's root.
    pub summary: Option<Summary>,
    /// What each named witness has vouched for.
    pub witnesses: Vec<WitnessSeen>,
    /// How many records enough of the witnesses have vouched for.
    pub witnessed_size: u64,
    /// Files that the head does not cover.
    pub uncovered: Uncovered,
    /// What was brought and could not be used.
    pub remarks: Vec<Remark>,
}

impl Report {
    /// A verdict on a log of which nothing else is known.
    pub fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            trust: Vec::new(),
            head: None,
            extent: None,
            summary: None,
            witnesses: Vec::new(),
            witnessed_size: 0,
            uncovered: Uncovered::default(),
            remarks: Vec::new(),
        }
    }

    /// The stable code of the reason behind the verdict; none where there is nothing to add.
    pub const fn reason(&self) -> Option<&'static str> {
        self.verdict.reason()
    }

    /// The reason behind the verdict as a sentence. It may quote bytes of the log: escape it for a terminal.
    pub fn explanation(&self) -> String {
        self.verdict.explanation()
    }
}

/// One thing from outside that the verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustUsed {
    /// A key of the log.
    Key(KeyLabel),
    /// A key log for it.
    KeyLog {
        /// How many keys it lists.
        keys: u64,
    },
    /// An earlier head.
    Head {
        /// What it states.
        checkpoint: Checkpoint,
        /// Whether the log's key signed it.
        signed_by_key: bool,
    },
    /// A witness's key.
    Witness(KeyLabel),
    /// The key of the hub's log of heads.
    HeadsKey(KeyLabel),
}

/// Something that the verdict does not rest on, though somebody may think that it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// There is a proof from the hub's log of heads, and nobody gave the key for it.
    HeadsProofIgnored,
    /// An outsider vouches for a size at which what is there does not lead to a root.
    NotComparable {
        /// Who.
        who: Outsider,
        /// For how many records.
        size: u64,
    },
}

impl Remark {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::HeadsProofIgnored => "heads_proof_ignored",
            Self::NotComparable { .. } => "not_comparable",
        }
    }
}

/// The head of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What it states.
    pub checkpoint: Checkpoint,
    /// The key that signed it and counts for it. Without one only an earlier head vouches for what is in it.
    pub key: Option<KeyLabel>,
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
    pub kinds: BTreeMap<String, u64>,
    /// The time of the first record, by the host's clock.
    pub first_time: Option<UtcTime>,
    /// The time of the last record, by the host's clock.
    pub last_time: Option<UtcTime>,
    /// How many records bear an earlier time than the one before them.
    pub steps_back: u64,
}
